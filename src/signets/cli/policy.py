"""``policy``: the document that says what agents may buy."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signets.cli.output import REFUSED, CommandError, JsonFlag, print_json, print_lines
from signets.cli.session import open_client, plain
from signets.core.errors import Refusal

if TYPE_CHECKING:
    from signets.core.policy.model import Policy

policy = typer.Typer(no_args_is_help=True, help="What agents may buy.")

FileArgument = Annotated[
    Path, typer.Argument(help="The document, YAML or JSON.", exists=True, dir_okay=False)
]


@policy.command("show")
def show(
    *,
    version: Annotated[int | None, typer.Option(min=1, help="A stored version.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the policy in force as YAML with every default written out, ready to edit.

    Example: signets policy show > policy.yaml
    """
    import yaml

    with open_client() as client:
        found = client.policy.get(version)
    if as_json:
        print_json(plain(found))
        return
    document = _in_reading_order(found.document)
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    print_lines([f"# version {found.version}", body.rstrip()])


@policy.command("check")
def check(file: FileArgument, *, as_json: JsonFlag = False) -> None:
    """Check a document without a server; exit code 1 where it is not right.

    Example: signets policy check policy.yaml
    """
    from signets.core.policy.parse import parse_policy

    try:
        parsed = parse_policy(read_document(file))
        _check_vendors(parsed)
    except Refusal as refusal:
        if not as_json:
            raise
        problem = {"code": refusal.code, "message": refusal.message, "param": refusal.param}
        print_json({"ok": False, "error": problem})
        raise typer.Exit(REFUSED) from None
    organization = parsed.organization
    counts = {
        "rules": len(organization.rules),
        "caps": len(organization.caps),
        "budgets": len(organization.budgets),
        "agents": len(parsed.agents),
        "cards": len(parsed.cards),
    }
    if as_json:
        print_json({"ok": True, **counts})
        return
    print_lines([f"right: {', '.join(f'{count} {name}' for name, count in counts.items())}"])


def _check_vendors(parsed: Policy) -> None:
    """Its vendors against the directory; those put by API are known to the server alone."""
    if not parsed.vendors:
        return
    from signets.core.merchant.custom import with_custom
    from signets.core.merchant.document import render_document
    from signets.vendors import load_directory

    with_custom(load_directory(), [render_document(one) for one in parsed.vendors])


@policy.command("schema")
def schema() -> None:
    """Print the JSON Schema of a policy document, for editors and CI.

    Example: signets policy schema > policy.schema.json
    """
    from importlib.resources import files

    text = files("signets.core.policy").joinpath("schema.json").read_text()
    print_json(json.loads(text))


@policy.command("apply")
def apply(file: FileArgument, *, as_json: JsonFlag = False) -> None:
    """Put a document in force as the next version.

    Example: signets policy apply policy.yaml
    """
    document = read_document(file)
    with open_client() as client:
        made = client.policy.put(document)
    if as_json:
        print_json(plain(made))
        return
    print_lines([f"version {made.version} is in force"])


def read_document(file: Path) -> dict[str, Any]:
    """The file's mapping. A key written twice is a mistake, not an overwriting.

    Raises:
        CommandError: It is no YAML or JSON, or not a mapping of plain values.
    """
    import yaml

    text = file.read_text(encoding="utf-8")
    try:
        content = (
            json.loads(text, object_pairs_hook=_once)
            if file.suffix == ".json"
            else (
                yaml.load(text, Loader=_strict_loader())  # noqa: S506  # a SafeLoader of ours
            )
        )
        json.dumps(content)
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise CommandError(f"{file}, line {line}: {problem.problem}") from problem
    except (yaml.YAMLError, ValueError, TypeError) as problem:
        raise CommandError(f"{file}: {problem}") from problem
    if not isinstance(content, dict):
        raise CommandError(f"{file}: a policy is a mapping that starts with `version: 1`")
    return content


def _in_reading_order(document: dict[str, Any]) -> dict[str, Any]:
    """The document as docs/reference/policy.md orders it; the database keeps no order of keys."""
    from signets.core.policy.parse import parse_policy
    from signets.core.policy.render import render_policy

    try:
        return render_policy(parse_policy(document))
    except Refusal:
        return document  # written by a server that knows more than this command


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"`{key}` is written twice in one mapping")
        found[key] = value
    return found


def _strict_loader() -> Any:
    import yaml

    class StrictLoader(yaml.SafeLoader):
        def construct_mapping(
            self, node: yaml.MappingNode, deep: bool = False
        ) -> dict[Hashable, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for number, key in enumerate(keys):
                if key in keys[:number]:
                    mark = node.value[number][0].start_mark
                    raise yaml.constructor.ConstructorError(
                        None, None, f"`{key}` is written twice in one mapping", mark
                    )
            return super().construct_mapping(node, deep)

    return StrictLoader
