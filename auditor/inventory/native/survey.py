"""What the loader would do in this image, and whose libraries it would take."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.native.dlopen_calls import called_names, mentions
from auditor.inventory.native.loader import Loader
from auditor.inventory.native.loader_links import linked
from auditor.inventory.native.native_files import native_files
from auditor.inventory.native.preloads import preloads
from auditor.inventory.paths import list_directory
from auditor.model import FileType, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from auditor.inventory.native.dlopen_calls import Mention
    from auditor.inventory.native.loader import Found
    from auditor.inventory.native.loader_links import Link, Missing
    from auditor.inventory.native.native_files import NativeFile
    from auditor.inventory.native.preloads import Preload
    from auditor.model import Image, Inventory, Owner, Rootfs

_NAMES = 64
"""Names of one library for which a load is tried."""


class LibraryCopies(NamedTuple):
    """Files of one directory with the same bytes: a library that was copied through its links."""

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


@dataclass(frozen=True, slots=True)
class Natives:
    """The native libraries in scope, and how they come together."""

    files: tuple[NativeFile, ...] = ()
    unowned_libraries: tuple[LibraryCopies, ...] = ()
    """Those that nobody owns, or that belong to a distribution outside the runtime environment."""
    choices: Mapping[str, Found | None] = field(default_factory=dict)
    """By path of a stranger: what a load by its first name takes."""
    mentions: Mapping[str, Sequence[Mention]] = field(default_factory=dict)
    """By path of a stranger: the calls that name it."""
    links: tuple[Link, ...] = ()
    """What the runtime environment's libraries need and get from outside their distribution."""
    missing: tuple[Missing, ...] = ()
    preloads: tuple[Preload, ...] = ()
    library_path: tuple[tuple[str, str], ...] = ()
    """Elements of LD_LIBRARY_PATH, and the real directories they mean."""


def survey_natives(
    image: Image, inventory: Inventory, owner: Callable[[str], Owner | None]
) -> Natives:
    """Return the native libraries of an image; `owner` says whose the file at a real path is."""
    rootfs, runtime = image.rootfs, inventory.runtime
    loader = None
    if inventory.interpreter is not None:
        loader = Loader(rootfs, image.config, inventory.interpreter)
    prefix = runtime.prefix if runtime else ""
    files = native_files(image, inventory, loader, owner)
    unowned_libraries = _copies(rootfs, [each for each in files if _is_strange(each, prefix)])
    if loader is None:
        return Natives(tuple(files), unowned_libraries)
    chain = (loader.program,) if loader.program else ()
    links, missing = linked(loader, files, prefix)
    wanted = {
        each.file.path: {name for known in each.names for name in called_names(known)}
        for each in unowned_libraries
    }
    searched = runtime.distributions if runtime and wanted else ()
    return Natives(
        files=tuple(files),
        unowned_libraries=unowned_libraries,
        choices={each.file.path: loader.find(each.names[0], chain) for each in unowned_libraries},
        mentions=mentions(rootfs, searched, wanted) if searched else {},
        links=links,
        missing=missing,
        preloads=preloads(rootfs, image.config, loader),
        library_path=tuple(_real_elements(rootfs, loader)),
    )


def _is_strange(file: NativeFile, prefix: str) -> bool:
    owner = file.owner
    return owner is None or (owner.kind is OwnerKind.DISTRIBUTION and owner.prefix != prefix)


def _real_elements(rootfs: Rootfs, loader: Loader) -> Iterator[tuple[str, str]]:
    for element, folder in loader.library_path:
        real = rootfs.resolve(folder)
        if real is not None:
            yield element, real


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
