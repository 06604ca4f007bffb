"""Calls of ctypes and cffi in the sources of distributions that load a library by its name."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.image.layers.retention import references_dlopen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.model import Distribution, Rootfs

_CALL = re.compile(
    rb"\b(find_library|CDLL|PyDLL|LoadLibrary|load_library|dlopen)\s{0,20}\("
    rb"[^()'\"]{0,80}[rbf]{0,2}['\"]([^'\"\n]{1,200})['\"]"
)
_SOURCE = 1 << 20
"""Bytes of a source file that are searched."""

_PER_FILE = 100


class DlopenCall(NamedTuple):
    """A call that loads or looks for a library by its name."""

    distribution: str
    path: str
    call: str
    """`find_library`, `CDLL`, ..."""


def find_dlopen_calls(
    rootfs: Rootfs, distributions: Iterable[Distribution], wanted: Mapping[str, Iterable[str]]
) -> dict[str, list[DlopenCall]]:
    """Return, for each key of `wanted`, the calls that name one of its names, in order of path.

    Reads every Python source that the distributions list and that loads anything at all, once.
    """
    keys: dict[str, list[str]] = {}
    for key, several in wanted.items():
        for name in several:
            keys.setdefault(name, []).append(key)
    owners = {
        row.path: distribution.name
        for distribution in distributions
        for row in (distribution.record.rows if distribution.record else ())
        if row.path.endswith(".py")
    }
    found: dict[str, list[DlopenCall]] = {}
    # Every call that means a library has this part of its name: `x` of `libx.so.1`.
    stems = {
        name.removeprefix("lib").partition(".so")[0].encode("utf-8", "replace") for name in keys
    }
    sources = (path for path in sorted(owners) if rootfs.facts(path).references_dlopen)
    for path, content in rootfs.contents(sources, _SOURCE):
        if not (references_dlopen(path, content) and any(stem in content for stem in stems)):
            continue
        for call, name in _calls(content):
            for key in keys.get(name, ()):
                found.setdefault(key, []).append(DlopenCall(owners[path], path, call))
    return {key: sorted(set(several)) for key, several in found.items()}


def _calls(content: bytes) -> Iterator[tuple[str, str]]:
    for count, match in enumerate(_CALL.finditer(content)):
        if count >= _PER_FILE:
            return
        call = match[1].decode("ascii")
        name = posixpath.basename(match[2].decode("utf-8", "replace"))
        yield call, f"lib{name}.so" if call == "find_library" else name


def dlopen_names(name: str) -> set[str]:
    """Return the names by which a library may be loaded: `libx.so.1.2`, `libx.so.1`, `libx.so`."""
    stem, mark, version = name.partition(".so")
    if not mark:
        return {name}
    parts = version.split(".")
    return {f"{stem}.so" + ".".join(parts[:count]) for count in range(1, len(parts) + 1)} | {name}
