"""The line that `probe_script.py` prints, parsed: it comes out of a hostile image."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.image.tree.rootfs import TreeRootfs
from auditor.inventory.query.stated_tree import StatedTree
from auditor.model import Interpreter, Libc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model import Rootfs

MARK = b"auditor-statement:"
_STATEMENT_BYTES = 16 << 20
_PATH_CHARACTERS = 4096
"""Of the longest path that Linux takes."""
_VERSION = re.compile(r"3\.[0-9]{1,2}\.[0-9]{1,3}(?:(?:a|b|rc)[0-9]{1,2})?\+?")
_RELEASE = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.[0-9]+)*")
_MACHINE = re.compile(r"[a-z0-9_]{1,32}")
_32_BIT = {"x86_64": "i686", "aarch64": "armv7l", "armv8l": "armv7l", "i386": "i686"}
"""What a kernel calls itself -> what a 32-bit process on it is built for."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one interpreter says."""

    interpreter: Interpreter
    prefix: str
    """Real path of its `sys.prefix`."""
    paths: tuple[str, ...]
    """The directories of its `sys.path`, real, in order."""
    rootfs: Rootfs
    """The metadata folders in them."""


def read_statement(stdout: bytes) -> tuple[Statement | None, bytes]:
    """Return the statement in a command's output, and the output without it.

    None where there is none that can be understood.
    """
    before, _, line = stdout.partition(b"\n" + MARK)
    line, _, after = line.partition(b"\n")
    if len(line) > _STATEMENT_BYTES:
        return None, stdout
    try:
        return _statement(json.loads(line)), before + b"\n" + after
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, stdout


def _statement(said: Mapping[str, Any]) -> Statement:
    """Check a parsed statement; raises `ValueError`, `TypeError` or `KeyError`."""
    files = {_path(path): _bytes(text) for path, text in said["files"].items()}
    tree = StatedTree(
        files,
        [_path(each) for each in said["folders"]],
        {_path(path): _text(why) for path, why in said["unreadable"].items()},
        [_path(each) for each in said["absent"]],
    )
    paths = tuple(_path(each) for each in said["paths"])
    if not set(paths) <= {_path(each) for each in said["folders"]}:
        raise ValueError("a directory of sys.path that nothing was said about")
    return Statement(
        _interpreter(said["interpreter"]), _path(said["prefix"]), paths, TreeRootfs(tree)
    )


def _interpreter(said: Mapping[str, Any]) -> Interpreter:
    machine = _text(said["machine"])
    if said["bits"] == 32:
        machine = _32_BIT.get(machine, machine)
    implementation, version = said["implementation"], said["version"]
    if implementation not in ("cpython", "pypy") or not _VERSION.fullmatch(version):
        raise ValueError("no interpreter that a lock can be selected for")
    if not _MACHINE.fullmatch(machine):
        raise ValueError("no name of an architecture")
    return Interpreter(
        path=_path(said["executable"]),
        prefix=_path(said["base_prefix"]),
        implementation=implementation,
        full_version=version,
        free_threaded=said["free_threaded"] is True,
        machine=machine,
        libc=_libc(said["libc"], _text(said["libc_version"])),
    )


def _libc(family: str, version: str) -> Libc | None:
    release = _RELEASE.fullmatch(version)
    known = (int(release[1]), int(release[2])) if release else None
    return Libc(family, known) if family in ("glibc", "musl") else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _bytes(value: object) -> bytes:
    return _text(value).encode("utf-8", "surrogateescape")


def _path(value: object) -> str:
    path = _text(value)
    if (
        not path.startswith("/")
        or path.startswith("//")
        or posixpath.normpath(path) != path
        or "\0" in path
        or len(path) > _PATH_CHARACTERS
    ):
        raise ValueError("no normalised absolute path")
    return path
