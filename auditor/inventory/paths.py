"""Small helpers to look at files that every part of the inventory uses."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.model import FileType, Rootfs, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.model import ImageConfig


def is_directory(rootfs: Rootfs, path: str) -> bool:
    """Return whether `path` leads to a directory."""
    entry = rootfs.stat(path)
    return entry is not None and entry.type is FileType.DIRECTORY


def is_file(rootfs: Rootfs, path: str) -> bool:
    """Return whether `path` leads to a regular file."""
    entry = rootfs.stat(path)
    return entry is not None and entry.type is FileType.FILE


def list_directory(rootfs: Rootfs, path: str) -> Sequence[str]:
    """Return the names in a directory; none where it cannot be listed.

    For optional directories. Where the reader has to know that one is unreadable, use
    `Rootfs.names`, which raises.
    """
    try:
        return rootfs.names(path)
    except UnreadableError:
        return ()


def text_of(rootfs: Rootfs, path: str, limit: int) -> str:
    """Return a file's text; empty where it is absent or cannot be read."""
    try:
        return rootfs.read(path, limit).decode("utf-8", "surrogateescape")
    except UnreadableError:
        return ""


def digest_of(rootfs: Rootfs, path: str) -> bytes:
    """Return the sha256 of a file, empty where its bytes cannot be had."""
    return rootfs.digests([path]).get(path, b"")


def ancestors(path: str) -> Iterator[str]:
    """Yield an absolute path itself and every directory above it but the root."""
    while path != "/":
        yield path
        path = posixpath.dirname(path)


def program_directories(config: ImageConfig) -> list[str]:
    """Return the directories of PATH; the engines' own default where the image sets none."""
    default = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [part or "." for part in config.env.get("PATH", default).split(":")]


class RealPaths:
    """Resolves the paths of files one by one, each directory only once."""

    def __init__(self, rootfs: Rootfs) -> None:
        self._rootfs = rootfs
        self._folders: dict[str, str | None] = {}

    def __call__(self, path: str) -> str | None:
        """Return `path` with its directory resolved, a final link not; None if that is absent."""
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            real = self._rootfs.resolve(folder or "/")
            self._folders[folder] = "" if real == "/" else real
        parent = self._folders[folder]
        return None if parent is None else f"{parent}/{name}"
