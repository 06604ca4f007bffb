"""Default search of glibc's and musl's loaders: `ld.so.cache`, `ld.so.conf`, musl's path file.

The cache is what ldconfig once found, not what is there now: a library that was added since is
not in it, and glibc does not look for it in the directories of `ld.so.conf`.
"""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from struct import Struct
from typing import TYPE_CHECKING

from auditor.inventory.paths import list_directory, text_of
from auditor.model import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditor.model import Rootfs

_CACHE = "/etc/ld.so.cache"
_CONF = "/etc/ld.so.conf"
_OLD_MAGIC = b"ld.so-1.7.0\0"
_MAGIC = b"glibc-ld.so.cache1.1"
_HEADER = 48
_LIMIT = 8 << 20
_ENTRIES = 100_000
_TEXT = 64 << 10
_FILES = 256
"""Files that one ld.so.conf may include."""

_NAME = 4096
_ELF = 3
"""Low byte of an entry's flags: a library for glibc 2 (`FLAG_ELF_LIBC6`)."""

_TYPE = 0xFF


def read_cache(rootfs: Rootfs) -> dict[str, list[str]] | None:
    """Return the paths that the cache has for each name, in the loader's order.

    None where there is no cache that can be read. Entries of other architectures are among
    them: that shows in the files.
    """
    try:
        content = rootfs.read(_CACHE, _LIMIT)
    except UnreadableError:
        return None
    return parse_cache(content)


def parse_cache(content: bytes) -> dict[str, list[str]] | None:
    """Read the format of glibc 2.2 and newer, alone or behind the older one's table."""
    start = content.find(_MAGIC) if content.startswith((_MAGIC, _OLD_MAGIC)) else -1
    if start < 0 or len(content) < start + _HEADER:
        return None
    mark = ">" if content[start + 28] & 3 == 3 else "<"
    (count,) = Struct(f"{mark}I").unpack_from(content, start + 20)
    row = Struct(f"{mark}iIIIQ")
    found: dict[str, list[str]] = {}
    table = content[start + _HEADER : start + _HEADER + row.size * min(count, _ENTRIES)]
    table = table[: len(table) // row.size * row.size]
    for flags, key, value, _, _ in row.iter_unpack(table):
        name, path = _string(content, start + key), _string(content, start + value)
        if name and path.startswith("/") and flags & _TYPE == _ELF:
            found.setdefault(name, []).append(path)
    return found


def _string(content: bytes, at: int) -> str:
    end = content.find(b"\0", at, at + _NAME)
    return content[at:end].decode("utf-8", "surrogateescape") if end > at else ""


def configured_directories(rootfs: Rootfs) -> list[str]:
    """Return the directories that `ld.so.conf` and the files it includes name (ldconfig(8))."""
    found: list[str] = []
    waiting = [_CONF]
    read = 0
    while waiting and read < _FILES:
        path = waiting.pop(0)
        read += 1
        for line in text_of(rootfs, path, _TEXT).splitlines():
            words = line.partition("#")[0].split()
            if not words or words[0] == "hwcap":
                continue
            if words[0] == "include":
                included = (each for word in words[1:] for each in _matching(rootfs, path, word))
                waiting += list(included)[:_FILES]
            else:
                found += [word.partition("=")[0] for word in re.split(r"[:,\s]+", " ".join(words))]
    return [each for each in dict.fromkeys(found) if each.startswith("/")]


def _matching(rootfs: Rootfs, path: str, pattern: str) -> Iterator[str]:
    """Yield the files that an include line means; its directory has no pattern in practice."""
    folder, _, name = posixpath.join(posixpath.dirname(path), pattern).rpartition("/")
    for each in list_directory(rootfs, folder or "/"):
        if fnmatchcase(each, name):
            yield posixpath.join(folder, each)


def musl_directories(rootfs: Rootfs, architecture: str) -> list[str]:
    """Return where musl's loader looks: its path file, else its own three directories."""
    text = text_of(rootfs, f"/etc/ld-musl-{architecture}.path", _TEXT)
    named = [each for each in re.split(r"[:\n]+", text) if each.startswith("/")]
    return named or ["/lib", "/usr/local/lib", "/usr/lib"]


def cached_directories(cache: Mapping[str, list[str]]) -> set[str]:
    """Return the directories in which the cache knows libraries."""
    return {posixpath.dirname(path) for paths in cache.values() for path in paths}
