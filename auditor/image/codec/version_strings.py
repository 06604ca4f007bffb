"""The version strings in a file's bytes, found while they pass by.

A Python interpreter and a C library carry their own version as a string. Reading it from the
bytes needs no execution, and unlike `pyvenv.cfg` it is about the file that will run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.image.codec.stream import Buffer

_OVERLAP = 256
"""Bytes of a chunk searched again with the next: longer than any version string."""

_FOUND = 16
"""Different strings kept for one file; an honest one has two at most."""


class Mark(NamedTuple):
    """One kind of string."""

    start: bytes
    """What it begins with: found ten times as fast as the pattern by itself."""
    pattern: re.Pattern[bytes]
    """All of it; its group is the string that is found."""


_PYTHON = (
    Mark(b"\x003.", re.compile(rb"\0(3\.\d{1,3}\.\d{1,3}(?:(?:a|b|rc)\d{1,2})?\+?)\0")),
    Mark(b".cpython-3", re.compile(rb"\.(cpython-3\d{1,3}t)d?-[0-9a-z_-]{1,64}\.so\0")),
)
_GLIBC = Mark(
    b"GNU C Library", re.compile(rb"GNU C Library[^\0\n]{0,128}? version (\d{1,3}\.\d{1,3})(?=\D)")
)
_MUSL = Mark(b"\x001.", re.compile(rb"\0(1\.\d{1,3}\.\d{1,3})\0"))
PROBES = (
    (re.compile(r"python3?(\.\d+)?[td]*|libpython3.*\.so.*|(lib)?pypy3.*"), _PYTHON),
    (re.compile(r"libc\.so\.6|libc-2\.\d+\.so"), (_GLIBC,)),
    (re.compile(r"ld-musl-.*\.so\.1|libc\.musl-.*\.so\.1"), (_MUSL,)),
)
"""Whole base names of files, and the strings that they are searched for.

CPython and PyPy hold the language version (`3.11.7`, `3.13.0rc2`, a `+` marks a build from
a checkout); a free-threaded build also its ABI (`cpython-313t`), after the version. glibc and
musl hold their release."""

_PREFIXES = ("python", "pypy", "lib", "ld-")


def probe_for(name: str) -> tuple[Mark, ...] | None:
    """Return what a file of this base name is searched for, None for most."""
    if not name.startswith(_PREFIXES):
        return None
    return next((marks for pattern, marks in PROBES if pattern.fullmatch(name)), None)


class Search:
    """A search for strings in a file that comes in pieces."""

    def __init__(self, marks: tuple[Mark, ...]) -> None:
        self._marks = marks
        self._tail = b""
        self._found: dict[str, None] = {}

    def feed(self, piece: Buffer) -> None:
        """Search the next piece."""
        data = self._tail + piece
        for start, pattern in self._marks:
            at = data.find(start)
            while at != -1 and len(self._found) < _FOUND:
                if match := pattern.match(data, at):
                    self._found.setdefault(match[1].decode("ascii"))
                at = data.find(start, at + 1)
        self._tail = data[-_OVERLAP:]

    def result(self) -> tuple[str, ...]:
        """Return the different strings: versions first, each kind as found."""
        return tuple(sorted(self._found, key=lambda text: not text[0].isdigit()))


def versions_in(pieces: Iterable[Buffer], marks: tuple[Mark, ...]) -> tuple[str, ...]:
    """Return the strings that a whole file holds."""
    search = Search(marks)
    for piece in pieces:
        search.feed(piece)
    return search.result()
