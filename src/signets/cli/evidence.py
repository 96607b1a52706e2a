"""``evidence``: export what happened, and check such a file anywhere, offline."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from signets.cli.output import REFUSED, JsonFlag, print_error, print_json, print_lines
from signets.cli.session import open_client, plain

evidence = typer.Typer(no_args_is_help=True, help="What happened, provable offline.")


@evidence.command("export")
def export(
    intent: Annotated[str, typer.Argument(help="The intent's id.")],
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write.", dir_okay=False)
    ],
    as_json: JsonFlag = False,
) -> None:
    """Write an intent's evidence to a file, byte for byte as it is signed.

    Example: signets evidence export int_01h455vb4pex5vsknk084sn02q -o evidence.jsonl
    """
    with open_client() as client:
        bundle = client.evidence.bundle(intent)
    output.write_bytes(bundle)
    digest = hashlib.sha256(bundle).hexdigest()
    if as_json:
        print_json({"file": str(output), "bytes": len(bundle), "sha256": digest})
        return
    print_lines(
        [
            f"wrote {output} ({len(bundle)} bytes, SHA-256 {digest})",
            f"check it anywhere: signets evidence verify {output} --key <signets evidence key>",
        ]
    )


@evidence.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="An exported file.", exists=True, dir_okay=False)],
    *,
    key: Annotated[
        str | None,
        typer.Option(help="The log's verifier key, from a source other than the file."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check a file without server or network; exit code 0 only if it is whole.

    Example: signets evidence verify evidence.jsonl --key signets/org_01h455vb…+8f2c1d3e+Ab…
    """
    from signets.verifier import verify_bundle

    report = verify_bundle(file.read_bytes(), key)
    if as_json:
        print_json(report.as_dict())
    else:
        print_lines(report.lines())
        bad = report.bad_entry
        if bad is not None:
            print_error(
                f"bad entry: number {bad.position} in the file, {bad.id or 'no readable id'}"
            )
    if not report.ok:
        raise typer.Exit(REFUSED)


@evidence.command("key")
def show_key(*, as_json: JsonFlag = False) -> None:
    """Print the public key that checkpoints are signed with: publish it.

    Example: signets evidence key
    """
    with open_client() as client:
        found = client.evidence.key()
    if as_json:
        print_json(plain(found))
    else:
        print_lines([found.vkey])
