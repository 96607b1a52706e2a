"""The matcher: three-valued, on a labelled corpus and on each rule by itself."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from signets.core.merchant.directory import parse_directory
from signets.core.merchant.match import identify, match_lock
from signets.core.merchant.model import Learned, MatchResult, Merchant, MerchantLock, MerchantMatch
from signets.vendors import load_directory

DIRECTORY = load_directory()
CORPUS = Path(__file__).parent / "corpus.tsv"
NOTHING = Learned()


def rows() -> list[dict[str, str]]:
    """The labelled corpus (see docs/reference/merchants.md for its columns)."""
    with CORPUS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def ask(
    lock: str,
    descriptor: str,
    *,
    learned: Learned = NOTHING,
    facilitators: bool = False,
    **merchant: str | None,
) -> MerchantMatch:
    """Hold one merchant against a lock on one vendor."""
    return match_lock(
        MerchantLock(vendors=(lock,), allow_facilitators=facilitators),
        Merchant(descriptor=descriptor, **merchant),
        DIRECTORY,
        learned,
    )


def test_corpus() -> None:
    """Each labelled row matches, or does not, as a person judged it; never the other way."""
    wrong = [
        f"{row['lock']} < {row['descriptor']}: {fault}" for row in rows() for fault in faults(row)
    ]
    assert not wrong, "\n".join(wrong)


def faults(row: dict[str, str]) -> Iterator[str]:
    """What is wrong with the answer to one row of the corpus."""
    answer = ask(
        row["lock"],
        row["descriptor"],
        mcc=row["mcc"] or None,
        country=row["country"] or None,
        city=row["city"] or None,
        acceptor_id=row["acceptor_id"] or None,
    )
    matched = answer.result is MatchResult.MATCH
    if matched != (row["label"] == "match"):
        yield f"{answer.result}, labelled {row['label']} ({answer.rule})"
    if not answer.rule:
        yield "no rule is said"
    low, high = {"match": (80, 99), "unverified": (20, 70), "no_match": (0, 5)}[answer.result]
    if not low <= answer.confidence <= high:
        yield f"{answer.result} with confidence {answer.confidence}"
    if (answer.vendor == row["lock"]) != matched:
        yield f"{answer.result}, and the vendor is {answer.vendor}"


def test_half_of_the_corpus_is_negative_and_every_row_has_a_source() -> None:
    """The corpus asks as often for a no as for a yes."""
    corpus = rows()
    assert len(corpus) >= 300
    assert 0.4 < sum(row["label"] == "refuse" for row in corpus) / len(corpus) < 0.6
    sources = {"public-form", "vendor-doc", "issuer-sample", "constructed"}
    assert {row["source"] for row in corpus} == sources


OPENAI_ID, FIGMA_ID, NEW_ID = "SXONGQUGQWWJUTM", "POLKQATDE4V1NYX", "ZZTOP0000000001"


def test_an_id_of_another_vendor_overrides_a_good_name() -> None:
    """An exact name under another vendor's known id is refused, and names that vendor."""
    for field in ("network_id", "acceptor_id"):
        answer = ask("openai.com", "OPENAI *CHATGPT SUBSCR", **{field: FIGMA_ID})
        assert (answer.result, answer.vendor) == (MatchResult.NO_MATCH, "figma.com")


def test_a_known_id_and_an_agreeing_name_are_the_surest_match() -> None:
    """The id raises confidence above that of any name alone, and settles a common word."""
    by_name = ask("openai.com", "OPENAI", mcc="5734", country="US", city="OPENAI.COM")
    by_id = ask("openai.com", "OPENAI", acceptor_id=OPENAI_ID)
    assert by_id.result is by_name.result is MatchResult.MATCH
    assert by_id.confidence > by_name.confidence
    assert ask("railway.com", "RAILWAY").result is MatchResult.UNVERIFIED
    assert ask("railway.com", "RAILWAY", network_id="P60LOXBWY2T6ENC").result is MatchResult.MATCH


def test_a_known_id_under_a_foreign_name_is_unverified() -> None:
    """An id alone is not enough: the acceptor may have changed hands."""
    answer = ask("openai.com", "FIGMA", acceptor_id=OPENAI_ID)
    assert answer.result is MatchResult.UNVERIFIED


@pytest.mark.parametrize("field", ["mcc", "country", "city", "url"])
def test_what_does_not_fit_holds_a_good_name_back(field: str) -> None:
    """A foreign MCC or country, or another's site, makes an exact name unverified."""
    foreign = {"mcc": "7995", "country": "NG", "city": "FIGMA.COM", "url": "https://evil.io/pay"}
    fits = {"mcc": "5734", "country": "US", "city": "OPENAI.COM", "url": "https://openai.com/pay"}
    assert ask("openai.com", "OPENAI", **{field: fits[field]}).result is MatchResult.MATCH
    answer = ask("openai.com", "OPENAI", **{field: foreign[field]})
    assert answer.result is MatchResult.UNVERIFIED


def test_confirmed_ids_make_a_new_id_unverified() -> None:
    """Id drift: a good name is no longer enough once the organization confirmed ids."""
    learned = Learned(confirmed_ids=(("openai.com", NEW_ID),))
    seen = {"learned": learned, "mcc": "5734", "country": "US"}
    assert ask("openai.com", "OPENAI", acceptor_id=NEW_ID, **seen).confidence == 99
    assert ask("openai.com", "OPENAI", acceptor_id=OPENAI_ID, **seen).result is MatchResult.MATCH
    drift = ask("openai.com", "OPENAI", acceptor_id="SOMETHINGELSE01", **seen)
    assert drift.result is MatchResult.UNVERIFIED
    assert ask("openai.com", "OPENAI", **seen).result is MatchResult.UNVERIFIED
    other = ask("figma.com", "FIGMA", acceptor_id=NEW_ID, learned=learned)
    assert (other.result, other.vendor) == (MatchResult.NO_MATCH, "openai.com")
    unaffected = ask("figma.com", "FIGMA", acceptor_id="SOMETHINGELSE01", learned=learned)
    assert unaffected.result is MatchResult.MATCH


def test_an_id_that_the_organization_confirmed_outweighs_mcc_and_country() -> None:
    """A member who confirmed the id has seen more than the directory."""
    learned = Learned(confirmed_ids=(("openai.com", NEW_ID),))
    answer = ask(
        "openai.com", "OPENAI", acceptor_id=NEW_ID, mcc="8299", country="JP", learned=learned
    )
    assert answer.result is MatchResult.MATCH


def test_a_facilitator_never_proves_the_seller() -> None:
    """Without the permission it is a no; with it, unverified until an id is confirmed."""
    learned = Learned(confirmed_ids=(("openai.com", NEW_ID),))
    name = "PAYPAL *OPENAI"
    assert ask("openai.com", name).result is MatchResult.NO_MATCH
    assert ask("openai.com", name, acceptor_id=NEW_ID, learned=learned).confidence <= 5
    allowed = ask("openai.com", name, facilitators=True)
    assert allowed.result is MatchResult.UNVERIFIED
    known = ask("openai.com", name, facilitators=True, acceptor_id=NEW_ID, learned=learned)
    assert known.result is MatchResult.MATCH
    other = ask("openai.com", "PAYPAL *FIGMA", facilitators=True)
    assert other.result is MatchResult.NO_MATCH
    fake = ask("openai.com", "PAYPAL *ОPENAI", facilitators=True)  # noqa: RUF001
    assert fake.result is MatchResult.NO_MATCH


def test_a_seller_is_named_where_the_vendor_is_also_sold_through_it() -> None:
    """A charge of the marketplace tells the reader which lock would be right."""
    answer = ask("neon.tech", "VERCEL PRO")
    assert (answer.result, answer.vendor) == (MatchResult.NO_MATCH, "vercel.com")
    assert "lock the card to vercel.com" in answer.rule


def test_a_custom_vendor_starts_unverified_and_matches_by_a_confirmed_id() -> None:
    """A domain outside the directory works: cautiously by name, surely by id."""
    learned = Learned(confirmed_ids=(("acme.dev", NEW_ID),))
    for name in ("ACME.DEV", "ACME", "Acme Inc.", "ACME HTTPSACME.DEV"):
        assert ask("acme.dev", name).result is MatchResult.UNVERIFIED
        found = ask("acme.dev", name, acceptor_id=NEW_ID, learned=learned)
        assert found.result is MatchResult.MATCH
    for name in ("ACME ROCKETS", "ACMEX", "MY ACME", "OPENAI"):
        assert ask("acme.dev", name).result is MatchResult.NO_MATCH
    renamed = ask("acme.dev", "ROCKETS", acceptor_id=NEW_ID, learned=learned)
    assert renamed.result is MatchResult.UNVERIFIED


def test_a_guess_never_matches() -> None:
    """A form marked `guess` is unverified even where all else agrees; observed, it matches."""
    for source, result in (("guess", MatchResult.UNVERIFIED), ("observed", MatchResult.MATCH)):
        data = {
            "domain": "acme.dev",
            "brand": "Acme",
            "category": "saas",
            "lines": [{"name": "main", "patterns": [{"text": "ACME CLOUD", "source": source}]}],
            "mcc_groups": ["digital"],
            "countries": [{"code": "US", "source": "guess"}],
            "network_ids": [{"id": NEW_ID, "source": "observed", "note": "test"}],
        }
        answer = match_lock(
            MerchantLock(vendors=("acme.dev",)),
            Merchant(descriptor="ACME *CLOUD", mcc="7372", country="US", acceptor_id=NEW_ID),
            parse_directory([data]),
            NOTHING,
        )
        assert answer.result is result


def test_a_lock_on_several_vendors_takes_the_best_answer() -> None:
    """Any of the lock's vendors may be the one; none of them means no; no lock matches nothing."""
    both = MerchantLock(vendors=("figma.com", "openai.com"))
    answer = match_lock(both, Merchant(descriptor="OPENAI"), DIRECTORY, NOTHING)
    assert (answer.result, answer.vendor) == (MatchResult.MATCH, "openai.com")
    doubt = match_lock(both, Merchant(descriptor="OPENAI", mcc="7995"), DIRECTORY, NOTHING)
    assert doubt.result is MatchResult.UNVERIFIED
    none = match_lock(MerchantLock(vendors=()), Merchant(descriptor="OPENAI"), DIRECTORY, NOTHING)
    assert none.result is MatchResult.NO_MATCH


def test_a_name_that_two_vendors_share_is_unverified_for_both() -> None:
    """Where a form, or what a cut left of it, fits two vendors, neither lock lets it through."""
    twins = [
        {
            "domain": domain,
            "brand": domain,
            "category": "saas",
            "lines": [{"name": "main", "patterns": [{"text": text, "source": "observed"}]}],
            "mcc_groups": ["digital"],
            "countries": [],
        }
        for domain, text in (("a.dev", "TWIN SOFTWARE EAST"), ("b.dev", "TWIN SOFTWARE WEST"))
    ]
    directory = parse_directory(twins)
    for domain in ("a.dev", "b.dev"):
        lock = MerchantLock(vendors=(domain,))
        cut = match_lock(lock, Merchant(descriptor="TWIN SOFTWARE"), directory, NOTHING)
        assert cut.result is MatchResult.UNVERIFIED
    whole = match_lock(
        MerchantLock(vendors=("a.dev",)),
        Merchant(descriptor="TWIN SOFTWARE EAST"),
        directory,
        NOTHING,
    )
    assert whole.result is MatchResult.MATCH


@pytest.mark.parametrize("name", ["", "   ", "***", "\x00", "OPENAI " * 20, "1" * 64, "1 " * 31])
def test_an_empty_or_absurd_name_never_matches(name: str) -> None:
    """No name, a name of signs, an endless name: all are answered, none passes."""
    assert ask("openai.com", name).result is not MatchResult.MATCH
    assert identify(Merchant(descriptor=name), DIRECTORY, NOTHING) is None


def test_identify_names_the_vendor_by_id_or_by_whole_name() -> None:
    """An id speaks first, then a name that is explained as a whole; a facilitator is nobody."""
    learned = Learned(confirmed_ids=(("acme.dev", NEW_ID),))

    def who(descriptor: str, acceptor_id: str | None = None) -> str | None:
        merchant = Merchant(descriptor=descriptor, acceptor_id=acceptor_id)
        return identify(merchant, DIRECTORY, learned)

    assert who("AMZN Mktp US*A12BC3DE4") == "amazon.com"
    assert who("GOOGLE *YouTubePremium") == "youtube.com"
    assert who("whatever", FIGMA_ID) == "figma.com"
    assert who("whatever", NEW_ID) == "acme.dev"
    assert who("OPENAI GIFT CARDS") is None
    assert who("PAYPAL *OPENAI") is None
    assert who("ОPENAI") is None  # noqa: RUF001


@pytest.mark.parametrize(
    ("lock", "descriptor", "result"),
    [
        ("figma.com", "FIGMA *PROFESSIONAL MONTHLY", "match"),
        ("figma.com", "FIGMA SUPPORT PLAN", "unverified"),
        ("figma.com", "FIGMA PRO PLUS", "unverified"),  # one plan, not two
        ("netlify.com", "NETLIFY INC* INV 20419", "match"),
        ("netlify.com", "NETLIFY LTD", "unverified"),  # no legal name of its
        ("vercel.com", "VERCEL SUBSCRIPT", "match"),  # the plan word may be cut
        ("render.com", "RENDER PRO PLAN", "unverified"),  # a common word stays one
        ("grafana.com", "RAINTANK INC DBA GRAFANA", "match"),
        ("adobe.com", "ADOBE SYSTEMS SOFTWARE IRL", "match"),
        ("cursor.com", "CURSOR, AI POWERED INEW YORK      NY", "match"),
        ("cursor.com", "CURSOR, AI POWERED ICECREAM       NY", "unverified"),
        ("apple.com", "APPLE.COM/US", "match"),
        ("fly.io", "FLY.IO.CO", "unverified"),
        ("netlify.com", "NETLIFYCOM", "match"),
        ("fly.io", "FLYIO", "unverified"),  # too short to lose its dot
        ("openai.com", "RECURRING PAYMENT AUTHORIZED ON 12/27 OPENAI CA", "match"),
        ("openai.com", "INT'L 0093267280 OPENAI", "match"),
        ("openai.com", "BILLING.OPENAI.COM", "match"),
        ("openai.com", "OPENAI.EVIL.COM", "no_match"),
    ],
)
def test_what_may_stand_around_a_name(lock: str, descriptor: str, result: str) -> None:
    """Plan words, legal names, references, run-together fields and a bank's words, and no more."""
    answer = ask(lock, descriptor)
    assert answer.result is not MatchResult.MATCH or result == "match", answer.rule
    assert (answer.result == result) or result != "match", answer.rule


def test_from_where_acquirers_sit_a_coined_name_may_come() -> None:
    """Ireland is no home of Netlify's, but its acquirer may be there; a common word needs more."""
    at_home = ask("netlify.com", "NETLIFY", country="US")
    hub = ask("netlify.com", "NETLIFY", country="IE")
    assert (at_home.result, hub.result) == (MatchResult.MATCH, MatchResult.MATCH)
    assert hub.confidence < at_home.confidence
    assert ask("netlify.com", "NETLIFY", country="FR").result is MatchResult.UNVERIFIED
    assert ask("render.com", "RENDER", country="IE", mcc="7372").result is MatchResult.UNVERIFIED


def test_a_common_word_passes_where_mcc_and_country_fit() -> None:
    """Both, or an MCC of software where no country was sent; not a country alone, nor a foreign
    one of the two, nor an MCC that others have too."""
    assert ask("render.com", "RENDER", country="US", mcc="7372").result is MatchResult.MATCH
    assert ask("render.com", "RENDER", mcc="7372").result is MatchResult.MATCH
    for more in ({"country": "US"}, {"mcc": "7392"}, {"country": "US", "mcc": "5812"}):
        assert ask("render.com", "RENDER", **more).result is MatchResult.UNVERIFIED


def test_a_common_word_without_an_mcc_needs_its_place_or_its_legal_name() -> None:
    """Its own country is not enough, its place in a foreign country neither."""
    assert ask("redis.io", "REDIS INC", country="US").result is MatchResult.MATCH
    assert ask("redis.io", "REDIS INC").result is MatchResult.UNVERIFIED
    assert ask("redis.io", "REDIS INC", country="BR").result is MatchResult.UNVERIFIED
    placed = {"city": "SAN FRANCISCO"}
    assert ask("render.com", "RENDER", country="US", **placed).result is MatchResult.MATCH
    assert ask("render.com", "RENDER", country="CL", **placed).result is MatchResult.UNVERIFIED


@pytest.mark.parametrize(
    ("lock", "descriptor", "more", "result"),
    [
        # a space where the brand has a capital
        ("elevenlabs.io", "ELEVEN LABS", {"country": "US"}, "match"),
        ("elevenlabs.io", "ELEVEN LABS", {}, "unverified"),
        ("elevenlabs.io", "ELEVEN MADISON PARK", {"country": "US"}, "no_match"),
        # what is sold, behind a star alone
        ("cloudflare.com", "CLOUDFLARE* DOMAINS", {"country": "US"}, "match"),
        ("cloudflare.com", "CLOUDFLARE* DOMAINS", {}, "unverified"),
        ("vercel.com", "VERCEL HOSTING", {"country": "US", "mcc": "7372"}, "unverified"),
        ("vercel.com", "VERCEL HOST*ING", {"country": "US", "mcc": "7372"}, "unverified"),
        ("vercel.com", "VERCEL* HOSTING EXPERTS", {"country": "US"}, "unverified"),
        # a month, before a reference or behind what was bought
        ("heroku.com", "HEROKU *DEC-12345678", {}, "match"),
        ("netlify.com", "NETLIFY USAGE NOV 2025", {}, "match"),
        ("netlify.com", "NETLIFY NOV SALE", {}, "unverified"),
        # letters and digits in turns
        ("canva.com", "CANVA* 4F7K29QX", {"country": "AU"}, "match"),
        ("canva.com", "CANVA* 4F7K29QX", {}, "unverified"),
        ("canva.com", "CANVA* 24H7TECH9", {"country": "AU"}, "unverified"),
        # cut at the 13th character, star included
        ("anthropic.com", "ANTHROPIC *CL", {}, "match"),
        ("ngrok.com", "NGROK *GATEWA", {}, "unverified"),
        # a legal form, from a city where no country was sent
        ("elastic.co", "ELASTICSEARCH BV", {"city": "AMSTERDAM"}, "match"),
        ("elastic.co", "ELASTICSEARCH BV", {"city": "LAGOS"}, "unverified"),
        # a bank's prefix does not count for the length
        ("grafana.com", "PURCHASE AUTHORIZED ON 11/04 RAINTANK INC DBA GRAFANA LABS NEW YORK NY",
         {}, "match"),
        ("hetzner.com", "VISA HETZNER ONLINE GMBH", {"country": "DE"}, "match"),
        ("hetzner.com", "VISA GIFT HETZNER", {"country": "DE"}, "no_match"),
        ("apple.com", "APPLECOMBILL", {}, "match"),
        # a legal form behind a country, cut where a field of 22 characters or more is full
        ("cloudflare.com", "CLOUDFLARE GERMANY GMB", {"mcc": "7372"}, "match"),
        ("cloudflare.com", "CLOUDFLARE GERMANY GMB", {}, "unverified"),
        ("cloudflare.com", "CLOUDFLARE GERMANY GMB", {"mcc": "7372", "country": "IE"},
         "unverified"),
        ("cloudflare.com", "CLOUDFLARE ICELAND EHF", {"mcc": "7372"}, "unverified"),
        ("datadoghq.com", "DATADOG IRELAND LIM", {"mcc": "7372", "country": "IE"}, "unverified"),
        # a product behind the legal name
        ("langchain.com", "LANGCHAIN, INC. LANGSMITH", {}, "match"),
        ("langchain.com", "LANGCHAIN, INC. LANGSMUTH", {}, "unverified"),
        # what a parent writes before it
        ("hostgator.com", "EIG*HOSTGATOR.COM", {}, "match"),
        ("openai.com", "EIG*OPENAI.COM", {}, "no_match"),
    ],
)  # fmt: skip
def test_written_transformations(
    lock: str, descriptor: str, more: dict[str, str], result: str
) -> None:
    """What is done to names is undone as the reference says, and no further."""
    assert ask(lock, descriptor, **more).result == result


@pytest.mark.parametrize(
    ("lock", "descriptor", "more", "result"),
    [
        # the site with its state glued on, though it does not fill the field
        ("posthog.com", "POSTHOG INC POSTHOG.COMCA", {}, "match"),
        ("posthog.com", "POSTHOG POSTHOG.COMBO", {}, "unverified"),
        # a whole legal name is not taken for a cut of a longer form
        ("intercom.com", "INTERCOM, INC.", {"city": "8778877815"}, "match"),
        ("intercom.com", "INTERCOM, INC.", {"city": "+353 1 234 5678"}, "unverified"),
        ("intercom.com", "INTERCOM, INC.", {}, "unverified"),
        # what is sold, behind a legal form
        ("klaviyo.com", "KLAVIYO INC. SOFTWARE", {"mcc": "7372"}, "match"),
        ("klaviyo.com", "KLAVIYO INC. SOFTWARE", {}, "unverified"),
        ("klaviyo.com", "KLAVIYO SOFTWARE", {"mcc": "7372"}, "unverified"),
        # what banks write before and behind
        ("openai.com", "POS W/D OPENAI *CHATGPT SUBSCR", {}, "match"),
        ("openai.com", "VISA DEBIT PURCHASE CARD 1234 OPENAI *CHATGPT SUBSCR", {}, "match"),
        ("cloud.google.com", "CB GOOGLE*CLOUD X7F6GK 04/09", {}, "match"),
        ("cloud.google.com", "CB GOOGLE*CLOUD X7F6GK", {}, "no_match"),
        # a legal form beside the vendor's site or place
        ("dnsimple.com", "DNSIMPLE CORPORATION", {"city": "DNSIMPLE.COM"}, "match"),
        ("dnsimple.com", "DNSIMPLE GMBH", {"city": "DNSIMPLE.COM"}, "unverified"),
        ("upcloud.com", "UPCLOUD LTD", {"city": "HELSINKI"}, "match"),
        ("upcloud.com", "UPCLOUD LTD", {}, "unverified"),
        # a legal form cut where the field is full
        ("slack.com", "SLACK TECHNOLOGIES LIM", {"country": "IE"}, "match"),
        ("slack.com", "SLACK TECHNOLOGIES LIM", {}, "unverified"),
        # the dots of a legal name
        ("segment.com", "SEGMENTIO INC", {"country": "US"}, "match"),
        # a contact that the vendor documents
        ("workspace.google.com", "GOOGLE*WORKSPACE NORTH CC@GOOGLE.COM", {}, "match"),
        ("workspace.google.com", "GOOGLE*WORKSPACE NORTH", {"country": "US"}, "unverified"),
    ],
)
def test_what_the_fifth_blind_file_showed(
    lock: str, descriptor: str, more: dict[str, str], result: str
) -> None:
    """Each general cause, and beside it what must not pass by it."""
    assert ask(lock, descriptor, **more).result.value == result


def test_a_store_behind_a_legal_name_is_nobodys_product() -> None:
    """`MICROSOFT STORE` is a form; with the legal form between, it is what a copy would write."""
    for name in ("MICROSOFT CORPORATION STORE", "MICROSOFT CORPORATION  STORE"):
        assert ask("microsoft.com", name).result is not MatchResult.MATCH


@pytest.mark.parametrize(
    ("more", "result"),
    [
        ({}, "unverified"),
        ({"city": "DELAWARE"}, "unverified"),
        ({"mcc": "5734"}, "match"),
        ({"city": "DEEPSEEK.COM"}, "match"),
    ],
)
def test_a_plan_and_a_thing_behind_a_brand_need_something_beside_them(
    more: dict[str, str], result: str
) -> None:
    """A plan and a thing bought are what a copy would write, too."""
    assert ask("deepseek.com", "DEEPSEEK PRO API CN", **more).result.value == result


@pytest.mark.parametrize(
    ("descriptor", "more", "result"),
    [
        ("BROWSERLESS", {"mcc": "7372", "country": "US"}, "match"),
        ("BROWSERLESS INC", {"mcc": "7372", "country": "US"}, "match"),
        ("BROWSERLESS BROWSERLESS.IO", {}, "match"),
        ("BROWSERLESS", {"mcc": "7372"}, "unverified"),
        ("BROWSERLESS", {"country": "US"}, "unverified"),
        ("BROWSERLESS", {"mcc": "7392", "country": "US"}, "unverified"),
        ("BROWSERLESS", {"mcc": "7372", "country": "GB"}, "unverified"),
        ("BROWSERLESS PRO PLAN", {"mcc": "7372", "country": "US"}, "unverified"),
        ("BROWSERLESS GMBH", {"mcc": "7372", "country": "US"}, "unverified"),
        ("BROWSERLESS SUPPORT", {"mcc": "7372", "country": "US"}, "unverified"),
        ("BROWSERLESSS", {"mcc": "7372", "country": "US"}, "no_match"),
    ],
)
def test_a_domain_cut_to_its_label_needs_mcc_and_country(
    descriptor: str, more: dict[str, str], result: str
) -> None:
    """A coined brand that only the vendor's domain shows passes where both fit, not by one."""
    assert ask("browserless.io", descriptor, **more).result.value == result


@pytest.mark.parametrize("lock", ["jasper.ai", "obsidian.md"])
def test_a_word_of_the_language_is_no_domain_cut_short(lock: str) -> None:
    """A label that is a word, marked as ambiguous, stays a guess."""
    name = lock.partition(".")[0].upper()
    assert ask(lock, name, mcc="7372", country="US").result is MatchResult.UNVERIFIED
