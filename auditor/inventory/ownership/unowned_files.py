"""Files that nobody owns where the image imports code from or finds programs."""

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

_PROGRAMS = (
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
)
"""Where programs are found by absolute path, whatever PATH says."""

_IMPORTABLE = (".py", ".pyc", ".so", ".pth", ".zip")


class UnownedFile(NamedTuple):
    """What nobody owns: one file, or a directory with everything in it."""

    path: str
    files: int
    size: int
    """Bytes of all files together."""


def unowned_code(
    image: Image, runtime: Environment, ownership: FileOwnership
) -> tuple[UnownedFile, ...]:
    """Return what nobody owns on the import path, sorted by path.

    A directory in which nobody owns anything is one stray, the topmost such; bytecode goes
    with its source.
    """
    found: list[UnownedFile] = []
    for root in runtime.import_paths:
        others = tuple(f"{each}/" for each in _apart(root, runtime.import_paths))
        files = [
            (path, entry)
            for path, entry in _files(image.rootfs, root)
            if not path.startswith(others)
        ]
        found += _grouped(root, files, ownership)
    return tuple(sorted(found))


def _apart(root: str, import_paths: Iterable[str]) -> Iterator[str]:
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
    """Gather the files that nobody owns under the topmost directory that is all strays."""
    shared = {root, ""}  # "" is the folder of what lies in the root itself
    unowned: dict[str, Entry] = {}
    for path, entry in files:
        if ownership.namer(path) is None:
            unowned[path] = entry
            continue
        folder = path.rpartition("/")[0]
        while folder not in shared:
            shared.add(folder)
            folder = folder.rpartition("/")[0]
    groups: dict[str, list[int]] = {}
    for path, entry in unowned.items():
        groups.setdefault(_topmost(_source(path, unowned), shared), []).append(entry.size)
    for path, sizes in groups.items():
        yield UnownedFile(path, len(sizes), sum(sizes))


def _source(path: str, unowned: dict[str, Entry]) -> str:
    """Return the source beside which bytecode stands as an equal stray, else the path itself."""
    folder, _, name = path.rpartition("/")
    if folder.endswith("/__pycache__"):
        source = f"{folder.rpartition('/')[0]}/{name.partition('.')[0]}.py"
        if source in unowned:
            return source
    return path


def _topmost(path: str, shared: set[str]) -> str:
    """Return the highest directory above `path` that is not shared, else the path itself."""
    top = path
    folder = path.rpartition("/")[0]
    while folder not in shared:
        top = folder
        folder = folder.rpartition("/")[0]
    return top


def unowned_programs(
    image: Image, runtime: Environment, ownership: FileOwnership
) -> tuple[tuple[str, str], ...]:
    """Return the programs that nobody owns: the path they are found by, and the real one.

    An ELF file, or one with an executable bit; each real file once, sorted. Of a live environment
    only what lies in it, since it is audited without the system around it.
    """
    rootfs = image.rootfs
    found: dict[str, str] = {}
    inside = ""
    if image.prefix is None:
        folders = _program_folders(rootfs, image.config, runtime)
    elif rootfs.lstat(f"{runtime.prefix}/pyvenv.cfg") is not None:
        inside = f"{rootfs.resolve(runtime.prefix)}/"
        folders = [f"{inside}bin"]
    else:
        folders = []
    for folder in folders:
        for name in list_directory(rootfs, folder):
            path = f"{folder}/{name}"
            real = rootfs.resolve(path)
            entry = rootfs.lstat(real) if real is not None else None
            if real is None or entry is None or entry.type is not FileType.FILE or real in found:
                continue
            if not real.startswith(inside):
                continue
            runs = entry.mode & 0o111 or rootfs.elf(real) is not None
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
