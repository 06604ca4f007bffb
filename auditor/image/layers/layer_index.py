"""What one layer holds, as an index: what is in it, without the bytes.

The index is made of columns, one row per member, so that a layer of 40,000 files stays small
in memory and travels between processes in a few large pieces. A row's content is known by its
`offset` in the uncompressed layer; whoever needs the bytes again reads them there. Hard links
have none: they are resolved when the layers are merged, since what they point to may lie in a
lower layer, behind a symbolic link, or be replaced before the layer ends.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from auditor.image import limits
from auditor.image.codec.compression import Compression
from auditor.image.codec.stream import DamagedError
from auditor.model import Elf, Problem  # noqa: TC001 - `index_format` asks for the types

DIGEST_BYTES = 32
TRANSIENT = "fleeting"
"""Marks, in a field's metadata, what is not part of a kept index."""


@dataclass(slots=True)
class LayerIndex:
    """What one layer holds, in the order of its archive. Row `i` is one member."""

    paths: list[str] = field(default_factory=list)
    kinds: bytearray = field(default_factory=bytearray)
    """`FileType` values; a hard link counts as a file."""
    modes: array[int] = field(default_factory=lambda: array("H"))
    sizes: array[int] = field(default_factory=lambda: array("Q"))
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    mtimes: array[int] = field(default_factory=lambda: array("I"))
    """Modulo 2**32, as bytecode names the time of its source."""
    digests: bytearray = field(default_factory=bytearray)
    """`DIGEST_BYTES` of sha256 per row, zeros where the row has no content."""
    targets: dict[int, str] = field(default_factory=dict)
    """Row of a symbolic link -> what it holds."""
    links: dict[int, str] = field(default_factory=dict)
    """Row of a hard link -> the path that it shares its content with."""
    elf: dict[int, Elf] = field(default_factory=dict)
    """By offset, like the next four."""
    versions: dict[int, tuple[str, ...]] = field(default_factory=dict)
    bytecode: dict[int, bytes] = field(default_factory=dict)
    """The header of compiled Python."""
    contents: dict[int, bytes] = field(default_factory=dict)
    transient_contents: dict[int, bytes] = field(default_factory=dict, metadata={TRANSIENT: True})
    """Contents that this audit may ask for, where reading them again is dear; never cached."""
    dlopen_sources: set[int] = field(default_factory=set)
    """Offsets of Python sources that may load a library by its name."""
    unreadable: dict[int, str] = field(default_factory=dict)
    """Content that the archive holds in a form that is not read -> why."""
    whiteouts: list[str] = field(default_factory=list)
    opaques: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    compression: Compression | None = Compression.PLAIN
    """None where the same content may be packed in several ways."""
    digest: str = ""
    """`algorithm:hex` of the bytes that the reader was asked to hash."""
    diff_id: str = ""
    """The same of the uncompressed bytes, empty where nobody hashed them."""
    size: int = 0
    """Uncompressed bytes of the whole layer."""
    text: int = 0
    """Bytes of all paths and links."""
    files: int = 0
    """Regular files with content of their own, and `bytes_read` their content."""
    bytes_read: int = 0
    shortened: bool = False
    """Contents were dropped because the image has too many."""

    def sha256(self, row: int) -> bytes:
        """Return the digest of a regular file's content."""
        return bytes(self.digests[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES])


class Budget:
    """What the layers of one image may take up together."""

    def __init__(self) -> None:
        self._entries = 0
        self._text = 0
        self._kept = 0

    def admit(self, index: LayerIndex) -> None:
        """Count an index in, without its contents where there are too many already.

        Raises `DamagedError` where the image has more files than the auditor reads.
        """
        self._entries += len(index.paths)
        self._text += index.text
        if self._entries > limits.IMAGE_ENTRIES or self._text > limits.TREE_BYTES:
            raise DamagedError("and those below it hold more files than the auditor reads")
        kept = sum(map(len, index.contents.values()))
        if self._kept + kept > limits.KEPT_IMAGE:
            index.contents.clear()
            index.shortened = True
        else:
            self._kept += kept


def normalised(name: str) -> str | None:
    """Return a member's name as an absolute path; None where it leads out of the root."""
    path = name.strip("/")
    if path[:2] == "./":
        path = path[2:]
    if path and path[0] != "." and "//" not in path and "/." not in path:
        return "/" + path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts)
