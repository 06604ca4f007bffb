"""Lines of text for a terminal: wrapped, labelled, and coloured as a whole or not at all."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from tabulate import tabulate

from auditor.report.escape import clip, guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NARROWEST = 40
"""Columns below which wrapping helps nobody."""

BOLD, RED, GREEN, YELLOW, CYAN = "1", "1;31", "1;32", "1;33", "1;36"
_LABEL = 10
_CELL = 60  # characters
_GAP = 2  # blanks between columns


class Line(NamedTuple):
    """One line and its colour (the parameters of ANSI's SGR sequence)."""

    text: str
    color: str = ""

    def render(self, *, color: bool) -> str:
        """Return the line as it is printed."""
        text = guard(self.text)
        return f"\x1b[{self.color}m{text}\x1b[0m" if color and self.color else text


def heading(text: str, color: str = BOLD) -> list[Line]:
    """Return a heading with the empty line before it."""
    return [Line(""), Line(text, color)]


def wrapped(text: str, width: int, first: str = "", rest: int = 0, color: str = "") -> list[Line]:
    """Return `text` in lines of `width` columns, after `first` and then `rest` blanks.

    A word longer than a line, a path or a digest, stays in one piece to be copied.
    """
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=" " * rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [Line(line, color) for line in lines or [first.rstrip()]]


def labelled(label: str, text: str, width: int, indent: int = 4) -> list[Line]:
    """Return a detail under its heading: the label in one column, the text in the next."""
    first = f"{' ' * indent}{label:<{_LABEL}} "
    return wrapped(text, width, first, len(first))


def columns(cells: Mapping[str, Sequence[str]], width: int) -> list[Line]:
    """Return a table from its columns by title, squeezed and wrapped into `width`."""
    table = [[title, *(clip(cell, _CELL) for cell in column)] for title, column in cells.items()]
    # The titles go in as a row: as headers they would be padded beyond their width.
    text = tabulate(
        list(zip(*table, strict=True)),
        tablefmt="plain",
        disable_numparse=True,
        maxcolwidths=_widths(table, width - _GAP),
    )
    return [Line(f"{' ' * _GAP}{line}".rstrip()) for line in text.splitlines()]


def _widths(table: Sequence[Sequence[str]], room: int) -> list[int]:
    """Return each column its natural width, the widest squeezed until the table fits `room`.

    No column is narrower than its title: before that the table grows over the edge.
    """
    widths = [max(len(cell) for cell in column) for column in table]
    room -= _GAP * (len(widths) - 1)
    while sum(widths) > room:
        spare = [width - len(column[0]) for width, column in zip(widths, table, strict=True)]
        wide = [at for at, left in enumerate(spare) if left]
        if not wide:
            break
        widths[max(wide, key=lambda at: widths[at])] -= 1
    return widths
