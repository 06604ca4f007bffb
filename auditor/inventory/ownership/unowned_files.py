"""Files without an owner where the image imports code from or finds programs."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.ownership.application import may_own
from auditor.inventory.paths import list_directory, program_directories
from auditor.inventory.site_packages import SITE_FOLDERS
from auditor.model import FileType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.inventory.ownership.file_ownership import FileOwnership
    from auditor.model import Entry, Environment, Image, ImageConfig, Rootfs

_PROGRAMS = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where programs are found by absolute path, whatever PATH says."""

_IMPORTABLE = (".py", ".pyc", ".so", ".pth", ".zip")


class UnownedFile(NamedTuple):
    """One file without an owner, or a directory in which no file has one."""

    path: str
    files: int
    size: int
    """Bytes of all files together."""


def unowned_code(
    image: Image, runtime: Environment, ownership: FileOwnership
) -> tuple[UnownedFile, ...]:
    """Return the files without an owner on the import path, sorted by path.

    A directory in which no file has an owner is one entry, the topmost such; bytecode belongs
    to its source's entry.
    """
    found: list[UnownedFile] = []
    for root in runtime.import_paths:
        others = tuple(f"{each}/" for each in _excluded(root, runtime.import_paths))
        files = [
            (path, entry)
            for path, entry in _files(image.rootfs, root)
            if not path.startswith(others)
        ]
        found += _grouped(root, files, ownership)
    return tuple(sorted(found))


def _excluded(root: str, import_paths: Iterable[str]) -> Iterator[str]:
    """Yield the directories below `root` that are walked on their own, or not at all."""
    yield from (f"{root}/{name}" for name in SITE_FOLDERS)
    yield from (each for each in import_paths if each.startswith(f"{root}/"))


def _files(rootfs: Rootfs, root: str) -> Iterator[tuple[str, Entry]]:
    """Yield the files and links of a directory on the import path.

    Where that is or contains a part of the system (`PYTHONPATH=/`), only what can be imported
    directly from it.
    """
    if may_own(root) or "/python" in root or "/pypy" in root:
        for path, entry in rootfs.walk(root):
            if entry.type in (FileType.FILE, FileType.SYMLINK):
                yield path, entry
        return
    for name in list_directory(rootfs, root):
        path = posixpath.join(root, name)
        child = rootfs.lstat(path)
        if child is not None and child.type is FileType.FILE and name.endswith(_IMPORTABLE):
            yield path, child


def _grouped(
    root: str, files: list[tuple[str, Entry]], ownership: FileOwnership
) -> Iterator[UnownedFile]:
    """Group the files without an owner by the topmost directory in which no file has one."""
    shared = {root, ""}  # "" is the folder of what lies in the root itself
    unowned: dict[str, Entry] = {}
    for path, entry in files:
        if ownership.import_owner(path) is None:
            unowned[path] = entry
            continue
        shared.update([*_folders(path, shared)])
    groups: dict[str, list[int]] = {}
    for path, entry in unowned.items():
        source = _source(path, unowned)
        topmost = [source, *_folders(source, shared)][-1]
        groups.setdefault(topmost, []).append(entry.size)
    for path, sizes in groups.items():
        yield UnownedFile(path, len(sizes), sum(sizes))


def _source(path: str, unowned: dict[str, Entry]) -> str:
    """Return the source of bytecode where that has no owner either, else the path itself."""
    folder, _, name = path.rpartition("/")
    if folder.endswith("/__pycache__"):
        source = f"{folder.rpartition('/')[0]}/{name.partition('.')[0]}.py"
        if source in unowned:
            return source
    return path


def _folders(path: str, shared: set[str]) -> Iterator[str]:
    """Yield the directories above `path`, up to the first that is shared."""
    while (path := path.rpartition("/")[0]) not in shared:
        yield path


def unowned_programs(
    image: Image, runtime: Environment, ownership: FileOwnership
) -> tuple[tuple[str, str], ...]:
    """Return the programs without an owner: the path they are found by, and the real one.

    An ELF file, or one with an executable bit; each real file once, sorted. Of a live environment
    only what lies in it, since it is audited without the system around it.
    """
    rootfs = image.rootfs
    found: dict[str, str] = {}
    within = ""
    folders: list[str] = []
    if image.prefix is None:
        folders = _program_folders(rootfs, image.config, runtime)
    elif rootfs.lstat(f"{runtime.prefix}/pyvenv.cfg") is not None:
        within = f"{rootfs.resolve(runtime.prefix)}/"
        folders = [f"{within}bin"]
    for folder in folders:
        for name in list_directory(rootfs, folder):
            path = f"{folder}/{name}"
            real = rootfs.resolve(path)
            if real is None or real in found or not real.startswith(within):
                continue
            entry = rootfs.lstat(real)
            if entry is None or entry.type is not FileType.FILE:
                continue
            runs = entry.mode & 0o111 or rootfs.facts(real).elf is not None
            if runs and ownership.owner(path) is None:
                found[real] = path
    return tuple(sorted((path, real) for real, path in found.items()))


def _program_folders(rootfs: Rootfs, config: ImageConfig, runtime: Environment) -> list[str]:
    """Return the real directories that programs are found in, each once."""
    here = config.working_dir or "/"
    asked = [posixpath.join(here, part) for part in program_directories(config)]
    asked.append(f"{runtime.prefix}/bin")
    real = (rootfs.resolve(path) for path in [*asked, *_PROGRAMS])
    return list(dict.fromkeys(path for path in real if path is not None and path != "/"))
