"""The verdict on an intent: approve, escalate or deny, and a trace that explains itself.

Pure: the same policy and facts always give the same verdict and trace, so a stored decision can be
replayed. The table of what a rule does when it matches, does not, or cannot be judged is in
``docs/reference/policy.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from signets.core.intent import Usage
from signets.core.money import format_minor
from signets.core.policy.levels import (
    applicable_levels,
    shortest_window,
    tightest_tolerance,
)
from signets.core.policy.match import Answer, Price, Subject, match_rule
from signets.core.policy.model import DuplicateAction, Level, Outcome, Policy, Rule

_RANK = {Outcome.APPROVE: 0, Outcome.ESCALATE: 1, Outcome.DENY: 2}

#: How many reasons a verdict shows; the trace holds all.
MAX_REASONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentFacts:
    """What the verdict is made on. Amounts are minor units of the intent's ``currency``.

    Attributes:
        subject: Agent, card (if chosen), vendor and its category, workflow.
        expected: Expected amount; the expected *total* of a ``window`` or of one period.
        maximum: The most that the intent itself allows, where it states that; it can only lower
            the policy's maximum.
        allow_duplicate: The agent insists that this is a second purchase: always escalates.
        allow_duplicate_reason: Its reason, shown to the approver.
        likely_duplicate_of: Id of the earlier intent that this one probably repeats.
        recent_total: Sum of the expected amounts of this agent's other intents at this vendor, in
            this currency, declared inside the policy's split window, that policy approved by
            itself (what a person has seen is not split past that person) and that were not
            canceled.
        limits_exceeded: Sentences, one per cap, budget or spending limit that the intent's
            maximum would exceed.
    """

    subject: Subject
    expected: int
    currency: str
    usage: Usage = Usage.SINGLE
    maximum: int | None = None
    allow_duplicate: bool = False
    allow_duplicate_reason: str | None = None
    likely_duplicate_of: str | None = None
    recent_total: int = 0
    limits_exceeded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVerdict:
    """What policy says, and why.

    Attributes:
        maximum: The most that the intent may cost, minor units of its currency.
        approvals_required: Members who must agree; 0 unless ``outcome`` is escalate.
        approvers: Lists of member ids and e-mails, of which *each* must hold a member who
            approves (see :func:`approver_may`); empty: any approver or admin.
        approval_expiry_seconds: How long the question to the members stays open.
        window_seconds: Length of the unlock window of a ``single`` intent.
        reasons: Sentences for people, at most :data:`MAX_REASONS`.
        decided_by: What gave this outcome: ``organization/large``, ``agent infra-agent/big``,
            ``organization/default``, ``limit``, ``duplicate``, ``splitting``.
        trace: JSON-able steps in the order in which they were taken.
    """

    outcome: Outcome
    maximum: int
    approvals_required: int
    approvers: tuple[tuple[str, ...], ...]
    approval_expiry_seconds: int
    window_seconds: int
    reasons: tuple[str, ...]
    decided_by: tuple[str, ...]
    trace: tuple[dict[str, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ruling:
    """One voice in the verdict."""

    outcome: Outcome
    source: str
    reason: str
    approvals: int = 1
    approvers: tuple[str, ...] = ()
    expiry: int | None = None


def intent_maximum(policy: Policy, facts: IntentFacts) -> int:
    """The most that the intent may cost, in minor units: what limits are checked with.

    Expected amount plus the tightest tolerance of all levels, lowered to what the intent states.
    """
    tolerance = tightest_tolerance(policy, facts.subject, facts.expected)
    maximum = tolerance.maximum(facts.expected)
    return maximum if facts.maximum is None else min(maximum, facts.maximum)


def evaluate_intent(policy: Policy, facts: IntentFacts) -> PolicyVerdict:
    """The most restrictive of everything that has a say.

    Voices are all matching rules of all levels, the policy's default where no rule of the
    organization matches, rules that cannot be judged, exceeded limits, duplicates, and splitting.
    """
    trace: list[dict[str, object]] = []
    levels = applicable_levels(policy, facts.subject)
    rulings = _judge(policy, levels, facts, facts.expected, trace)
    splitting = _splitting(policy, levels, facts, rulings, trace)
    extra = [*_duplicates(policy, facts, trace), *_limits(facts, trace)]
    maximum = intent_maximum(policy, facts)
    window = shortest_window(policy, facts.subject)
    trace.append({"step": "bounds", "maximum": maximum, "window_seconds": window})

    voices = [*rulings, *splitting, *extra]
    outcome = max((voice.outcome for voice in voices), key=_RANK.__getitem__)
    deciding = [voice for voice in voices if voice.outcome is outcome]
    asking = [voice for voice in voices if voice.outcome is Outcome.ESCALATE]
    escalated = outcome is Outcome.ESCALATE
    lists = dict.fromkeys(voice.approvers for voice in asking if voice.approvers)
    expiries = [voice.expiry for voice in asking if voice.expiry is not None]
    return PolicyVerdict(
        outcome=outcome,
        maximum=maximum,
        approvals_required=max(voice.approvals for voice in asking) if escalated else 0,
        approvers=tuple(lists) if escalated else (),
        approval_expiry_seconds=min([policy.approval_expiry_seconds, *expiries]),
        window_seconds=window,
        reasons=tuple(dict.fromkeys(voice.reason for voice in deciding))[:MAX_REASONS],
        decided_by=tuple(dict.fromkeys(voice.source for voice in deciding)),
        trace=tuple(trace),
    )


def approver_may(approvers: tuple[tuple[str, ...], ...], *, member_id: str, email: str) -> bool:
    """Whether every list names the member, by id or e-mail. No list: yes."""
    names = {member_id, email.lower()}
    return all(names.intersection(named) for named in approvers)


def _judge(
    policy: Policy,
    levels: tuple[Level, ...],
    facts: IntentFacts,
    amount: int,
    trace: list[dict[str, object]],
) -> list[_Ruling]:
    """What the rules and the default say about ``amount``."""
    price = Price(amount=amount, currency=facts.currency, usage=facts.usage)
    rulings: list[_Ruling] = []
    organization_matched = False
    for level in levels:
        for rule in level.rules:
            answer, why = match_rule(rule.when, facts.subject, price)
            ruling = _rule_says(level, rule, answer, why)
            if ruling is not None:
                rulings.append(ruling)
            organization_matched |= level.subject is None and answer is Answer.MATCH
            trace.append(
                {
                    "step": "rule",
                    "level": level.title,
                    "rule": rule.name,
                    "then": rule.then.value,
                    "result": answer.value,
                    "why": why,
                    "effect": None if ruling is None else ruling.outcome.value,
                }
            )
    default = {"step": "default", "level": "organization", "then": policy.default.value}
    if organization_matched:
        trace.append({**default, "why": "a rule of the organization matches", "effect": None})
        return rulings
    reason = f"no rule of the organization matches, and the policy's default is {policy.default}"
    trace.append({**default, "why": reason, "effect": policy.default.value})
    return [
        *rulings,
        _Ruling(outcome=policy.default, source="organization/default", reason=reason),
    ]


def _rule_says(level: Level, rule: Rule, answer: Answer, why: str) -> _Ruling | None:
    """A rule's voice. One that cannot be judged never approves: it asks a person, or is silent."""
    silent = answer is Answer.UNDECIDABLE and rule.then is Outcome.APPROVE
    if answer is Answer.NO_MATCH or silent:
        return None
    reason = rule.reason or f"rule `{rule.name}` ({level.title}) says {rule.then}: {why}"
    outcome = rule.then
    if answer is Answer.UNDECIDABLE:
        outcome = Outcome.ESCALATE
        reason = f"rule `{rule.name}` ({level.title}) cannot be judged: {why}"
    return _Ruling(
        outcome=outcome,
        source=f"{level.title}/{rule.name}",
        reason=reason,
        approvals=rule.approvals,
        approvers=rule.approvers,
        expiry=rule.approval_expiry_seconds,
    )


def _splitting(
    policy: Policy,
    levels: tuple[Level, ...],
    facts: IntentFacts,
    alone: list[_Ruling],
    trace: list[dict[str, object]],
) -> list[_Ruling]:
    """What rules say about this agent's recent purchases at this vendor taken together.

    Whatever speaks against the sum, but not against the amount alone, asks a person: ten intents
    of $9.99 do not pass under a $10 threshold. It never denies, since each alone is allowed.
    """
    if facts.recent_total <= 0:
        return []
    total = facts.recent_total + facts.expected
    known = {voice.source for voice in alone if voice.outcome is not Outcome.APPROVE}
    stricter = [
        voice
        for voice in _judge(policy, levels, facts, total, [])
        if voice.outcome is not Outcome.APPROVE and voice.source not in known
    ]
    trace.append(
        {
            "step": "splitting",
            "total": total,
            "within_seconds": policy.split_window_seconds,
            "triggers": [voice.source for voice in stricter],
            "effect": Outcome.ESCALATE.value if stricter else None,
        }
    )
    if not stricter:
        return []
    reason = (
        f"splitting: with this agent's other recent purchases at `{facts.subject.vendor}` it comes "
        f"to {format_minor(total, facts.currency)}, which "
        f"{', '.join(f'`{voice.source}`' for voice in stricter)} would not approve"
    )
    return [
        replace(voice, outcome=Outcome.ESCALATE, source="splitting", reason=reason)
        for voice in stricter
    ]


def _duplicates(
    policy: Policy, facts: IntentFacts, trace: list[dict[str, object]]
) -> list[_Ruling]:
    """An insisted duplicate always asks a person; a likely one where the policy says so."""
    reasons: list[str] = []
    if facts.allow_duplicate:
        stated = facts.allow_duplicate_reason or "no reason given"
        reasons.append(f"the agent insists on a second purchase: {stated}")
    elif facts.likely_duplicate_of and policy.duplicate_action is DuplicateAction.ESCALATE:
        reasons.append(f"it probably repeats intent {facts.likely_duplicate_of}")
    for reason in reasons:
        trace.append({"step": "duplicate", "why": reason, "effect": Outcome.ESCALATE.value})
    return [
        _Ruling(outcome=Outcome.ESCALATE, source="duplicate", reason=reason) for reason in reasons
    ]


def _limits(facts: IntentFacts, trace: list[dict[str, object]]) -> list[_Ruling]:
    """Every exceeded limit denies."""
    for sentence in facts.limits_exceeded:
        trace.append({"step": "limit", "why": sentence, "effect": Outcome.DENY.value})
    return [
        _Ruling(outcome=Outcome.DENY, source="limit", reason=sentence)
        for sentence in facts.limits_exceeded
    ]
