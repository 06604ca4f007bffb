"""Images that are directories of this machine: `oci:`, `dir:` and `env:`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import ImageError, UsageError
from auditor.image.documents import normalised_platform
from auditor.image.layers.layer_request import Span
from auditor.image.layout import oci
from auditor.image.layout.assemble import assemble
from auditor.image.layout.blob_store import SpanStore
from auditor.image.platforms import host_platform, parse_platform
from auditor.image.tree.host_tree import HostTree
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Image, ImageConfig, NotChecked, Problem, UnreadableError
from auditor.pyvenv_cfg import read_venv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.image.layout.blob_store import ImageQuery
    from auditor.image.read_options import ReadOptions
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
"""Executables whose ELF header tells a root file system's architecture, first found wins."""

_PYTHON_FOLDER = re.compile(r"(python|pypy)3(\.\d+)?t?")


def open_layout(path: Path, wanted: ImageQuery, reading: ReadOptions) -> Image:
    """Read an image of an OCI layout directory; raises `ImageError` or `UsageError`."""
    store = layout_store(path, wanted)
    try:
        return assemble(oci.choose(store, wanted), store, wanted.reference, reading)
    except OSError as error:
        raise ImageError(f"{wanted.reference} cannot be read: {error.strerror}") from error


def layout_store(path: Path, wanted: ImageQuery) -> SpanStore:
    """Return the files of an OCI layout directory; raises `ImageError` where there is none."""
    if not path.is_dir():
        raise ImageError(f"{wanted.reference}: there is no directory {path}", "check the path")

    def locate(name: str) -> Span | None:
        file = path / name
        return Span(str(file), 0, file.stat().st_size) if file.is_file() else None

    return SpanStore(locate)


def open_directory(path: Path, wanted: ImageQuery) -> Image:
    """Return an unpacked root file system; raises `ImageError` or `UsageError`."""
    tree = _tree(path, wanted.reference)
    rootfs = TreeRootfs(tree)
    return Image(
        reference=wanted.reference,
        digest=None,
        manifest_digest=None,
        config=ImageConfig(_required(wanted, _platform(rootfs))),
        layers=(),
        rootfs=rootfs,
        not_checked=(
            NotChecked("layers", "a directory has none"),
            NotChecked(
                "image configuration",
                "a directory has none: environment variables, entrypoint and user are unknown",
            ),
        ),
        problems=_refused(rootfs, tree),
    )


def open_environment(path: Path, wanted: ImageQuery) -> Image:
    """Return a live environment of this machine, whose root is this machine's.

    A walk sees the environment and the libraries of the interpreter it is based on, never the
    rest of the machine. Raises `ImageError` or `UsageError`.
    """
    prefix = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links on the host
    if not path.is_dir():
        why = f"there is no directory {path}"
        if path.exists():
            raise ImageError(
                f"{wanted.reference}: {path} is a file", "name the environment's prefix"
            )
        raise ImageError(f"{wanted.reference}: {why}", "check the path")
    tree = _tree(Path("/"), wanted.reference)
    everywhere = TreeRootfs(tree)
    rootfs = TreeRootfs(tree, sorted(set(_scope(everywhere, prefix))))
    return Image(
        reference=wanted.reference,
        digest=None,
        manifest_digest=None,
        config=ImageConfig(_required(wanted, host_platform())),
        layers=(),
        rootfs=rootfs,
        prefix=prefix,
        not_checked=(NotChecked("layers", "a live environment has none"),),
        problems=_refused(rootfs, tree),
    )


def _tree(path: Path, reference: str) -> HostTree:
    try:
        return HostTree(str(path))
    except OSError as error:
        why = (error.strerror or "").lower()
        raise ImageError(f"{reference} cannot be read: {why}", "check the path") from error


def _platform(rootfs: Rootfs) -> Platform | None:
    """Tell a root file system's platform by its executables; None where it has none."""
    for path in _NATIVE:
        elf = rootfs.elf(path)
        if elf is not None:
            return normalised_platform("linux", elf.machine)
    return None


def _required(wanted: ImageQuery, held: Platform | None) -> Platform:
    """Return the platform; raises `UsageError` where another one is asked for than is there.

    Where nothing tells, it is the one asked for, else this machine's.
    """
    asked = parse_platform(wanted.platform)
    if asked is None or held is None:
        return asked or held or host_platform()
    if asked[:2] != held[:2]:
        raise UsageError(
            f"{wanted.reference} is for {held}, not for {asked}", "leave --platform out"
        )
    return asked


def _refused(rootfs: TreeRootfs, tree: HostTree) -> tuple[Problem, ...]:
    """Return what the host does not show, of all that a walk comes to."""
    for _ in rootfs.walk():
        pass
    return tuple(Problem(path, why, path) for path, why in sorted(tree.refused.items()))


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
    """Yield where an interpreter's own libraries and what is installed for it lie."""
    for folder in (f"{base}/lib", f"{base}/lib64", f"{base}/local/lib", f"{base}/lib/pypy"):
        try:
            names = rootfs.names(folder)
        except UnreadableError:
            continue
        for name in names:
            if _PYTHON_FOLDER.fullmatch(name) and (found := rootfs.resolve(f"{folder}/{name}")):
                yield found
