"""What an agent typed, read as a vendor's domain."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signets.core.errors import Refusal
from signets.core.merchant.domains import canonical_vendor
from signets.vendors import load_directory

DIRECTORY = load_directory()


@pytest.mark.parametrize(
    ("typed", "vendor"),
    [
        ("openai.com", "openai.com"),
        ("https://OpenAI.com/", "openai.com"),
        ("api.openai.com", "openai.com"),
        ("  HTTPS://platform.openai.com:443/account/billing?x=1#top ", "openai.com"),
        ("chatgpt.com", "openai.com"),
        ("openai.com.", "openai.com"),
        ("claude.ai", "anthropic.com"),
        ("aws.amazon.com", "aws.amazon.com"),
        ("eu-west-1.console.aws.amazon.com", "aws.amazon.com"),
        ("www.amazon.com", "amazon.com"),
        ("railway.app", "railway.com"),
        ("acme.dev", "acme.dev"),
        ("billing.acme.dev", "acme.dev"),
        ("shop.acme.co.uk", "acme.co.uk"),
        ("fly.io", "fly.io"),
        (" Fly.io ", "fly.io"),
        ("pythonanywhere.com", "pythonanywhere.com"),
        ("www.ck", "www.ck"),
        ("shop.acme.com.ac", "acme.com.ac"),
    ],
)
def test_a_domain_host_or_url_names_its_vendor(typed: str, vendor: str) -> None:
    """Case, scheme, path, port and hosts below a vendor's domain do not matter."""
    assert canonical_vendor(typed, DIRECTORY) == vendor


@pytest.mark.parametrize(
    ("typed", "vendor"),
    [
        ("notopenai.com", "notopenai.com"),
        ("openai.com.evil.io", "evil.io"),
        ("openai.co", "openai.co"),
        ("openai-com.net", "openai-com.net"),
        ("evil.io/openai.com", "evil.io"),
        ("openai.vercel.app", "openai.vercel.app"),
        ("openai.up.railway.app", "openai.up.railway.app"),
        ("google.com", "google.com"),
        ("openai.pythonanywhere.com", "openai.pythonanywhere.com"),
        ("openai.github.io", "openai.github.io"),
        ("openai.s3.amazonaws.com", "openai.s3.amazonaws.com"),
    ],
)
def test_a_name_that_only_contains_a_vendor_is_another_vendor(typed: str, vendor: str) -> None:
    """Superstrings, sub-domains of strangers and apps on a platform are never the vendor."""
    assert canonical_vendor(typed, DIRECTORY) == vendor


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("openai", "vendor_unknown"),
        ("OpenAI", "vendor_unknown"),
        ("Amazon Web Services, Inc.", "vendor_unknown"),
        ("localhost", "vendor_unknown"),
        ("", "vendor_invalid"),
        ("not a domain", "vendor_invalid"),
        ("billing@openai.com", "vendor_invalid"),
        ("https://openai.com@evil.io/", "vendor_invalid"),
        ("10.0.0.1", "vendor_invalid"),
        ("-openai.com", "vendor_invalid"),
        ("openai..com", "vendor_invalid"),
        ("vercel.app", "vendor_invalid"),
        ("co.uk", "vendor_invalid"),
        ("anything.ck", "vendor_invalid"),
        ("оpenai.com", "vendor_invalid"),  # noqa: RUF001 (a Cyrillic letter)
        ("a" * 300 + ".com", "vendor_invalid"),
        ("javascript:alert(1)", "vendor_unknown"),
    ],
)
def test_what_is_not_a_domain_is_refused_with_its_field(typed: str, code: str) -> None:
    """The refusal names the field and says what would be right."""
    with pytest.raises(Refusal) as refused:
        canonical_vendor(typed, DIRECTORY)
    assert (refused.value.code, refused.value.param) == (code, "expected_merchant")


def test_a_bare_brand_is_refused_with_a_suggestion() -> None:
    """Somebody who types a brand learns the domain, and nothing is guessed for them."""
    with pytest.raises(Refusal, match=r"openai\.com"):
        canonical_vendor("OpenAI", DIRECTORY)


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.sampled_from(sorted(DIRECTORY.vendors)), LABELS, LABELS)
def test_only_names_below_a_vendors_domain_are_that_vendor(
    vendor: str, before: str, after: str
) -> None:
    """A label in front stays the vendor or a sibling; one glued on or put behind never does."""
    assert canonical_vendor(f"{before}{vendor}", DIRECTORY) not in ("", vendor)
    assert canonical_vendor(f"{vendor}.{after}x.io", DIRECTORY) == f"{after}x.io"


@given(st.text(max_size=60))
def test_any_text_gives_a_domain_or_a_refusal(text: str) -> None:
    """Nothing an agent types makes it fail otherwise; a result reads as itself again."""
    with contextlib.suppress(Refusal):
        vendor = canonical_vendor(text, DIRECTORY)
        assert canonical_vendor(vendor, DIRECTORY) == vendor
