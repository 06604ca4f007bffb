"""An unpacked root file system: `dir:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.errors import ImageError, UsageError
from auditor.image.documents import normalised_platform
from auditor.image.platforms import host_platform, parse_platform
from auditor.image.tree.host_tree import HostTree
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, ImageConfig, NotChecked, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.image.layout.blob_store import ImageQuery
    from auditor.model import Platform, Rootfs

_NATIVE = (
    "/bin/sh",
    "/bin/busybox",
    "/usr/bin/env",
    "/usr/local/bin/python3",
    "/usr/bin/python3",
    "/opt/venv/bin/python",
    "/venv/bin/python",
)
"""Executables whose ELF header shows a root file system's architecture; the first found wins."""


def open_directory(path: Path, query: ImageQuery) -> Image:
    """Return an unpacked root file system; raises `ImageError` or `UsageError`."""
    tree = open_tree(path, query.reference)
    rootfs = TreeRootfs(tree)
    return Image(
        reference=query.reference,
        config=ImageConfig(requested_platform(query, _platform(rootfs))),
        rootfs=rootfs,
        not_checked=(
            NotChecked("layers", "a directory has none"),
            NotChecked(
                "image configuration",
                "a directory has none: environment variables, entrypoint and user are unknown",
            ),
        ),
        problems=refused_paths(rootfs, tree),
    )


def open_tree(path: Path, reference: str) -> HostTree:
    """Open a directory of this machine; raises `ImageError`."""
    try:
        return HostTree(str(path))
    except OSError as error:
        why = (error.strerror or "").lower()
        raise ImageError(f"{reference} cannot be read: {why}", "check the path") from error


def requested_platform(query: ImageQuery, held: Platform | None) -> Platform:
    """Return the platform; raises `UsageError` where the query is for another one than is there.

    Where the files do not show it, it is the query's, else this machine's.
    """
    requested = parse_platform(query.platform)
    if requested is None or held is None:
        return requested or held or host_platform()
    if requested[:2] != held[:2]:
        raise UsageError(
            f"{query.reference} is for {held}, not for {requested}", "leave --platform out"
        )
    return requested


def refused_paths(rootfs: TreeRootfs, tree: HostTree) -> tuple[Problem, ...]:
    """Return a problem for each path that a walk comes to and that cannot be read."""
    for _ in rootfs.walk():
        pass
    return tuple(Problem(path, why, path) for path, why in sorted(tree.refused.items()))


def _platform(rootfs: Rootfs) -> Platform | None:
    for path in _NATIVE:
        if elf := rootfs.facts(path).elf:
            return normalised_platform("linux", elf.machine)
    return None
