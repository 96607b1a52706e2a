"""Short cuts on the way to a neutral tail: they give what the whole search gives."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from signets.core.merchant.grammar import Compiled, is_tail, normalize
from signets.core.merchant.tails import city_searches
from signets.vendors import load_directory

DIRECTORY = load_directory()
COMPILED = sorted(
    (patterns[0] for patterns in DIRECTORY.compiled.values()), key=lambda one: one.domain
)
WORDS = st.sampled_from(
    [
        "US", "CA", "SG", "USA", "UNITED KINGDOM", "IRELAND", "415 555 0100", "6463978051USD",
        "X1234", "CARD 1234", "USD 20.00", "04/09", "RECURRING", "HTTPS", "WWW", "WWW.", "ABOUT.",
        "BY", "BILL", "KOELN", "SANFRANCISCO", "KOEL",
        "SAN FRANCISCO", "NEW YORK NY", "SAN FRANCISC", "LONDON GB", "ZUG CH", "ZUG", "DUBLIN 2",
        "SUPPORT", "SHOP", "A", "Q7", "/IE", "NY",
    ]
)  # fmt: skip


def _searched(compiled: Compiled, text: str) -> bool:
    """The same without any short cut: the vendor's regex, and every city of its countries."""
    if compiled.tail.match(text) is not None:
        return True
    if text[-3:].isdigit():
        return False
    found = [one.regex.search(text) for one in city_searches(compiled.countries)]
    return any(
        city is not None and compiled.tail.match(text, 0, city.start()) is not None
        for city in found
    )


@settings(deadline=None)  # a vendor's regex is compiled when it is first needed
@given(st.sampled_from(COMPILED), st.data())
def test_a_short_cut_finds_what_the_whole_search_finds(
    compiled: Compiled, data: st.DataObject
) -> None:
    """First letters, own letters and first letters of cities leave out nothing that explains."""
    vendor = DIRECTORY.vendors[compiled.domain]
    own = [*map(normalize, vendor.domains), *map(normalize, vendor.places), normalize(vendor.brand)]
    piece = WORDS | st.sampled_from(own) | st.sampled_from(own).map(lambda text: text[:-2])
    pieces = data.draw(st.lists(piece, min_size=1, max_size=4))
    glue = data.draw(st.sampled_from([" ", " ", ""]))
    text = " " * data.draw(st.booleans()) + glue.join(pieces)
    assert is_tail(compiled, text, {}) == _searched(compiled, text), text
