"""An organization's own vendors, laid over the directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from signets.core.errors import Refusal, RefusalKind
from signets.core.merchant.collisions import collisions
from signets.core.merchant.directory import Directory, Vendor, assemble, parse_vendor
from signets.core.merchant.document import join
from signets.core.merchant.domains import registrable


def with_custom(
    directory: Directory, vendors: Iterable[Mapping[str, Any]], *, path: str = "vendors"
) -> Directory:
    """The directory with an organization's vendors added; the directory itself stays as it is.

    A custom vendor is a document of the same shape as a vendor file (``vendor.schema.json``). It
    adds; it never replaces: what the directory knows cannot be claimed by it. In it, ``observed``
    is the organization's own word, and a guess still never matches. ``path`` names the list in
    refusals; empty, the only document is meant.

    Raises:
        Refusal: ``vendor_file_invalid`` where a document cannot be read, ``vendor_collision`` where
            its domain, an alias, a name, an id or a descriptor is another's. ``param`` is the field
            (``vendors[2].aliases[0]``).
    """
    fresh: dict[str, str] = {}  # domain: path of its document
    known = {**directory.vendors}
    compiled = {**directory.compiled}
    for number, data in enumerate(vendors):
        at = f"{path}[{number}]" if path else ""
        vendor, patterns = parse_vendor(data, at)
        _check_domains(vendor, directory, at)
        if vendor.domain in fresh:
            raise _collision(f"vendor `{vendor.domain}` stands twice", join(at, "domain"))
        fresh[vendor.domain] = at
        known[vendor.domain] = vendor
        compiled[vendor.domain] = patterns
        _check_claims(vendor, directory, at)
    if not fresh:
        return directory
    try:
        merged = assemble(known, compiled, directory.facilitators, directory.suffixes)
    except Refusal as refusal:  # two of the new ones claim the same
        raise _collision(refusal.message, path) from refusal
    for domain, at in fresh.items():
        clashes = collisions(merged, (domain,))
        if clashes:
            raise _collision("; ".join(clashes[:3]), join(at, "lines"))
    return merged


def _check_domains(vendor: Vendor, directory: Directory, at: str) -> None:
    """Its domain is one that somebody registered, and neither that nor an alias is another's."""
    for number, domain in enumerate(vendor.domains):
        param = join(at, f"aliases[{number - 1}]" if number else "domain")
        owner = directory.domain_of_host(domain)
        if owner is not None:
            raise _collision(f"`{domain}` is already {owner} in the directory", param)
        under = registrable(domain, directory.suffixes)
        if under is None or (number == 0 and under != domain):
            wanted = f"`{under}`" if under else "one such as `acme.dev`"
            raise Refusal(
                RefusalKind.INVALID,
                "vendor_invalid",
                f"`{param}`: `{domain}` is no domain that a vendor registers; give {wanted}",
                param=param,
            )


def _check_claims(vendor: Vendor, directory: Directory, at: str) -> None:
    """Its ids and names are not another's."""
    for number, known in enumerate(vendor.network_ids):
        owner = directory.domain_of_id(known.id)
        if owner is not None:
            param = join(at, f"network_ids[{number}].id")
            raise _collision(f"the id `{known.id}` is known to be {owner}'s", param)
    for number, name in enumerate((vendor.brand, *vendor.legal_names)):
        owner = directory.domain_of_brand(name)
        if owner is not None:
            param = join(at, f"legal_names[{number - 1}].name" if number else "brand")
            raise _collision(f"the name `{name}` is {owner}'s", param)


def _collision(what: str, param: str) -> Refusal:
    message = f"the vendor cannot be added: {what}; make its forms, names and domains its own"
    return Refusal(RefusalKind.CONFLICT, "vendor_collision", message, param=param or None)
