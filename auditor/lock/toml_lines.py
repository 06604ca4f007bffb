"""The line of each key of a TOML document.

`tomli` returns values without their lines, and `packaging.pylock` names what is wrong by its path
(`packages[3].wheels[0].hashes`). This walks the text of a document that `tomli` has accepted and
yields the line of every table, key and array element. It interprets the structure only, not the
values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import tomli

if TYPE_CHECKING:
    from collections.abc import Iterator

    _Symbols = Iterator[tuple[str, int]]

KeyPath = tuple[str | int, ...]
"""Keys and array indices from the top of the document."""

_SYMBOL = re.compile(
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
    symbols = _symbols(text)
    table: KeyPath = ()
    last_index: dict[KeyPath, int] = {}
    begins = True  # what follows is a header or a key, not the rest of a value
    for symbol, line in symbols:
        if begins and symbol == "[":
            table = _header(symbols, last_index)
            yield table, line
        elif begins and symbol != "\n":
            yield from _pair(symbol, line, symbols, table)
        begins = symbol == "\n"


def _symbols(text: str) -> Iterator[tuple[str, int]]:
    """Yield the symbols but the comments, each with its line."""
    line, position = 1, 0
    for match in _SYMBOL.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        if text[position] != "#":
            yield match[0], line


def _header(symbols: _Symbols, last_index: dict[KeyPath, int]) -> KeyPath:
    """Return the path of a `[table]` or `[[array of tables]]`, with the indices it implies.

    `last_index` has the index of the latest element of each array of tables.
    """
    parts: list[str] = []
    is_array = False
    for symbol, _ in symbols:
        if symbol == "]":
            break
        if symbol == "[":
            is_array = True
        elif symbol != ".":
            parts.append(_unquoted(symbol))
    path: KeyPath = ()
    for number, part in enumerate(parts, start=1):
        path = (*path, part)
        if is_array and number == len(parts):
            last_index[path] = last_index.get(path, -1) + 1
        if path in last_index:
            path = (*path, last_index[path])
    return path


def _pair(
    symbol: str, line: int, symbols: _Symbols, path: KeyPath
) -> Iterator[tuple[KeyPath, int]]:
    """Yield the paths in `key = value` in the table at `path`; `symbol` is its first symbol."""
    while symbol != "=":
        if symbol != ".":
            path = (*path, _unquoted(symbol))
            yield path, line
        symbol, line = next(symbols)
    yield from _value(*next(symbols), symbols, path)


def _value(
    symbol: str, line: int, symbols: _Symbols, path: KeyPath
) -> Iterator[tuple[KeyPath, int]]:
    """Yield the paths in the value at `path`; `symbol` is its first symbol."""
    yield path, line
    if symbol not in "[{":
        return
    index, begins = 0, True
    for inner, at in symbols:
        if inner in "]}":
            return
        if inner == ",":
            index, begins = index + 1, True
        elif begins and inner != "\n":
            read, below = (_value, (*path, index)) if symbol == "[" else (_pair, path)
            yield from read(inner, at, symbols, below)
            begins = False


def _unquoted(symbol: str) -> str:
    """Return the key that a symbol of a key spells."""
    if symbol[0] not in "\"'":
        return symbol
    return str(tomli.loads(f"key = {symbol}")["key"])
