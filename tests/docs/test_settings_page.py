"""docs/reference/settings.md says what the code reads."""

from __future__ import annotations

from tests.docs import settings_page

from signets.settings import Settings


def test_the_page_is_what_the_code_says() -> None:
    """Regenerating the page changes nothing (`python -m tests.docs.settings_page` writes it)."""
    assert settings_page.PAGE.read_text() == settings_page.render()


def test_every_setting_is_explained() -> None:
    """No setting is without a sentence."""
    undescribed = [name for name, field in Settings.model_fields.items() if not field.description]
    assert undescribed == []
