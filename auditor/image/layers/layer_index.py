"""What one layer holds, as an index: what is in it, without the bytes.

The index is made of columns, one row per member, so that a layer of 40,000 files stays small
in memory and travels between processes in a few large pieces. A row's content is known by its
`offset` in the uncompressed layer, where it can be read once more. Hard links
have none: they are resolved when the layers are merged, since what they point to may lie in a
lower layer, behind a symbolic link, or be replaced before the layer ends.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from auditor.image.codec.compression import Compression
from auditor.model import Elf, Problem  # noqa: TC001 - `index_format` asks for the types

DIGEST_BYTES = 32
TRANSIENT = "transient"
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
    """`algorithm:hex` of the bytes that were hashed, as `Hashing` says."""
    diff_id: str = ""
    """The same of the uncompressed bytes; empty where they were not hashed."""
    size: int = 0
    """Uncompressed bytes of the whole layer."""
    path_bytes: int = 0
    """Bytes of all paths and links."""
    files: int = 0
    """Regular files with content of their own, and `bytes_read` their content."""
    bytes_read: int = 0
    truncated: bool = False
    """Contents were dropped because the image has too many."""

    def sha256(self, row: int) -> bytes:
        """Return the digest of a regular file's content."""
        return bytes(self.digests[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES])
