"""What was computed from bytes once, kept in files under the digest of those bytes.

An entry is a claim about the digest in its name: who may write here decides what an audit sees,
so only its owner may read and write the directory. Several audits at a time (processes, or
threads that share one cache), killed ones, full disks and damaged files are expected.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from auditor.file_cache import FileCache, Usage
from auditor.image.codec.stream import DamagedError
from auditor.image.layers.index_format import decoded, encoded, format_name

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.image.layers.layer_index import LayerIndex

CACHE_BYTES = 2 << 30
"""Bytes that the cache may take up; then what was used longest ago goes."""

ENTRY_BYTES = 512 << 20
"""Bytes of one entry, unpacked; a larger one is not kept."""

_FOLDER = "layers"
_ENTRY = re.compile(r"[0-9a-f]{12}-[0-9a-f]{64}\.(index|document)")

_KEPT = 0.9
"""Share of the limit that is left after making room, so that not every run has to."""


class LayerCache:
    """Layers' indexes by digest, and small documents by key. Raises nothing."""

    def __init__(self, directory: Path, limit: int = CACHE_BYTES) -> None:
        """Keep at most `limit` bytes below `directory`, which is made when needed."""
        self.directory = directory
        self._limit = limit
        self._files = FileCache(directory / _FOLDER, _ENTRY, min(ENTRY_BYTES, limit))

    def index(self, digest: str) -> LayerIndex | None:
        """Return the index of the layer whose bytes, packed or not, have this digest."""
        data = self._files.read(_name(digest, "index"), digest)
        if data is None:
            return None
        try:
            index = decoded(data, ENTRY_BYTES)
        except DamagedError:
            return None
        if digest not in {index.digest, index.diff_id}:
            return None
        if digest == index.diff_id:
            # The same content may be packed otherwise where it is met next.
            index.compression = None
        return index

    def keep_index(self, index: LayerIndex) -> None:
        """Keep an index under every digest that was computed while it was read."""
        if index.truncated:
            return
        data = encoded(index)
        for digest in {index.digest, index.diff_id} - {""}:
            self._files.write(_name(digest, "index"), digest, data)

    def document(self, key: str) -> bytes | None:
        """Return the document that was kept under `key`."""
        return self._files.read(_name(key, "document"), key)

    def keep_document(self, key: str, content: bytes) -> None:
        """Keep a small document."""
        self._files.write(_name(key, "document"), key, content)

    def usage(self) -> Usage:
        """Count the entries."""
        return self._files.usage()

    def clear(self) -> Usage:
        """Remove every entry; nothing else in the directory is touched."""
        return self._files.clear()

    def trim(self) -> None:
        """Remove what was used longest ago, where the cache is over its limit."""
        self._files.trim(self._limit, _KEPT)


def _name(key: str, kind: str) -> str:
    return f"{format_name()}-{sha256(key.encode()).hexdigest()}.{kind}"
