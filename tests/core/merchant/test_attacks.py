"""Generated imitations: none of them may pass, except where a written transformation explains it.

The written transformations are: another case, other separators or none where the name has some,
a cut at 13 characters or more, a bank's prefix, a neutral tail (the vendor's own site, a phone
number, one of its places or countries), fields of fixed width run together, a legal form, plan
words or a reference behind a plain name.
"""

from __future__ import annotations

import string
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from signets.core.merchant.directory import FIELD_WIDTHS, HUBS
from signets.core.merchant.grammar import Pattern, Source, normalize
from signets.core.merchant.match import match_lock
from signets.core.merchant.model import Learned, MatchResult, Merchant, MerchantLock
from signets.core.merchant.tails import CUT_MIN
from signets.vendors import load_directory, read_facilitators

DIRECTORY = load_directory()
NOTHING = Learned()


def matches(lock: str, descriptor: str, **merchant: str) -> bool:
    """Whether a card locked to the vendor would let this merchant through."""
    answer = match_lock(
        MerchantLock(vendors=(lock,)),
        Merchant(descriptor=descriptor, **merchant),
        DIRECTORY,
        NOTHING,
    )
    return answer.result is MatchResult.MATCH


def _plain(pattern: Pattern) -> bool:
    known = pattern.source is not Source.GUESS and not pattern.shortened
    return known and "{" not in pattern.text


@cache
def good_names() -> list[tuple[str, str]]:
    """Every (vendor, name) that passes by itself, with nothing else sent."""
    return [
        (vendor.domain, pattern.text.replace("|", ""))
        for vendor in DIRECTORY.vendors.values()
        for pattern in vendor.patterns
        if _plain(pattern) and matches(vendor.domain, pattern.text.replace("|", ""))
    ]


@cache
def good_forms() -> dict[str, list[str]]:
    """The same without separators, by vendor."""
    forms: dict[str, list[str]] = {domain: [] for domain in DIRECTORY.vendors}
    for domain, name in good_names():
        forms[domain].append("".join(c for c in name if c.isalnum()))
    return forms


@pytest.fixture(scope="module", autouse=True)
def _all_names_are_tried() -> None:
    """Takes seconds: neither whoever collects this file pays for it, nor an example's deadline."""
    good_forms()


GOOD = st.deferred(lambda: st.sampled_from(good_names()))
WORDS = st.sampled_from(
    [
        "REFUND", "REFUNDS", "SUPPORT", "SHOP", "STORE", "CAFE", "PIZZA", "GIFT", "CARDS", "THE",
        "HELPDESK", "OFFICIAL", "VERIFY", "YOUR", "BUY", "RESELLER", "TRAINING", "FANS", "BILLINGS",
    ]
)  # fmt: skip
STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM "
    "NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC"
)
REGIONS = {*STATES.split(" "), *(code for v in DIRECTORY.vendors.values() for code in v.countries)}
PLACES = {normalize(place) for v in DIRECTORY.vendors.values() for place in v.places}


def _bare(text: str) -> str:
    return "".join(c for c in text.upper() if c.isalnum())


def _explained(lock: str, edited: str) -> bool:
    """Whether a written transformation of one of the vendor's forms gives the edited name."""
    bare = _bare(edited)
    for form in good_forms()[lock]:
        if bare == form or (len(edited) >= CUT_MIN and form.startswith(bare)):
            return True
        if bare.startswith(form):
            rest = bare[len(form) :]
            tails = (*map(_bare, DIRECTORY.vendors[lock].domains), *map(_bare, PLACES))
            if any(tail.startswith(rest) for tail in tails) or rest in REGIONS:
                return True
    return _fills_a_field(lock, edited) or _has_reference(lock, edited)


def _fills_a_field(lock: str, edited: str) -> bool:
    """Whether one of the vendor's forms, cut by its field, and its site or state could stand
    there."""
    sites = [*(_bare(site) for site in DIRECTORY.vendors[lock].domains), *REGIONS]
    return any(
        form.startswith(_bare(edited[:width])) and site.startswith(_bare(edited[width:]))
        for width in FIELD_WIDTHS
        for form in good_forms()[lock]
        for site in sites
        if width < len(edited)
    )


def _has_reference(lock: str, edited: str) -> bool:
    """Whether the vendor has a form with a reference that the edited name could be."""
    heads = [
        _bare(compiled.head)
        for compiled in DIRECTORY.compiled[lock]
        if "{ref}" in compiled.pattern.text or "{code6}" in compiled.pattern.text
    ]
    rest = [_bare(edited)[len(head) :] for head in heads if _bare(edited).startswith(head)]
    return any(len(tail) == 6 or any(c.isdigit() for c in tail) for tail in rest)


def test_every_plain_form_passes_by_itself() -> None:
    """The attacks below start from names that do pass: most vendors have one."""
    assert len(good_names()) > 150
    assert len({domain for domain, _ in good_names()}) > 60


@given(GOOD, st.data())
def test_one_changed_character_never_passes(good: tuple[str, str], data: st.DataObject) -> None:
    """A character replaced, added, dropped or swapped gives another name."""
    domain, name = good
    at = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(string.ascii_uppercase + string.digits))
    edits = {
        "replace": name[:at] + letter + name[at + 1 :],
        "add": name[:at] + letter + name[at:],
        "append": name + letter,
        "drop": name[:at] + name[at + 1 :],
        "swap": name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
        "split": name[:at] + " " + name[at:],
    }
    edited = data.draw(st.sampled_from(sorted(edits.values())))
    assume(edited.strip() and normalize(edited) != normalize(name))
    if matches(domain, edited):
        assert _explained(domain, edited)


# Letters of other scripts that look like the Latin one.
HOMOGLYPHS = {
    "A": "\u0410\u0391", "B": "\u0412\u0392", "C": "\u0421\u03f9", "E": "\u0415\u0395",
    "H": "\u041d\u0397", "I": "\u0406\u0399", "K": "\u041a\u039a", "M": "\u041c\u039c",
    "N": "\u039d", "O": "\u041e\u039f", "P": "\u0420\u03a1", "S": "\u0405", "T": "\u0422\u03a4",
    "X": "\u0425\u03a7", "Y": "\u03a5", "Z": "\u0396", "L": "\u216c", "D": "\u216e",
    "V": "\u0474", "R": "\u13a1", "G": "\u050c", "U": "\u054d", "W": "\u051c", "F": "\u03dc",
    "J": "\u0408", "Q": "\u051a",
}  # fmt: skip


@given(GOOD, st.data())
def test_a_homoglyph_never_passes(good: tuple[str, str], data: st.DataObject) -> None:
    """A letter of another script, an accent or an invisible character in the name refuses it."""
    domain, name = good
    places = [i for i, c in enumerate(name) if c in HOMOGLYPHS]
    assume(places)
    at = data.draw(st.sampled_from(places))
    marks = ("\u0301", "\u200b", "\u00ad", "\u2160", "\u24c1")
    other = data.draw(
        st.sampled_from([*HOMOGLYPHS[name[at]], *(name[at] + mark for mark in marks)])
    )
    answer = match_lock(
        MerchantLock(vendors=(domain,)),
        Merchant(descriptor=name[:at] + other + name[at + 1 :]),
        DIRECTORY,
        NOTHING,
    )
    assert answer.result is MatchResult.NO_MATCH


@given(GOOD, WORDS, st.sampled_from([" ", "*", "-", " *", ". ", ""]))
def test_an_added_word_never_passes(good: tuple[str, str], word: str, glue: str) -> None:
    """A word before or after the name makes it another name."""
    domain, name = good
    assert not matches(domain, f"{word}{glue}{name}")
    longer = f"{name}{glue}{word}"
    assert not matches(domain, longer) or _explained(domain, longer)


SITES = [
    (vendor.domain, site.upper())
    for vendor in DIRECTORY.vendors.values()
    for site in vendor.domains
]


@given(
    st.sampled_from(SITES),
    st.sampled_from(
        ["{0}.CO", "{0}.NET", "{0}.SHOP", "{0}-PAY.COM", "{0}.EVIL.DEV", "MY-{0}", "{0}HELP.COM",
         "GET{0}", "{0}@EVIL.COM", "EVIL.{0}.CO", "WWW.{0}.PRO", "HTTPS://{0}.EVIL.CO/{0}",
         "{0} HELP", "{0} PAY", "{0}.HELP", "{0}.PAY", "{0}SHOP", "{0} BY EVIL", "{0}COMPANY"]
    ),
)  # fmt: skip
def test_a_longer_domain_is_another_one(site: tuple[str, str], form: str) -> None:
    """A vendor's domain inside a longer one is somebody else's."""
    domain, text = site
    assert not matches(domain, form.format(text))


@given(
    GOOD,
    st.sampled_from(["PLAN", "PRO", "SUBSCRIPTION", "MONTHLY", "INC", "4417-2209", "API CREDITS"]),
    WORDS,
    st.booleans(),
)
def test_plan_words_carry_no_other_word(
    good: tuple[str, str], plan: str, word: str, first: bool
) -> None:
    """What may stand behind a name takes nothing else along, before or behind it."""
    domain, name = good
    longer = f"{name} {word} {plan}" if first else f"{name} {plan} {word}"
    assert not matches(domain, longer) or _explained(domain, longer)
    assert not matches(domain, f"{word} {name} {plan}")


@given(
    GOOD,
    st.sampled_from(["LTD", "LIMITED", "GMBH", "PTY LTD", "SAS", "OU", "CORP", "UAB", "BV"]),
    st.sampled_from([None, "NG", "RU", "BR"]),
)
def test_a_legal_form_needs_a_country_that_has_it(
    good: tuple[str, str], form: str, country: str | None
) -> None:
    """`OPENAI LTD` may be anybody, where no country of the vendor's says otherwise."""
    domain, name = good
    sent = {"mcc": "7372", **({"country": country} if country else {})}
    longer = f"{name} {form}"
    assert not matches(domain, longer, **sent) or _is_legal_name(domain, longer)


def _is_legal_name(lock: str, text: str) -> bool:
    return _explained(lock, text) or any(
        pattern.line == "legal name" and _bare(pattern.text) == _bare(text)
        for pattern in DIRECTORY.vendors[lock].patterns
    )


@given(GOOD, st.sampled_from(["REFUND", "SUPPORT", "SHOP", "GIFTCARD", "HELPDESK"]), st.data())
def test_a_word_with_digits_for_letters_is_no_reference(
    good: tuple[str, str], word: str, data: st.DataObject
) -> None:
    """`SUPP0RT24H7` and its like are words, however many digits they have."""
    domain, name = good
    digits = str.maketrans("OIESAT", "013547")
    tail = data.draw(st.sampled_from(["", "24", "24H7", "2026", "1A2B3C"]))
    for written in (word, word.translate(digits)):
        longer = f"{name} {written}{tail}"
        assert not matches(domain, longer, mcc="7372", country="US") or _explained(domain, longer)


@given(GOOD, WORDS, st.sampled_from(["5552345678", "1234567", "24X7B2", "555-234-5678CA"]))
def test_a_word_before_digits_is_no_reference(
    good: tuple[str, str], word: str, digits: str
) -> None:
    """A phone number or digits glued to a word make no reference of it."""
    domain, name = good
    assume(len(word) > len("THE"))
    longer = f"{name} {word}{digits}"
    assert not matches(domain, longer, mcc="7372", country="US") or _explained(domain, longer)
    assert not matches(domain, f"{name}* {word}{digits}", mcc="7372", country="US") or _explained(
        domain, longer
    )


@given(GOOD, WORDS, st.sampled_from(["PURCHASE", "CARTE 02/04", "DEBIT CARD PURCHASE", "POS"]))
def test_a_banks_prefix_carries_no_other_word(
    good: tuple[str, str], word: str, prefix: str
) -> None:
    """What a bank writes before a name opens it to no other word, nor to a facilitator."""
    domain, name = good
    assert not matches(domain, f"{prefix} {word} {name}")
    assert not matches(domain, f"{prefix} SQ *{name}")


AROUND = st.sampled_from(
    [
        "V4410 09/06 {0}", "MISCELLANEOUS DEBIT {0} C#3310", "XX1234 01.07 USD 20.00 {0}",
        "{0} USD 20.00 VALUE DATE: 06/09/2024", "{0} CARD XX1234", "{0} FOREIGN TXN 20.00 @ 1.0837",
        "VISA DEBIT PURCHASE CARD 8003 {0} 06SEP", "{0} REF 24011346000", "{0}/DUBLIN/IRL 09/06",
    ]
)  # fmt: skip


@given(GOOD, WORDS, AROUND)
def test_what_a_bank_writes_around_a_name_opens_it_to_no_other_word(
    good: tuple[str, str], word: str, around: str
) -> None:
    """Card, day, amount, rate and reference are dropped, and nothing else with them: no word, no
    letter, no facilitator, and what they add to its length does not make a name a cut one."""
    domain, name = good
    assert not matches(domain, around.format(f"{word} {name}"))
    assert not matches(domain, around.format(f"{name} {word}")) or _explained(
        domain, f"{name} {word}"
    )
    assert not matches(domain, around.format(f"SQ *{name}"))
    short = name[: CUT_MIN - 3]
    assume(len(name) > len(short) == len(short.strip()) and short[-1].isalpha())
    if not matches(domain, short):
        assert not matches(domain, around.format(short))


@given(GOOD, GOOD, WORDS)
def test_by_somebody_else_is_somebody_elses(
    good: tuple[str, str], other: tuple[str, str], word: str
) -> None:
    """`BY` proves nothing but between two names of one vendor."""
    domain, name = good
    assume(other[0] != domain)
    assert not matches(domain, f"{name} BY {word}")
    assert not matches(domain, f"{word} BY {name}")
    assert not matches(domain, f"{name} BY {other[1]}")
    assert not matches(domain, f"{other[1]} BY {name}")


DOUBLED = sorted({(v.domain, normalize(v.brand)) for v in DIRECTORY.vendors.values()})


@given(st.sampled_from(DOUBLED), WORDS)
def test_the_brand_twice_carries_no_other_word(brand: tuple[str, str], word: str) -> None:
    """`ZOHO* ZOHO-ONE` is a form; a word that is no product of the vendor's is not."""
    domain, name = brand
    longer = f"{name}* {name}-{word}"
    assert not matches(domain, longer, mcc="7372", country="US") or _explained(domain, longer)


@given(st.sampled_from(["EVIL SHOP", "JOES PIZZA", "CARDS"]), GOOD, st.sampled_from([22, 23, 25]))
def test_a_vendors_site_in_the_next_field_proves_nothing(
    shop: str, good: tuple[str, str], width: int
) -> None:
    """The acceptor writes the city field: the vendor's name and site there are not its name."""
    domain, name = good
    for site in DIRECTORY.vendors[domain].domains:
        assert not matches(domain, f"{shop:<{width}}{site.upper()[:13]:<13}US")
        assert not matches(domain, shop, city=site)
    assert not matches(domain, f"{shop:<{width}}{name}")


LONG = st.deferred(lambda: st.sampled_from([good for good in good_names() if len(good[1]) > 25]))


@given(LONG, st.sampled_from([22, 23, 25]), WORDS)
def test_a_full_field_hides_no_word(good: tuple[str, str], width: int, word: str) -> None:
    """A name that fills its field passes with a city field behind it, not with another word."""
    domain, name = good
    assert not matches(domain, f"{name[:width]} {word}")
    field = f"{name[: width - 4]}{word[:4]:<4}"
    assert not matches(domain, f"{field} SAN FRANCISCO US") or _explained(domain, field)


@given(GOOD, st.sampled_from(sorted(HUBS)))
def test_a_hub_is_no_home_of_a_common_word(good: tuple[str, str], hub: str) -> None:
    """From where acquirers sit, a coined name may come; a foreign MCC still refuses it."""
    domain, name = good
    assert not matches(domain, name, country=hub, mcc="7995")


COMMON = [
    (vendor.domain, pattern.text.replace("|", ""))
    for vendor in DIRECTORY.vendors.values()
    for pattern in vendor.patterns
    if pattern.ambiguous and _plain(pattern)
]


@given(st.sampled_from(COMMON), st.sampled_from(["", " PRO PLAN", " INC", " 123456"]))
def test_a_common_word_alone_never_passes(common: tuple[str, str], behind: str) -> None:
    """Not by itself, not with plan words, not from a hub, not with a country or an MCC alone."""
    domain, name = common
    assume(common not in good_names())  # `VAST AI` is the vendor's own domain without its dot, too
    vendor = DIRECTORY.vendors[domain]
    assert not matches(domain, name + behind) or _explained(domain, name + behind)
    for country in HUBS - vendor.countries if vendor.countries else ():
        assert not matches(domain, name, country=country, mcc="7372")
    assert not matches(domain, name, mcc="5812", country="US")


SHORTENED = [
    (vendor.domain, pattern.text)
    for vendor in DIRECTORY.vendors.values()
    for pattern in vendor.patterns
    if pattern.shortened
]


@given(st.sampled_from(SHORTENED), WORDS, st.sampled_from(string.ascii_uppercase), st.data())
def test_a_domain_cut_short_opens_nothing_else(
    short: tuple[str, str], word: str, letter: str, data: st.DataObject
) -> None:
    """Beside an MCC and a country that fit: no other word, no letter more or less; without either
    of them, nothing at all."""
    domain, name = short
    country = data.draw(st.sampled_from(sorted(DIRECTORY.vendors[domain].countries) or ["US"]))
    both = {"mcc": "7372", "country": country}
    at = data.draw(st.integers(0, len(name) - 1))
    for edited in (name[:at] + name[at + 1 :], name[:at] + letter + name[at:], name + letter):
        assume(normalize(edited).replace(" ", "") != name.replace(" ", ""))
        assert not matches(domain, edited, **both) or _explained(domain, edited)
    for longer in (f"{name} {word}", f"{word} {name}", f"{name}{word}", f"{name} PRO PLAN"):
        assert not matches(domain, longer, **both)
    if len(name) < CUT_MIN:  # else it is the domain cut by its field
        assert not matches(domain, name, mcc="7372")
        assert not matches(domain, name, country=country)


@given(GOOD, st.sampled_from(read_facilitators()))
def test_a_facilitators_prefix_never_passes(
    good: tuple[str, str], facilitator: dict[str, str]
) -> None:
    """The name behind PayPal, Square, Paddle and the like is the seller's own choice."""
    domain, name = good
    assume(domain != facilitator.get("vendor"))
    for star in (" *", "*", "* ", " "):
        assert not matches(domain, f"{facilitator['prefix']}{star}{name}")


@given(GOOD, st.sampled_from(sorted(DIRECTORY.vendors)))
def test_another_vendors_name_never_passes(good: tuple[str, str], lock: str) -> None:
    """A lock on one vendor refuses every form of every other, siblings included."""
    domain, name = good
    assume(domain != lock)
    assert not matches(lock, name)


@given(GOOD, st.sampled_from(["5812", "7995", "5411", "4111"]), st.sampled_from(["NG", "RU"]))
def test_an_exact_name_under_a_foreign_mcc_or_country_never_passes(
    good: tuple[str, str], mcc: str, country: str
) -> None:
    """A good name is not enough where MCC or country do not fit the vendor."""
    domain, name = good
    vendor = DIRECTORY.vendors[domain]
    if vendor.mccs and mcc not in vendor.mccs:
        assert not matches(domain, name, mcc=mcc)
    if vendor.countries:
        assert not matches(domain, name, country=country)


@given(GOOD, st.data())
def test_a_foreign_known_id_never_passes(good: tuple[str, str], data: st.DataObject) -> None:
    """Every id in the directory belongs to one vendor; under it, no other name passes."""
    domain, name = good
    ids = [(v.domain, known.id) for v in DIRECTORY.vendors.values() for known in v.network_ids]
    owner, identifier = data.draw(st.sampled_from(ids))
    assume(owner != domain)
    assert not matches(domain, name, network_id=identifier)
    assert not matches(domain, name, acceptor_id=identifier)


@given(st.text(max_size=40), st.sampled_from(sorted(DIRECTORY.vendors)))
def test_arbitrary_text_never_passes(text: str, lock: str) -> None:
    """Whatever stands in the name, the matcher answers, and noise does not pass."""
    assert not matches(lock, text) or _explained(lock, text)


@given(GOOD, st.data())
def test_written_transformations_pass(good: tuple[str, str], data: st.DataObject) -> None:
    """Case, padding, a bank's prefix and the vendor's own site do not change the answer."""
    domain, name = good
    site = data.draw(st.sampled_from(DIRECTORY.vendors[domain].domains))
    spelled = data.draw(
        st.sampled_from(
            [
                name.lower(),
                name.title(),
                name.replace(" ", " *"),
                name.replace(" ", "   "),
                name.replace(" ", ""),
                f"POS {name}",
                f"{name} {site}",
                f"{name} https://www.{site}",
                f"{name} 888-555-0100",
            ]
        )
    )
    assume(len(spelled) <= 64)
    assert matches(domain, spelled)
