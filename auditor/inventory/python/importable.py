"""What can be imported from an entry of `sys.path`: directories, and zip files by their lists.

Follows the import system's reference: a regular package or a module is found in the first
entry that has it; directories without `__init__` in several entries are one namespace package.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from typing import TYPE_CHECKING

from auditor.inventory.paths import is_directory, is_file, list_directory
from auditor.model import Problem, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.model import Rootfs

_ZIP_BYTES = 128 * 1024 * 1024
_ZIP_NAMES = 200_000


class DirectoryRoot:
    """A directory of the image as an entry of `sys.path`; paths are relative to it."""

    def __init__(self, rootfs: Rootfs, path: str) -> None:
        self._rootfs = rootfs
        self._path = path

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in a folder."""
        return list_directory(self._rootfs, posixpath.join(self._path, folder))

    def is_directory(self, path: str) -> bool:
        """Return whether there is a folder."""
        return is_directory(self._rootfs, posixpath.join(self._path, path))

    def locate(self, path: str) -> str:
        """Return the absolute path."""
        return posixpath.join(self._path, path)


class ZipRoot:
    """A zip file of the image as an entry of `sys.path`; paths are relative to its top."""

    def __init__(self, path: str, members: Iterable[str]) -> None:
        self._path = path
        self._folders: dict[str, dict[str, None]] = {"": {}}
        for member in members:
            folder, _, name = member.rstrip("/").rpartition("/")
            self._add(folder, name)
            if member.endswith("/"):
                self._folders.setdefault(member.rstrip("/"), {})

    def _add(self, folder: str, name: str) -> None:
        while True:
            known = folder in self._folders
            self._folders.setdefault(folder, {}).setdefault(name)
            if known or not folder:
                return
            folder, _, name = folder.rpartition("/")

    def names(self, folder: str) -> Sequence[str]:
        """Return the names in a folder."""
        return sorted(self._folders.get(folder, ()))

    def is_directory(self, path: str) -> bool:
        """Return whether there is a folder."""
        return path in self._folders

    def locate(self, path: str) -> str:
        """Return the zip file's own path: its members have none in the image."""
        return self._path


ImportRoot = DirectoryRoot | ZipRoot


def import_root(rootfs: Rootfs, path: str) -> tuple[ImportRoot, Problem | None]:
    """Return the content of an entry of `sys.path`, and why it could not be read."""
    if not is_file(rootfs, path):
        return DirectoryRoot(rootfs, path), None
    try:
        content = rootfs.read(path, _ZIP_BYTES)
    except UnreadableError as error:
        entry = rootfs.stat(path)
        over = entry is not None and entry.size > _ZIP_BYTES
        return ZipRoot(path, ()), Problem(path, error.why, path, limit=over)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        # Python skips such a file, but its reader accepts some that ours does not.
        return ZipRoot(path, ()), Problem(
            path, f"is on sys.path and cannot be read as a zip file: {error}", path
        )
    if len(members) > _ZIP_NAMES:
        why = f"holds more than {_ZIP_NAMES:,} members"
        return ZipRoot(path, members[:_ZIP_NAMES]), Problem(path, why, path, limit=True)
    return ZipRoot(path, members), None


def module_file(root: ImportRoot, path: str, version: str) -> str | None:
    """Return the file that makes `path` (`google/cloud/storage`) importable from an entry.

    None for nothing and for a namespace package. `version` is that of the interpreter (`3.11`):
    extension modules are built for one.
    """
    folder, name = posixpath.split(path)
    listed = set(root.names(folder))
    if name in listed:
        for child in root.names(path):
            if module_name(child, version) == "__init__":
                return posixpath.join(path, child)
    return next(
        (
            posixpath.join(folder, each)
            for each in sorted(listed)
            if each.startswith(f"{name}.") and module_name(each, version) == name
        ),
        None,
    )


def module_name(filename: str, version: str) -> str | None:
    """Return the name of the module that a file is; None where Python imports no such file."""
    stem, dot, suffix = filename.partition(".")
    if not (dot and stem.isidentifier()):
        return None
    tag = f"cpython-{version.replace('.', '')}"
    own = suffix.endswith(".so") and suffix.startswith((f"{tag}-", f"{tag}."))
    return stem if own or suffix in ("py", "pyc", "so", "abi3.so") else None
