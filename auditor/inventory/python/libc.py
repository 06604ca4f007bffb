"""The C library that an interpreter runs on, read from files alone.

ELF's program interpreter is not read here: an image has one C library as a rule, and where it
has both, the names of the interpreter's extension modules say which one it uses.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from auditor.inventory.paths import list_directory
from auditor.model import Libc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.model import Rootfs

TRIPLETS: dict[str, tuple[str, ...]] = {
    "x86_64": ("x86_64-linux-gnu",),
    "i686": ("i386-linux-gnu",),
    "aarch64": ("aarch64-linux-gnu",),
    "armv7l": ("arm-linux-gnueabihf", "arm-linux-gnueabi"),
    "ppc64": ("powerpc64-linux-gnu",),
    "ppc64le": ("powerpc64le-linux-gnu",),
    "s390x": ("s390x-linux-gnu",),
    "riscv64": ("riscv64-linux-gnu",),
    "loongarch64": ("loongarch64-linux-gnu",),
}
"""Debian's library directories of an architecture."""

_PLAIN_DIRECTORIES = ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/lib32", "/usr/lib32")
_MUSL_LOADER = re.compile(r"ld-musl-[a-z0-9_]+\.so\.1")
_GLIBC_NAME = re.compile(r"libc-([0-9]+\.[0-9]+)\.so")
_RELEASE = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.[0-9]+)?")


def read_libc(rootfs: Rootfs, machine: str, library: str) -> Libc | None:
    """Return the C library of an interpreter of this architecture and standard library.

    Where the image has none for the architecture, or both, the names of the interpreter's
    extension modules determine the family; None where nothing does.
    """
    glibc, musl = _glibc(rootfs, machine), _musl(rootfs, machine)
    if glibc and musl:
        return musl if _built_for(rootfs, library) == "musl" else glibc
    if glibc or musl:
        return glibc or musl
    family = _built_for(rootfs, library)
    return Libc(family, None) if family else None


def _glibc(rootfs: Rootfs, machine: str) -> Libc | None:
    triplets = TRIPLETS.get(machine, ())
    directories = [f"{top}/{triplet}" for triplet in triplets for top in ("/lib", "/usr/lib")]
    for directory in (*directories, *_PLAIN_DIRECTORIES):
        path = rootfs.resolve(posixpath.join(directory, "libc.so.6"))
        # A compatibility layer on a musl system links the glibc name to musl's loader.
        if path is None or "musl" in path or not is_for_machine(rootfs, path, machine):
            continue
        name = _GLIBC_NAME.fullmatch(posixpath.basename(path))
        return Libc(
            "glibc",
            _release(rootfs.facts(path).versions) or _release(name.groups() if name else ()),
        )
    return None


def _musl(rootfs: Rootfs, machine: str) -> Libc | None:
    for directory in ("/lib", "/usr/lib"):
        for name in list_directory(rootfs, directory):
            path = posixpath.join(directory, name)
            if _MUSL_LOADER.fullmatch(name) and is_for_machine(rootfs, path, machine):
                return Libc("musl", _release(rootfs.facts(path).versions))
    return None


def is_for_machine(rootfs: Rootfs, path: str, machine: str) -> bool:
    """Return whether the file at a path is ELF of an architecture."""
    elf = rootfs.facts(path).elf
    return elf is not None and elf.machine == machine


def _release(texts: Sequence[str]) -> tuple[int, int] | None:
    """Return major and minor of the one release named; None where none is or they differ."""
    matches = [match for match in map(_RELEASE.fullmatch, texts) if match]
    found = {(int(match[1]), int(match[2])) for match in matches}
    return found.pop() if len(found) == 1 else None


def _built_for(rootfs: Rootfs, library: str) -> str | None:
    """Return the family in the platform triplet of a standard library's file names."""
    modules = list_directory(rootfs, posixpath.join(library, "lib-dynload"))
    data = [name for name in list_directory(rootfs, library) if name.startswith("_sysconfigdata_")]
    for name in (*modules, *data):
        stem = name.removesuffix(".so").removesuffix(".py")
        if stem.endswith("-linux-musl"):
            return "musl"
        if re.search(r"-linux-gnu(?:eabi|eabihf)?$", stem):
            return "glibc"
    return None
