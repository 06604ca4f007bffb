"""Compiled files against their sources: whether Python would load another program.

Python ignores a .pyc of another version, or one whose source has another time and size (or,
by hash, other content) than its header says (PEP 552): that is no fault. One it would load
must be what its source compiles to, which an interpreter of the same magic number decides.
"""

from __future__ import annotations

import platform
import sys
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from importlib.util import MAGIC_NUMBER
from typing import TYPE_CHECKING

from auditor.evidence.bytecode.bytecode_cache import BytecodeCache
from auditor.evidence.bytecode.compiled_files import (
    HEADER,
    UNCHECKED,
    Compiled,
    Match,
    compiled_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from auditor.evidence.bytecode.bytecode_cache import DocumentCache
    from auditor.evidence.bytecode.code_process import CodeProcesses
    from auditor.model import Image, Interpreter, Inventory, Rootfs

_MAGIC = {"3.8": 3413, "3.9": 3425, "3.10": 3439, "3.11": 3495, "3.12": 3531, "3.13": 3571}
"""Version of CPython -> the number that its releases begin bytecode with."""

_WHY = {
    Match.OTHER: "is not what its source compiles to",
    Match.UNREADABLE: "contains no readable code",
}


@dataclass(frozen=True, slots=True)
class BytecodeFault:
    """A compiled file that Python loads although it is not what its source compiles to."""

    path: str
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Bytecode:
    """The result of comparing compiled files with their sources."""

    faults: tuple[BytecodeFault, ...] = ()
    verified: Mapping[str, str] = field(default_factory=dict)
    """Compiled file -> the source that it was compared with and equals, or that made it stale."""
    deaths: int = 0
    """Processes that died of the code that they read: some of it was not compared then."""


def check_bytecode(
    image: Image,
    inventory: Inventory,
    *,
    everything: bool = False,
    cache: DocumentCache | None = None,
    processes: Callable[[], CodeProcesses] | None = None,
) -> Bytecode:
    """Compare the runtime's compiled files with their sources.

    Headers are read of all, code only of files from another layer than their source, or of
    `everything`. What `cache` holds is not compared again; without `processes`, new ones are used.
    """
    interpreter = inventory.interpreter
    if interpreter is None or (magic := _magic(interpreter)) is None:
        return Bytecode()
    faults: list[BytecodeFault] = []
    verified: dict[str, str] = {}
    suspects: list[Compiled] = []
    for each, source in compiled_files(image, inventory):
        if each.header[:4] != magic or len(each.header) < HEADER or each.is_stale(source):
            verified[each.path] = each.source
        elif each.flags == UNCHECKED:
            why = "is loaded without checking its source (unchecked hash)"
            faults.append(BytecodeFault(each.path, each.source, why))
        elif everything or each.layers[0] != each.layers[1]:
            suspects.append(each)
    matches: Mapping[str, Match] = {}
    deaths = 0
    if magic == MAGIC_NUMBER and suspects:
        version = interpreter.full_version
        matches, deaths = _matches(image.rootfs, suspects, version, cache, processes)
    for each in suspects:
        match = matches.get(each.path)
        if match is Match.SAME:
            verified[each.path] = each.source
        elif match in _WHY:
            faults.append(BytecodeFault(each.path, each.source, _WHY[match]))
    faults.sort(key=lambda fault: fault.path)
    return Bytecode(tuple(faults), dict(sorted(verified.items())), deaths)


def _magic(interpreter: Interpreter) -> bytes | None:
    """Return what the interpreter's bytecode begins with; None where that is unknown here."""
    if interpreter.implementation != "cpython":
        return None
    if interpreter.version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return MAGIC_NUMBER
    number = _MAGIC.get(interpreter.version)
    return None if number is None else number.to_bytes(2, "little") + b"\r\n"


def _matches(
    rootfs: Rootfs,
    suspects: Sequence[Compiled],
    version: str,
    cache: DocumentCache | None,
    processes: Callable[[], CodeProcesses] | None,
) -> tuple[dict[str, Match], int]:
    """Return the match of every file that could be compared, and how many processes died."""
    matches = BytecodeCache(cache, rootfs, suspects, version) if cache else None
    known = matches.known if matches else {}
    left = [each for each in suspects if each.path not in known]
    if not left:
        return known, 0
    from auditor.evidence.bytecode.bytecode_comparison import compare  # noqa: PLC0415 -- a warm run needs none
    from auditor.evidence.bytecode.code_process import CodeProcesses  # noqa: PLC0415

    exact = version == platform.python_version()
    with nullcontext(processes()) if processes else closing(CodeProcesses()) as shared:
        found, deaths = compare(rootfs, left, shared, exact=exact)
    if matches and not deaths:
        matches.keep(found)
    return known | found, deaths
