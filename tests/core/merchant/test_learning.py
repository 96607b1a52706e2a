"""What an organization learns from verified settlements and from its members."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signets.core.errors import Refusal
from signets.core.merchant.learning import (
    Candidate,
    FactKind,
    LearningPolicy,
    MemberDecision,
    Settlement,
    Verdict,
    candidates,
    confirms_vendor,
    learn,
)
from signets.core.merchant.match import match_lock
from signets.core.merchant.model import Learned, MatchResult, Merchant, MerchantLock, MerchantMatch
from signets.vendors import load_directory

DIRECTORY = load_directory()
DAY = date(2026, 11, 2)
REAL = Merchant(descriptor="OPENAI *API", acceptor_id="REALID000000001", mcc="5734", country="US")
SPOOF = Merchant(descriptor="OPENAI *API", acceptor_id="SPOOFID00000001", mcc="5734", country="US")
ODD = Merchant(descriptor="ACME HOLDINGS 77", acceptor_id="ODDID0000000001", mcc="7372")


def settled(
    merchant: Merchant, *days: int, vendor: str = "openai.com", facilitated: bool = False
) -> list[Settlement]:
    """One verified settlement of the merchant on each of these days."""
    return [
        Settlement(
            transaction_id=f"txn_{merchant.acceptor_id}_{index}",
            vendor=vendor,
            merchant=merchant,
            day=DAY + timedelta(days=day),
            facilitated=facilitated,
        )
        for index, day in enumerate(days)
    ]


def said(
    verdict: Verdict, merchant: Merchant, vendor: str = "openai.com", intent_id: str | None = None
) -> MemberDecision:
    """A member's word."""
    return MemberDecision(vendor=vendor, merchant=merchant, verdict=verdict, intent_id=intent_id)


def ask(merchant: Merchant, learned: Learned, vendor: str = "openai.com") -> MerchantMatch:
    """Hold the merchant against a lock on the vendor."""
    return match_lock(MerchantLock(vendors=(vendor,)), merchant, DIRECTORY, learned)


def test_a_spoof_that_passed_once_is_never_learned() -> None:
    """One settlement makes a candidate, and nothing else."""
    found = candidates(settled(SPOOF, 0))
    assert {one.settlements for one in found} == {1}
    assert learn(found) == Learned()


def test_several_settlements_on_several_days_are_learned() -> None:
    """With the default, three settlements on three days confirm the id and the name."""
    learned = learn(candidates(settled(REAL, 0, 1, 2)))
    assert learned.confirmed_ids == (("openai.com", "REALID000000001"),)
    assert [fact.descriptor for fact in learned.confirmed_descriptors] == ["OPENAI API"]
    assert ask(REAL, learned).confidence >= 95


@pytest.mark.parametrize("days", [(0, 0, 0), (0, 0, 0, 1), (0, 1)])
def test_a_burst_is_not_learned(days: tuple[int, ...]) -> None:
    """Many settlements on one or two days do not count as three."""
    assert learn(candidates(settled(REAL, *days))).confirmed_ids == ()


def test_clearings_of_one_purchase_count_once() -> None:
    """The same transaction given again, on other days too, stays one settlement."""
    one = settled(REAL, 0)[0]
    again = [
        Settlement(
            transaction_id=one.transaction_id,
            vendor=one.vendor,
            merchant=one.merchant,
            day=one.day + timedelta(days=day),
        )
        for day in range(5)
    ]
    assert {found.settlements for found in candidates(again)} == {1}
    assert learn(candidates(again)) == Learned()


def test_once_ids_are_learned_a_spoof_under_the_same_name_is_unverified() -> None:
    """Id drift: the spoof that passed once is held back as soon as the real id is known."""
    learned = learn(candidates(settled(REAL, 0, 1, 2) + settled(SPOOF, 1)))
    assert ask(REAL, learned).result is MatchResult.MATCH
    assert ask(SPOOF, learned).result is MatchResult.UNVERIFIED


def test_what_came_through_a_facilitator_teaches_nothing() -> None:
    """A facilitator's id and name are shared by all its sellers."""
    assert candidates(settled(REAL, 0, 1, 2, 3, facilitated=True)) == ()


def test_an_id_seen_for_two_vendors_waits_for_a_member() -> None:
    """A contested id is confirmed for neither."""
    both = settled(REAL, 0, 1, 2) + settled(REAL, 0, 1, 2, vendor="figma.com")
    assert learn(candidates(both)).confirmed_ids == ()
    decided = learn(candidates(both), [said(Verdict.FOR_GOOD, REAL)])
    assert decided.confirmed_ids == (("openai.com", "REALID000000001"),)


def test_a_policy_may_leave_confirming_to_members() -> None:
    """With 0 settlements nothing is learned by counting."""
    never = LearningPolicy(settlements=0)
    assert learn(candidates(settled(REAL, *range(9))), policy=never) == Learned()
    assert learn((), [said(Verdict.FOR_GOOD, REAL)], never).confirmed_ids


def test_for_good_lets_a_name_through_that_the_directory_does_not_know() -> None:
    """A member's confirmation holds for the very name under its id, MCC and country."""
    before = ask(ODD, Learned(), "acme.dev")
    learned = learn((), [said(Verdict.FOR_GOOD, ODD, "acme.dev")])
    assert before.result is not MatchResult.MATCH
    assert ask(ODD, learned, "acme.dev").result is MatchResult.MATCH
    other_id = Merchant(descriptor=ODD.descriptor, acceptor_id="OTHERID00000001", mcc="7372")
    assert ask(other_id, learned, "acme.dev").result is MatchResult.UNVERIFIED
    other_mcc = Merchant(descriptor="ACME HOLDINGS 77", mcc="7995")
    by_name = learn((), [said(Verdict.FOR_GOOD, Merchant(descriptor="ACME HOLDINGS 77", mcc="1"))])
    assert ask(other_mcc, by_name).result is not MatchResult.MATCH


def test_for_good_never_outweighs_a_homoglyph_or_a_foreign_id() -> None:
    """Nothing that a member says makes an imitation pass."""
    fake = Merchant(descriptor="\u041ePENAI")
    stolen = Merchant(descriptor="OPENAI", acceptor_id="POLKQATDE4V1NYX")  # Figma's
    name = Merchant(descriptor="OPENAI")
    learned = learn((), [said(Verdict.FOR_GOOD, fake), said(Verdict.FOR_GOOD, name)])
    assert ask(fake, learned).result is MatchResult.NO_MATCH
    assert ask(stolen, learned).result is MatchResult.NO_MATCH


def test_another_merchant_denies_the_id_and_leaves_the_name() -> None:
    """A spoof bears the vendor's own name, which goes on working."""
    learned = learn((), [said(Verdict.ANOTHER, SPOOF)])
    assert ask(SPOOF, learned).result is MatchResult.NO_MATCH
    assert ask(REAL, learned).result is MatchResult.MATCH


def test_another_merchant_without_an_id_denies_the_name() -> None:
    """Where only the name was seen, the name is denied."""
    learned = learn((), [said(Verdict.ANOTHER, Merchant(descriptor="OPENAI *API"))])
    assert ask(Merchant(descriptor="Openai Api"), learned).result is MatchResult.NO_MATCH
    assert ask(Merchant(descriptor="OPENAI"), learned).result is MatchResult.MATCH


def test_what_a_member_denied_is_not_learned_by_counting() -> None:
    """The word outweighs any number of settlements; the last word outweighs the first."""
    many = candidates(settled(SPOOF, *range(9)))
    denied = learn(many, [said(Verdict.ANOTHER, SPOOF)])
    assert denied.confirmed_ids == ()
    assert denied.denied_ids == (("openai.com", "SPOOFID00000001"),)
    back = learn(many, [said(Verdict.ANOTHER, SPOOF), said(Verdict.FOR_GOOD, SPOOF)])
    assert back.confirmed_ids == (("openai.com", "SPOOFID00000001"),)
    assert back.denied_ids == ()


def test_once_is_bound_to_the_intent_and_to_the_very_merchant() -> None:
    """One permission names its intent, covers what was seen, and teaches nothing."""
    learned = learn((), [said(Verdict.ONCE, ODD, "acme.dev", intent_id="int_1")])
    answer = ask(ODD, learned, "acme.dev")
    assert (answer.result, answer.intent_id) == (MatchResult.MATCH, "int_1")
    for other in (
        Merchant(descriptor="ACME HOLDINGS 78", acceptor_id="ODDID0000000001"),
        Merchant(descriptor="ACME HOLDINGS 77", acceptor_id="OTHERID00000001"),
        Merchant(descriptor="ACME HOLDINGS 77"),
    ):
        assert ask(other, learned, "acme.dev").result is not MatchResult.MATCH
    assert learned.confirmed_ids == ()
    assert learned.confirmed_descriptors == ()
    assert ask(ODD, learned, "figma.com").result is MatchResult.NO_MATCH


def test_once_without_an_intent_is_refused() -> None:
    """A permission that is bound to nothing would be one for good."""
    with pytest.raises(Refusal) as refused:
        learn((), [said(Verdict.ONCE, ODD)])
    assert refused.value.code == "intent_required"


def test_a_second_vendor_takes_an_id_over() -> None:
    """An id belongs to one vendor: the newer word wins, and the older vendor loses it."""
    learned = learn(
        (), [said(Verdict.FOR_GOOD, REAL), said(Verdict.FOR_GOOD, REAL, vendor="figma.com")]
    )
    assert learned.confirmed_ids == (("figma.com", "REALID000000001"),)
    assert ask(REAL, learned).result is MatchResult.NO_MATCH


SIGHTINGS = st.lists(
    st.builds(
        Settlement,
        transaction_id=st.sampled_from([f"txn_{n}" for n in range(6)]),
        vendor=st.sampled_from(["openai.com", "figma.com"]),
        merchant=st.sampled_from([REAL, SPOOF, ODD]),
        day=st.integers(0, 5).map(lambda n: DAY + timedelta(days=n)),
    ),
    max_size=20,
)


@given(SIGHTINGS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_settlements_change_nothing(
    settlements: list[Settlement], random: object
) -> None:
    """Events arrive late and twice; what is learned is the same."""
    shuffled = settlements + settlements[:3]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert candidates(shuffled) == candidates(settlements)
    assert learn(candidates(shuffled)) == learn(candidates(settlements))


@given(SIGHTINGS)
def test_nothing_below_the_threshold_is_ever_confirmed(settlements: list[Settlement]) -> None:
    """Each confirmed id had three settlements on three days, for one vendor."""
    found = candidates(settlements)
    enough = {
        (one.vendor, one.value)
        for one in found
        if one.kind is FactKind.ID and one.settlements >= 3 and one.days >= 3
    }
    assert set(learn(found).confirmed_ids) <= enough


def test_a_candidate_keeps_mcc_and_country_only_where_all_agree() -> None:
    """What varied between settlements does not bind the name."""
    other = Merchant(descriptor="OPENAI *API", acceptor_id="REALID000000001", mcc="5734")
    mixed = settled(REAL, 0, 1) + settled(other, 2)
    found = next(one for one in candidates(mixed) if one.kind is FactKind.DESCRIPTOR)
    assert found == Candidate(
        vendor="openai.com",
        kind=FactKind.DESCRIPTOR,
        value="OPENAI API",
        settlements=2,
        days=3,
        mcc="5734",
        country=None,
    )


STRANGER = Merchant(descriptor="ACMESEARCH", acceptor_id="ACME0001", mcc="7372", country="US")


@pytest.mark.parametrize(
    ("changes", "confirmed"),
    [
        ({}, True),
        ({"merchant": msgspec.structs.replace(STRANGER, descriptor="AcmeSearch.dev")}, True),
        ({"vendor": "openai.com"}, False),  # described by the directory
        ({"merchant": msgspec.structs.replace(STRANGER, descriptor="ACMESEARCH SHOP")}, False),
        ({"merchant": msgspec.structs.replace(STRANGER, descriptor="PAYPAL *ACMESEARCH")}, False),
        ({"merchant": msgspec.structs.replace(STRANGER, acceptor_id=None)}, False),
        ({"settled": msgspec.structs.replace(STRANGER, acceptor_id="ACME0002")}, False),
        ({"known": Learned(confirmed_ids=(("acmesearch.dev", "ACME0009"),))}, False),
        ({"known": Learned(denied_ids=(("acmesearch.dev", "ACME0001"),))}, False),
        ({"policy": LearningPolicy(settlements=0)}, False),
    ],
)
def test_what_a_first_purchase_confirms(changes: dict[str, Any], confirmed: bool) -> None:
    """An undescribed vendor's derived name under one steady id, and nothing else."""
    given = {
        "vendor": "acmesearch.dev",
        "merchant": STRANGER,
        "known": Learned(),
        "policy": LearningPolicy(),
        **changes,
    }
    settled = given.pop("settled", given["merchant"])
    assert confirms_vendor(**given, settled=settled, directory=DIRECTORY) is confirmed


def test_a_first_purchase_is_known_and_a_members_word_outweighs_it() -> None:
    """One settlement is enough for it, unless a member denies it or members alone confirm."""
    first = Candidate(
        vendor="acmesearch.dev",
        kind=FactKind.ID,
        value="ACME0001",
        settlements=1,
        days=1,
        first_purchase=True,
    )
    assert learn([first]).confirmed_ids == (("acmesearch.dev", "ACME0001"),)
    assert learn([replace(first, first_purchase=False)]).confirmed_ids == ()
    assert learn([first], policy=LearningPolicy(settlements=0)).confirmed_ids == ()
    rival = replace(first, vendor="other.dev", first_purchase=False)
    assert learn([first, rival]).confirmed_ids == ()
    denied = MemberDecision(vendor="acmesearch.dev", merchant=STRANGER, verdict=Verdict.ANOTHER)
    assert learn([first], [denied]).confirmed_ids == ()
