"""Results of comparing compiled files with their sources, kept for the next audit.

One entry holds the matches of all files of one layer with sources of another, so images that
share the layers share it. Its key covers everything that decides: the bytes of sources and
compiled files, both interpreters, and the code that compares.
"""

from __future__ import annotations

import platform
from collections import defaultdict
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from auditor.evidence.bytecode.compiled_files import Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from auditor.evidence.bytecode.compiled_files import Compiled
    from auditor.model import Rootfs

_COMPARING = ("code_digest.py", "code_process.py", "bytecode_comparison.py", "compiled_files.py")


class DocumentCache(Protocol):
    """Small documents kept under keys; damaged and foreign ones count as absent."""

    def document(self, key: str) -> bytes | None:
        """Return the document under `key`."""

    def keep_document(self, key: str, content: bytes) -> None:
        """Keep a document under `key`."""


class BytecodeCache:
    """The matches of `suspects`, as far as an earlier audit has determined them."""

    def __init__(
        self, cache: DocumentCache, rootfs: Rootfs, suspects: Iterable[Compiled], version: str
    ) -> None:
        """Read what is kept; `version` is that of the image's interpreter."""
        groups: defaultdict[tuple[int | None, int | None], list[Compiled]] = defaultdict(list)
        for each in suspects:
            groups[each.layers].append(each)
        self._cache = cache
        self._groups: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for group in groups.values():
            if lines := _lines(rootfs, group):
                # Two layers may have the same files.
                self._groups[_key(version, lines.values())] |= lines
        self.known: dict[str, Match] = {}
        """By path of the compiled file."""
        for key, lines in self._groups.items():
            self.known |= _read(cache.document(key), lines)

    def keep(self, found: Mapping[str, Match]) -> None:
        """Keep new matches, for each group of which there are all."""
        for key, lines in self._groups.items():
            by_line = {line: found[path] for path, line in lines.items() if path in found}
            if len(by_line) == len(set(lines.values())):
                letters = "".join(by_line[line] for line in sorted(by_line))
                self._cache.keep_document(key, letters.encode("ascii"))


def _lines(rootfs: Rootfs, group: Iterable[Compiled]) -> dict[str, str]:
    """Return what decides about each file, by its path; nothing for unreadable ones."""
    files = {each.path: each for each in group}
    digests = rootfs.digests({*files, *(each.source for each in files.values())})
    return {
        path: f"{each.level} {digests[each.source].hex()} {digests[path].hex()}"
        for path, each in files.items()
        if path in digests and each.source in digests
    }


def _key(version: str, lines: Iterable[str]) -> str:
    head = (
        f"{_code_digest()} {platform.python_implementation()} {platform.python_version()} {version}"
    )
    text = "\n".join([head, *sorted(set(lines))])
    return f"bytecode {sha256(text.encode()).hexdigest()}"


def _read(document: bytes | None, lines: Mapping[str, str]) -> dict[str, Match]:
    """Return the matches of an entry; none where it is not about these files."""
    ordered = sorted(set(lines.values()))
    with suppress(ValueError):
        found = [Match(letter) for letter in (document or b"").decode("ascii")]
        if len(found) == len(ordered):
            by_line = dict(zip(ordered, found, strict=True))
            return {path: by_line[line] for path, line in lines.items()}
    return {}


@cache
def _code_digest(folder: Path = Path(__file__).parent) -> str:
    """Return a digest of the code that compares."""
    return sha256(b"".join((folder / name).read_bytes() for name in _COMPARING)).hexdigest()
