"""What a loader reads of an ELF file: program headers and PT_DYNAMIC.

Sections are never read: a loader does not look at them either, and a stripped file has none.
The reader takes single small ranges; of a stream, the parts that such ranges are in are kept
(`elf_stream`). Every offset may be a lie, so what cannot be read there is left out and the facts
are marked incomplete (System V ABI, chapters 4 and 5).
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Literal, NamedTuple

from auditor.model import Elf, ElfType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auditor.image.codec.stream import Buffer

    Read = Callable[[int, int], bytes]
    """Returns the bytes at an offset, at most so many; fewer where there are no more."""

MAGIC = b"\x7fELF"
HEADER_BYTES = 64
"""Bytes of the longer file header; the first 20 hold the architecture."""

_MACHINES = {
    3: "i686",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390x",
    40: "armv7l",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
    258: "loongarch64",
}
"""e_machine -> `platform.machine()` spelling."""

_TYPES = {1: ElfType.RELOCATABLE, 2: ElfType.EXECUTABLE, 3: ElfType.SHARED, 4: ElfType.CORE}

LOAD, DYNAMIC, INTERP, NOTE = 1, 2, 3, 4
_NEEDED, _STRTAB, _STRSZ, _SONAME, _RPATH, _RUNPATH, _FLAGS_1 = 1, 5, 10, 14, 15, 29, 0x6FFFFFFB
_PIE = 0x08000000
EXECUTE = 1
_BUILD_ID = 3

_SEGMENTS = 128
"""Program headers read; an honest file has about ten."""
DYNAMIC_BYTES = 64 << 10
NOTE_BYTES = 4 << 10
_NEEDED_NAMES = 1024
NAME_BYTES = 16 << 10
"""Bytes of one name or search path; Nix writes paths of several thousand."""


class _Format(NamedTuple):
    """The layout of one class and byte order, with the fields that are read."""

    bits: int
    order: Literal["little", "big"]
    header: Struct
    program: Struct
    dynamic: Struct
    note: Struct


def _format(bits: int, mark: str) -> _Format:
    word = "Q" if bits == 64 else "I"
    return _Format(
        bits,
        "little" if mark == "<" else "big",
        Struct(f"{mark}32x{word}14xHH" if bits == 64 else f"{mark}28x{word}10xHH"),
        Struct(f"{mark}IIQQ8xQ16x" if bits == 64 else f"{mark}III4xI4xI4x"),
        Struct(f"{mark}{word}{word}"),
        Struct(f"{mark}III"),
    )


_FORMATS = {(bits, mark): _format(bits, mark) for bits in (32, 64) for mark in "<>"}


class Segment(NamedTuple):
    """One program header."""

    type: int
    flags: int
    offset: int
    address: int
    size: int


class Header(NamedTuple):
    """What the headers of a file say."""

    format: _Format
    machine: str
    type: ElfType
    segments: tuple[Segment, ...]
    complete: bool


def read_elf(read: Read) -> Elf | None:
    """Return the facts of a file whose ranges `read` returns; None where it is no ELF file."""
    header = read_header(read)
    return None if header is None else _Facts(read, header).result()


def read_bytes(content: Buffer) -> Elf | None:
    """Return the facts of a file that is at hand as a whole."""
    if content[:4] != MAGIC:
        return None
    return read_elf(lambda offset, size: bytes(content[offset : offset + size]))


def read_header(read: Read) -> Header | None:
    """Return a file's header and its program headers; None where it is no ELF file."""
    head = read(0, HEADER_BYTES)
    if len(head) < 20 or head[:4] != MAGIC:
        return None
    mark = ">" if head[5] == 2 else "<"
    layout = _FORMATS[64 if head[4] == 2 else 32, mark]
    kind, number = (int.from_bytes(head[at : at + 2], layout.order) for at in (16, 18))
    machine = _MACHINES.get(number, f"elf-{number}")
    if machine == "ppc64" and mark == "<":
        machine = "ppc64le"
    segments: tuple[Segment, ...] = ()
    complete = False
    if len(head) >= layout.header.size:
        segments, complete = _segments(read, layout, head)
    return Header(layout, machine, _TYPES.get(kind, ElfType.OTHER), segments, complete)


def _segments(read: Read, layout: _Format, head: bytes) -> tuple[tuple[Segment, ...], bool]:
    at, width, count = layout.header.unpack_from(head)
    if not count:
        return (), True
    size = layout.program.size
    if width != size:
        return (), False
    table = read(at, size * min(count, _SEGMENTS))
    table = table[: len(table) // size * size]
    rows = layout.program.iter_unpack(table)
    if layout.bits == 32:
        rows = ((kind, flags, *place) for kind, *place, flags in rows)
    segments = tuple(map(Segment._make, rows))
    return segments, len(segments) == count


class _Facts:
    def __init__(self, read: Read, header: Header) -> None:
        self._read = read
        self._header = header
        self._complete = header.complete
        self._tables: dict[int, list[int]] = {}

    def result(self) -> Elf:
        """Return what the file says."""
        header = self._header
        dynamic = self._first(DYNAMIC)
        if dynamic is not None:
            self._read_dynamic(dynamic)
        interpreter = self._first(INTERP)
        soname, rpath, runpath = (
            self._name(self._value(tag)) if tag in self._tables else ""
            for tag in (_SONAME, _RPATH, _RUNPATH)
        )
        return Elf(
            machine=header.machine,
            bits=header.format.bits,
            type=header.type,
            soname=soname,
            needed=tuple(filter(None, map(self._name, self._tables.get(_NEEDED, ())))),
            rpath=rpath,
            runpath=runpath,
            interpreter=self._text(interpreter.offset) if interpreter else "",
            build_id=next(self._build_ids(), ""),
            dynamic=dynamic is not None,
            pie=bool(self._value(_FLAGS_1) & _PIE),
            complete=self._complete,
        )

    def _first(self, kind: int) -> Segment | None:
        return next((each for each in self._header.segments if each.type == kind), None)

    def _value(self, tag: int) -> int:
        """Return the last value of a tag, which is the one that a loader takes; 0 without."""
        return self._tables.get(tag, (0,))[-1]

    def _range(self, offset: int, size: int, limit: int) -> bytes:
        """Read a range; note where the file has less of it than it says, or too much."""
        found = self._read(offset, min(size, limit))
        if len(found) < size:
            self._complete = False
        return found

    def _read_dynamic(self, segment: Segment) -> None:
        layout = self._header.format.dynamic
        table = self._range(segment.offset, segment.size, DYNAMIC_BYTES)
        table = table[: len(table) // layout.size * layout.size]
        for tag, value in layout.iter_unpack(table):
            if tag == 0:
                return
            values = self._tables.setdefault(tag, [])
            if len(values) < _NEEDED_NAMES:
                values.append(value)
            else:
                self._complete = False

    def _name(self, value: int) -> str:
        """Return the string at an offset of the dynamic string table; empty where there is none."""
        address, size = self._value(_STRTAB), self._value(_STRSZ)
        for segment in self._header.segments:
            if segment.type == LOAD and 0 <= address - segment.address < segment.size:
                if value < size:
                    return self._text(segment.offset + address - segment.address + value)
                break
        self._complete = False
        return ""

    def _text(self, offset: int) -> str:
        """Return the zero-terminated string at an offset of the file."""
        for size in (256, NAME_BYTES):
            found, zero, _ = self._read(offset, size).partition(b"\0")
            if zero:
                return found.decode("utf-8", "surrogateescape")
        self._complete = False
        return ""

    def _build_ids(self) -> Iterator[str]:
        layout = self._header.format.note
        for segment in self._header.segments:
            if segment.type != NOTE:
                continue
            notes = self._read(segment.offset, min(segment.size, NOTE_BYTES))
            at = 0
            while at + layout.size <= len(notes):
                name, size, kind = layout.unpack_from(notes, at)
                start = at + layout.size + (name + 3 & ~3)
                if kind == _BUILD_ID and name == 4 and notes[at + 12 : at + 16] == b"GNU\0":
                    yield notes[start : start + size].hex()
                at = start + (size + 3 & ~3)
