"""A live Python environment of this machine, without a container: `env:`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image.layout.root_directory import open_tree, refused_paths, requested_platform
from auditor.image.platforms import host_platform
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, ImageConfig, NotChecked, UnreadableError
from auditor.pyvenv_cfg import read_venv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.image.layout.blob_store import ImageQuery
    from auditor.model import Rootfs

_PYTHON_FOLDER = re.compile(r"(python|pypy)3(\.\d+)?t?")


def open_environment(path: Path, query: ImageQuery) -> Image:
    """Return a live environment of this machine, whose root is this machine's.

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
    tree = open_tree(Path("/"), query.reference)
    scope = sorted(set(_scope(TreeRootfs(tree), prefix)))
    rootfs = TreeRootfs(tree, scope)
    return Image(
        reference=query.reference,
        config=ImageConfig(requested_platform(query, host_platform())),
        rootfs=rootfs,
        prefix=prefix,
        not_checked=(NotChecked("layers", "a live environment has none"),),
        problems=refused_paths(rootfs, tree),
    )


def _scope(rootfs: Rootfs, prefix: str) -> Iterator[str]:
    """Yield the real directories that belong to an environment."""
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
