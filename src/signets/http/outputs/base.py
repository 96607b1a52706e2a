"""What all answers share. Amounts are minor units, times UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

JsonObject = dict[str, Any]
Time = Annotated[datetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class Output(BaseModel):
    """Base of all answers. Errors about one never show its content."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Identified(Output):
    """An answer with an id, by which lists are paged."""

    id: str


OutputT = TypeVar("OutputT", bound=Output)
RowT = TypeVar("RowT")
IdentifiedT = TypeVar("IdentifiedT", bound=Identified)


class Page(Output, Generic[OutputT]):
    """One page of a list."""

    data: list[OutputT]
    has_more: bool
    next_after: str | None = Field(description="Give it as `after` to get the next page.")


def page_of(
    rows: Sequence[RowT], limit: int, read: Callable[[RowT], IdentifiedT]
) -> Page[IdentifiedT]:
    """The first ``limit`` of ``rows``, which hold one more where there is a next page."""
    data = [read(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(data=data, has_more=more, next_after=data[-1].id if more else None)


class ErrorDetail(Output):
    """What went wrong."""

    type: str
    code: str = Field(description="Stable and machine-readable.")
    message: str = Field(description="What is wrong and what would be right.")
    param: str | None = Field(description="Dotted path of the field at fault, if one is.")
    request_id: str
    details: JsonObject


class ErrorOut(Output):
    """The one error shape."""

    error: ErrorDetail
