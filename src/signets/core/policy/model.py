"""The policy, parsed: frozen values that the rest of the core evaluates.

One document per organization and version holds all three levels (organization → agent → card).
Each level is a :class:`Level`; the effective policy for a card is *all* levels that apply, and
the most restrictive answer wins (see :mod:`signets.core.policy.evaluate`).
Amounts are minor units of the named currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from signets.core.merchant.document import VendorDocument
from signets.core.merchant.learning import LearningPolicy


class Outcome(StrEnum):
    """What a rule says about an intent, in rising order of restriction."""

    APPROVE = "approve"
    ESCALATE = "escalate"
    DENY = "deny"


class Period(StrEnum):
    """A calendar period, in the policy's time zone."""

    DAY = "day"
    WEEK = "week"  # ISO week, starts Monday
    MONTH = "month"
    YEAR = "year"
    LIFETIME = "lifetime"


class Scope(StrEnum):
    """A dimension that a cap or budget counts by. A tuple of scopes is their product."""

    CARD = "card"
    VENDOR = "vendor"
    AGENT = "agent"
    WORKFLOW = "workflow"  # budgets only
    ORGANIZATION = "organization"


class Measure(StrEnum):
    """What a velocity cap counts."""

    APPROVED = "approved"
    ATTEMPTS = "attempts"  # declines too: what stops retry loops


class FlagAction(StrEnum):
    """What happens to a card when a verdict carries a flag."""

    NOTE = "note"
    ALERT = "alert"
    LOCK_SINGLE_USE = "lock_single_use"  # alert, and lock the card where it is single-use
    LOCK = "lock"  # alert, and lock the card


class Flag(StrEnum):
    """What can be wrong with a transaction held against its intent (design: verdict)."""

    AMOUNT_ABOVE_MAXIMUM = "amount_above_maximum"
    WRONG_MERCHANT = "wrong_merchant"
    CURRENCY = "currency"
    OUTSIDE_WINDOW = "outside_window"
    NO_INTENT = "no_intent"
    FORCE_POST = "force_post"
    STAND_IN = "stand_in"


#: What each flag does where a policy does not say otherwise.
DEFAULT_FLAG_ACTIONS: tuple[tuple[Flag, FlagAction], ...] = (
    (Flag.AMOUNT_ABOVE_MAXIMUM, FlagAction.LOCK_SINGLE_USE),
    (Flag.WRONG_MERCHANT, FlagAction.LOCK),
    (Flag.CURRENCY, FlagAction.ALERT),
    (Flag.OUTSIDE_WINDOW, FlagAction.ALERT),
    (Flag.NO_INTENT, FlagAction.LOCK),
    (Flag.FORCE_POST, FlagAction.LOCK),
    (Flag.STAND_IN, FlagAction.ALERT),
)


class Tolerance(msgspec.Struct, frozen=True, kw_only=True):
    """maximum = expected + max(percent x expected, absolute).

    ``basis_points`` is percent x 100 (1000 = 10 %), so that it stays an integer; the product is
    rounded down. ``absolute`` is in minor units of the intent's currency.
    """

    basis_points: int = 1000
    absolute: int = 0

    def maximum(self, expected: int) -> int:
        """The most that an intent of ``expected`` minor units may cost."""
        return expected + max(expected * self.basis_points // 10_000, self.absolute)


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """When a rule, cap or budget applies. Empty means any; all given parts must agree.

    ``above`` and ``up_to`` are minor units in ``currency`` and are compared with the intent's
    *expected* amount: ``above`` excludes the amount itself, ``up_to`` includes it.
    """

    agents: tuple[str, ...] = ()  # handles or ids
    vendors: tuple[str, ...] = ()  # canonical domains
    categories: tuple[str, ...] = ()  # vendor categories of the directory ("model_api")
    usages: tuple[str, ...] = ()  # "single", "window", "recurring"
    workflows: tuple[str, ...] = ()
    currency: str | None = None
    above: int | None = None
    up_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of policy. Among the rules of a level that match, the most restrictive wins."""

    name: str
    when: Match
    then: Outcome
    approvals: int = 1  # members who must agree, when ``then`` is escalate
    approvers: tuple[str, ...] = ()  # member ids or e-mails; empty: any approver or admin
    approval_expiry_seconds: int | None = None
    reason: str | None = None  # shown to agent and approver


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A cap's window: rolling (``seconds``, 10 s to 90 days) or calendar (``period``)."""

    seconds: int | None = None
    period: Period | None = None


class Cap(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """A velocity cap: at most ``max_count`` and/or ``max_amount`` per scope in any window."""

    name: str
    scope: tuple[Scope, ...]
    window: Window
    measure: Measure = Measure.APPROVED
    max_count: int | None = None
    max_amount: int | None = None
    currency: str | None = None  # required with ``max_amount``
    when: Match = Match()  # agents, vendors, categories only


class Budget(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """At most ``amount`` of exposure per scope and calendar period.

    Exposure = reserved + held + cleared - (refunds, where ``refunds_restore``).
    """

    name: str
    scope: tuple[Scope, ...]
    period: Period
    amount: int
    currency: str
    refunds_restore: bool = True
    when: Match = Match()  # agents, vendors, categories, workflows only


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """Circuit breaker per card and vendor: ``declines`` within ``seconds`` lock the card."""

    declines: int = 5
    seconds: int = 600


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """Account-verification requests allowed per card and UTC day, and their largest amount.

    ``max_amounts`` overrides the default of about one US dollar per currency.
    """

    per_day: int = 5
    max_amounts: tuple[tuple[str, int], ...] = ()


class DuplicateAction(StrEnum):
    """What happens to a likely duplicate intent."""

    RETURN = "return"  # the first intent is returned, with ``duplicate_of``
    ESCALATE = "escalate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRules:
    """What an agent's own key may do about cards."""

    agents_may_create: bool = True
    max_spending_limit: int | None = None  # minor units of the organization's currency


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of policy: the organization, one agent, or one card.

    ``None`` means "this level says nothing"; it never loosens another level.
    """

    level: str  # "organization" | "agent" | "card"
    subject: str | None = None  # agent handle or id; card id
    rules: tuple[Rule, ...] = ()
    tolerance: Tolerance | None = None
    caps: tuple[Cap, ...] = ()
    budgets: tuple[Budget, ...] = ()
    blocked_categories: tuple[str, ...] = ()  # MCCs
    blocked_countries: tuple[str, ...] = ()  # alpha-2
    window_seconds: int | None = None  # default unlock window of a ``single`` intent

    @property
    def title(self) -> str:
        """For people and traces: ``organization``, ``agent infra-agent``, ``card card_…``."""
        return self.level if self.subject is None else f"{self.level} {self.subject}"


class Policy(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """A whole policy document, parsed. ``time_zone`` is an IANA name for calendar windows."""

    time_zone: str
    default: Outcome  # where no rule of the organization level matches; never approve
    organization: Level
    agents: tuple[Level, ...] = ()
    cards: tuple[Level, ...] = ()
    breaker: Breaker = Breaker()
    verification: Verification = Verification()
    duplicate_action: DuplicateAction = DuplicateAction.RETURN
    duplicate_window_seconds: int = 86_400
    card_rules: CardRules = msgspec.field(default_factory=CardRules)
    flag_actions: tuple[tuple[Flag, FlagAction], ...] = ()
    approval_expiry_seconds: int = 86_400
    window_seconds: int = 1_800
    grace_seconds: int = 600
    reveals_per_hour: int = 10
    fx_rates: tuple[tuple[str, str], ...] = ()  # currency, its worth in the organization's
    fx_tolerance_basis_points: int = 500
    split_window_seconds: int = 3_600  # intents of one agent and vendor are summed over this
    learning: LearningPolicy = msgspec.field(default_factory=LearningPolicy)
    vendors: tuple[VendorDocument, ...] = ()  # the organization's own, in force with this version

    def action_for(self, flag: Flag, *, single_use: bool) -> FlagAction:
        """``NOTE``, ``ALERT`` or ``LOCK``: what ``flag`` does to a card of that kind."""
        action = {**dict(DEFAULT_FLAG_ACTIONS), **dict(self.flag_actions)}[flag]
        if action is FlagAction.LOCK_SINGLE_USE:
            return FlagAction.LOCK if single_use else FlagAction.ALERT
        return action
