"""Directories of this machine: an unpacked root file system, a live Python environment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import ImageError, UsageError
from auditor.image.documents import normalised_platform
from auditor.image.platforms import host_platform, parse_platform
from auditor.image.tree.host_tree import HostTree
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, ImageConfig, NotChecked, Problem, UnreadableError
from auditor.pyvenv_cfg import read_venv

if TYPE_CHECKING:
    from collections.abc import Iterator

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

_PYTHON_FOLDER = re.compile(r"(python|pypy)3(\.\d+)?t?")


def open_directory(path: Path, query: ImageQuery) -> Image:
    """Return an unpacked root file system (`dir:`); raises `ImageError` or `UsageError`."""
    tree = _open_tree(path, query.reference)
    rootfs = TreeRootfs(tree)
    return Image(
        reference=query.reference,
        config=ImageConfig(_requested_platform(query, _platform(rootfs))),
        rootfs=rootfs,
        not_checked=(
            NotChecked("layers", "a directory has none"),
            NotChecked(
                "image configuration",
                "a directory has none: environment variables, entrypoint and user are unknown",
            ),
        ),
        problems=_refused_paths(rootfs, tree),
    )


def open_environment(path: Path, query: ImageQuery) -> Image:
    """Return a live environment (`env:`), whose root is this machine's.

    A walk sees the environment and the libraries of the interpreter it is based on, never the
    rest of the machine. Raises `ImageError` or `UsageError`.
    """
    prefix = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links on the host
    if path.exists() and not path.is_dir():
        raise ImageError(
            f"{query.reference}: {path} is a file, not a directory", "name the environment's prefix"
        )
    if not path.is_dir():
        raise ImageError(f"{query.reference}: there is no directory {path}", "check the path")
    tree = _open_tree(Path("/"), query.reference)
    scope = sorted(set(_scope(TreeRootfs(tree), prefix)))
    rootfs = TreeRootfs(tree, scope)
    return Image(
        reference=query.reference,
        config=ImageConfig(_requested_platform(query, host_platform())),
        rootfs=rootfs,
        prefix=prefix,
        not_checked=(NotChecked("layers", "a live environment has none"),),
        problems=_refused_paths(rootfs, tree),
    )


def _open_tree(path: Path, reference: str) -> HostTree:
    try:
        return HostTree(str(path))
    except OSError as error:
        why = (error.strerror or "").lower()
        raise ImageError(f"{reference} cannot be read: {why}", "check the path") from error


def _requested_platform(query: ImageQuery, held: Platform | None) -> Platform:
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


def _refused_paths(rootfs: TreeRootfs, tree: HostTree) -> tuple[Problem, ...]:
    """Return a problem for each path that a walk comes to and that cannot be read."""
    for _ in rootfs.walk():
        pass
    return tuple(Problem(path, why, path) for path, why in sorted(tree.refused.items()))


def _platform(rootfs: Rootfs) -> Platform | None:
    for path in _NATIVE:
        if elf := rootfs.facts(path).elf:
            return normalised_platform("linux", elf.machine)
    return None


def _scope(rootfs: Rootfs, prefix: str) -> Iterator[str]:
    venv = read_venv(rootfs, prefix)
    real = rootfs.resolve(prefix)
    if real is not None and venv is not None:
        yield real
    bases = [prefix] if venv is None else []
    if venv is not None and venv.home:
        bases.append(os.path.dirname(venv.home))  # noqa: PTH120 - a path in the image
    for name in ("python", "python3"):
        executable = rootfs.resolve(f"{prefix}/bin/{name}")
        if executable is not None:
            bases.append(executable.rpartition("/")[0].rpartition("/")[0])
    for base in bases:
        yield from _libraries(rootfs, base)


def _libraries(rootfs: Rootfs, base: str) -> Iterator[str]:
    """Yield where an interpreter's own libraries are, and what is installed for it."""
    for folder in (f"{base}/lib", f"{base}/lib64", f"{base}/local/lib", f"{base}/lib/pypy"):
        try:
            names = rootfs.names(folder)
        except UnreadableError:
            continue
        for name in names:
            if _PYTHON_FOLDER.fullmatch(name) and (found := rootfs.resolve(f"{folder}/{name}")):
                yield found
