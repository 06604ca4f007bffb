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


def elf(machine: str = "x86_64", strings: Sequence[str] = ()) -> bytes:
    """Give a file with a valid ELF header (no sections) and NUL-separated strings behind it.

    `elf(strings=["3.11.7"])` at `/usr/local/bin/python3.11` is an interpreter of that version;
    `elf(strings=["GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36."])` at
    `/lib/x86_64-linux-gnu/libc.so.6` a C library.
    """
    number, bits, order = _MACHINES[machine]
    mark = "<" if order == "little" else ">"
    word = "Q" if bits == 64 else "I"
    identity = bytes((0x7F, *b"ELF", 2 if bits == 64 else 1, 1 if order == "little" else 2, 1))
    size = 64 if bits == 64 else 52
    header = identity.ljust(16, b"\0") + struct.pack(
        f"{mark}HHI{word}{word}{word}IHHHHHH", 3, number, 1, 0, 0, 0, 0, size, 0, 0, 0, 0, 0
    )
    return header + b"\0" + b"".join(text.encode() + b"\0" for text in strings)
