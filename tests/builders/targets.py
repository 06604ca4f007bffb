"""Targets as interpreters give them, for selections."""

from __future__ import annotations

from auditor.inventory.python.markers_and_tags import target_of
from auditor.model import Interpreter, Libc, Target

_GLIBC = Libc("glibc", (2, 36))


def target(
    version: str = "3.11.7",
    machine: str = "x86_64",
    libc: Libc | None = _GLIBC,
    *,
    implementation: str = "cpython",
    free_threaded: bool = False,
) -> Target:
    return target_of(
        Interpreter(
            path="/usr/local/bin/python3",
            prefix="/usr/local",
            implementation=implementation,
            full_version=version,
            free_threaded=free_threaded,
            machine=machine,
            libc=libc,
        )
    )


LINUX = target()
ALPINE = target(libc=Libc("musl", (1, 2)))
ARM = target(machine="aarch64")
