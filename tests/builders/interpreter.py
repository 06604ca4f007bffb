from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builders.elf import elf
from tests.builders.files import File, Symlink

if TYPE_CHECKING:
    from tests.builders.files import Content

LIBRARY = "/usr/local/lib/python3.11"


def interpreter(machine: str = "x86_64") -> dict[str, Content]:
    """Return the files of a CPython 3.11.7 in `/usr/local`, and of its C library."""
    libc = "GNU C Library (Debian) stable release version 2.36."
    return {
        "/usr/local/bin/python3.11": File(elf(machine, ["3.11.7"]), 0o755),
        "/usr/local/bin/python": Symlink("python3.11"),
        f"{LIBRARY}/os.py": "",
        f"{LIBRARY}/lib-dynload/math.cpython-311-{machine}-linux-gnu.so": elf(machine),
        f"/lib/{machine}-linux-gnu/libc.so.6": elf(machine, [libc]),
    }
