"""What was found out about compiled files, remembered for the next audit.

One entry holds the matches of all files that came in one layer from sources of another: images
that share the layers share it. Its key names everything that decides: the bytes of sources and
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

from auditor.evidence.compiled_files import Match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from auditor.evidence.compiled_files import Compiled
    from auditor.model import Rootfs

_JUDGES = ("code_digest.py", "code_process.py", "bytecode_comparison.py", "compiled_files.py")


class DocumentCache(Protocol):
    """Documents kept under a key; what is damaged or foreign counts as absent."""

    def document(self, key: str) -> bytes | None:
        """Return what was kept under `key`."""

    def keep_document(self, key: str, content: bytes) -> None:
        """Keep a small document."""


class BytecodeCache:
    """The matches of `suspects`, as far as an earlier audit has found them out."""

    def __init__(
        self, memory: DocumentCache, rootfs: Rootfs, suspects: Iterable[Compiled], version: str
    ) -> None:
        """Look for them; `version` is the image's interpreter's."""
        groups: defaultdict[tuple[int | None, int | None], list[Compiled]] = defaultdict(list)
        for each in suspects:
            groups[each.layers].append(each)
        self._memory = memory
        self._groups: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for group in groups.values():
            if lines := _lines(rootfs, group):
                # Two layers may bring the same.
                self._groups[_key(version, lines.values())] |= lines
        self.known: dict[str, Match] = {}
        """By path of the compiled file."""
        for key, lines in self._groups.items():
            self.known |= _read(memory.document(key), lines)

    def keep(self, found: Mapping[str, Match]) -> None:
        """Keep what was found out now, where that is all of a group."""
        for key, lines in self._groups.items():
            by_line = {line: found[path] for path, line in lines.items() if path in found}
            if len(by_line) == len(set(lines.values())):
                letters = "".join(by_line[line] for line in sorted(by_line))
                self._memory.keep_document(key, letters.encode("ascii"))


def _lines(rootfs: Rootfs, group: Iterable[Compiled]) -> dict[str, str]:
    """Return what decides about each file, by its path; files that cannot be read have nothing."""
    files = {each.path: each for each in group}
    digests = rootfs.digests({*files, *(each.source for each in files.values())})
    return {
        path: f"{each.level} {digests[each.source].hex()} {digests[path].hex()}"
        for path, each in files.items()
        if path in digests and each.source in digests
    }


def _key(version: str, lines: Iterable[str]) -> str:
    head = f"{_judge()} {platform.python_implementation()} {platform.python_version()} {version}"
    text = "\n".join([head, *sorted(set(lines))])
    return f"bytecode {sha256(text.encode()).hexdigest()}"


def _read(document: bytes | None, lines: Mapping[str, str]) -> dict[str, Match]:
    """Return what an entry says; nothing where it is not about these files."""
    ordered = sorted(set(lines.values()))
    with suppress(ValueError):
        found = [Match(letter) for letter in (document or b"").decode("ascii")]
        if len(found) == len(ordered):
            by_line = dict(zip(ordered, found, strict=True))
            return {path: by_line[line] for path, line in lines.items()}
    return {}


@cache
def _judge(folder: Path = Path(__file__).parent) -> str:
    """Return a name that changes with the code that decides."""
    return sha256(b"".join((folder / name).read_bytes() for name in _JUDGES)).hexdigest()
