"""An organization's own vendors, laid over the directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from signets.core.errors import Refusal, RefusalKind
from signets.core.merchant.collisions import collisions
from signets.core.merchant.directory import Directory, assemble, parse_vendor


def with_custom(directory: Directory, vendors: Iterable[Mapping[str, Any]]) -> Directory:
    """The directory with an organization's vendors added; the directory itself stays as it is.

    A custom vendor is a document of the same shape as a vendor file (``vendor.schema.json``). It
    adds; it never replaces: what the directory knows cannot be claimed by it. In it, ``observed``
    is the organization's own word, and a guess still never matches.

    Raises:
        Refusal: ``vendor_file_invalid`` where a document cannot be read, or its id or brand is
            another's; ``vendor_collision`` where its domain, an alias or a descriptor is.
    """
    fresh = {}
    compiled = {}
    for data in vendors:
        vendor, patterns = parse_vendor(data)
        owners = {d: directory.domain_of_host(d) for d in vendor.domains}
        for domain, owner in owners.items():
            if owner is not None:
                raise _collision(f"`{domain}` is already {owner} in the directory")
        if vendor.domain in fresh:
            raise _collision(f"vendor `{vendor.domain}` stands twice")
        fresh[vendor.domain] = vendor
        compiled[vendor.domain] = patterns
    if not fresh:
        return directory
    merged = assemble(
        {**directory.vendors, **fresh},
        {**directory.compiled, **compiled},
        directory.facilitators,
        directory.suffixes,
    )
    clashes = collisions(merged, fresh)
    if clashes:
        raise _collision("; ".join(clashes[:3]))
    return merged


def _collision(what: str) -> Refusal:
    message = f"the vendor cannot be added: {what}; make its forms or domains its own"
    return Refusal(RefusalKind.CONFLICT, "vendor_collision", message, param="vendors")
