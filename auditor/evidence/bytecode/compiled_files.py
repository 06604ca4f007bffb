"""The compiled files that the runtime's interpreter may load, and their sources."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from auditor.inventory.paths import is_directory
from auditor.model import FileType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Entry, Image, Inventory

_NAME = re.compile(r"(?P<module>[^.]+)\.cpython-(?P<digits>\d+)(?:\.opt-(?P<level>[12]))?\.pyc")

HEADER = 16
"""Bytes before the code."""

UNCHECKED, CHECKED, TIMESTAMP = 0b01, 0b11, 0b00
"""Flags of PEP 552: loaded without a look at the source, by its hash, by its time and size."""


class Match(StrEnum):
    """How a compiled file compares with its source; a letter each, for the cache."""

    SAME = "s"
    """It is what its source compiles to, or is for another source, so that Python ignores it."""
    OTHER = "o"
    UNREADABLE = "u"
    """It holds no code."""
    UNKNOWN = "-"
    """The source does not compile, or our compiler may only have chosen other jumps."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """One .pyc that Python looks at, and what its header says."""

    path: str
    source: str
    level: int
    """Of optimisation."""
    header: bytes
    layers: tuple[int | None, int | None]
    """The layers that it and its source are from."""

    @property
    def flags(self) -> int:
        """The flags of PEP 552."""
        return int.from_bytes(self.header[4:8], "little")

    def is_stale(self, source: Entry) -> bool:
        """Return whether its header (time and size) keeps Python from loading it."""
        if self.flags == TIMESTAMP:
            mtime = int.from_bytes(self.header[8:12], "little")
            size = int.from_bytes(self.header[12:16], "little")
            return (mtime, size) != (source.mtime, source.size & 0xFFFFFFFF)
        return self.flags not in (UNCHECKED, CHECKED)


def compiled_files(image: Image, inventory: Inventory) -> Iterator[tuple[Compiled, Entry]]:
    """Yield the .pyc files of the runtime interpreter that have a source, each with its entry."""
    rootfs = image.rootfs
    runtime, interpreter = inventory.runtime, inventory.interpreter
    tops = [entry.path for entry in runtime.sys_path] if runtime else []
    digits = interpreter.version.replace(".", "") if interpreter else ""
    elsewhere = image.config.env.get("PYTHONPYCACHEPREFIX", "").rstrip("/")
    seen: set[str] = set()
    for top in [*tops, elsewhere] if elsewhere else tops:
        for path, entry in rootfs.walk(top) if is_directory(rootfs, top) else ():
            if path in seen or not path.endswith(".pyc") or entry.type is not FileType.FILE:
                continue
            seen.add(path)
            folder, name = posixpath.split(path)
            match = _NAME.fullmatch(name)
            if match is None or match["digits"] != digits:
                continue
            source = f"{_source_folder(folder, elsewhere)}/{match['module']}.py"
            origin = rootfs.stat(source)
            if origin is not None and origin.type is FileType.FILE:
                header = rootfs.facts(path).bytecode_header
                level = int(match["level"] or 0)
                layers = (entry.layer, origin.layer)
                yield Compiled(path, source, level, header, layers), origin


def _source_folder(folder: str, elsewhere: str) -> str:
    if elsewhere and folder.startswith(elsewhere + "/"):
        return folder.removeprefix(elsewhere)
    return posixpath.dirname(folder) if folder.endswith("/__pycache__") else "/dev/null"
