"""``merchants``: the directory of vendors, and whether a merchant is one of them.

No server is needed; where a key is configured and one answers, what it knows counts too.
"""

from __future__ import annotations

import gc
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signets.cli.merchant_knowledge import Knowledge, OfflineFlag, load_knowledge
from signets.cli.output import (
    USAGE,
    CommandError,
    JsonFlag,
    print_fields,
    print_json,
    print_lines,
    print_table,
)
from signets.core.errors import Refusal
from signets.core.merchant.directory import Directory, Vendor
from signets.core.merchant.domains import canonical_vendor
from signets.core.merchant.model import Merchant, MerchantLock, MerchantMatch

if TYPE_CHECKING:
    from signets.app.known_merchants import KnownMerchants

merchants = typer.Typer(no_args_is_help=True, help="Vendors, and merchants as networks send them.")

_FIELDS = ("descriptor", "mcc", "country", "city", "acceptor_id", "network_id")
_FORMS = {
    "mcc": (re.compile(r"[0-9]{4}"), "four digits, such as `5734`"),
    "country": (re.compile(r"[A-Za-z]{2}"), "two letters, such as `US`"),
}

LockArgument = Annotated[str, typer.Argument(help="The vendor's domain.", metavar="LOCK")]
NameArgument = Annotated[
    str, typer.Argument(help="The merchant's name as the network sent it.", metavar="DESCRIPTOR")
]


@merchants.command("list")
def list_(*, offline: OfflineFlag = False, as_json: JsonFlag = False) -> None:
    """The vendors of the directory, and the organization's own where a key is configured.

    Example: signets merchants list
    """
    knowledge = load_knowledge(offline=offline)
    known = knowledge.known
    found = [known.directory.vendors[domain] for domain in sorted(known.directory.vendors)]
    if as_json:
        data = [
            {
                "domain": one.domain,
                "brand": one.brand,
                "category": one.category,
                "aliases": list(one.aliases),
                "family": one.family,
                "origin": str(known.origin(one.domain)),
            }
            for one in found
        ]
        print_json({"data": data, "has_more": False, "next_after": None, "known_by": knowledge.by})
        return
    knowledge.say_by()
    rows = [
        (one.domain, one.brand, one.category, len(one.network_ids), known.origin(one.domain))
        for one in found
    ]
    print_table(("domain", "brand", "category", "known ids", "from"), rows, empty="no vendors")


@merchants.command("show")
def show(lock: LockArgument, *, offline: OfflineFlag = False, as_json: JsonFlag = False) -> None:
    """What is known about one vendor, and where it is known from.

    Example: signets merchants show openai.com
    """
    knowledge = load_knowledge(offline=offline)
    known = knowledge.known
    domain = canonical_vendor(lock, known.directory, param="lock")
    found = known.directory.vendor(domain)
    learned = [
        *(
            (value, "learned", "confirmed id")
            for d, value in known.learned.confirmed_ids
            if d == domain
        ),
        *(
            (one.descriptor, "learned", "confirmed name")
            for one in known.learned.confirmed_descriptors
            if one.vendor == domain
        ),
        *(
            (value, "learned", "another's id")
            for d, value in known.learned.denied_ids
            if d == domain
        ),
        *(
            (value, "learned", "another's name")
            for d, value in known.learned.denied_descriptors
            if d == domain
        ),
    ]
    if found is None and not learned:
        raise CommandError(
            f"`{domain}` is not in the directory; a lock on it starts unverified (field: lock)"
        )
    facts = [*(_facts(found) if found else ()), *learned]
    if as_json:
        print_json(_shown(domain, found, knowledge, facts))
        return
    if found is not None:
        print_fields(
            (
                ("domain", domain),
                ("from", known.origin(domain)),
                ("brand", found.brand),
                ("category", found.category),
                ("aliases", list(found.aliases)),
                ("family", found.family),
                ("countries", sorted(found.countries)),
                ("places", list(found.places)),
                ("sold through", list(found.sold_through)),
            )
        )
    knowledge.say_by()
    print_table(("name or id", "source", "note"), facts, empty="no names")


def _facts(vendor: Vendor) -> list[tuple[str, str, str]]:
    forms = [(one.text, str(one.source), one.note or one.line) for one in vendor.patterns]
    return forms + [(one.id, str(one.source), one.note) for one in vendor.network_ids]


def _shown(
    domain: str, vendor: Vendor | None, knowledge: Knowledge, facts: list[tuple[str, str, str]]
) -> dict[str, Any]:
    described = vendor is not None
    return {
        "domain": domain,
        "origin": str(knowledge.known.origin(domain)) if described else None,
        "brand": vendor.brand if vendor else None,
        "category": vendor.category if vendor else None,
        "aliases": list(vendor.aliases) if vendor else [],
        "family": vendor.family if vendor else None,
        "countries": sorted(vendor.countries) if vendor else [],
        "mccs": sorted(vendor.mccs) if vendor else [],
        "places": list(vendor.places) if vendor else [],
        "sold_through": list(vendor.sold_through) if vendor else [],
        "facts": [
            {"name_or_id": value, "source": source, "note": note} for value, source, note in facts
        ],
        "known_by": knowledge.by,
    }


@merchants.command("match")
def match(
    *,
    file: Annotated[
        Path,
        typer.Option("--input", help="JSON objects, one a line; `-` reads stdin.", allow_dash=True),
    ],
    offline: OfflineFlag = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line on stdout, for programs.")
    ] = False,
) -> None:
    """Hold merchants against locks: by the directory, and by what the organization knows where a
    key is configured and the server answers. Which it was is said on stderr.

    A line has `lock` and `descriptor`, and may have `mcc`, `country`, `city`, `acceptor_id` and
    `network_id`. All lines are read before the first is answered; a line that cannot be read is
    named, with its field, and the exit code is 2.

    Example: signets merchants match --input merchants.jsonl --json
    """
    with _no_collector():
        knowledge = load_knowledge(offline=offline)
        known = knowledge.known
        lines = sys.stdin if str(file) == "-" else _open(file)
        asked = list(_read(lines, known.directory))
        knowledge.say_by()
        _answer(asked, known, as_json=as_json)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Vendors, lines and answers stay to the end: nothing is worth looking through for cycles,
    which takes a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _answer(
    asked: list[tuple[str, str, Merchant]], known: KnownMerchants, *, as_json: bool
) -> None:
    write = sys.stdout.write
    answers: dict[tuple[str, Merchant], MerchantMatch] = {}  # the same charges come again and again
    locks = {vendor: MerchantLock(vendors=(vendor,)) for _, vendor, _ in asked}
    for lock, vendor, merchant in asked:
        question = (vendor, merchant)
        answer = answers.get(question)
        if answer is None:
            answer = answers[question] = known.judge(locks[vendor], merchant)
        told = _told(lock, merchant, answer)
        if as_json:
            write(json.dumps(told) + "\n")
        else:
            print_lines(["\t".join(str(value) for value in told.values())])


@merchants.command("explain")
def explain(
    lock: LockArgument,
    descriptor: NameArgument,
    *,
    mcc: Annotated[str | None, typer.Option(help="Merchant category code.")] = None,
    country: Annotated[str | None, typer.Option(help="Country, two letters.")] = None,
    city: Annotated[str | None, typer.Option(help="What stood in the city field.")] = None,
    acceptor_id: Annotated[str | None, typer.Option(help="Card acceptor id (MID).")] = None,
    network_id: Annotated[str | None, typer.Option(help="The network's merchant id.")] = None,
    offline: OfflineFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Why a merchant is, may be or is not the vendor of a lock.

    Example: signets merchants explain openai.com "OPENAI *CHATGPT SUBSCR" --country US
    """
    from signets.app.vendors import explain as explained

    given = {
        "lock": lock,
        "descriptor": descriptor,
        "mcc": mcc,
        "country": country,
        "city": city,
        "acceptor_id": acceptor_id,
        "network_id": network_id,
    }
    knowledge = load_knowledge(offline=offline)
    try:
        _, vendor, merchant = _checked(given, knowledge.known.directory, {})
    except ValueError as wrong:
        raise CommandError(str(wrong), USAGE) from None
    found = explained(knowledge.known, vendor, merchant)
    told = {
        **_told(vendor, merchant, found.match),
        "read_as": found.read_as,
        "looks_like": found.looks_like,
        "origin": str(found.origin) if found.origin else None,
        "known_by": knowledge.by,
    }
    if as_json:
        print_json(told)
        return
    print_fields(told.items())


def _open(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8-sig") as lines:
        yield from lines


def _read(lines: Iterator[str] | Any, directory: Directory) -> Iterator[tuple[str, str, Merchant]]:
    """Each line as the lock that was written, its vendor, and the merchant.

    Raises:
        CommandError: A line cannot be read; it is named, with its field.
    """
    vendors: dict[str, str] = {}
    rest = enumerate(lines, start=1)
    number = 0
    while True:
        try:
            number, line = next(rest)
            if line.strip():
                yield _checked(_object(line), directory, vendors)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise CommandError(f"line {number + 1}: not UTF-8", USAGE) from None
        except ValueError as wrong:
            raise CommandError(f"line {number}: {wrong}", USAGE) from None


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as wrong:
        raise ValueError(f"not JSON: {wrong.msg} at column {wrong.colno}") from None
    except RecursionError:
        raise ValueError("not JSON that can be read: it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError('not a JSON object; write {"lock": "…", "descriptor": "…"}')
    return found


def _checked(
    given: dict[str, Any], directory: Directory, vendors: dict[str, str]
) -> tuple[str, str, Merchant]:
    """Raises ValueError naming the field. ``vendors`` remembers locks that were read."""

    lock = _text(given, "lock")
    if not lock:
        raise ValueError("no vendor's domain (field: lock)")
    if lock not in vendors:
        try:
            vendors[lock] = canonical_vendor(lock, directory, param="lock")
        except Refusal as refusal:
            raise ValueError(f"{refusal.message} (field: lock)") from None
    fields = {name: _text(given, name) for name in _FIELDS}
    if fields["descriptor"] is None:
        raise ValueError("no merchant's name (field: descriptor)")
    for name, (form, meaning) in _FORMS.items():
        value = fields[name]
        if value is not None and form.fullmatch(value) is None:
            raise ValueError(f"`{value[:40]}` is not {meaning} (field: {name})")
    country = fields["country"]
    fields["country"] = country.upper() if country else None
    return lock, vendors[lock], Merchant(**fields)  # type: ignore[arg-type]  # checked above


def _text(given: dict[str, Any], name: str) -> str | None:
    """A field's text; None where it is missing, null or (but for the name) empty."""
    value = given.get(name)
    if name == "mcc" and isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:04d}"
    if value is None or (value == "" and name != "descriptor"):
        return None
    if not isinstance(value, str):
        raise ValueError(f"a text is wanted, not {json.dumps(value)[:40]} (field: {name})")
    return value


def _told(lock: str, merchant: Merchant, answer: MerchantMatch) -> dict[str, Any]:
    return {
        "lock": lock,
        "descriptor": merchant.descriptor,
        "result": str(answer.result),
        "confidence": answer.confidence,
        "vendor": answer.vendor,
        "reason": answer.rule,
    }
