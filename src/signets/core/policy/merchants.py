"""The parts of a policy document about merchants: ``vendors`` and ``learning``."""

from __future__ import annotations

from signets.core.errors import Refusal, invalid
from signets.core.merchant.directory import parse_vendor
from signets.core.merchant.document import VendorDocument, read_document
from signets.core.merchant.learning import LearningPolicy
from signets.core.policy.fields import Section, refuse

MAX_VENDORS = 200
MAX_SEEN = 50  # settlements, and days


def read_vendors(top: Section) -> tuple[VendorDocument, ...]:
    """The organization's own vendors, each readable by itself.

    Whether one claims what the directory or another vendor has is checked where the directory is at
    hand: when the document is put in force.
    """
    found: dict[str, VendorDocument] = {}
    for value, path in top.items("vendors", MAX_VENDORS):
        data = Section.open_map(value, path).values
        try:
            document = read_document(data, path)
            parse_vendor(data, path)  # its patterns can be read, too
        except Refusal as refusal:
            raise invalid("policy_invalid", refusal.message, param=refusal.param) from refusal
        if document.domain in found:
            raise refuse(f"{path}.domain", f"repeats `{document.domain}`; give each one entry")
        found[document.domain] = document
    return tuple(found.values())


def read_learning(top: Section) -> LearningPolicy:
    """How often an id or name must be seen on verified settlements to be known without a member.

    Never once, nor on one day: what passed by its good name alone could have been a spoof.
    """
    section = top.section("learning", frozenset({"settlements", "days"}))
    usual = LearningPolicy()
    settlements = section.integer("settlements", 0, MAX_SEEN)
    if settlements == 1:
        raise refuse(
            section.at("settlements"),
            f"must be 0 (only members confirm) or 2 to {MAX_SEEN}: one purchase proves nothing",
        )
    settlements = usual.settlements if settlements is None else settlements
    days = section.integer("days", 2, MAX_SEEN)
    if days is None:
        days = min(usual.days, settlements) if settlements else usual.days
    if settlements and days > settlements:
        raise refuse(
            section.at("days"),
            f"must be at most `settlements` ({settlements}): a purchase counts on one day",
        )
    return LearningPolicy(settlements=settlements, days=days)
