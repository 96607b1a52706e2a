"""Commands that talk to a running server, as any client does: through the SDK."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from signets.cli.configuration import load_settings
from signets.cli.credentials import load_key
from signets.cli.output import UNREACHABLE, USAGE, CommandError, print_json, print_table, say

if TYPE_CHECKING:
    from signets import Signets
    from signets.client.pages import Page
    from signets.client.types import Value

    T = TypeVar("T", bound=Value)


def find_key() -> str | None:
    """The key that the environment or ``signets init --save`` gave."""
    return os.environ.get("SIGNETS_API_KEY") or load_key(load_settings().data_dir)


@contextmanager
def open_client(*, max_retries: int = 2) -> Iterator[Signets]:
    """A client with the key and the address that the environment or ``signets init`` gave.

    Raises:
        CommandError: There is no key, nobody answers, or an argument cannot be sent.
    """
    from signets import Signets
    from signets.client.errors import APIConnectionError

    settings = load_settings()
    key = find_key()
    if key is None:
        raise CommandError(
            "no API key: set SIGNETS_API_KEY (`signets init` makes the first one, and keeps it "
            "with --save)",
            USAGE,
        )
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    address = os.environ.get("SIGNETS_BASE_URL") or f"http://{host}:{settings.port}"
    with Signets(api_key=key, base_url=address, max_retries=max_retries) as client:
        try:
            yield client
        except ValueError as wrong:
            # The SDK's own word for an argument that cannot be sent (an empty id).
            if type(wrong) is not ValueError:
                raise
            raise CommandError(str(wrong), USAGE) from wrong
        except APIConnectionError as problem:
            raise CommandError(
                f"cannot reach {address}: {problem}; is `signets serve` running? "
                "(SIGNETS_BASE_URL names another address)",
                UNREACHABLE,
            ) from problem


def show_page(
    page: Page[T],
    columns: Sequence[str],
    row: Callable[[T], Sequence[object]],
    *,
    empty: str,
    as_json: bool,
) -> None:
    """One page of a list, as a table or as the API has it."""
    if as_json:
        print_json(
            {
                "data": [plain(one) for one in page.data],
                "has_more": page.has_more,
                "next_after": page.next_after,
            }
        )
        return
    print_table(columns, [row(one) for one in page.data], empty=empty)
    if page.has_more:
        say(f"more follow: --after {page.next_after}")


def plain(value: Value) -> dict[str, Any]:
    """An answer as plain JSON data."""
    return value.model_dump(mode="json")
