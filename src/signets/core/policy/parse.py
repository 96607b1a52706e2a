"""A policy document (plain data, from YAML or JSON) to a :class:`Policy`, strictly.

Unknown keys, wrong types, unknown words and values out of bounds are refused with the dotted path
of the field and the remedy; nothing is guessed or dropped. The shape is published as
``schema.json`` and described in ``docs/reference/policy.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from signets.core.fx import parse_rate
from signets.core.policy.fields import (
    DAY,
    LONGEST_WINDOW,
    SHORTEST_WINDOW,
    Section,
    read_currency,
    read_duration,
    read_percent,
    refuse,
    show,
)
from signets.core.policy.merchants import read_learning, read_vendors
from signets.core.policy.model import (
    DEFAULT_FLAG_ACTIONS,
    Breaker,
    Budget,
    Cap,
    CardRules,
    DuplicateAction,
    Flag,
    FlagAction,
    Level,
    Match,
    Measure,
    Outcome,
    Period,
    Policy,
    Rule,
    Scope,
    Tolerance,
    Verification,
    Window,
)
from signets.core.policy.words import (
    read_agent,
    read_approver,
    read_card,
    read_category,
    read_country,
    read_mcc,
    read_name,
    read_reason,
    read_time_zone,
    read_usage,
    read_vendor,
    read_workflow,
)

T = TypeVar("T")
Named = TypeVar("Named", Rule, Cap, Budget)

MAX_RULES = 200  # per level
MAX_LIMITS = 50  # caps, and budgets, per level
MAX_LEVELS = 1_000  # agents, and cards
MAX_WORDS = 100  # in one list of vendors, agents, approvers, …
MAX_CODES = 1_000  # blocked categories or countries of one level
MAX_APPROVALS = 10

#: Calendar windows that a velocity cap may have; budgets have all periods.
CAP_PERIODS = (Period.DAY, Period.WEEK, Period.MONTH)

_LEVEL_KEYS = frozenset(
    {"rules", "caps", "budgets", "tolerance", "window", "blocked_categories", "blocked_countries"}
)
_TOP_KEYS = _LEVEL_KEYS | frozenset(
    {
        "version",
        "time_zone",
        "default",
        "breaker",
        "verification",
        "duplicates",
        "flags",
        "agents",
        "cards",
        "approvals",
        "reveals_per_hour",
        "split_window",
        "grace",
        "card_creation",
        "fx",
        "learning",
        "vendors",
    }
)
_LIMIT_WHEN = frozenset({"agent", "vendor", "category", "workflow"})
_RULE_WHEN = _LIMIT_WHEN | frozenset({"usage", "currency", "above", "up_to"})
_RULE_KEYS = frozenset(
    {"name", "when", "then", "approvals", "approvers", "approval_expiry", "reason"}
)
_CAP_KEYS = frozenset(
    {"name", "scope", "window", "measure", "max_count", "max_amount", "currency", "when"}
)
_BUDGET_KEYS = frozenset(
    {"name", "scope", "period", "amount", "currency", "refunds_restore", "when"}
)


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose level is read: its own dimension is part of every cap's and budget's scope."""

    level: str
    subject: str | None = None

    @property
    def scope(self) -> Scope | None:
        return None if self.subject is None else Scope(self.level)


def _given(value: T | None, default: T) -> T:
    return default if value is None else value


def parse_policy(data: Mapping[str, object]) -> Policy:
    """The document as a policy.

    Raises:
        Refusal: ``policy_invalid``, with the dotted path of the field (``caps[1].window``) as
            ``param`` and the remedy in the message. The first mistake is named.
    """
    top = Section.open(data, "", _TOP_KEYS)
    version = top.get("version")
    if version != 1 or isinstance(version, bool | float):
        raise refuse("version", f"must be `1`, and is {show(version)}")
    breaker = top.section("breaker", frozenset({"declines", "within"}))
    verification = top.section("verification", frozenset({"per_day", "max_amounts"}))
    duplicates = top.section("duplicates", frozenset({"action", "within"}))
    approvals = top.section("approvals", frozenset({"expire"}))
    cards = top.section("card_creation", frozenset({"agents_may_create", "max_spending_limit"}))
    fx = top.section("fx", frozenset({"rates", "tolerance"}))
    default = top.choice("default", Outcome, (Outcome.ESCALATE, Outcome.DENY))
    return Policy(
        time_zone=_given(top.text("time_zone", read_time_zone), "UTC"),
        default=_given(default, Outcome.ESCALATE),
        organization=_organization(top),
        agents=_levels(top, "agents", "agent"),
        cards=_levels(top, "cards", "card"),
        breaker=Breaker(
            declines=_given(breaker.integer("declines", 1, 1_000), 5),
            seconds=_given(breaker.duration("within", SHORTEST_WINDOW, LONGEST_WINDOW), 600),
        ),
        verification=Verification(
            per_day=_given(verification.integer("per_day", 0, 100), 5),
            max_amounts=_max_amounts(verification),
        ),
        duplicate_action=_given(
            duplicates.choice("action", DuplicateAction), DuplicateAction.RETURN
        ),
        duplicate_window_seconds=_given(
            duplicates.duration("within", SHORTEST_WINDOW, LONGEST_WINDOW), DAY
        ),
        card_rules=CardRules(
            agents_may_create=_given(cards.boolean("agents_may_create"), True),
            max_spending_limit=cards.amount("max_spending_limit", 1),
        ),
        flag_actions=_flag_actions(top),
        fx_rates=_fx_rates(fx),
        fx_tolerance_basis_points=(
            read_percent(fx.get("tolerance"), fx.at("tolerance")) if fx.has("tolerance") else 500
        ),
        approval_expiry_seconds=_given(approvals.duration("expire", 10, 30 * DAY), DAY),
        window_seconds=_given(top.duration("window", SHORTEST_WINDOW, DAY), 1_800),
        grace_seconds=_given(top.duration("grace", 0, DAY), 600),
        reveals_per_hour=_given(top.integer("reveals_per_hour", 0, 1_000), 10),
        split_window_seconds=_given(
            top.duration("split_window", SHORTEST_WINDOW, LONGEST_WINDOW), 3_600
        ),
        learning=read_learning(top),
        vendors=read_vendors(top),
    )


def _organization(top: Section) -> Level:
    return _level(top, _Owner("organization"), Tolerance(), window_seconds=None)


def _levels(top: Section, key: str, kind: str) -> tuple[Level, ...]:
    """The agents' or cards' own levels, in the document's order."""
    if not top.has(key):
        return ()
    section = Section.open_map(top.get(key), key)
    if len(section.values) > MAX_LEVELS:
        raise refuse(key, f"may hold at most {MAX_LEVELS} levels, and holds {len(section.values)}")
    read_subject = read_agent if kind == "agent" else read_card
    found: list[Level] = []
    for subject in section.values:
        path = section.at(subject)
        read_subject(subject, path)
        inner = Section.open(section.get(subject), path, _LEVEL_KEYS)
        window = inner.duration("window", SHORTEST_WINDOW, DAY)
        found.append(_level(inner, _Owner(kind, subject), None, window_seconds=window))
    return tuple(found)


def _level(
    section: Section, owner: _Owner, tolerance: Tolerance | None, *, window_seconds: int | None
) -> Level:
    rules = [_rule(value, path) for value, path in section.items("rules", MAX_RULES)]
    caps = [_cap(value, path, owner) for value, path in section.items("caps", MAX_LIMITS)]
    budgets = [_budget(value, path, owner) for value, path in section.items("budgets", MAX_LIMITS)]
    return Level(
        level=owner.level,
        subject=owner.subject,
        rules=_distinct(rules, section.at("rules")),
        tolerance=_tolerance(section) if section.has("tolerance") else tolerance,
        caps=_distinct(caps, section.at("caps")),
        budgets=_distinct(budgets, section.at("budgets")),
        blocked_categories=_codes(section, "blocked_categories"),
        blocked_countries=_codes(section, "blocked_countries"),
        window_seconds=window_seconds,
    )


def _distinct(items: list[Named], path: str) -> tuple[Named, ...]:
    seen: set[str] = set()
    for number, item in enumerate(items):
        if item.name in seen:
            raise refuse(f"{path}[{number}].name", f"repeats `{item.name}`; give each its own name")
        seen.add(item.name)
    return tuple(items)


def _codes(section: Section, key: str) -> tuple[str, ...]:
    read = read_mcc if key == "blocked_categories" else read_country
    if section.values.get(key) == []:
        return ()
    return section.texts(key, read, MAX_CODES)


def _tolerance(section: Section) -> Tolerance:
    inner = section.section("tolerance", frozenset({"percent", "absolute"}))
    percent = read_percent(inner.get("percent"), inner.at("percent"))
    return Tolerance(basis_points=percent, absolute=_given(inner.amount("absolute"), 0))


def _when(section: Section, allowed: frozenset[str]) -> Match:
    inner = section.section("when", allowed)
    currency = inner.currency()
    above, up_to = inner.amount("above"), inner.amount("up_to", 1)
    if currency is None and (above is not None or up_to is not None):
        raise refuse(
            inner.at("currency"), "is missing; say in which currency `above` or `up_to` counts"
        )
    if above is not None and up_to is not None and above >= up_to:
        raise refuse(inner.at("up_to"), f"must be larger than `above` ({above}), and is {up_to}")
    return Match(
        agents=inner.texts("agent", read_agent, MAX_WORDS),
        vendors=inner.texts("vendor", read_vendor, MAX_WORDS),
        categories=inner.texts("category", read_category, MAX_WORDS),
        usages=inner.texts("usage", read_usage, MAX_WORDS),
        workflows=inner.texts("workflow", read_workflow, MAX_WORDS),
        currency=currency,
        above=above,
        up_to=up_to,
    )


def _name(section: Section) -> str:
    return read_name(section.get("name"), section.at("name"))


def _rule(value: object, path: str) -> Rule:
    section = Section.open(value, path, _RULE_KEYS)
    name = _name(section)
    section.get("then")
    then = _given(section.choice("then", Outcome), Outcome.DENY)
    if then is not Outcome.ESCALATE:
        for key in ("approvals", "approvers", "approval_expiry"):
            if section.has(key):
                raise refuse(
                    section.at(key), f"is only for rules with `then: escalate`, not `{then}`"
                )
    approvals = _given(section.integer("approvals", 1, MAX_APPROVALS), 1)
    approvers = section.texts("approvers", read_approver, MAX_WORDS)
    if approvers and approvals > len(approvers):
        raise refuse(
            section.at("approvals"),
            f"asks for {approvals} members, but `approvers` names {len(approvers)}; name more",
        )
    return Rule(
        name=name,
        when=_when(section, _RULE_WHEN),
        then=then,
        approvals=approvals,
        approvers=approvers,
        approval_expiry_seconds=section.duration("approval_expiry", 10, 30 * DAY),
        reason=section.text("reason", read_reason),
    )


def _scope(section: Section, allowed: tuple[Scope, ...], owner: _Owner) -> tuple[Scope, ...]:
    """The scopes in one fixed order; an agent's or card's level always counts its own subject."""

    def read(value: object, path: str) -> str:
        for scope in allowed:
            if value == scope.value:
                return scope.value
        words = ", ".join(f"`{scope.value}`" for scope in allowed)
        raise refuse(path, f"must be one or several of {words}, and is {show(value)}")

    named = {Scope(word) for word in section.texts("scope", read, len(allowed))}
    path = section.at("scope")
    if not named and owner.scope is None:
        raise refuse(path, "is missing; say what is counted, like `card` or `[card, vendor]`")
    if Scope.ORGANIZATION in named:
        if owner.scope is not None:
            raise refuse(
                path,
                f"must not be `organization` at the level of one {owner.level}; move it to the "
                "top of the document to count the whole organization",
            )
        if len(named) > 1:
            raise refuse(
                path, "must not combine `organization` with others: leave `organization` out"
            )
    if owner.scope is not None:
        named.add(owner.scope)
    return tuple(scope for scope in Scope if scope in named)


def _cap(value: object, path: str, owner: _Owner) -> Cap:
    section = Section.open(value, path, _CAP_KEYS)
    name = _name(section)
    max_count = section.integer("max_count", 0, 1_000_000)
    max_amount = section.amount("max_amount")
    currency = section.currency()
    if max_count is None and max_amount is None:
        raise refuse(section.at("max_count"), "is missing; give `max_count`, `max_amount` or both")
    if max_amount is not None and currency is None:
        raise refuse(section.at("currency"), "is missing; `max_amount` needs a currency")
    if max_amount is None and currency is not None:
        raise refuse(section.at("currency"), "is only for caps with `max_amount`; leave it out")
    return Cap(
        name=name,
        scope=_scope(section, (Scope.CARD, Scope.VENDOR, Scope.AGENT, Scope.ORGANIZATION), owner),
        window=_window(section),
        measure=_given(section.choice("measure", Measure), Measure.APPROVED),
        max_count=max_count,
        max_amount=max_amount,
        currency=currency,
        when=_when(section, _LIMIT_WHEN - {"workflow"}),
    )


def _window(section: Section) -> Window:
    value, path = section.get("window"), section.at("window")
    for period in CAP_PERIODS:
        if value == period.value:
            return Window(period=period)
    if isinstance(value, str) and not value[:1].isdigit():
        raise refuse(
            path,
            "must be `day`, `week`, `month` or a duration from 10s to 90d like `10m`, "
            f"and is {show(value)}",
        )
    return Window(seconds=read_duration(value, path, SHORTEST_WINDOW, LONGEST_WINDOW))


def _budget(value: object, path: str, owner: _Owner) -> Budget:
    section = Section.open(value, path, _BUDGET_KEYS)
    for key in ("period", "amount", "currency"):
        section.get(key)
    return Budget(
        name=_name(section),
        scope=_scope(section, tuple(Scope), owner),
        period=_given(section.choice("period", Period), Period.LIFETIME),
        amount=_given(section.amount("amount"), 0),
        currency=read_currency(section.get("currency"), section.at("currency")),
        refunds_restore=_given(section.boolean("refunds_restore"), True),
        when=_when(section, _LIMIT_WHEN),
    )


def _max_amounts(verification: Section) -> tuple[tuple[str, int], ...]:
    if not verification.has("max_amounts"):
        return ()
    section = Section.open_map(verification.get("max_amounts"), verification.at("max_amounts"))
    for currency in section.values:
        read_currency(currency, section.at(currency))
    found = ((currency, section.amount(currency)) for currency in sorted(section.values))
    return tuple((currency, amount) for currency, amount in found if amount is not None)


def _fx_rates(fx: Section) -> tuple[tuple[str, str], ...]:
    """What one unit of each foreign currency is worth in the organization's own."""
    if not fx.has("rates"):
        return ()
    section = Section.open_map(fx.get("rates"), fx.at("rates"))
    found = []
    for currency in sorted(section.values):
        read_currency(currency, section.at(currency))
        value = section.get(currency)
        text = str(value)
        try:
            if isinstance(value, bool):
                raise ValueError("a truth value is no rate")
            parse_rate(text, currency, currency)
        except ValueError as error:
            raise refuse(
                section.at(currency),
                "must be a positive decimal number of at most nine decimals in quotes, like "
                f'`"1.08"`, and is {show(value)}',
            ) from error
        found.append((currency, text))
    return tuple(found)


def _flag_actions(top: Section) -> tuple[tuple[Flag, FlagAction], ...]:
    section = top.section("flags", frozenset(flag.value for flag in Flag))
    return tuple(
        (flag, _given(section.choice(flag.value, FlagAction), default))
        for flag, default in DEFAULT_FLAG_ACTIONS
    )
