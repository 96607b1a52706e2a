"""Merchant category codes in groups, because acquirers file the same vendor under neighbours.

A vendor names the groups it is billed under; a code outside them never proves another vendor, it
only keeps a name alone from matching. Codes: ISO 18245.
"""

from __future__ import annotations

from enum import StrEnum


class MccGroup(StrEnum):
    """A set of codes that acquirers use interchangeably for one line of business."""

    DIGITAL = "digital"  # software, hosting, subscriptions, information services
    TELECOM = "telecom"  # voice, SMS, network access
    ADVERTISING = "advertising"
    RETAIL = "retail"  # shops that post goods
    ENTERTAINMENT = "entertainment"  # games, video, music, books
    PAYMENTS = "payments"


_CODES = {
    MccGroup.DIGITAL: (
        "4814 4816 4899 5045 5734 5815 5816 5817 5818 5968 5969 7311 7333 7338 7361 7371 7372 7373 "
        "7374 7375 7379 7389 7392 7399 8299 8999"
    ),
    MccGroup.TELECOM: "4812 4813 4814 4816 4821 4899",
    MccGroup.ADVERTISING: "5969 7311 7333 7399",
    MccGroup.RETAIL: (
        "5192 5200 5262 5310 5311 5331 5399 5411 5499 5651 5691 5732 5942 5945 5964 5965 5999"
    ),
    MccGroup.ENTERTAINMENT: "4899 5735 5815 5816 5817 5818 5942 7829 7841 7994",
    MccGroup.PAYMENTS: "4829 6012 6051 6211 6540 7399",
}

_SOFTWARE = "4816 5045 5734 5817 5818 7371 7372 7373 7374 7375 7379"
#: What sellers of software, hosting and data are filed under, and hardly anybody else.
SOFTWARE = frozenset(_SOFTWARE.split())


def codes(group: MccGroup) -> frozenset[str]:
    """The four-digit codes of a group."""
    return frozenset(_CODES[group].split())
