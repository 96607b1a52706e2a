"""docs/reference/declines.md says what the adapters do."""

from __future__ import annotations

import pytest
from tests.contract import declines_page

from signets.core.reasons import Reason
from signets.issuers.lithic.answers import DECLINE_RESULTS
from signets.issuers.stripe.answers import REASONS


def test_the_page_is_what_the_adapters_do() -> None:
    """Regenerating changes nothing (`python -m tests.contract.declines_page` writes it)."""
    assert declines_page.PAGE.read_text() == declines_page.render()


@pytest.mark.parametrize("reason", [*Reason, *declines_page.UNJUDGED])
def test_every_reason_of_ours_has_its_row(reason: str) -> None:
    """No reason is without a word at Lithic, and the page shows it."""
    assert f"| `{reason}` | `{DECLINE_RESULTS[reason]}` |" in declines_page.PAGE.read_text()


def test_ways_back_lead_to_reasons_that_exist() -> None:
    """What Stripe's words are turned into is in the catalogue."""
    assert set(REASONS.values()) <= {*Reason}
