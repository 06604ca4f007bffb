"""An image as every stage sees it: its files, its configuration, its layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


class FileType(IntEnum):
    """What kind of file an `Entry` is."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    OTHER = 3
    """A device, a socket or a pipe: present, never read."""


class Entry(NamedTuple):
    """One file of a root file system, as `lstat` would show it.

    A tuple, since an image has tens of thousands of them.
    """

    type: FileType
    mode: int
    """Permission bits, without the file type."""
    size: int
    """Bytes of a regular file's content, through a hard link too."""
    target: str = ""
    """What a symbolic link holds, as written."""
    layer: int | None = None
    """Index into `Image.layers` of what brought it, where the transport knows layers.

    A layer that writes the same bytes to the same path again brought nothing. A directory is
    of the last layer that names it: layers name those in which they change something.
    """
    mtime: int = 0
    """When a regular file was last changed: seconds since 1970, modulo 2**32."""
    written: int | None = None
    """Index of the layer that wrote it last, with the same bytes or with others."""


class ElfType(StrEnum):
    """What an ELF file is for (System V ABI, e_type)."""

    RELOCATABLE = "relocatable"
    EXECUTABLE = "executable"
    SHARED = "shared"
    """A library, an extension module, or an executable that can lie anywhere."""
    CORE = "core"
    OTHER = "other"


class Elf(NamedTuple):
    """What the headers of an ELF file say (System V ABI)."""

    machine: str
    """The architecture in `platform.machine()` spelling: `x86_64`, `aarch64`, ..."""
    bits: int
    """32 or 64."""
    type: ElfType = ElfType.OTHER
    soname: str = ""
    needed: tuple[str, ...] = ()
    """What it is linked with, in the loader's order."""
    rpath: str = ""
    """DT_RPATH and DT_RUNPATH as written, `$ORIGIN` and colons included."""
    runpath: str = ""
    interpreter: str = ""
    """The loader that an executable asks for."""
    build_id: str = ""
    """Hexadecimal."""
    dynamic: bool = False
    """It has a dynamic section; executables without one are linked statically."""
    pie: bool = False
    """It calls itself an executable although its type is that of a library."""
    complete: bool = True
    """False where the file points to something that it does not have, or that is too far
    from where linkers put it."""

    @property
    def is_library(self) -> bool:
        """Return whether a loader can load it into a process: libraries and extension modules."""
        return (
            self.type is ElfType.SHARED
            and (self.dynamic or not self.complete)
            and not self.pie
            and bool(self.soname or not self.interpreter)
        )


BYTECODE_HEADER_BYTES = 16
"""Bytes of a .pyc file that say what it was made from (PEP 552)."""


class FileFacts:
    """What is known of a regular file without reading all of it; of anything else, nothing.

    Each fact is looked up when it is asked for: some transports read the file for it.
    """

    __slots__ = ()

    @property
    def elf(self) -> Elf | None:
        """What the ELF headers say; None where it is no ELF file or cannot be read."""
        return None

    @property
    def versions(self) -> tuple[str, ...]:
        """The version strings of an interpreter or C library, for names in `PROBES`."""
        return ()

    @property
    def bytecode_header(self) -> bytes:
        """The first 16 bytes of a `*.pyc` file; fewer where it has fewer or is none."""
        return b""

    @property
    def references_dlopen(self) -> bool:
        """Whether it may be a Python source that loads a library by its name."""
        return False


NO_FACTS = FileFacts()


class Rootfs(Protocol):
    """The files of an image: the one seam through which every stage sees them.

    Nothing here runs code, writes to disk or leads out of the root: symbolic links are
    resolved as if the image's root were `/`, and `..` above the root stays at the root.
    Every method takes absolute paths; all but `lstat` follow a final symbolic link.
    """

    def lstat(self, path: str) -> Entry | None:
        """Return the entry at `path`, its parents resolved, a final link not; None if absent."""

    def resolve(self, path: str) -> str | None:
        """Return the real path of `path`; None where it is absent, dangling or a loop."""

    def stat(self, path: str) -> Entry | None:
        """Return the entry that `path` leads to; None where `resolve` returns None."""

    def names(self, path: str) -> Sequence[str]:
        """Return the sorted names in a directory; empty where `path` is none.

        Raises `UnreadableError` where the host refuses.
        """

    def read(self, path: str, limit: int = 8 * 1024 * 1024) -> bytes:
        """Return a regular file's content.

        Raises `UnreadableError` where it is no regular file, cannot be read or holds more
        than `limit` bytes.
        """

    def facts(self, path: str) -> FileFacts:
        """Return what is known of a regular file's bytes; nothing where `path` is none."""

    def contents(self, paths: Iterable[str], limit: int) -> Iterator[tuple[str, bytes]]:
        """Yield path as asked and content of the regular files among `paths`, in any order.

        One pass over the bytes for all of them, given before the end of it is verified: for
        explanations, not for judgements. What is absent, unreadable or larger than
        `limit` bytes is left out.
        """

    def digests(self, paths: Iterable[str], algorithm: str = "sha256") -> Mapping[str, bytes]:
        """Return the digest of every regular file among `paths`, by path as asked.

        Absent paths and other file types are left out; a file that exists and cannot be
        read is left out too, so `lstat` tells the two apart. sha256 is known without another
        reading of the bytes where the transport has indexed them.
        """

    def walk(self, top: str = "/") -> Iterator[tuple[str, Entry]]:
        """Yield every real path below `top` with its entry, no link followed, sorted."""


class UnreadableError(Exception):
    """One file of an image cannot be read; `path` and `why` say which and the reason."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class Platform(NamedTuple):
    """An image's platform in the words of the OCI image specification."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What the image configuration says about how the image runs (OCI image-spec config.md)."""

    platform: Platform
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = "/"
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its DiffID, the instruction that made it and its uncompressed size."""

    digest: str
    created_by: str
    size: int
    base: bool = False
    """It is one of the base image's."""


class Hidden(NamedTuple):
    """A regular file that one layer brought and a later one took away or gave other bytes.

    A tuple, since layers can hide tens of thousands of files.
    """

    path: str
    """Its real path when it was taken away."""
    layer: int
    """Index of the layer that brought it."""
    by: int
    """Index of the layer that hid it: a whiteout, an opaque directory, another file."""
    size: int
    """Bytes that ship unseen: 0 where a hard link still shows them or has counted them."""
    sha256: str
    """Lower-case hex."""
    replaced: bool
    """The layer that hid it put another regular file with other bytes in its place."""


class HistoryEntry(NamedTuple):
    """One entry of an image's history (OCI image-spec config.md)."""

    created_by: str
    layer: int | None
    """Index of the layer it made; None where it made none, or the history does not fit."""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Something the audit could not look at, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing inside a readable input that could not be read or went over a limit."""

    subject: str
    why: str
    path: str | None = None
    limit: bool = False
    """True where a limit of ours stopped it (LI906), false where the input did (LI901)."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image whose bytes can be read."""

    reference: str
    """As given on the command line."""
    config: ImageConfig
    rootfs: Rootfs
    digest: str | None = None
    """Digest of the configuration; None for a bare directory."""
    manifest_digest: str | None = None
    layers: tuple[Layer, ...] = ()
    prefix: str | None = None
    """The environment that the reference itself names (`env:`), as a path in `rootfs`."""
    not_checked: tuple[NotChecked, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: int = 0
    """Regular files read, and `bytes_read` their content: what the report says was checked."""
    bytes_read: int = 0
    hidden: tuple[Hidden, ...] = ()
    """Files of lower layers that the merged tree no longer has, by path."""
    history: tuple[HistoryEntry, ...] = ()
    """How it was made, first step first; empty where that is unknown."""
    other_platforms: tuple[Platform, ...] = ()
    """What the reference leads to for other platforms of the same operating system."""
