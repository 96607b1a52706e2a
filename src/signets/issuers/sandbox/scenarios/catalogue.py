"""The scenarios. Amounts are percentages; the order is that of docs/reference/scenarios.md."""

from __future__ import annotations

from collections.abc import Mapping

from signets.issuers.sandbox.scenarios.model import Books, Do, Reach, Scenario, Step

_DAY = 86_400
_LITHIC = frozenset({"lithic"})
_APPROVED = Step(do=Do.AUTHORIZE, percent=100, intent=100)
_UNPREPARED = Step(do=Do.AUTHORIZE, percent=100)


def _declined(intent: int | None = 100) -> Step:
    return Step(do=Do.AUTHORIZE, percent=100, intent=intent, expect="declined")


def _clear(percent: int | None = None, *, final: bool = True) -> Step:
    return Step(do=Do.CLEAR, percent=percent, final=final)


def _fault(name: str, count: int = 1) -> Step:
    return Step(do=Do.FAULT, fault=name, count=count)


def _common(
    name: str,
    says: str,
    *steps: Step,
    flags: tuple[str, ...] = (),
    notes: Mapping[str, tuple[str, ...]] | None = None,
    alerts: tuple[str, ...] = (),
    **expected: Books,
) -> Scenario:
    return Scenario(
        name=name,
        says=says,
        reach=Reach.COMMON,
        steps=steps,
        expected=expected,
        flags={"a": flags} if flags else {},
        notes=notes or {},
        alerts=alerts,
    )


def _at_lithic(
    name: str, says: str, *steps: Step, flags: tuple[str, ...] = (), **expected: Books
) -> Scenario:
    return Scenario(
        name=name,
        says=says,
        reach=Reach.ISSUER_SPECIFIC,
        steps=steps,
        expected=expected,
        issuers=_LITHIC,
        flags={"a": flags} if flags else {},
    )


_CLEARED = Books(cleared=100)
_NOTHING = Books()

_LIFE = (
    _common("hold_then_clearing", "The usual purchase.", _APPROVED, _clear(), a=_CLEARED),
    _common(
        "increment",
        "The merchant asks for more before it clears the whole.",
        Step(do=Do.AUTHORIZE, percent=100, intent=150),
        Step(do=Do.INCREMENT, percent=50),
        _clear(),
        a=Books(cleared=150),
    ),
    _common(
        "partial_clearing_then_expiry",
        "A part is cleared; the rest of the hold runs out.",
        _APPROVED,
        _clear(60, final=False),
        Step(do=Do.EXPIRE),
        a=Books(cleared=60),
    ),
    _common(
        "multiple_clearings",
        "One authorization, three clearings.",
        _APPROVED,
        _clear(30, final=False),
        _clear(30, final=False),
        _clear(40),
        a=_CLEARED,
    ),
    _common(
        "over_capture",
        "The clearing is larger than the hold; nobody can refuse it.",
        _APPROVED,
        _clear(120),
        flags=("amount_above_maximum",),
        a=Books(cleared=120),
    ),
    _common(
        "force_post",
        "Money moves without any authorization.",
        Step(do=Do.FORCE_POST, percent=100),
        flags=("no_intent", "force_post"),
        a=_CLEARED,
    ),
    _common(
        "partial_reversal",
        "A part of the hold is given back, the rest cleared.",
        _APPROVED,
        Step(do=Do.REVERSE, percent=40),
        _clear(60),
        a=Books(cleared=60),
    ),
    _common(
        "full_reversal",
        "The whole hold is given back.",
        _APPROVED,
        Step(do=Do.REVERSE),
        a=_NOTHING,
    ),
    _common("expiry", "The hold runs out.", _APPROVED, Step(do=Do.EXPIRE), a=_NOTHING),
    _common(
        "late_clearing",
        "Money moves after the hold ran out.",
        _APPROVED,
        Step(do=Do.EXPIRE),
        # Stripe tells no time of an expiry, and all times in whole seconds: late has to be later.
        Step(do=Do.ADVANCE_CLOCK, seconds=_DAY),
        _clear(100),
        Step(do=Do.RESET_CLOCK),
        notes={"a": ("late_clearing",)},
        a=_CLEARED,
    ),
    _common(
        "zero_verification",
        "A request for nothing: it holds nothing and consumes nothing.",
        Step(do=Do.AUTHORIZE, percent=0, intent=100),
        a=_NOTHING,
    ),
    _common(
        "single_message",
        "One message authorizes and takes the money.",
        Step(do=Do.SINGLE_MESSAGE, percent=100, intent=100),
        a=_CLEARED,
    ),
    _common(
        "foreign_currency_other_rate",
        "A purchase in euro clears at another rate than it was held at.",
        Step(do=Do.AUTHORIZE, percent=100, merchant_percent=90, intent=110),
        Step(do=Do.CLEAR, percent=105, merchant_percent=90),
        a=Books(cleared=105),
    ),
)
_REFUNDS = (
    _common(
        "linked_refund",
        "A part of a purchase comes back on the purchase itself.",
        _APPROVED,
        _clear(),
        Step(do=Do.REFUND, percent=40),
        a=Books(cleared=100, refunded=40),
    ),
    _common(
        "unlinked_refund",
        "Money comes back that names no purchase: a credit, never budget by guess.",
        _APPROVED,
        _clear(),
        Step(do=Do.REFUND_UNLINKED, purchase="b", percent=40),
        notes={"b": ("credit",)},
        a=_CLEARED,
        b=Books(refunded=40),
    ),
    _common(
        "refund_reversal",
        "A refund is taken back.",
        _APPROVED,
        _clear(),
        Step(do=Do.REFUND, percent=40),
        Step(do=Do.TAKE_BACK_REFUND),
        a=_CLEARED,
    ),
)
_DECISIONS = (
    _common("declined_by_us", "No intent is open: declined.", _declined(None), a=_NOTHING),
    _common(
        "clearing_after_decline",
        "We decline and the merchant takes the money all the same.",
        _declined(None),
        Step(do=Do.CLEAR_ANYWAY, percent=100),
        flags=("no_intent", "force_post"),
        a=_CLEARED,
    ),
    _common(
        "declined_increment",
        "More is asked than the intent leaves: declined, and the first hold stays as it was.",
        _APPROVED,
        Step(do=Do.INCREMENT, percent=50, expect="declined"),
        _clear(100),
        a=_CLEARED,
    ),
    _common(
        "declined_by_issuer",
        "The issuer declines by itself; nobody is asked.",
        Step(do=Do.PAUSE_AT_ISSUER, intent=100),
        Step(do=Do.AUTHORIZE, percent=100, expect="declined"),
        Step(do=Do.OPEN_AT_ISSUER),
        a=_NOTHING,
    ),
    _common(
        "stand_in",
        "The network does not wait for our decline and approves.",
        _fault("stand_in"),
        _UNPREPARED,
        _clear(),
        flags=("no_intent", "stand_in"),
        a=_CLEARED,
    ),
    _common(
        "undone_approval",
        "The network takes an approval back.",
        _APPROVED,
        Step(do=Do.UNDO),
        a=_NOTHING,
    ),
    _common(
        "request_lost",
        "The request never arrives; the issuer declines.",
        Step(do=Do.FAULT, fault="asa_drop", part="request"),
        _declined(),
        a=_NOTHING,
    ),
    _common(
        "answer_lost",
        "We approve, the answer is lost, the issuer declines: our hold must go.",
        Step(do=Do.FAULT, fault="asa_drop", part="answer"),
        _declined(),
        a=_NOTHING,
    ),
    _common(
        "answer_late",
        "We approve too late; the issuer declines: our hold must go.",
        Step(do=Do.FAULT, fault="asa_delay", delay_ms=7000),
        _declined(),
        a=_NOTHING,
    ),
    _common(
        "request_repeated",
        "The same request comes twice; it is decided once.",
        _fault("asa_duplicate"),
        _APPROVED,
        _clear(),
        a=_CLEARED,
    ),
    _common(
        "request_forged",
        "A request that no live secret signed counts nowhere.",
        _fault("asa_bad_signature"),
        _declined(),
        a=_NOTHING,
    ),
)
_WEBHOOKS = (
    _common(
        "webhooks_twice",
        "Every event arrives twice.",
        _fault("webhook_duplicate", 8),
        _APPROVED,
        _clear(60, final=False),
        _clear(40),
        a=_CLEARED,
    ),
    _common(
        "webhooks_out_of_order",
        "The first event arrives behind the second.",
        _fault("webhook_reorder"),
        _APPROVED,
        _clear(),
        a=_CLEARED,
    ),
    _common(
        "webhook_dropped",
        "The event of the authorization never arrives.",
        _fault("webhook_drop"),
        _APPROVED,
        _clear(),
        a=_CLEARED,
    ),
    _common(
        "every_webhook_dropped",
        "No event arrives at all: only reading the issuer's list finds the money.",
        _fault("webhook_drop", 8),
        _APPROVED,
        _clear(),
        alerts=("issuer_missed_event",),
        a=_CLEARED,
    ),
    _common(
        "webhook_forged",
        "The first attempt carries a forged signature and is sent again.",
        _fault("webhook_bad_signature"),
        _APPROVED,
        _clear(),
        a=_CLEARED,
    ),
    _common(
        "card_made_behind_a_500",
        "The card is made and the answer is a 500: asked again with its key, there is one card.",
        _fault("create_card_500_after_commit"),
        Step(do=Do.MAKE_CARD),
    ),
)
_SPECIFIC = (
    Scenario(
        name="partial_clearing_as_the_last",
        says="A part is cleared at once: Lithic goes on holding the rest, Stripe releases it.",
        reach=Reach.ISSUER_SPECIFIC,
        steps=(_APPROVED, _clear(60)),
        per_issuer={
            "lithic": {"a": Books(held=40, cleared=60)},
            "stripe": {"a": Books(cleared=60)},
        },
    ),
    _at_lithic(
        "offline_advice",
        "A terminal approved by itself: a hold that nobody asked for.",
        Step(do=Do.OFFLINE_ADVICE, percent=100),
        _clear(),
        flags=("no_intent", "stand_in"),
        a=_CLEARED,
    ),
    _at_lithic(
        "advice",
        "The merchant states a new whole amount; nobody is asked.",
        Step(do=Do.AUTHORIZE, percent=100, intent=120),
        Step(do=Do.ADVISE, percent=120),
        _clear(),
        a=Books(cleared=120),
    ),
    _at_lithic(
        "timeout_then_advice",
        "The answer is lost, then an advice tells that the money is held all the same.",
        Step(do=Do.FAULT, fault="asa_drop", part="answer"),
        _declined(),
        Step(do=Do.ADVISE, percent=100),
        _clear(),
        flags=("stand_in",),
        a=_CLEARED,
    ),
    _at_lithic(
        "correction_credit",
        "The network corrects a clearing in our favour.",
        _APPROVED,
        _clear(),
        Step(do=Do.CORRECT_CREDIT, percent=10),
        a=Books(cleared=100, refunded=10),
    ),
    _at_lithic(
        "correction_debit",
        "The network corrects a clearing against us.",
        _APPROVED,
        _clear(),
        Step(do=Do.CORRECT_DEBIT, percent=10),
        flags=("amount_above_maximum",),
        a=Books(cleared=110),
    ),
)
# It touches every hold of the sandbox, so it comes last.
_CLOCK = (
    _common(
        "holds_run_out_with_the_clock",
        "Eight days pass: every hold of the sandbox expires.",
        _APPROVED,
        Step(do=Do.ADVANCE_CLOCK, seconds=8 * _DAY),
        Step(do=Do.RESET_CLOCK),
        a=_NOTHING,
    ),
)

SCENARIOS: tuple[Scenario, ...] = (
    *_LIFE,
    *_REFUNDS,
    *_DECISIONS,
    *_WEBHOOKS,
    *_SPECIFIC,
    *_CLOCK,
)
