"""What commands about merchants decide by: the directory, and what a server knows beside it.

Without a key, with ``--offline`` or without a server that answers, the directory decides alone; the
output says which it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from signets.cli.output import UNREACHABLE, CommandError, say
from signets.cli.session import find_key, open_client

if TYPE_CHECKING:
    from signets.app.known_merchants import KnownMerchants
    from signets.client.merchant_types import MerchantKnowledge

OfflineFlag = Annotated[
    bool, typer.Option("--offline", help="Ask no server: the directory decides alone.")
]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known, and by whom: ``directory`` alone or ``organization`` too."""

    known: KnownMerchants
    by: str

    def say_by(self) -> None:
        """Tell it on stderr, where stdout has no place for it."""
        words = {
            "directory": "the directory alone decides",
            "organization": "the directory decides, with what the organization knows",
        }
        say(words[self.by])


def load_knowledge(*, offline: bool) -> Knowledge:
    """What the organization of the configured key knows, laid over the directory.

    Raises:
        CommandError: The server refuses the key.
    """
    from signets.app.known_merchants import KnownMerchants
    from signets.core.merchant.model import Learned
    from signets.vendors import load_directory

    if not offline and find_key() is not None:
        try:
            with open_client(max_retries=0) as client:
                return Knowledge(_over_directory(client.merchants.knowledge()), "organization")
        except CommandError as problem:
            if problem.code != UNREACHABLE:
                raise
            say(f"{problem}")
    return Knowledge(KnownMerchants(load_directory(), Learned()), "directory")


def _over_directory(told: MerchantKnowledge) -> KnownMerchants:
    from signets.app.known_merchants import KnownMerchants
    from signets.app.merchant_records import VendorOrigin
    from signets.core.merchant.custom import with_custom
    from signets.core.merchant.model import ConfirmedDescriptor, Learned
    from signets.vendors import load_directory

    documents = [one.document for one in told.vendors]
    return KnownMerchants(
        with_custom(load_directory(), documents),
        Learned(
            confirmed_ids=tuple((one.vendor, one.value) for one in told.ids),
            confirmed_descriptors=tuple(
                ConfirmedDescriptor(
                    vendor=one.vendor, descriptor=one.value, mcc=one.mcc, country=one.country
                )
                for one in told.names
            ),
            denied_ids=tuple((one.vendor, one.value) for one in told.other_ids),
            denied_descriptors=tuple((one.vendor, one.value) for one in told.other_names),
        ),
        {str(one.document["domain"]): VendorOrigin(one.origin) for one in told.vendors},
    )
