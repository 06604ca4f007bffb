"""Compiled files against their sources: whether Python would load another program.

Python ignores a .pyc of another version, or one whose source has another time and size (or,
by hash, other content) than its header says (PEP 552): that is no fault. One it would load
must be what its source compiles to, which an interpreter of the same magic number decides.
"""

from __future__ import annotations

import hashlib
import platform
import posixpath
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from importlib.util import MAGIC_NUMBER
from typing import TYPE_CHECKING

from auditor.evidence.code_process import CodeProcess, ExhaustedError
from auditor.inventory.files import is_directory
from auditor.model import FileType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from auditor.model import Entry, Image, Inventory, Rootfs

_MAGIC = {"3.8": 3413, "3.9": 3425, "3.10": 3439, "3.11": 3495, "3.12": 3531, "3.13": 3571}
"""Version of CPython -> the number that its releases begin bytecode with."""

_UNCHECKED, _CHECKED, _TIMESTAMP = 0b01, 0b11, 0b00
_NAME = re.compile(r"(?P<module>[^.]+)\.cpython-(?P<digits>\d+)(?:\.opt-(?P<level>[12]))?\.pyc")
_LIMIT = 32 * 1024 * 1024
_HEADER = 16


@dataclass(frozen=True, slots=True)
class BytecodeFault:
    """A compiled file that Python loads although it is not what its source compiles to."""

    path: str
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Bytecode:
    """What comparing compiled files with their sources gave."""

    faults: tuple[BytecodeFault, ...] = ()
    verified: Mapping[str, str] = field(default_factory=dict)
    """Compiled file -> the source that it was compared with and equals, or that made it stale."""
    deaths: int = 0
    """Times that the process which reads code died of it: some of it was not compared then."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    """One .pyc that Python looks at, and what its header says."""

    path: str
    source: str
    level: int
    header: bytes

    @property
    def flags(self) -> int:
        return int.from_bytes(self.header[4:8], "little")


def check_bytecode(image: Image, inventory: Inventory, *, everything: bool = False) -> Bytecode:
    """Compare the runtime's compiled files with their sources.

    All headers are looked at; the code itself only of what came in another layer than its
    source, or of `everything`. An interpreter whose magic number nobody here has is left out.
    """
    interpreter = inventory.interpreter
    if interpreter is None or interpreter.implementation != "cpython":
        return Bytecode()
    number = _MAGIC.get(interpreter.version)
    if interpreter.version == f"{sys.version_info.major}.{sys.version_info.minor}":
        number = int.from_bytes(MAGIC_NUMBER[:2], "little")
    if number is None:
        return Bytecode()
    magic = number.to_bytes(2, "little") + b"\r\n"
    faults: list[BytecodeFault] = []
    stale: dict[str, str] = {}
    suspects: list[_Compiled] = []
    for each, own, source in _compiled(image, inventory, interpreter.version.replace(".", "")):
        if each.header[:4] != magic or len(each.header) < _HEADER or _is_stale(each, source):
            stale[each.path] = each.source
        elif each.flags == _UNCHECKED:
            why = "is loaded without a look at its source (unchecked hash)"
            faults.append(BytecodeFault(each.path, each.source, why))
        elif everything or own.layer != source.layer:
            suspects.append(each)
    compared = Bytecode()
    if magic == MAGIC_NUMBER and suspects:
        exact = interpreter.full_version == platform.python_version()
        compared = _compare(image.rootfs, suspects, exact=exact)
        faults += compared.faults
    return Bytecode(
        tuple(sorted(faults, key=lambda fault: fault.path)),
        dict(sorted((stale | dict(compared.verified)).items())),
        compared.deaths,
    )


def _is_stale(compiled: _Compiled, source: Entry) -> bool:
    """Tell whether the header keeps Python from loading it, as far as times and sizes tell."""
    if compiled.flags == _TIMESTAMP:
        mtime = int.from_bytes(compiled.header[8:12], "little")
        size = int.from_bytes(compiled.header[12:16], "little")
        return (mtime, size) != (source.mtime, source.size & 0xFFFFFFFF)
    return compiled.flags not in (_UNCHECKED, _CHECKED)


def _compiled(
    image: Image, inventory: Inventory, digits: str
) -> Iterator[tuple[_Compiled, Entry, Entry]]:
    """Yield the .pyc files of the runtime interpreter that have a source, with both entries."""
    rootfs = image.rootfs
    runtime = inventory.runtime
    tops = [entry.path for entry in runtime.sys_path] if runtime else []
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
                header = rootfs.bytecode_header(path)
                yield _Compiled(path, source, int(match["level"] or 0), header), entry, origin


def _source_folder(folder: str, elsewhere: str) -> str:
    if elsewhere and folder.startswith(elsewhere + "/"):
        return folder.removeprefix(elsewhere)
    return posixpath.dirname(folder) if folder.endswith("/__pycache__") else "/dev/null"


def _compare(rootfs: Rootfs, suspects: Iterable[_Compiled], *, exact: bool) -> Bytecode:
    """Compile the sources, read the code, each in a process of its own; give what follows.

    Without `exact` our compiler is of another patch level, which may choose other jumps: code
    with the same names and constants is then neither verified nor a fault.
    """
    by_source: defaultdict[str, list[_Compiled]] = defaultdict(list)
    for each in suspects:
        by_source[each.source].append(each)
    expected, deaths = _sources(rootfs, by_source)
    faults: list[BytecodeFault] = []
    verified: dict[str, str] = {}
    waiting = {each.path: each for each in suspects if (each.source, each.level) in expected}
    with CodeProcess() as process:
        for path, content in _contents(rootfs, waiting):
            each = waiting[path]
            code, names, of_source = expected[each.source, each.level]
            if each.flags == _CHECKED and content[8:16].hex() != of_source:
                verified[path] = each.source  # stale: Python compiles the source anew
                continue
            try:
                found = process.ask(b"P", 0, content[_HEADER:])
            except ExhaustedError:
                break
            if found[:1] == [code]:
                verified[path] = each.source
            elif exact or found[1:] != [names]:
                why = "is not what its source compiles to" if found else "holds no readable code"
                faults.append(BytecodeFault(path, each.source, why))
        deaths += process.deaths
    return Bytecode(tuple(faults), verified, deaths)


def _sources(
    rootfs: Rootfs, by_source: Mapping[str, list[_Compiled]]
) -> tuple[dict[tuple[str, int], tuple[str, str, str]], int]:
    """Give digest and source hash by source and optimisation level, and how often that failed."""
    found: dict[tuple[str, int], tuple[str, str, str]] = {}
    with CodeProcess() as process:
        for path, content in _contents(rootfs, by_source):
            for level in sorted({each.level for each in by_source[path]}):
                try:
                    words = process.ask(b"S", level, content)
                except ExhaustedError:
                    return found, process.deaths
                if len(words) == 3:
                    found[path, level] = (words[0], words[1], words[2])
        return found, process.deaths


def _contents(rootfs: Rootfs, paths: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the contents of files, those alone that are what the index says of them."""
    digests = rootfs.digests(paths)
    for path, content in rootfs.contents(paths, _LIMIT):
        if hashlib.sha256(content).digest() == digests.get(path):
            yield path, content
