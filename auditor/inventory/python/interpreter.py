"""One Python interpreter, read from its files without running it.

The prefix is found as CPython's `getpath` finds it: the standard library's landmark `os.py`,
looked for from the executable's real directory upwards, or from the `home` of a virtual
environment. The version is the one that the executable or its libpython carries in its
bytes; pyvenv.cfg's is never used, since it names the interpreter that made the environment.
PYTHONHOME is ignored.
"""

from __future__ import annotations

import posixpath
import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.paths import ancestors, list_directory, text_of
from auditor.inventory.python.libc import TRIPLETS, is_for_machine, read_libc
from auditor.inventory.site_packages import LIBRARY_FOLDER
from auditor.model import Interpreter
from auditor.pyvenv_cfg import venv_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from auditor.model import Platform, Rootfs

_EXECUTABLE = re.compile(r"(?:python|pypy)(?P<version>3\.[0-9]{1,2})(?P<threads>t?)d?")
_MAJOR_MINOR = re.compile(r"3\.[0-9]{1,2}(?=\.)")
_PY_VERSION = re.compile(
    r'^[ \t]*#[ \t]*define[ \t]+PY_VERSION[ \t]+"([0-9a-z.+]{3,32})"', re.MULTILINE
)
_HEADER_LIMIT = 64 * 1024  # bytes; patchlevel.h has about 1,300

_LANDMARKS = ("os.py", "os.pyc")
_INSTALLED_PREFIXES = ("/usr/local", "/usr")
"""Prefixes that interpreters are compiled for: CPython's fallback where it finds no landmark."""


class _Library(NamedTuple):
    """A standard library: `<prefix>/lib/python3.11`."""

    prefix: str
    directory: str
    implementation: str
    version: str
    """Major and minor."""
    free_threaded: bool


class _Hints(NamedTuple):
    """What the executable's name and strings say about the library that it belongs to."""

    versions: frozenset[str]
    """Majors and minors that it may have; empty where nothing says."""
    free_threaded: bool


def read_interpreter(
    rootfs: Rootfs, executable: str, platform: Platform | None
) -> Interpreter | None:
    """Return the interpreter that `executable` leads to.

    None where it is absent, not an ELF file (a script), or neither a standard library nor its
    own bytes have its version. The architecture is that of the file, whatever `platform` says;
    `platform` only distinguishes the variants of 32-bit ARM, which ELF's machine field does not.
    """
    path = rootfs.resolve(executable)
    elf = rootfs.facts(path).elf if path is not None else None
    if path is None or elf is None:
        return None
    strings = rootfs.facts(path).versions
    hints = _hints(posixpath.basename(path), strings)
    library = _find_library(rootfs, executable, path, hints) or _assumed_library(path, hints)
    if library is None:
        return None
    machine = elf.machine
    if machine == "armv7l" and platform is not None and platform.variant == "v6":
        machine = "armv6l"
    return Interpreter(
        path=path,
        prefix=library.prefix,
        implementation=library.implementation,
        full_version=_full_version(rootfs, library, strings, elf.machine),
        free_threaded=library.free_threaded,
        machine=machine,
        libc=read_libc(rootfs, elf.machine, library.directory),
    )


def _hints(name: str, strings: Sequence[str]) -> _Hints:
    match = _EXECUTABLE.fullmatch(name)
    versions = {match[0] for match in map(_MAJOR_MINOR.match, strings) if match}
    if match and (not versions or match["version"] in versions):
        versions = {match["version"]}  # other strings of that form are file formats' versions
    threads = any(re.fullmatch(r"cpython-[0-9]+t", text) for text in strings)
    return _Hints(frozenset(versions), threads or bool(match and match["threads"]))


def _find_library(rootfs: Rootfs, executable: str, path: str, hints: _Hints) -> _Library | None:
    above = (
        prefix for start in _starts(rootfs, executable, path) for prefix in (*ancestors(start), "/")
    )
    found = (_library_below(rootfs, each, hints) for each in chain(above, _INSTALLED_PREFIXES))
    return next(filter(None, found), None)


def _starts(rootfs: Rootfs, executable: str, path: str) -> Iterator[str]:
    """Yield the directories from which the landmark is looked for."""
    venv = venv_of(rootfs, executable)
    if venv is not None and venv.home.startswith("/"):
        base = rootfs.resolve(posixpath.join(venv.home, posixpath.basename(executable)))
        if base is not None:
            yield posixpath.dirname(base)
        home = rootfs.resolve(venv.home)
        if home is not None:
            yield home
    yield posixpath.dirname(path)


def _library_below(rootfs: Rootfs, prefix: str, hints: _Hints) -> _Library | None:
    """Return the standard library below one prefix that suits the executable best."""
    found = []
    for lib in ("lib", "lib64"):
        top = posixpath.join(prefix, lib)
        for name in list_directory(rootfs, top):
            library = _library_at(prefix, posixpath.join(top, name))
            if library is None or (hints.versions and library.version not in hints.versions):
                continue
            if any(rootfs.stat(posixpath.join(library.directory, each)) for each in _LANDMARKS):
                found.append(library)
    return max(found, key=lambda library: _suitability(library, hints), default=None)


def _library_at(prefix: str, directory: str) -> _Library | None:
    """Return what the name of a library folder says; None for the name of any other folder."""
    match = LIBRARY_FOLDER.fullmatch(posixpath.basename(directory))
    if match is None:
        return None
    implementation = "pypy" if match["kind"] == "pypy" else "cpython"
    return _Library(prefix, directory, implementation, match["version"], bool(match["threads"]))


def _suitability(library: _Library, hints: _Hints) -> tuple[bool, int]:
    return library.free_threaded == hints.free_threaded, int(library.version.split(".")[1])


def _assumed_library(path: str, hints: _Hints) -> _Library | None:
    """Return the library that an executable names without having it; None where it names none."""
    if len(hints.versions) != 1:
        return None
    prefix = posixpath.dirname(posixpath.dirname(path))
    stem = "pypy" if posixpath.basename(path).startswith("pypy") else "python"
    name = f"{stem}{next(iter(hints.versions))}{'t' if hints.free_threaded else ''}"
    return _library_at(prefix, posixpath.join(prefix, "lib", name))


def _full_version(rootfs: Rootfs, library: _Library, strings: Sequence[str], machine: str) -> str:
    """Return the version in the bytes, else in the C header, else major and minor alone.

    A libpython elsewhere comes last: the system's, of another patch level, is often there beside
    an interpreter that has its own.
    """
    own = [
        f"{library.prefix}/{lib}" for lib in ("lib", "lib64", "bin", *_triplet_libs("lib", machine))
    ]
    elsewhere = [*_triplet_libs("/usr/lib", machine), "/usr/lib64", "/usr/lib", "/usr/local/lib"]
    shared = [
        rootfs.facts(path).versions for path in _shared_libraries(rootfs, library, machine, own)
    ]
    for named in (strings, *shared, _header_version(rootfs, library)):
        if version := _agreeing(named, library.version):
            return version
    if not shared:
        for path in _shared_libraries(rootfs, library, machine, elsewhere):
            if version := _agreeing(rootfs.facts(path).versions, library.version):
                return version
    return library.version


def _header_version(rootfs: Rootfs, library: _Library) -> tuple[str, ...]:
    folder = posixpath.join(library.prefix, "include", posixpath.basename(library.directory))
    match = _PY_VERSION.search(text_of(rootfs, f"{folder}/patchlevel.h", _HEADER_LIMIT))
    return (match[1],) if match else ()


def _agreeing(strings: Sequence[str], version: str) -> str | None:
    """Return the one full version of this major and minor; None where there is none or several."""
    pattern = re.compile(re.escape(version) + r"\.[0-9]{1,3}(?:(?:a|b|rc)[0-9]{1,2})?\+?")
    found = {text for text in strings if pattern.fullmatch(text)}
    return found.pop() if len(found) == 1 else None


def _shared_libraries(
    rootfs: Rootfs, library: _Library, machine: str, directories: Iterable[str]
) -> Iterator[str]:
    """Yield the libpythons in `directories` that the executable may be linked with."""
    threads = "t" if library.free_threaded else ""
    stems = (f"libpython{library.version}{threads}.so", f"libpypy{library.version}-c.so")
    for directory in directories:
        for name in list_directory(rootfs, directory):
            path = posixpath.join(directory, name)
            if name.startswith(stems) and is_for_machine(rootfs, path, machine):
                yield path


def _triplet_libs(lib: str, machine: str) -> list[str]:
    return [f"{lib}/{triplet}" for triplet in TRIPLETS.get(machine, ())]
