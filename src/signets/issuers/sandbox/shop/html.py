"""Markup that cannot forget to escape: text is escaped, only markup made here is not."""

from __future__ import annotations

from html import escape

_EMPTY = frozenset({"input", "link", "meta"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | bool) -> Markup:
    """An element. Of an attribute's name a trailing ``_`` falls away, others become dashes.

    ``True`` writes the attribute alone, ``False`` leaves it out.
    """
    written = ""
    for key, value in attributes.items():
        shown = key.removesuffix("_").replace("_", "-")
        if isinstance(value, str):
            written += f' {shown}="{escape(value)}"'
        elif value:
            written += f" {shown}"
    if name in _EMPTY:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Children one after the other, escaped where they are text."""
    return Markup("".join(one if isinstance(one, Markup) else escape(one) for one in children))
