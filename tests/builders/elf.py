from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MACHINES = {
    "x86_64": (62, 64, "little"),
    "aarch64": (183, 64, "little"),
    "i686": (3, 32, "little"),
    "armv7l": (40, 32, "little"),
    "ppc64le": (21, 64, "little"),
    "s390x": (22, 64, "big"),
    "riscv64": (243, 64, "little"),
}
_BASE = 0x10000
"""Address of the file's first byte, so that addresses and offsets differ."""


def elf(
    machine: str = "x86_64",
    strings: Sequence[str] = (),
    *,
    soname: str = "",
    needed: Sequence[str] = (),
    rpath: str = "",
    runpath: str = "",
    interpreter: str = "",
    build_id: str = "",
    pie: bool = False,
    gap: int = 0,
) -> bytes:
    """Return an ELF file of type `dyn` (no sections) with NUL-separated strings behind it.

    `elf(strings=["3.11.7"])` at `/usr/local/bin/python3.11` is an interpreter of that version;
    `elf(strings=["GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36."])` at
    `/lib/x86_64-linux-gnu/libc.so.6` a C library; `elf(soname="libx.so.1")` a library. Without
    dynamic facts it has no program headers. `gap` bytes lie before the string table.
    """
    number, bits, order = _MACHINES[machine]
    mark = "<" if order == "little" else ">"
    word = "Q" if bits == 64 else "I"
    size, width = (64, 56) if bits == 64 else (52, 32)
    table = bytearray(b"\0")

    def name(text: str) -> int:
        at = len(table)
        table.extend(text.encode() + b"\0")
        return at

    entries = [(1, name(each)) for each in needed]
    entries += [
        (tag, name(text)) for tag, text in ((14, soname), (15, rpath), (29, runpath)) if text
    ]
    if pie:
        entries.append((0x6FFFFFFB, 0x08000000))
    parts: list[tuple[int, bytes]] = []
    if interpreter:
        parts.append((3, interpreter.encode() + b"\0"))
    if build_id:
        raw = bytes.fromhex(build_id)
        parts.append((4, struct.pack(f"{mark}III4s", 4, len(raw), 3, b"GNU\0") + raw))
    count = len(parts) + (2 if entries else 0) if parts or entries else 0
    at = size + width * count
    programs: list[tuple[int, int, int]] = []
    body = b""
    for kind, content in parts:
        programs.append((kind, at + len(body), len(content)))
        body += content + bytes(-len(content) % 8)
    if entries:
        body += bytes(gap)
        entries = [(5, _BASE + at + len(body)), (10, len(table)), *entries, (0, 0)]
        body += bytes(table) + bytes(-len(table) % 8)
        dynamic = b"".join(struct.pack(f"{mark}{word}{word}", *entry) for entry in entries)
        programs.append((2, at + len(body), len(dynamic)))
        body += dynamic
        programs.insert(0, (1, 0, at + len(body)))
    identity = bytes((0x7F, *b"ELF", 2 if bits == 64 else 1, 1 if order == "little" else 2, 1))
    header = identity.ljust(16, b"\0") + struct.pack(
        f"{mark}HHI{word}{word}{word}IHHHHHH",
        *(3, number, 1, 0, size if count else 0, 0, 0, size, width if count else 0, count, 0, 0, 0),
    )
    tail = b"\0" + b"".join(text.encode() + b"\0" for text in strings)
    return header + b"".join(_program(mark, bits, *each) for each in programs) + body + tail


def _program(mark: str, bits: int, kind: int, offset: int, size: int) -> bytes:
    address = _BASE + offset
    if bits == 64:
        return struct.pack(f"{mark}IIQQQQQQ", kind, 5, offset, address, address, size, size, 8)
    return struct.pack(f"{mark}IIIIIIII", kind, offset, address, address, size, size, 5, 8)
