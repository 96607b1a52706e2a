"""What requests may say: snake_case or camelCase, nothing unknown, integers that are integers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from signets.app.amend_intent import AmendIntent
from signets.app.create_card import CreateCard
from signets.app.declaration import SubmitIntent
from signets.app.records import KeyOwner
from signets.core.access import Scope
from signets.core.approval import Role
from signets.core.card import LimitPeriod
from signets.core.intent import PURPOSE_MAX, RecurringPeriod, Usage
from signets.core.money import MAX_MINOR

_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")
_INT4 = 2**31 - 1


def snake(name: str) -> str:
    """``expectedAmount`` -> ``expected_amount``; snake_case stays as it is."""
    return _UPPER.sub(lambda found: f"_{found.group(1)}", name).lower()


class Input(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _spell(cls, given: Any) -> Any:
        """Take either spelling of a known field; name an unknown one together with the known."""
        if not isinstance(given, dict):
            return given
        known = list(cls.model_fields)
        spelled: dict[str, Any] = {}
        for name, value in given.items():
            field = name if name in cls.model_fields else snake(name)
            if field not in cls.model_fields:
                raise PydanticCustomError(
                    "field_unknown", "is no field here", {"field": name[:80], "known": known}
                )
            if field in spelled:
                raise PydanticCustomError(
                    "field_twice", "is given in two spellings; give it once", {"field": field}
                )
            spelled[field] = value
        return spelled


def _amount(minimum: int) -> BeforeValidator:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise PydanticCustomError(
                "amount_invalid", "must be an integer of minor units (`2000` for $20.00)"
            )
        if not minimum <= value <= MAX_MINOR:
            raise PydanticCustomError(
                "amount_invalid", f"must be between {minimum} and {MAX_MINOR} minor units"
            )
        return value

    return BeforeValidator(check)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError(
            "field_invalid", "must be an RFC 3339 time like `2026-12-31T00:00:00Z`"
        )
    return value


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("field_invalid", "must be a time in the common era") from None


Amount = Annotated[
    int,
    _amount(1),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_MINOR}),
]
AmountOrZero = Annotated[
    int,
    _amount(0),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_MINOR}),
]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Vendor = Annotated[str, Field(min_length=1, max_length=300)]
Reference = Annotated[str, Field(min_length=1, max_length=80)]
Workflow = Annotated[str, Field(min_length=1, max_length=100)]
Currency = Annotated[
    str,
    Field(min_length=1, max_length=8),
    WithJsonSchema({"type": "string", "description": "ISO 4217 code", "pattern": "^[A-Za-z]{3}$"}),
]
QuoteUrl = Annotated[str, Field(max_length=2000, pattern=r"^https?://\S+$")]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    Field(json_schema_extra={"format": "date-time"}),
]


class CardInput(Input):
    """A card to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "agent_id": "infra-agent",
                    "spending_limit": 5000,
                    "merchant_lock": "openai.com",
                    "recurring": False,
                }
            ]
        }
    )

    agent_id: Reference | None = Field(default=None, description="Id or handle.")
    spending_limit: Amount = Field(description="Minor units, over `limit_period`.")
    merchant_lock: Annotated[
        list[Vendor],
        BeforeValidator(_as_list),
        Field(min_length=1, max_length=20),
        WithJsonSchema(
            {
                "oneOf": [
                    {"type": "string", "minLength": 1, "maxLength": 300},
                    {
                        "type": "array",
                        "items": {"type": "string", "minLength": 1, "maxLength": 300},
                        "minItems": 1,
                        "maxItems": 20,
                    },
                ]
            }
        ),
    ] = Field(description="The vendor's domain, or up to twenty of them.")
    recurring: StrictBool = Field(default=False, description="Makes the limit count per month.")
    currency: Currency | None = None
    limit_period: LimitPeriod | None = None
    per_authorization_limit: Amount | None = None
    workflow: Workflow | None = None
    memo: Annotated[str, Field(max_length=200)] | None = None
    allow_facilitators: StrictBool = False

    def command(self) -> CreateCard:
        """As the use case takes it."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return CreateCard(**{**fields, "merchant_lock": tuple(self.merchant_lock)})


class LineItem(Input):
    """One line of a purchase."""

    description: Annotated[str, Field(min_length=1, max_length=500)]
    quantity: Annotated[StrictInt, Field(ge=1, le=1_000_000)] | None = None
    amount: AmountOrZero | None = Field(default=None, description="Minor units.")


LineItems = Annotated[list[LineItem], Field(max_length=100)]


def _lines(items: list[LineItem]) -> tuple[dict[str, Any], ...]:
    return tuple(item.model_dump(exclude_none=True) for item in items)


class IntentInput(Input):
    """A purchase to declare."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "purpose": "Buy $20 of API credits",
                    "expected_amount": 2000,
                    "expected_merchant": "openai.com",
                }
            ]
        }
    )

    purpose: Annotated[str, Field(min_length=1, max_length=PURPOSE_MAX)]
    expected_amount: Amount = Field(description="Minor units of `currency`.")
    expected_merchant: Vendor = Field(description="The vendor's domain.")
    currency: Currency | None = Field(default=None, description="Default: the organization's.")
    usage: Usage = Usage.SINGLE
    agent_id: Reference | None = Field(default=None, description="Id or handle.")
    card_id: Reference | None = None
    max_per_charge: Amount | None = None
    max_total: Amount | None = None
    max_count: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    period: RecurringPeriod | None = None
    window_seconds: Annotated[StrictInt, Field(ge=1, le=_INT4)] | None = None
    workflow: Workflow | None = None
    line_items: LineItems = Field(default_factory=list)
    quote_url: QuoteUrl | None = None
    metadata: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=64)],
            Annotated[str, Field(max_length=500)],
        ],
        Field(max_length=50),
    ] = Field(default_factory=dict)
    allow_duplicate: StrictBool = False
    allow_duplicate_reason: Annotated[str, Field(max_length=500)] | None = None

    def command(self) -> SubmitIntent:
        """As the use case takes it."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        fields["line_items"] = _lines(self.line_items)
        fields["metadata"] = tuple(self.metadata.items())
        return SubmitIntent(**fields)


class AmendInput(Input):
    """What changed at checkout."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"expected_amount": 2165}]})

    expected_amount: Amount
    purpose: Annotated[str, Field(min_length=1, max_length=PURPOSE_MAX)] | None = None
    line_items: LineItems | None = None
    quote_url: QuoteUrl | None = None

    def change(self) -> AmendIntent:
        """As the use case takes it."""
        return AmendIntent(
            expected_amount=self.expected_amount,
            purpose=self.purpose,
            line_items=None if self.line_items is None else _lines(self.line_items),
            quote_url=self.quote_url,
        )


class VoteInput(Input):
    """A member's word on an escalated intent."""

    comment: Annotated[str, Field(max_length=500)] = ""


class MemberInput(Input):
    """A human to add."""

    email: Annotated[str, Field(min_length=3, max_length=255)]
    name: Name
    role: Role


class AgentInput(Input):
    """A machine identity to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"handle": "infra-agent"}]})

    handle: Annotated[
        str,
        Field(min_length=1, max_length=63),
        WithJsonSchema({"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"}),
    ]
    name: Name | None = None


class KeyInput(Input):
    """An API key to issue."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"owner": "agent", "agent_id": "infra-agent", "name": "laptop"}]
        }
    )

    owner: KeyOwner
    member_id: Reference | None = None
    agent_id: Reference | None = Field(default=None, description="Id or handle.")
    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] | None = Field(
        default=None, description="Default: the most that this owner may have."
    )
    expires_at: Moment | None = None

    @model_validator(mode="after")
    def _in_utc(self) -> KeyInput:
        if self.expires_at is not None:
            _utc(self.expires_at)
        return self


class PolicyInput(Input):
    """A policy document to put in force; its schema is published with the policy reference."""

    document: dict[str, Any]
