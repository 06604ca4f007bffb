"""The line of each key of a TOML document.

`tomli` returns values without their lines, and `packaging.pylock` names what is wrong by its path
(`packages[3].wheels[0].hashes`). This walks the text of a document that `tomli` has accepted and
yields the line of every table, key and array element. It interprets the structure only, not the
values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import tomli

if TYPE_CHECKING:
    from collections.abc import Iterator

KeyPath = tuple[str | int, ...]
"""Keys and array indices from the top of the document."""

_TOKEN = re.compile(
    r'''
      """(?:[^\\]|\\.)*?"""(?:"{0,2})     # up to two quotes may come before the closing ones
    | \'\'\'.*?\'\'\'(?:'{0,2})
    | "(?:[^"\\\n]|\\.)*"
    | '[^'\n]*'
    | \#[^\n]*
    | [\[\]{}=,.\n]
    | [^\s\[\]{}=,."'#]+
    ''',
    re.VERBOSE | re.DOTALL,
)
_PACKAGES_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*packages[ \t]*\]\]", re.MULTILINE)
_PATH_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def package_lines(text: str, count: int) -> tuple[int | None, ...]:
    """Return the line of each of the `count` entries of `packages`, from 1; None if not found."""
    lines: list[int] = []
    line, position = 1, 0
    for match in _PACKAGES_HEADER.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        lines.append(line)
    if len(lines) == count and '"""' not in text and "'''" not in text:
        # Only a string over several lines could hold text that looks like a header.
        return tuple(lines)
    found = {path[1]: line for path, line in walk(text) if len(path) == 2 and path[0] == "packages"}
    return tuple(found.get(index) for index in range(count))


def top_lines(text: str) -> dict[str, int]:
    """Return the line of each top-level key before the first table."""
    lines: dict[str, int] = {}
    for path, line in walk(text):
        if path[0] == "packages":
            break
        lines.setdefault(str(path[0]), line)
    return lines


def line_of(text: str, path: KeyPath) -> int | None:
    """Return the line of `path` or, where that is absent, of the innermost key around it."""
    best, best_line = 0, None
    for candidate, line in walk(text):
        if best < len(candidate) <= len(path) and candidate == path[: len(candidate)]:
            best, best_line = len(candidate), line
            if best == len(path):
                break
    return best_line


def key_path(context: str) -> KeyPath:
    """Read a path as `packaging.pylock` writes it: `packages[3].wheels[0].hashes`."""
    return tuple(int(match[1]) if match[1] else match[2] for match in _PATH_PART.finditer(context))


def walk(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Yield every table, key and array element of a valid TOML document with its line.

    A path may come more than once (a table of dotted keys); the first line is the right one.
    """
    walker = _Walker()
    line, position = 1, 0
    for match in _TOKEN.finditer(text):
        symbol = match[0]
        line += text.count("\n", position, match.start())
        position = match.start()
        if symbol[0] != "#":
            for path in walker.feed(symbol):
                yield path, line


@dataclass(slots=True)
class _Frame:
    """A table or array whose content is being read."""

    path: KeyPath
    is_array: bool = False
    index: int = 0
    """Of the array's current element."""
    key: list[str] = field(default_factory=list)
    """Of the table's current key, its dotted parts."""
    in_value: bool = False
    """True where the table's current key is complete."""

    def next_key(self) -> None:
        self.key.clear()
        self.in_value = False


class _Walker:
    """Follows the structure of a document token by token."""

    def __init__(self) -> None:
        self._stack = [_Frame(())]
        self._header: list[str] | None = None
        """The parts of the `[header]` being read."""
        self._header_depth = 0
        self._last_index: dict[KeyPath, int] = {}
        """The index of the latest element of each array of tables."""

    def feed(self, symbol: str) -> list[KeyPath]:
        """Read one token and return the paths that begin with it."""
        frame = self._stack[-1]
        if self._header is not None:
            return self._feed_header(self._header, symbol)
        if symbol in "\n,":
            self._end_item(frame, symbol)
            return []
        if symbol in "]}":
            # Nothing closes the outermost frame; the second `]` of a header comes here.
            if len(self._stack) > 1:
                self._stack.pop()
            return []
        if frame.is_array:
            return self._feed_value((*frame.path, frame.index), symbol)
        if frame.in_value:
            return self._feed_value((*frame.path, *frame.key), symbol)
        return self._feed_key(frame, symbol)

    def _end_item(self, frame: _Frame, symbol: str) -> None:
        if symbol == "\n":
            if len(self._stack) == 1:
                frame.next_key()
        elif frame.is_array:
            frame.index += 1
        else:
            frame.next_key()

    def _feed_key(self, frame: _Frame, symbol: str) -> list[KeyPath]:
        if symbol == "[":
            self._header, self._header_depth = [], 1
            return []
        if symbol == "=":
            frame.in_value = True
            return []
        if symbol == ".":
            return []
        frame.key.append(_unquoted(symbol))
        return [(*frame.path, *frame.key)]

    def _feed_value(self, path: KeyPath, symbol: str) -> list[KeyPath]:
        if symbol in "[{":
            self._stack.append(_Frame(path, is_array=symbol == "["))
        return [path]

    def _feed_header(self, parts: list[str], symbol: str) -> list[KeyPath]:
        if symbol == "[":
            self._header_depth = 2
        elif symbol == "]":
            self._header = None
            path = self._table(parts, is_array=self._header_depth == 2)
            self._stack = [_Frame(path)]
            return [path]
        elif symbol != ".":
            parts.append(_unquoted(symbol))
        return []

    def _table(self, parts: list[str], *, is_array: bool) -> KeyPath:
        """Return the path of a `[table]` or `[[array of tables]]`, with the indices it implies."""
        path: KeyPath = ()
        for number, part in enumerate(parts, start=1):
            path = (*path, part)
            if is_array and number == len(parts):
                self._last_index[path] = self._last_index.get(path, -1) + 1
            if path in self._last_index:
                path = (*path, self._last_index[path])
        return path


def _unquoted(symbol: str) -> str:
    """Return the key that a symbol of a key spells."""
    if symbol[0] not in "\"'":
        return symbol
    return str(tomli.loads(f"key = {symbol}")["key"])
