"""Libraries that those of the runtime environment need (DT_NEEDED), and what the loader takes."""

from __future__ import annotations

import posixpath
import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.native.loader import LoadedObject
from auditor.model import OwnerKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.inventory.native.loader import FoundLibrary, Loader
    from auditor.inventory.native.native_files import NativeFile

_EXTENSION = re.compile(
    r".+\.(?:cpython-3\d+\w*|pypy3\d+-pp\d+|abi3)(?:-[\w-]+)?\.so|(?!lib)\w+\.so"
)
"""Names of modules that an import can load; `lib*.so` is only ever loaded by name."""

_OBJECTS = 4096
"""Objects that one extension module may bring into a process."""

_DRIVER = re.compile(r"libcuda\.so|libnvidia-|libnvcuvid\.so|libnvoptix\.so|libcudadebugger\.so")
"""Libraries of a graphics driver, which the container runtime puts there."""


class NeededLibrary(NamedTuple):
    """A library that a distribution's library needs, and the file that the loader takes."""

    distribution: str
    path: str
    """Of the library that needs it."""
    name: str
    found: FoundLibrary


class MissingLibrary(NamedTuple):
    """A library that a distribution's library needs and that the loader does not find."""

    distribution: str
    path: str
    name: str


def needed_libraries(
    loader: Loader, files: Sequence[NativeFile], prefix: str
) -> tuple[tuple[NeededLibrary, ...], tuple[MissingLibrary, ...]]:
    """Return what the distributions of the environment at `prefix` need, found and missing.

    A name that any library of the environment has is not missing: packages load others'
    libraries before they need them.
    """
    own = [each for each in files if _belongs(each, prefix)]
    provided = {name for each in own for name in (posixpath.basename(each.path), each.elf.soname)}
    base: dict[str, str] = {}
    if loader.chain:
        deque(_dependencies(loader, loader.chain, base), maxlen=0)
    needed: dict[tuple[str, str, str], NeededLibrary] = {}
    missing: dict[tuple[str, str], MissingLibrary] = {}
    for file in own:
        name = file.owner.name if file.owner else ""
        extension = _EXTENSION.fullmatch(posixpath.basename(file.path)) is not None
        chain = (LoadedObject(file.path, file.elf), *loader.chain)
        for path, soname, found in _dependencies(loader, chain, dict(base)):
            if found is not None:
                key = (name, soname, found.real)
                needed.setdefault(key, NeededLibrary(name, path, soname, found))
            elif extension and soname not in provided and not _DRIVER.match(soname):
                missing.setdefault((name, soname), MissingLibrary(name, path, soname))
    return tuple(needed.values()), tuple(missing.values())


def _belongs(file: NativeFile, prefix: str) -> bool:
    owner = file.owner
    return owner is not None and owner.kind is OwnerKind.DISTRIBUTION and owner.prefix == prefix


def _dependencies(
    loader: Loader, chain: tuple[LoadedObject, ...], loaded: dict[str, str]
) -> Iterator[tuple[str, str, FoundLibrary | None]]:
    """Yield what `chain[0]` brings into a process: the path that needs a name, and what is found.

    `loaded` has the names that the process already has; the new ones are added to it.
    """
    waiting = deque([chain])
    count = 0
    while waiting and count < _OBJECTS:
        needing = waiting.popleft()
        count += 1
        for name in needing[0].elf.needed:
            if name in loaded or loader.provides(name):
                continue
            found = loader.find(name, needing)
            yield needing[0].path, name, found
            loaded[name] = found.real if found else ""
            if found is not None:
                waiting.append((LoadedObject(found.path, found.elf), *needing))
                loaded.setdefault(found.elf.soname, found.real)
