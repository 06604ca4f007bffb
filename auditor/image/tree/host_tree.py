"""A directory of this machine as a `Tree`: an unpacked root file system, or the machine itself.

The kernel never follows a link for us. Every directory is opened below its parent with
O_NOFOLLOW, so that a link put in the way of a running audit leads nowhere. Content is read
when it is asked for.
"""

from __future__ import annotations

import hashlib
import os
import stat
import weakref
from collections import OrderedDict
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from auditor.image import limits
from auditor.image.codec.elf import read_elf
from auditor.image.codec.stream import file_chunks
from auditor.image.codec.version_strings import probe_for, versions_in
from auditor.image.tree.rootfs import join
from auditor.model import BYTECODE_HEADER_BYTES, Entry, FileFacts, FileType, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from auditor.model import Elf

_OPEN = 64
"""Directories held open: files are asked for folder by folder."""

_PATH = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_KERNEL = frozenset(("/proc", "/sys", "/dev"))
"""Mounted by a running system; endless, and no part of what is installed."""


class HostTree:
    """The files below `root`."""

    def __init__(self, root: str) -> None:
        """Open `root`; raises `OSError` where it is no directory."""
        self._root = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._device = os.fstat(self._root).st_dev
        self._open: OrderedDict[str, int] = OrderedDict()
        self.refused: dict[str, str] = {}
        """Paths that the host does not let us read -> why; at most `limits.PROBLEMS`."""
        weakref.finalize(self, _close, self._root, self._open)

    def _folder(self, path: str) -> int:
        """Return a descriptor of the real directory `path`, which stays ours."""
        if path in {"/", ""}:
            return self._root
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        parent, _, name = path.rpartition("/")
        opened = os.open(name, _PATH, dir_fd=self._folder(parent))
        self._open[path] = opened
        if len(self._open) > _OPEN:
            os.close(self._open.popitem(last=False)[1])
        return opened

    def node(self, path: str) -> Entry | None:
        """Return the entry at a real path.

        What the host refuses to show is there and no file: `FileType.OTHER`.
        """
        folder, _, name = path.rpartition("/")
        try:
            parent = self._folder(folder)
            found = os.stat(name or ".", dir_fd=parent, follow_symlinks=False)
            mode = stat.S_IMODE(found.st_mode)
            if stat.S_ISLNK(found.st_mode):
                return Entry(FileType.SYMLINK, mode, 0, os.readlink(name, dir_fd=parent))
        except PermissionError as error:
            self._refuse(path, error)
            return Entry(FileType.OTHER, 0, 0)
        except (OSError, ValueError):  # absent, no directory above, or a zero byte in the name
            return None
        if stat.S_ISREG(found.st_mode):
            mtime = int(found.st_mtime) & 0xFFFFFFFF
            return Entry(FileType.FILE, mode, found.st_size, mtime=mtime)
        kind = FileType.DIRECTORY if stat.S_ISDIR(found.st_mode) else FileType.OTHER
        return Entry(kind, mode, 0)

    def names(self, path: str) -> Sequence[str]:
        """Return the sorted names in a real directory."""
        try:
            folder, _, name = path.rpartition("/")
            opened = os.open(name or ".", _LIST, dir_fd=self._folder(folder))
            try:
                return sorted(os.listdir(opened))  # noqa: PTH208 - of a descriptor
            finally:
                os.close(opened)
        except OSError as error:
            self._refuse(path, error)
            raise UnreadableError(path, _why(error)) from error

    def _refuse(self, path: str, error: OSError) -> None:
        if len(self.refused) < limits.PROBLEMS:
            self.refused[path] = _why(error)

    def known(self, path: str) -> None:
        """Return nothing: only the kernel knows, and it would follow links on the way."""

    def below(self, path: str) -> Iterator[tuple[str, Entry]]:
        """Yield every path below a real directory with its entry, sorted; see `refused`."""
        waiting = [iter(self._listed(path))]
        while waiting:
            each = next(waiting[-1], None)
            if each is None:
                waiting.pop()
                continue
            entry = self.node(each)
            if entry is None:
                continue
            yield each, entry
            if entry.type is FileType.DIRECTORY and self.descends(each):
                waiting.append(iter(self._listed(each)))

    def _listed(self, folder: str) -> list[str]:
        try:
            return [join(folder, name) for name in self.names(folder)]
        except UnreadableError:
            return []

    def descends(self, path: str) -> bool:
        """Return whether a walk goes into `path`: not into what the kernel mounts."""
        if path not in _KERNEL:
            return True
        return os.stat(path[1:], dir_fd=self._root, follow_symlinks=False).st_dev == self._device

    @contextmanager
    def _file(self, path: str) -> Iterator[BinaryIO]:
        folder, _, name = path.rpartition("/")
        opened = os.open(name, _READ, dir_fd=self._folder(folder))
        with open(opened, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise OSError(0, "is no longer a regular file")
            yield file

    def read(self, path: str, limit: int) -> bytes:
        """Return a regular file's content."""
        try:
            with self._file(path) as file:
                content = b"".join(file_chunks(file, limit + 1))
        except OSError as error:
            raise UnreadableError(path, _why(error)) from error
        if len(content) > limit:
            raise UnreadableError(path, f"holds more than {limit} bytes")
        return content

    def facts(self, path: str) -> FileFacts:
        """Return what is known of a regular file's bytes: each fact reads it."""
        return _HostFileFacts(path, self._file)

    def contents(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of those of the regular files that can be read."""
        for path in paths:
            entry = self.node(path)
            with suppress(UnreadableError):
                yield path, self.read(path, entry.size if entry else 0)

    def digests(self, paths: Sequence[str], algorithm: str) -> Mapping[str, bytes]:
        """Return the digests of those of the regular files that can be read."""
        found: dict[str, bytes] = {}
        for path in paths:
            whole = hashlib.new(algorithm)
            with suppress(OSError), self._file(path) as file:
                for chunk in file_chunks(file):
                    whole.update(chunk)
                found[path] = whole.digest()
        return found


@dataclass(slots=True)
class _HostFileFacts(FileFacts):
    """What a file of this machine says of itself; nothing where it cannot be read."""

    _path: str
    _open: Callable[[str], AbstractContextManager[BinaryIO]]

    @property
    def elf(self) -> Elf | None:
        with suppress(OSError), self._open(self._path) as file:
            return read_elf(lambda offset, size: _at(file, offset, size))
        return None

    @property
    def versions(self) -> tuple[str, ...]:
        marks = probe_for(self._path.rpartition("/")[2])
        if marks is not None:
            with suppress(OSError), self._open(self._path) as file:
                return versions_in(file_chunks(file), marks)
        return ()

    @property
    def bytecode_header(self) -> bytes:
        if self._path.endswith(".pyc"):
            with suppress(OSError), self._open(self._path) as file:
                return _at(file, 0, BYTECODE_HEADER_BYTES)
        return b""

    @property
    def references_dlopen(self) -> bool:
        return self._path.endswith(".py")  # only its reader sees what is in it


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Read a range of a file; nothing beyond what an offset can be."""
    return os.pread(file.fileno(), size, offset) if offset < 1 << 62 else b""


def _why(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()


def _close(root: int, opened: Mapping[str, int]) -> None:
    for descriptor in (root, *opened.values()):
        os.close(descriptor)
