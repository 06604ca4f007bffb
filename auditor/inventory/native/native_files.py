"""The native libraries of an image, where a loader or an import can reach them."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.native.loader_cache import (
    cached_directories,
    configured_directories,
    read_cache,
)
from auditor.inventory.ownership.application import application_folders, inside
from auditor.inventory.paths import is_file, list_directory
from auditor.inventory.site_packages import SITE_DIRECTORY
from auditor.model import FileType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from auditor.inventory.native.loader import Loader
    from auditor.model import Elf, Image, Inventory, Owner, Rootfs

_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")


_SITE = re.compile(rf"{SITE_DIRECTORY.pattern}(?=/)")
"""The innermost site directory on a path; a base interpreter's lies in its standard library."""


class NativeFile(NamedTuple):
    """One library or extension module."""

    path: str
    """Real."""
    elf: Elf
    size: int
    owner: Owner | None


def native_files(
    image: Image, inventory: Inventory, loader: Loader | None, owner: Callable[[str], Owner | None]
) -> list[NativeFile]:
    """Return every library below the library and import paths and in the application, by path.

    What lies in an environment that is not the runtime one is left out.
    """
    rootfs = image.rootfs
    runtime = inventory.runtime
    imported = set(runtime.import_paths if runtime else ())
    others = {
        path
        for environment in inventory.environments
        for path in environment.import_paths
        if path not in imported
    }
    found: dict[str, NativeFile] = {}
    for path in _paths(image, imported, loader):
        elf = rootfs.facts(path).elf
        if elf is None or not elf.is_library or path in found:
            continue
        site = _SITE.match(path)
        elsewhere = site is not None and site[0] not in imported
        entry = rootfs.stat(path)
        if not (entry is None or elsewhere or any(inside(path, other) for other in others)):
            found[path] = NativeFile(path, elf, entry.size, owner(path))
    return [found[path] for path in sorted(found)]


def _paths(image: Image, imported: Iterable[str], loader: Loader | None) -> Iterator[str]:
    """Yield the regular files in scope."""
    rootfs = image.rootfs
    known = cached_directories(read_cache(rootfs) or {})
    deep = [*_SYSTEM, *imported, *configured_directories(rootfs), *known]
    deep += application_folders(image)
    for top in _tops(rootfs, [*deep, *(loader.defaults if loader else ())]):
        for path, entry in rootfs.walk(top):
            if entry.type is FileType.FILE:
                yield path
    for _, folder in loader.library_path if loader else ():
        real = rootfs.resolve(folder)
        for name in list_directory(rootfs, folder) if real else ():
            inner = rootfs.resolve(posixpath.join(folder, name))
            if inner is not None and is_file(rootfs, inner):
                yield inner


def _tops(rootfs: Rootfs, folders: Iterable[str]) -> list[str]:
    """Return the real directories that lie in none of the others."""
    real = {path for path in map(rootfs.resolve, folders) if path is not None and path != "/"}
    tops: list[str] = []
    for path in sorted(real, key=lambda each: each.split("/")):
        if not (tops and inside(path, tops[-1])):
            tops.append(path)
    return tops
