"""The dynamic loader: which file it takes for a name, found without loading anything.

Follows ld.so(8) and glibc's and musl's own sources. The choice is that of a process which the
runtime interpreter starts; set-user-ID programs, for which loaders ignore the environment, are
left out, as are `tls/` and platform directories (gone since glibc 2.37). The processor is not
known, so a library in `glibc-hwcaps/` counts as taken: the newest machines take it.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.native.loader_cache import (
    configured_directories,
    musl_directories,
    read_cache,
)
from auditor.inventory.python.libc import TRIPLETS
from auditor.model import FileType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.model import Elf, ImageConfig, Interpreter, Rootfs

_HWCAPS = {
    "x86_64": ("x86-64-v4", "x86-64-v3", "x86-64-v2"),
    "ppc64le": ("power10", "power9"),
    "s390x": ("z16", "z15", "z14", "z13"),
}
_VARIABLE = re.compile(r"\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM))")
_TOPS = ("/lib", "/usr/lib")
_DIRECTORIES = 512
"""Directories of one search path that are looked at."""

_MUSL_ITSELF = re.compile(r"lib(c|pthread|rt|m|dl|util|xnet)\.")
"""Names of libraries that musl's loader is itself."""


class LoadedObject(NamedTuple):
    """A file that a process has mapped."""

    path: str
    """Its directory resolved, a final link not: `$ORIGIN` is where the name was found."""
    elf: Elf


class FoundLibrary(NamedTuple):
    """The library that a loader takes for a name."""

    path: str
    """A final link not resolved, `real` resolved."""
    real: str
    by: str
    """What named its directory: `LD_LIBRARY_PATH`, `RPATH`, ..., or `default`."""
    elf: Elf


class Loader:
    """The loader of one interpreter's processes, with the image's settings for it."""

    def __init__(self, rootfs: Rootfs, config: ImageConfig, interpreter: Interpreter) -> None:
        """Read the settings."""
        self._rootfs = rootfs
        self._here = config.working_dir or "/"
        self._machine = interpreter.machine
        self.musl = interpreter.libc is not None and interpreter.libc.family == "musl"
        elf = rootfs.facts(interpreter.path).elf
        self._bits = elf.bits if elf else 64
        self.chain = (LoadedObject(interpreter.path, elf),) if elf else ()
        """The interpreter's program, as what asks for a library."""
        self._known: dict[str, LoadedObject | None] = {}
        self._cache: dict[str, list[str]] = {}
        if self.musl:
            self.defaults = musl_directories(rootfs, self._machine.replace("i686", "i386"))
        else:
            cache = read_cache(rootfs)
            self._cache = cache or {}
            extra = configured_directories(rootfs) if cache is None else []
            self.defaults = [*extra, *self._system()]
        self.library_path = self._library_path(config.env.get("LD_LIBRARY_PATH", ""))

    def _system(self) -> list[str]:
        """Return the directories that glibc was built with; distributions differ."""
        found = [f"{top}/{each}" for each in TRIPLETS.get(self._machine, ()) for top in _TOPS]
        wide = ["/lib64", "/usr/lib64"] if self._bits == 64 else []
        return [*found, *wide, *_TOPS]

    def _library_path(self, value: str) -> list[tuple[str, str]]:
        """Return the elements of LD_LIBRARY_PATH and the directories that they mean."""
        if not value:
            return []
        elements = re.split(r"[:\n]" if self.musl else r"[:;]", value)[:_DIRECTORIES]
        if self.musl:
            elements = [each for each in elements if each]
        origin = posixpath.dirname(self.chain[0].path) if self.chain else "/"
        return [(each, posixpath.join(self._here, self._expand(each, origin))) for each in elements]

    def _expand(self, text: str, origin: str) -> str:
        """Replace the loader's variables (ld.so(8), rpath token expansion)."""
        triplets = TRIPLETS.get(self._machine, ())
        multiarch = triplets and self._rootfs.resolve(f"/usr/lib/{triplets[0]}")
        library = f"lib/{triplets[0]}" if multiarch else "lib64" if self._bits == 64 else "lib"
        words = {"ORIGIN": origin, "LIB": library, "PLATFORM": self._machine}
        return _VARIABLE.sub(lambda match: words[match[1] or match[2]], text)

    # ------------------------------------------------------------------------ searching

    def find(self, name: str, chain: Sequence[LoadedObject]) -> FoundLibrary | None:
        """Return the library that is loaded for `name`, None where none is found.

        `chain` is the object that needs it, the one that loaded that, and so on to the program.
        """
        if not name or "\0" in name:
            return None
        for path, by in self._paths(name, chain):
            loaded = self._open(path)
            if loaded is not None:
                real = self._rootfs.resolve(loaded.path) or loaded.path
                return FoundLibrary(loaded.path, real, by, loaded.elf)
        return None

    def provides(self, name: str) -> bool:
        """Return whether the loader itself is the library of this name."""
        return self.musl and _MUSL_ITSELF.match(name) is not None

    def _paths(self, name: str, chain: Sequence[LoadedObject]) -> Iterator[tuple[str, str]]:
        """Yield the paths that are tried for a name, and what names the directory of each."""
        if "/" in name:
            origin = posixpath.dirname(chain[0].path) if chain else "/"
            yield posixpath.join(self._here, self._expand(name, origin)), "its path"
            return
        for folder, by in self._places(chain):
            yield from ((f"{each}/{name}", by) for each in self._levels(folder))
        for path in self._cache.get(name, ())[:_DIRECTORIES]:
            yield path, "ld.so.cache"
        for folder in self.defaults:
            yield from ((f"{each}/{name}", "default") for each in self._levels(folder))

    def _levels(self, folder: str) -> Iterator[str]:
        """Yield a directory of a search path behind those for the newer processors in it."""
        if not self.musl:
            for level in _HWCAPS.get(self._machine, ()):
                yield f"{folder}/glibc-hwcaps/{level}"
        yield folder

    def _places(self, chain: Sequence[LoadedObject]) -> Iterator[tuple[str, str]]:
        """Yield the directories that are searched before the defaults, and what names each."""
        library_path = [(folder, "LD_LIBRARY_PATH") for _, folder in self.library_path]
        if self.musl:
            yield from library_path
            for each in chain:
                path = each.elf.runpath or each.elf.rpath
                yield from self._directories(path, each, "RUNPATH" if each.elf.runpath else "RPATH")
            return
        if chain and not chain[0].elf.runpath:
            for each in chain:
                if not each.elf.runpath:
                    yield from self._directories(each.elf.rpath, each, "RPATH")
        yield from library_path
        if chain:
            yield from self._directories(chain[0].elf.runpath, chain[0], "RUNPATH")

    def _directories(self, path: str, owner: LoadedObject, by: str) -> Iterator[tuple[str, str]]:
        """Yield what an RPATH or RUNPATH means; an empty element is the working directory."""
        if not path:
            return
        origin = posixpath.dirname(owner.path)
        for element in path.split(":")[:_DIRECTORIES]:
            if element or not self.musl:
                yield posixpath.join(self._here, self._expand(element, origin)), by

    def _open(self, path: str) -> LoadedObject | None:
        """Return the object at a path; None where a loader would search on."""
        if path not in self._known:
            self._known[path] = self._opened(path)
        return self._known[path]

    def _opened(self, path: str) -> LoadedObject | None:
        folder, _, name = path.rpartition("/")
        real = self._rootfs.resolve(folder or "/")
        if real is None:
            return None
        path = posixpath.join(real, name)
        entry = self._rootfs.stat(path)
        if entry is None or entry.type is not FileType.FILE:
            return None
        elf = self._rootfs.facts(path).elf
        if elf is None or (elf.machine, elf.bits) != (self._machine, self._bits):
            return None
        return LoadedObject(path, elf)
