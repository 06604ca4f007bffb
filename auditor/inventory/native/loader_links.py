"""What the libraries of the runtime environment get from the loader, followed as imports do."""

from __future__ import annotations

import posixpath
import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.native.loader import Loaded
from auditor.model import OwnerKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from auditor.inventory.native.loader import Found, Loader
    from auditor.inventory.native.native_files import NativeFile

_EXTENSION = re.compile(
    r".+\.(?:cpython-3\d+\w*|pypy3\d+-pp\d+|abi3)(?:-[\w-]+)?\.so|(?!lib)\w+\.so"
)
"""Names of modules that an import can load; `lib*.so` is only ever loaded by name."""

_OBJECTS = 4096
"""Objects that one extension module may bring into a process."""

_GIVEN = re.compile(r"libcuda\.so|libnvidia-|libnvcuvid\.so|libnvoptix\.so|libcudadebugger\.so")
"""Libraries of a graphics driver, which the container runtime puts there."""


class Link(NamedTuple):
    """A library that one of a distribution's needs, and what the loader takes for it."""

    distribution: str
    path: str
    """Of the library that needs it."""
    name: str
    found: Found


class Missing(NamedTuple):
    """A library that one of a distribution's needs and that no loader finds."""

    distribution: str
    path: str
    name: str


def linked(
    loader: Loader, files: Sequence[NativeFile], prefix: str
) -> tuple[tuple[Link, ...], tuple[Missing, ...]]:
    """Return what the distributions of the environment at `prefix` need from the loader.

    A name that any library of the environment answers for is not missing: packages load
    others' libraries before they need them.
    """
    own = [each for each in files if _belongs(each, prefix)]
    provided = {name for each in own for name in (posixpath.basename(each.path), each.elf.soname)}
    base: dict[str, str] = {}
    if loader.program is not None:
        for _ in _closure(loader, (loader.program,), base):
            pass
    links: dict[tuple[str, str, str], Link] = {}
    missing: dict[tuple[str, str], Missing] = {}
    for file in own:
        name = file.owner.name if file.owner else ""
        extension = _EXTENSION.fullmatch(posixpath.basename(file.path)) is not None
        chain = (Loaded(file.path, file.elf), *((loader.program,) if loader.program else ()))
        for asking, needed, found in _closure(loader, chain, dict(base)):
            if found is not None:
                links.setdefault((name, needed, found.real), Link(name, asking, needed, found))
            elif extension and needed not in provided and not _GIVEN.match(needed):
                missing.setdefault((name, needed), Missing(name, asking, needed))
    return tuple(links.values()), tuple(missing.values())


def _belongs(file: NativeFile, prefix: str) -> bool:
    owner = file.owner
    return owner is not None and owner.kind is OwnerKind.DISTRIBUTION and owner.prefix == prefix


def _closure(
    loader: Loader, chain: tuple[Loaded, ...], loaded: dict[str, str]
) -> Iterator[tuple[str, str, Found | None]]:
    """Yield who asks, the name and what is taken, for all that `chain[0]` brings in.

    `loaded` has the names that the process already has, and takes in the new ones.
    """
    waiting = deque([chain])
    count = 0
    while waiting and count < _OBJECTS:
        asking = waiting.popleft()
        count += 1
        for name in _asked(loader, asking[0].elf.needed, loaded):
            found = loader.find(name, asking)
            yield asking[0].path, name, found
            loaded[name] = found.real if found else ""
            if found is not None:
                waiting.append((Loaded(found.path, found.elf), *asking))
                loaded.setdefault(found.elf.soname, found.real)


def _asked(loader: Loader, names: Iterable[str], loaded: dict[str, str]) -> Iterator[str]:
    for name in names:
        if name not in loaded and not loader.is_itself(name):
            yield name
