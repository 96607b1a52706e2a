"""docs/reference/declines.md says what the adapters do, row by row."""

from __future__ import annotations

import pytest
from tests.contract import declines_page
from tests.contract.declines_page import (
    lithic_details,
    lithic_event,
    lithic_results,
    stripe_event,
    stripe_reasons,
)

from signets.core.reasons import ISSUER_DECLINED, Reason
from signets.core.settlement.model import DecidedBy, EventResult
from signets.issuers.lithic.answers import DECLINE_RESULTS
from signets.issuers.lithic.declines import DETAILS, RESULTS
from signets.issuers.stripe.answers import REASONS

OURS = {*Reason, ISSUER_DECLINED}


def test_the_page_is_what_the_adapters_do() -> None:
    """Regenerating changes nothing (`python -m tests.contract.declines_page` writes it)."""
    assert declines_page.PAGE.read_text() == declines_page.render()


@pytest.mark.parametrize("reason", [*Reason, *declines_page.UNJUDGED])
def test_every_reason_of_ours_has_its_row(reason: str) -> None:
    """No reason is without a word at Lithic, and the page shows it."""
    assert f"| `{reason}` | `{DECLINE_RESULTS[reason]}` |" in declines_page.PAGE.read_text()


@pytest.mark.parametrize("word", sorted(lithic_results()))
def test_every_result_of_lithic_leads_to_a_reason(word: str) -> None:
    """A decline has a reason of ours; the one word that decides nothing is of unknown result."""
    read = lithic_results()[word]
    if word == "UNKNOWN_HOST_TIMEOUT":
        told = (EventResult.UNKNOWN, DecidedBy.TIMEOUT, "")
        assert (read.result, read.decided_by, read.reason) == told
        return
    assert read.result is EventResult.DECLINED
    assert read.reason in OURS
    assert read.raw_result == word
    assert word in RESULTS, "a word of the SDK's that the table leaves out"


@pytest.mark.parametrize("word", sorted(DETAILS))
def test_a_detail_of_lithic_goes_before_its_result(word: str) -> None:
    """`DECLINED` alone says nothing; with a detail it has one of the catalogue's reasons."""
    assert word in lithic_details(), "Lithic knows no such detail"
    assert lithic_event("DECLINED", word).reason in set(Reason)
    assert lithic_event("DECLINED", "DO_NOT_HONOR").reason == ISSUER_DECLINED


@pytest.mark.parametrize("word", sorted(stripe_reasons()))
def test_every_reason_of_stripe_leads_to_a_reason(word: str) -> None:
    """A request that was not approved has a reason of ours, and Stripe's word beside it."""
    read = stripe_event(word)
    assert (read.result, read.raw_result) == (EventResult.DECLINED, word)
    assert read.reason in OURS
    assert word in REASONS, "a word of the SDK's that the table leaves out"


def test_a_word_of_tomorrow_is_kept_and_never_read_as_a_reason() -> None:
    """Stripe says itself that it declined; of a new word of Lithic's nothing is known."""
    assert stripe_event("a_word_of_tomorrow").reason == ISSUER_DECLINED
    assert lithic_event("A_WORD_OF_TOMORROW", "X").result is EventResult.UNKNOWN
