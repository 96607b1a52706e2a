"""``merchants``: the directory of vendors, and whether a merchant is one of them. No server."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

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
from signets.core.merchant.directory import Directory
from signets.core.merchant.domains import canonical_vendor
from signets.core.merchant.grammar import normalize
from signets.core.merchant.match import identify, match_lock
from signets.core.merchant.model import Learned, Merchant, MerchantLock, MerchantMatch

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
def list_(*, as_json: JsonFlag = False) -> None:
    """The vendors that the directory holds.

    Example: signets merchants list
    """
    from signets.vendors import read_vendor_files

    found = read_vendor_files()
    if as_json:
        keys = ("domain", "brand", "category", "aliases", "family")
        data = [{key: one.get(key) for key in keys} for one in found]
        print_json({"data": data, "has_more": False, "next_after": None})
        return
    rows = [
        (one["domain"], one["brand"], one["category"], len(one.get("network_ids", ())))
        for one in found
    ]
    print_table(("domain", "brand", "category", "known ids"), rows, empty="no vendors")


@merchants.command("show")
def show(lock: LockArgument, *, as_json: JsonFlag = False) -> None:
    """What is known about one vendor, and where it is known from.

    Example: signets merchants show openai.com
    """
    from signets.vendors import load_directory, read_vendor_files

    domain = canonical_vendor(lock, load_directory(), param="lock")
    found = next((one for one in read_vendor_files() if one["domain"] == domain), None)
    if found is None:
        raise CommandError(
            f"`{domain}` is not in the directory; a lock on it starts unverified (field: lock)"
        )
    if as_json:
        print_json(found)
        return
    forms = [form for line in found["lines"] for form in line["patterns"]]
    print_fields(
        (
            ("domain", domain),
            ("brand", found["brand"]),
            ("category", found["category"]),
            ("aliases", found.get("aliases")),
            ("family", found.get("family")),
            ("countries", [one["code"] for one in found["countries"]]),
            ("places", found.get("places")),
            ("sold through", [one["seller"] for one in found.get("sold_through", ())]),
        )
    )
    facts = [(one["text"], one["source"], one.get("note")) for one in forms]
    facts += [(n["name"], n["source"], n.get("note")) for n in found.get("legal_names", ())]
    facts += [(n["id"], n["source"], n.get("note")) for n in found.get("network_ids", ())]
    print_table(("name or id", "source", "note"), facts, empty="no names")


@merchants.command("match")
def match(
    *,
    file: Annotated[
        Path,
        typer.Option("--input", help="JSON objects, one a line; `-` reads stdin.", allow_dash=True),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line on stdout, for programs.")
    ] = False,
) -> None:
    """Hold merchants against locks: the directory alone decides, nothing that was learned.

    A line has `lock` and `descriptor`, and may have `mcc`, `country`, `city`, `acceptor_id` and
    `network_id`. All lines are read before the first is answered; a line that cannot be read is
    named, with its field, and the exit code is 2.

    Example: signets merchants match --input merchants.jsonl --json
    """
    from signets.vendors import load_directory

    directory = load_directory()
    lines = sys.stdin if str(file) == "-" else _open(file)
    asked = list(_read(lines, directory))
    write = sys.stdout.write
    for lock, vendor, merchant in asked:
        answer = _ask(vendor, merchant, directory)
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
    as_json: JsonFlag = False,
) -> None:
    """Why a merchant is, may be or is not the vendor of a lock.

    Example: signets merchants explain openai.com "OPENAI *CHATGPT SUBSCR" --country US
    """
    from signets.vendors import load_directory

    given = {
        "lock": lock,
        "descriptor": descriptor,
        "mcc": mcc,
        "country": country,
        "city": city,
        "acceptor_id": acceptor_id,
        "network_id": network_id,
    }
    directory = load_directory()
    try:
        _, vendor, merchant = _checked(given, directory, {})
    except ValueError as wrong:
        raise CommandError(str(wrong), USAGE) from None
    answer = _ask(vendor, merchant, directory)
    told = {
        **_told(vendor, merchant, answer),
        "read_as": normalize(descriptor),
        "looks_like": identify(merchant, directory, Learned()),
        "in_directory": directory.vendor(vendor) is not None,
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


def _ask(vendor: str, merchant: Merchant, directory: Directory) -> MerchantMatch:

    return match_lock(MerchantLock(vendors=(vendor,)), merchant, directory, Learned())


def _told(lock: str, merchant: Merchant, answer: MerchantMatch) -> dict[str, Any]:
    return {
        "lock": lock,
        "descriptor": merchant.descriptor,
        "result": str(answer.result),
        "confidence": answer.confidence,
        "vendor": answer.vendor,
        "reason": answer.rule,
    }
