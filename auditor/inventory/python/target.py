"""Markers and tags of an interpreter, computed from its files without running it.

Follows the dependency specifiers and platform compatibility tags specifications; for an
interpreter on Linux the tags are those that `packaging.tags.sys_tags` gives inside it, in
the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags

from auditor.model import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Interpreter, Libc

_MANYLINUX_MACHINES = frozenset(
    ("x86_64", "i686", "aarch64", "armv7l", "ppc64", "ppc64le", "s390x", "riscv64", "loongarch64")
)
"""Machines that manylinux is defined for; an armv7l image is assumed to be hard-float."""

_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
"""Minor version of glibc 2 -> the name that PEP 600 replaced."""

_NEWEST_GLIBC, _NEWEST_MUSL = 50, 5
"""Minor versions of glibc 2 and musl 1 that a C library of unknown version may have.

Every artifact that may fit is accepted, so too high a bound costs nothing, while too low a
one would call a right lock wrong.
"""

_LARGEST_MINOR = 99  # an image may claim anything, and each minor version is a tag

_PYPY_ABI = "pp73"  # of every PyPy since 3.7


def target_of(interpreter: Interpreter) -> Target:
    """Return the markers and tags that a lock is selected for where `interpreter` runs.

    Absent from the markers: platform_release and platform_version, which are the kernel's;
    python_full_version and implementation_version where only major and minor are known;
    implementation_version of PyPy, whose own version differs from its Python's.
    platform_machine is that of the interpreter: a 32-bit one on a 64-bit kernel would report the
    kernel's.
    """
    return Target(markers=_markers(interpreter), tags=tuple(_tags(interpreter)))


def _markers(interpreter: Interpreter) -> dict[str, str]:
    pypy = interpreter.implementation == "pypy"
    markers = {
        "implementation_name": interpreter.implementation,
        "os_name": "posix",
        "platform_machine": interpreter.machine,
        "platform_python_implementation": "PyPy" if pypy else "CPython",
        "platform_system": "Linux",
        "python_version": interpreter.version,
        "sys_platform": "linux",
    }
    if interpreter.full_version != interpreter.version:
        markers["python_full_version"] = interpreter.full_version
        if not pypy:
            # sys.implementation.version has no `+` for a build from a checkout.
            markers["implementation_version"] = interpreter.full_version.rstrip("+")
    return markers


def _tags(interpreter: Interpreter) -> Iterator[Tag]:
    major, minor = (int(part) for part in interpreter.version.split("."))
    version, nodot = (major, minor), f"{major}{minor}"
    platforms = list(_platforms(interpreter))
    if interpreter.implementation == "pypy":
        yield from generic_tags(f"pp{nodot}", [f"pypy{nodot}_{_PYPY_ABI}"], platforms)
        yield from compatible_tags(version, "pp3", platforms)
        return
    abi = f"cp{nodot}{'t' if interpreter.free_threaded else ''}"
    yield from cpython_tags(version, [abi], platforms)
    yield from compatible_tags(version, f"cp{nodot}", platforms)


def _platforms(interpreter: Interpreter) -> Iterator[str]:
    """Yield the platform tags, best first. A static interpreter (no libc) has only one."""
    machine, libc = interpreter.machine, interpreter.libc
    yield f"linux_{machine}"
    if libc is None:
        return
    if libc.family == "musl":
        newest = _minor(libc, 1, _NEWEST_MUSL)
        yield from (f"musllinux_1_{minor}_{machine}" for minor in range(newest, -1, -1))
    elif machine in _MANYLINUX_MACHINES:
        oldest = 5 if machine in {"x86_64", "i686"} else 17
        for minor in range(_minor(libc, 2, _NEWEST_GLIBC), oldest - 1, -1):
            yield f"manylinux_2_{minor}_{machine}"
            if minor in _LEGACY_MANYLINUX:
                yield f"{_LEGACY_MANYLINUX[minor]}_{machine}"


def _minor(libc: Libc, major: int, newest: int) -> int:
    """Return the minor version; the newest that there may be where it is unknown."""
    if libc.version is None or libc.version[0] != major:
        return newest
    return min(libc.version[1], _LARGEST_MINOR)
