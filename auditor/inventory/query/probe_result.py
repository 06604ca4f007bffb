"""The line that `probe_script.py` prints, checked: it comes out of a hostile image."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.image.tree.rootfs import TreeRootfs
from auditor.inventory.query.probed_tree import ProbedTree
from auditor.model import Interpreter, Libc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model import Rootfs

MARK = b"auditor-probe:"
_LINE_BYTES = 16 << 20
_PATH_CHARACTERS = 4096
"""The longest path that Linux accepts."""
_VERSION = re.compile(r"3\.[0-9]{1,2}\.[0-9]{1,3}(?:(?:a|b|rc)[0-9]{1,2})?\+?")
_RELEASE = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.[0-9]+)*")
_MACHINE = re.compile(r"[a-z0-9_]{1,32}")
_32_BIT = {"x86_64": "i686", "aarch64": "armv7l", "armv8l": "armv7l", "i386": "i686"}
"""A kernel's machine -> that of a 32-bit process on it."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one interpreter printed."""

    interpreter: Interpreter
    prefix: str
    """Real path of its `sys.prefix`."""
    paths: tuple[str, ...]
    """The directories of its `sys.path`, real, in order."""
    rootfs: Rootfs
    """The metadata folders in them."""


def read_probe_result(stdout: bytes) -> tuple[ProbeResult | None, bytes]:
    """Return the result in a command's output, and the output without it.

    None where there is no valid one.
    """
    before, _, line = stdout.partition(b"\n" + MARK)
    line, _, after = line.partition(b"\n")
    if len(line) > _LINE_BYTES:
        return None, stdout
    try:
        return _result(json.loads(line)), before + b"\n" + after
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, stdout


def _result(fields: Mapping[str, Any]) -> ProbeResult:
    """Check a parsed line; raises `ValueError`, `TypeError` or `KeyError`."""
    files = {
        _path(path): _text(text).encode("utf-8", "surrogateescape")
        for path, text in fields["files"].items()
    }
    folders, absent = ([_path(each) for each in fields[key]] for key in ("folders", "absent"))
    unreadable = {_path(path): _text(why) for path, why in fields["unreadable"].items()}
    tree = ProbedTree(files, folders, unreadable, absent)
    paths = tuple(_path(each) for each in fields["paths"])
    if not set(paths) <= set(folders):
        raise ValueError("a directory of sys.path that is not listed")
    return ProbeResult(
        _interpreter(fields["interpreter"]), _path(fields["prefix"]), paths, TreeRootfs(tree)
    )


def _interpreter(fields: Mapping[str, Any]) -> Interpreter:
    machine = _text(fields["machine"])
    if fields["bits"] == 32:
        machine = _32_BIT.get(machine, machine)
    implementation, version = fields["implementation"], fields["version"]
    if implementation not in ("cpython", "pypy") or not _VERSION.fullmatch(version):
        raise ValueError("not an interpreter that a lock can be selected for")
    if not _MACHINE.fullmatch(machine):
        raise ValueError("not the name of an architecture")
    return Interpreter(
        path=_path(fields["executable"]),
        prefix=_path(fields["base_prefix"]),
        implementation=implementation,
        full_version=version,
        free_threaded=fields["free_threaded"] is True,
        machine=machine,
        libc=_libc(fields["libc"], _text(fields["libc_version"])),
    )


def _libc(family: str, version: str) -> Libc | None:
    release = _RELEASE.fullmatch(version)
    known = (int(release[1]), int(release[2])) if release else None
    return Libc(family, known) if family in ("glibc", "musl") else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _path(value: object) -> str:
    path = _text(value)
    if (
        not path.startswith("/")
        or path.startswith("//")
        or posixpath.normpath(path) != path
        or "\0" in path
        or len(path) > _PATH_CHARACTERS
    ):
        raise ValueError("not a normalised absolute path")
    return path
