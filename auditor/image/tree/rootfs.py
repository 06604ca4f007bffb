"""The files of an image as the stages see them: links resolved, never out of the root.

`TreeRootfs` is the only place where symbolic links are followed. Below it lies a `Tree`, which
knows real paths alone: merged layers, a directory of this machine, single files of a container.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from auditor.image import limits
from auditor.model import NO_FACTS, FileFacts, FileType, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from auditor.model import Entry

ALGORITHMS = frozenset(name for name in hashlib.algorithms_guaranteed if "shake" not in name)
"""What `digests` computes: all but those without a fixed length."""


_CACHED = 200_000
"""Directories whose real path is remembered."""


class Tree(Protocol):
    """Files by their real paths: no component before the last is a symbolic link.

    A path that is not real has no entry and no names.
    """

    def node(self, path: str) -> Entry | None:
        """Return the entry at a real path, a link as a link."""

    def names(self, path: str) -> Sequence[str]:
        """Return the sorted names in a real directory; raises `UnreadableError`."""

    def read(self, path: str, limit: int) -> bytes:
        """Return a regular file's content; raises `UnreadableError`."""

    def facts(self, path: str) -> FileFacts:
        """Return what is known of a regular file's bytes."""

    def contents(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of those of the regular files that can be read."""

    def digests(self, paths: Sequence[str], algorithm: str) -> Mapping[str, bytes]:
        """Return the digests of those of the regular files that can be read."""

    def known(self, path: str) -> Entry | None:
        """Return the entry at a path that is real as it is spelled, where asking costs nothing.

        None says nothing: the path may still lead somewhere.
        """

    def below(self, path: str) -> Iterator[tuple[str, Entry]]:
        """Yield every path below a real directory with its entry, sorted, as far as it shows."""


def join(folder: str, name: str) -> str:
    """Return the path of `name` in a real directory."""
    return f"/{name}" if folder == "/" else f"{folder}/{name}"


def follow(
    node: Callable[[str], Entry | None], path: str, *, last: bool = True, missing: bool = False
) -> str | None:
    """Return the real path of `path`, following links as the kernel does inside a chroot.

    `last`: follow a link at the end too. `missing`: let what does not exist (or is no
    directory) stand as it is spelled, for a caller that is about to create it.
    None where `path` is absent or needs more than `limits.LINKS` links. The result of
    `last=False` may be absent: only its parents are sure.
    """
    waiting = _parts(path)
    real = "/"
    links = 0
    while waiting:
        name = waiting.pop()
        if name == "..":
            real = real.rpartition("/")[0] or "/"
            continue
        here = join(real, name)
        if not (waiting or last):
            return here
        entry = node(here)
        if entry is not None and entry.type is FileType.SYMLINK:
            links += 1
            if links > limits.LINKS:
                return None
            if entry.target.startswith("/"):
                real = "/"
            waiting += _parts(entry.target)
        elif missing or (entry is not None and (entry.type is FileType.DIRECTORY or not waiting)):
            real = here
        else:
            return None
    return real


def _parts(path: str) -> list[str]:
    """Return the components that lead somewhere, the last one first."""
    return [part for part in reversed(path.split("/")) if part not in {"", "."}]


class TreeRootfs:
    """A `Rootfs` over a `Tree`."""

    def __init__(self, tree: Tree, scope: Sequence[str] | None = None) -> None:
        """Look at `tree`; a walk stays inside the real directories `scope` if given."""
        self._tree = tree
        self._scope = scope
        self._real: dict[str, str | None] = {}

    def _place(self, path: str) -> str | None:
        """Return the path with its parents resolved; None where a parent is absent."""
        folder, _, name = path.rstrip("/").rpartition("/")
        if name in {"", ".", ".."}:
            return follow(self._tree.node, path)
        if folder not in self._real:
            if len(self._real) >= _CACHED:
                self._real.clear()
            above = self._tree.known(folder)
            is_real = above is not None and above.type is FileType.DIRECTORY
            self._real[folder] = folder if is_real else follow(self._tree.node, folder)
        real = self._real[folder]
        return None if real is None else join(real, name)

    def lstat(self, path: str) -> Entry | None:
        """Return the entry at `path`, a final link as a link."""
        entry = self._tree.known(path)
        if entry is not None:
            return entry
        place = self._place(path)
        return None if place is None else self._tree.node(place)

    def resolve(self, path: str) -> str | None:
        """Return the real path that `path` leads to."""
        return self._resolved(path)[0]

    def _resolved(self, path: str) -> tuple[str, Entry] | tuple[None, None]:
        """Return the real path that `path` leads to, and its entry."""
        entry = self._tree.known(path)
        if entry is not None and entry.type is not FileType.SYMLINK:
            return path, entry
        place = self._place(path)
        entry = None if place is None else self._tree.node(place)
        if entry is not None and entry.type is FileType.SYMLINK:
            place = follow(self._tree.node, place or "")
            entry = None if place is None else self._tree.node(place)
        return (None, None) if place is None or entry is None else (place, entry)

    def stat(self, path: str) -> Entry | None:
        """Return the entry that `path` leads to."""
        return self._resolved(path)[1]

    def names(self, path: str) -> Sequence[str]:
        """Return the sorted names in a directory."""
        real, entry = self._resolved(path)
        if entry is None or entry.type is not FileType.DIRECTORY:
            return ()
        return self._tree.names(real or "/")

    def _file(self, path: str) -> str | None:
        real, entry = self._resolved(path)
        return real if entry is not None and entry.type is FileType.FILE else None

    def read(self, path: str, limit: int = 8 * 1024 * 1024) -> bytes:
        """Return a regular file's content."""
        real = self._file(path)
        if real is None:
            why = "is not a regular file" if self.stat(path) else "does not exist"
            raise UnreadableError(path, why)
        entry = self._tree.node(real)
        if entry is not None and entry.size > limit:
            raise UnreadableError(path, f"holds {entry.size} bytes, more than {limit}")
        return self._tree.read(real, limit)

    def facts(self, path: str) -> FileFacts:
        """Return what is known of a regular file's bytes."""
        real = self._file(path)
        return NO_FACTS if real is None else self._tree.facts(real)

    def contents(self, paths: Iterable[str], limit: int) -> Iterator[tuple[str, bytes]]:
        """Yield path as given and content of the regular files among `paths`."""
        by_real: dict[str, list[str]] = {}
        for path in paths:
            real = self._file(path)
            entry = None if real is None else self._tree.node(real)
            if real is not None and entry is not None and entry.size <= limit:
                by_real.setdefault(real, []).append(path)
        for real, content in self._tree.contents(sorted(by_real)):
            for path in by_real[real]:
                yield path, content

    def digests(self, paths: Iterable[str], algorithm: str = "sha256") -> Mapping[str, bytes]:
        """Return the digest of every regular file among `paths`.

        Raises `ValueError` where `algorithm` is none of `ALGORITHMS`.
        """
        if algorithm not in ALGORITHMS:
            raise ValueError(f"{algorithm!r} is not a digest of a fixed length")
        files = {path: real for path in paths if (real := self._file(path)) is not None}
        found = self._tree.digests(sorted(set(files.values())), algorithm)
        return {path: found[real] for path, real in files.items() if real in found}

    def walk(self, top: str = "/") -> Iterator[tuple[str, Entry]]:
        """Yield every real path below `top` with its entry."""
        real = self.resolve(top)
        if real is None:
            return
        for start in self._starts(real):
            yield from self._tree.below(start)

    def _starts(self, top: str) -> Iterator[str]:
        if self._scope is None or any(_inside(top, root) for root in self._scope):
            yield top
            return
        done: list[str] = []
        for root in sorted(self._scope):
            if _inside(root, top) and not any(_inside(root, other) for other in done):
                done.append(root)
                yield root


def _inside(path: str, folder: str) -> bool:
    return folder in {path, "/"} or path.startswith(folder + "/")
