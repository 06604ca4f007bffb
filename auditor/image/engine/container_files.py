"""Single files of an image, asked of the engine one by one: a container that never starts.

Engine API 1.41, "Get information about files in a container" and "Get an archive of a filesystem
resource in a container": a question costs some milliseconds, a file some fifty, however large the
image is.
"""

from __future__ import annotations

import base64
import json
import posixpath
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from auditor.errors import EngineError, ImageError
from auditor.image.codec import tar
from auditor.image.codec.stream import DamagedError, Source
from auditor.image.engine.connection import ANSWER_SECONDS, CONNECT_SECONDS, raise_for_status
from auditor.image.engine.container import Command, new_container
from auditor.image.engine.container_thread import ContainerThread, Latch
from auditor.image.tree.partial_tree import PartialTree
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import Entry, FileType, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from docker.api.client import APIClient

    from auditor.image.engine.inspection import Inspected
    from auditor.model import Rootfs

T = TypeVar("T")

_STAT = "X-Docker-Container-Path-Stat"
_ABSENT = 404
_TIMEOUTS = (CONNECT_SECONDS, ANSWER_SECONDS)
_CHUNK = 64 << 10
_HEADERS = 64 << 10
"""Bytes that an archive of one file may have beside its content."""
DIRECTORY_BYTES = 64 << 20
"""Bytes of an archive of one directory, which is read as a whole."""

_GO_TYPES = {1 << 31: FileType.DIRECTORY, 1 << 27: FileType.SYMLINK}
"""Bits of Go's `fs.FileMode`, which the engine sends."""
_GO_OTHER = 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19
"""A device, a pipe, a socket, a character device, anything irregular."""


def read_image_files(facts: Inspected, read: Callable[[Rootfs], T]) -> T:
    """Return what `read` makes of the inspected image's files; see `container_filesystem`."""

    def work(api: APIClient, held: Inspected, _stop: Latch) -> T:
        with container_filesystem(api, held) as rootfs:
            return read(rootfs)

    with ContainerThread(facts["Id"], work).running() as thread:
        return thread.result()


@contextmanager
def container_filesystem(api: APIClient, facts: Inspected) -> Iterator[TreeRootfs]:
    """Yield the files of the inspected image; the container for it is removed afterwards.

    Only single files can be asked for, and small directories. Raises `EngineError` where the
    engine fails, `ImageError` where a directory is not small.
    """
    with new_container(api, facts, Command(("/",))) as name:
        yield TreeRootfs(ContainerTree(api, name))


class ContainerTree(PartialTree):
    """A `Tree` of a container's files, each asked for when it is needed."""

    def __init__(self, api: APIClient, name: str) -> None:
        self._api = api
        self._url = f"{api.base_url}/v{api.api_version}/containers/{name}/archive"
        self._nodes: dict[str, Entry | None] = {"/": Entry(FileType.DIRECTORY, 0o755, 0)}
        self._contents: dict[str, bytes] = {}
        self._listings: dict[str, list[str]] = {}

    def node(self, path: str) -> Entry | None:
        """Return the entry at a real path; a link's target is the one that its chain ends at."""
        if path not in self._nodes:
            directory = posixpath.dirname(path)
            parent = self.node(directory)
            # Below what is no directory, engines fail instead of finding nothing.
            possible = parent is not None and parent.type is FileType.DIRECTORY
            unknown = possible and directory not in self._listings
            self._nodes[path] = self._stat(path) if unknown else None
        return self._nodes[path]

    def _stat(self, path: str) -> Entry | None:
        answer = self._api.head(self._url, params={"path": path}, timeout=_TIMEOUTS)
        if answer.status_code == _ABSENT:
            return None
        raise_for_status(answer)
        try:
            stat = json.loads(base64.b64decode(answer.headers[_STAT]))
            return _entry(int(stat["mode"]), int(stat["size"]), str(stat["linkTarget"]))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineError(f"the container engine describes {path} in an unknown way") from error

    def read(self, path: str, limit: int) -> bytes:
        """Return a regular file's content."""
        if path not in self._contents:
            content = b""
            for _, member, source in self._archive(path, limit + _HEADERS):
                if member.flag == tar.FILE:
                    content = source.take(member.size)
            self._contents[path] = content
        return self._contents[path]

    def names(self, path: str) -> Sequence[str]:
        """Return the sorted names in a directory; everything below it is read as well."""
        if path not in self._listings:
            self._read_directory(path)
        return self._listings[path]

    def _read_directory(self, path: str) -> None:
        listings: dict[str, list[str]] = {path: []}
        for below, member, source in self._archive(path, DIRECTORY_BYTES):
            if not below:
                continue
            real = posixpath.join(path, below)
            self._nodes[real] = _member_entry(member)
            listings.setdefault(posixpath.dirname(real), []).append(posixpath.basename(real))
            if member.flag == tar.DIRECTORY:
                listings.setdefault(real, [])
            elif member.flag == tar.FILE:
                self._contents[real] = source.take(member.size)
        self._listings.update((each, sorted(names)) for each, names in listings.items())

    def _archive(self, path: str, limit: int) -> Iterator[tuple[str, tar.Member, Source]]:
        """Yield what is at a path and below it: the rest of its path, its header, its bytes."""
        with self._api.get(
            self._url, params={"path": path}, stream=True, timeout=_TIMEOUTS
        ) as answer:
            if answer.status_code == _ABSENT:
                raise UnreadableError(path, "does not exist")
            raise_for_status(answer)
            source = Source(answer.iter_content(_CHUNK), limit=limit)
            try:
                for member in tar.walk(source):
                    yield member.name.strip("/").partition("/")[2], member, source
            except DamagedError as error:
                raise ImageError(
                    f"{path}: the engine's archive of it {error}",
                    "audit the whole image: leave out --quick",
                ) from error


def _entry(mode: int, size: int, target: str) -> Entry:
    for bit, kind in _GO_TYPES.items():
        if mode & bit:
            return Entry(kind, mode & 0o777, 0, target if kind is FileType.SYMLINK else "")
    return Entry(FileType.OTHER if mode & _GO_OTHER else FileType.FILE, mode & 0o777, size)


def _member_entry(member: tar.Member) -> Entry:
    """Return a member of a directory's archive; a hard link's content is not followed."""
    kinds = {
        tar.FILE: FileType.FILE,
        tar.DIRECTORY: FileType.DIRECTORY,
        tar.SYMLINK: FileType.SYMLINK,
    }
    kind = kinds.get(member.flag, FileType.OTHER)
    target = member.link if kind is FileType.SYMLINK else ""
    return Entry(kind, member.mode & 0o777, member.size, target)
