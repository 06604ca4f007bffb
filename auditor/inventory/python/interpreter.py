"""One Python interpreter, read from its files alone.

The prefix is found as CPython's `getpath` finds it: the standard library's landmark `os.py`,
looked for from the executable's real directory upwards, or from the `home` of a virtual
environment. The version is the one that the executable or its libpython carries in its
bytes; pyvenv.cfg's is never used, since it names the interpreter that made the environment.
PYTHONHOME is not followed.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.paths import names
from auditor.inventory.python.libc import TRIPLETS, read_libc
from auditor.inventory.python.sys_path import read_venv
from auditor.model import Interpreter, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from auditor.model import Platform, Rootfs

# At most two digits: tags are made for every minor version down from this one.
_EXECUTABLE = re.compile(r"(?:python|pypy)(?P<version>3\.[0-9]{1,2})(?P<threads>t?)d?")
_LIBRARY = re.compile(r"(?P<kind>python|pypy)(?P<version>3\.[0-9]{1,2})(?P<threads>t?)")
_MAJOR_MINOR = re.compile(r"3\.[0-9]{1,2}(?=\.)")
_PY_VERSION = re.compile(
    rb'^[ \t]*#[ \t]*define[ \t]+PY_VERSION[ \t]+"([0-9a-z.+]{3,32})"', re.MULTILINE
)
_HEADER_LIMIT = 64 * 1024  # bytes; patchlevel.h has about 1,300

_LANDMARKS = ("os.py", "os.pyc")
_INSTALLED_PREFIXES = ("/usr/local", "/usr")
"""What interpreters are compiled for; CPython falls back to that when it finds no landmark."""


class _Library(NamedTuple):
    """A standard library: `<prefix>/lib/python3.11`."""

    prefix: str
    directory: str
    implementation: str
    version: str
    """Major and minor."""
    free_threaded: bool


class _Hints(NamedTuple):
    """What the executable itself says about the library that it belongs to."""

    versions: frozenset[str]
    """Majors and minors that it may have; empty where it does not tell."""
    free_threaded: bool


def read_interpreter(
    rootfs: Rootfs, executable: str, platform: Platform | None
) -> Interpreter | None:
    """Return the interpreter that `executable` leads to.

    None where it is absent, no ELF file (a script), or neither a standard library nor its
    own bytes tell its version. The architecture is the file's own, whatever `platform` says;
    that only tells the variants of 32-bit ARM apart, which ELF's machine field does not.
    """
    path = rootfs.resolve(executable)
    elf = rootfs.facts(path).elf if path is not None else None
    if path is None or elf is None:
        return None
    strings = rootfs.facts(path).versions
    hints = _hints(posixpath.basename(path), strings)
    library = _find_library(rootfs, executable, path, hints) or _assumed(path, hints)
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
    for start in _starts(rootfs, executable, path):
        for prefix in _upwards(start):
            if library := _library_below(rootfs, prefix, hints):
                return library
    for prefix in _INSTALLED_PREFIXES:
        if library := _library_below(rootfs, prefix, hints):
            return library
    return None


def _starts(rootfs: Rootfs, executable: str, path: str) -> Iterator[str]:
    """Yield the directories from which the landmark is looked for."""
    directory = posixpath.dirname(executable)
    venv = read_venv(rootfs, directory) or read_venv(rootfs, posixpath.dirname(directory))
    if venv is not None and venv.home.startswith("/"):
        base = rootfs.resolve(posixpath.join(venv.home, posixpath.basename(executable)))
        if base is not None:
            yield posixpath.dirname(base)
        home = rootfs.resolve(venv.home)
        if home is not None:
            yield home
    yield posixpath.dirname(path)


def _upwards(directory: str) -> Iterator[str]:
    while True:
        yield directory
        if directory == "/":
            return
        directory = posixpath.dirname(directory)


def _library_below(rootfs: Rootfs, prefix: str, hints: _Hints) -> _Library | None:
    """Return the standard library below one prefix that suits the executable best."""
    found = []
    for lib in ("lib", "lib64"):
        top = posixpath.join(prefix, lib)
        for name in names(rootfs, top):
            match = _LIBRARY.fullmatch(name)
            if not match or (hints.versions and match["version"] not in hints.versions):
                continue
            directory = posixpath.join(top, name)
            if any(rootfs.stat(posixpath.join(directory, each)) for each in _LANDMARKS):
                kind = "pypy" if match["kind"] == "pypy" else "cpython"
                threads = bool(match["threads"])
                found.append(_Library(prefix, directory, kind, match["version"], threads))
    return max(found, key=lambda library: _suitability(library, hints), default=None)


def _suitability(library: _Library, hints: _Hints) -> tuple[bool, int]:
    return library.free_threaded == hints.free_threaded, int(library.version.split(".")[1])


def _assumed(path: str, hints: _Hints) -> _Library | None:
    """Return what an executable without a standard library says of itself, if it is clear."""
    if len(hints.versions) != 1:
        return None
    version = next(iter(hints.versions))
    prefix = posixpath.dirname(posixpath.dirname(path))
    pypy = posixpath.basename(path).startswith("pypy")
    name = f"{'pypy' if pypy else 'python'}{version}{'t' if hints.free_threaded else ''}"
    directory = posixpath.join(prefix, "lib", name)
    return _Library(prefix, directory, "pypy" if pypy else "cpython", version, hints.free_threaded)


def _full_version(rootfs: Rootfs, library: _Library, strings: Sequence[str], machine: str) -> str:
    """Return the version in the bytes, else in the C header, else major and minor alone.

    A libpython elsewhere counts last: a system's own one, of another patch level, lies beside
    many an interpreter that has its own.
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
    try:
        header = rootfs.read(posixpath.join(folder, "patchlevel.h"), _HEADER_LIMIT)
    except UnreadableError:
        return ()
    match = _PY_VERSION.search(header)
    return (match[1].decode("ascii"),) if match else ()


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
        for name in names(rootfs, directory):
            path = posixpath.join(directory, name)
            if name.startswith(stems):
                elf = rootfs.facts(path).elf
                if elf is not None and elf.machine == machine:
                    yield path


def _triplet_libs(lib: str, machine: str) -> list[str]:
    return [f"{lib}/{triplet}" for triplet in TRIPLETS.get(machine, ())]
