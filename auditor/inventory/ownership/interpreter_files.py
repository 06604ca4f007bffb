"""The files that came with an interpreter: the known layout below its prefix, and no more.

A later layer that adds to that layout or changes it did not bring the interpreter: its files
are not the interpreter's. One that writes the whole layout again brought an interpreter where
the program itself is another one; with the same program it brought nothing but what differs.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.ownership.application import inside
from auditor.inventory.paths import list_directory, program_directories
from auditor.inventory.site_packages import SITE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from auditor.model import Entry, Image, Rootfs

_LIBRARY = re.compile(r"(?:python|pypy)3\.\d+t?")
_LAYOUT = re.compile(
    rf"""(?x)
      bin/(?:python|pypy|pydoc|idle|2to3|libpypy)[^/]*
    | lib(?:64)?/(?:libpython|libpypy)[^/]*
    | lib(?:64)?/(?:itcl|tcl|tk|thread|tdbc|Tix)\d[^/]*/.*
    | lib(?:64)?/pkgconfig/python[^/]*
    | lib(?:64)?/(?:python|pypy)3\.\d+t?/(?!{SITE_FOLDER}/).*
    | include/(?:python|pypy)[^/]*/.*
    | share/(?:man|terminfo)/.*
    """
)
_PROGRAM = re.compile(r"bin/(?:python|pypy)(?:3(?:\.\d+)?)?[td]*")


class InterpreterInstall(NamedTuple):
    """An interpreter installed at a prefix."""

    prefix: str
    """Real."""
    executable: str | None
    """Real path of the program, where there is one."""
    layer: int | None
    """The layer that brought the interpreter, where layers are known."""

    def owns(self, rootfs: Rootfs, path: str, entry: Entry) -> bool:
        """Return whether the file at a real path came with this interpreter."""
        relative = path[len(self.prefix.rstrip("/")) + 1 :]
        if not (inside(path, self.prefix) and _LAYOUT.fullmatch(relative)):
            return False
        if _PROGRAM.fullmatch(relative) and rootfs.facts(path).elf is None:
            return False
        return self.layer is None or entry.layer is None or entry.layer <= self.layer


def install_of(
    installs: Iterable[InterpreterInstall], rootfs: Rootfs, path: str, entry: Entry | None
) -> InterpreterInstall | None:
    """Return the interpreter that brought the file at a real path."""
    return next((each for each in installs if entry and each.owns(rootfs, path, entry)), None)


def interpreter_installs(image: Image, prefixes: Iterable[str]) -> Iterator[InterpreterInstall]:
    """Yield the interpreters that are installed at `prefixes`, each real prefix once."""
    rootfs = image.rootfs
    changed = frozenset(each.path for each in image.hidden)
    real = {rootfs.resolve(prefix) for prefix in prefixes}
    for prefix in sorted(path for path in real if path is not None):
        for library in _libraries(rootfs, prefix):
            program = posixpath.join(prefix, "bin", posixpath.basename(library))
            executable = rootfs.resolve(program)
            programs = _programs(rootfs, library, executable)
            layer = _bringing_layer(rootfs, library, programs, changed)
            yield InterpreterInstall(prefix, executable, layer)


def _programs(rootfs: Rootfs, library: str, executable: str | None) -> list[str]:
    """Return the program of a standard library, and the libpython that it is linked with."""
    if executable is None:
        return []
    elf = rootfs.facts(executable).elf
    linked = [name for name in elf.needed if name.startswith("libpython")] if elf else []
    return [executable, *(posixpath.join(posixpath.dirname(library), name) for name in linked)]


def _bringing_layer(
    rootfs: Rootfs, library: str, programs: Iterable[str], changed: Collection[str]
) -> int | None:
    """Return the layer that completed an interpreter: most of its library, and its program.

    `changed` are the paths that had other bytes in a lower layer: a layer that only replaces
    the program did not bring the interpreter.
    """
    modules = [
        entry
        for name in list_directory(rootfs, library)
        if name.endswith((".py", ".pyc")) and (entry := rootfs.lstat(f"{library}/{name}"))
    ]
    entries = {path: entry for path in programs if (entry := rootfs.lstat(path)) is not None}
    layer = _most(entry.written for entry in modules)
    if all(entry.layer != layer for entry in entries.values()):
        layer = _most(entry.layer for entry in modules)
    first = [entry.layer for path, entry in entries.items() if path not in changed]
    return max((each for each in [layer, *first] if each is not None), default=None)


def _most(layers: Iterable[int | None]) -> int | None:
    """Return the layer that occurs most; of two that occur as often, the lower one."""
    counts = Counter(layers)
    return max(counts, key=lambda each: (counts[each], -(each or 0)))


def interpreter_prefixes(image: Image) -> Iterator[str]:
    """Yield the prefixes of the interpreters that PATH finds, `/usr/local` first."""
    yield "/usr/local"
    for folder in program_directories(image.config):
        for name in ("python", "python3"):
            real = image.rootfs.resolve(posixpath.join("/", folder, name))
            if real is not None:
                yield posixpath.dirname(posixpath.dirname(real))


def _libraries(rootfs: Rootfs, prefix: str) -> Iterator[str]:
    """Yield the standard libraries below a prefix, known by their landmark."""
    for lib in ("lib", "lib64"):
        folder = posixpath.join(prefix, lib)
        entry = rootfs.lstat(folder)
        if entry is None or entry.target:
            continue
        for name in list_directory(rootfs, folder):
            library = f"{folder}/{name}"
            if _LIBRARY.fullmatch(name) and (
                rootfs.lstat(f"{library}/os.py") or rootfs.lstat(f"{library}/os.pyc")
            ):
                yield library
