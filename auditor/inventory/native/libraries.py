"""The native libraries of an image, and which of them the loader takes for whom."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.native.dlopen_calls import dlopen_names, find_dlopen_calls
from auditor.inventory.native.loader import Loader
from auditor.inventory.native.native_files import native_files
from auditor.inventory.native.needed_libraries import needed_libraries
from auditor.inventory.paths import list_directory, text_of
from auditor.model import FileType, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from auditor.inventory.native.dlopen_calls import DlopenCall
    from auditor.inventory.native.loader import FoundLibrary
    from auditor.inventory.native.native_files import NativeFile
    from auditor.inventory.native.needed_libraries import MissingLibrary, NeededLibrary
    from auditor.model import Image, ImageConfig, Inventory, Owner, Rootfs

_NAMES = 64
"""Names of one library for which a load is tried, and of one setting."""
_PRELOAD_FILE = "/etc/ld.so.preload"
_PRELOAD_LIMIT = 64 << 10


class LibraryCopies(NamedTuple):
    """Files of one directory with the same bytes, as copying a library through its links makes."""

    file: NativeFile
    """The one with the longest name."""
    sha256: str
    aliases: tuple[str, ...]
    """The other files' paths, and links in the same directory."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names by which a loader can be asked for it."""
        several = [posixpath.basename(path) for path in (self.file.path, *self.aliases)]
        return tuple(dict.fromkeys(filter(None, [self.file.elf.soname, *sorted(several)])))[:_NAMES]

    @property
    def is_module(self) -> bool:
        """Return whether only an import loads it: it has neither a SONAME nor a library's name."""
        return not self.file.elf.soname and not posixpath.basename(self.file.path).startswith("lib")

    @property
    def paths(self) -> frozenset[str]:
        """Return every path of it."""
        return frozenset((self.file.path, *self.aliases))


class Preload(NamedTuple):
    """A library that a setting names."""

    setting: str
    name: str
    found: FoundLibrary | None
    """What the loader takes; None where it finds none of its architecture."""


@dataclass(frozen=True, slots=True)
class NativeLibraries:
    """The native libraries in scope, and what the loader does with them."""

    files: tuple[NativeFile, ...] = ()
    unowned_libraries: tuple[LibraryCopies, ...] = ()
    """Those without an owner, or of a distribution outside the runtime environment."""
    loaded_by_name: Mapping[str, FoundLibrary | None] = field(default_factory=dict)
    """By path of such a library: what the loader takes for its first name."""
    dlopen_calls: Mapping[str, Sequence[DlopenCall]] = field(default_factory=dict)
    """By path of such a library: the calls that name it."""
    needed: tuple[NeededLibrary, ...] = ()
    """What the libraries of the runtime environment's distributions need."""
    missing: tuple[MissingLibrary, ...] = ()
    preloads: tuple[Preload, ...] = ()
    library_path: tuple[tuple[str, str], ...] = ()
    """Elements of LD_LIBRARY_PATH, and their real directories."""


def native_libraries(
    image: Image, inventory: Inventory, owner: Callable[[str], Owner | None]
) -> NativeLibraries:
    """Return the native libraries of an image; `owner` returns the owner of a real path."""
    rootfs, runtime = image.rootfs, inventory.runtime
    loader = None
    if inventory.interpreter is not None:
        loader = Loader(rootfs, image.config, inventory.interpreter)
    prefix = runtime.prefix if runtime else ""
    files = native_files(image, inventory, loader, owner)
    unowned = _copies(rootfs, [each for each in files if _is_foreign(each, prefix)])
    if loader is None:
        return NativeLibraries(tuple(files), unowned)
    needed, missing = needed_libraries(loader, files, prefix)
    wanted = {
        each.file.path: {name for known in each.names for name in dlopen_names(known)}
        for each in unowned
    }
    searching = runtime.distributions if runtime and wanted else ()
    return NativeLibraries(
        files=tuple(files),
        unowned_libraries=unowned,
        loaded_by_name={
            each.file.path: loader.find(each.names[0], loader.chain) for each in unowned
        },
        dlopen_calls=find_dlopen_calls(rootfs, searching, wanted) if searching else {},
        needed=needed,
        missing=missing,
        preloads=_preloads(rootfs, image.config, loader),
        library_path=tuple(
            (element, real)
            for element, folder in loader.library_path
            if (real := rootfs.resolve(folder)) is not None
        ),
    )


def _is_foreign(file: NativeFile, prefix: str) -> bool:
    owner = file.owner
    return owner is None or (owner.kind is OwnerKind.DISTRIBUTION and owner.prefix != prefix)


def _copies(rootfs: Rootfs, files: Sequence[NativeFile]) -> tuple[LibraryCopies, ...]:
    """Put files of the same directory and bytes together, with the links to them."""
    digests = rootfs.digests(each.path for each in files)
    groups: dict[tuple[str, str], list[NativeFile]] = {}
    for file in files:
        digest = digests.get(file.path)
        key = digest.hex() if digest else file.path
        groups.setdefault((posixpath.dirname(file.path), key), []).append(file)
    links = _links(rootfs, {folder for folder, _ in groups})
    return tuple(
        _group(several, links, digests.get(several[0].path, b"").hex())
        for several in groups.values()
    )


def _group(
    several: Sequence[NativeFile], links: Mapping[str, list[str]], sha256: str
) -> LibraryCopies:
    chosen = max(several, key=lambda each: (len(each.path), each.path))
    paths = {each.path for each in several}
    aliases = paths - {chosen.path} | {link for path in paths for link in links.get(path, ())}
    return LibraryCopies(chosen, sha256, tuple(sorted(aliases)))


def _links(rootfs: Rootfs, folders: Iterable[str]) -> dict[str, list[str]]:
    """Return the links in some directories by the real path that they lead to."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for name in list_directory(rootfs, folder):
            path = posixpath.join(folder, name)
            entry = rootfs.lstat(path)
            if entry is not None and entry.type is FileType.SYMLINK:
                found.setdefault(rootfs.resolve(path) or "", []).append(path)
    return found


def _preloads(rootfs: Rootfs, config: ImageConfig, loader: Loader) -> tuple[Preload, ...]:
    """Return what every process of the runtime interpreter loads by a setting (ld.so(8)).

    In order; musl knows LD_PRELOAD alone.
    """
    settings = [("LD_PRELOAD", r"[\s:]+", config.env.get("LD_PRELOAD", ""))]
    if not loader.musl:
        settings.append(("LD_AUDIT", r":+", config.env.get("LD_AUDIT", "")))
        settings.append((_PRELOAD_FILE, r"[\s:]+", text_of(rootfs, _PRELOAD_FILE, _PRELOAD_LIMIT)))
    named = {
        (setting, name): loader.find(name, loader.chain)
        for setting, separator, text in settings
        for name in list(filter(None, re.split(separator, text)))[:_NAMES]
    }
    return tuple(Preload(setting, name, found) for (setting, name), found in named.items())
