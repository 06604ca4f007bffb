"""A layer's index as bytes and back, for the cache.

A JSON head and the large columns behind it, packed together; no byte of it is ever executed,
and columns of different lengths are refused. How a field is written follows from its type, so a
new column needs no line here.
"""

from __future__ import annotations

import json
import sys
from array import array
from dataclasses import fields
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints

from auditor.image.codec.compression import zstd
from auditor.image.codec.stream import DamagedError
from auditor.image.layers.json_codec import as_list, converter
from auditor.image.layers.layer_index import DIGEST_BYTES, TRANSIENT, LayerIndex
from auditor.model import FileType
from auditor.version import __version__

_LEVEL = 1
"""zstd: higher ones save a tenth of the size and cost more than reading the larger file."""

_CONTENTS = dict[int, bytes]
_COLUMNS = (bytearray, list[int], list[str])
"""Types that are written as one run of bytes; arrays count as lists of integers."""

_SOURCES = ("image/layers/*.py", "image/codec/*.py", "model/*.py", "decompression.py")


@cache
def format_name(package: Path = Path(__file__).parents[2]) -> str:
    """Return a name that changes with the code that decides what an index holds.

    So a change of what is kept of a layer never meets older entries.
    """
    whole = sha256(f"{__version__} {sys.byteorder}".encode())
    for file in (file for pattern in _SOURCES for file in sorted(package.glob(pattern))):
        content = file.read_bytes()
        whole.update(f"{file.name} {len(content)}\n".encode() + content)
    return whole.hexdigest()[:12]


def encoded(index: LayerIndex) -> bytes:
    """Return an index as bytes."""
    head: dict[str, object] = {}
    blobs: list[bytes] = []
    for name, kind in _hints().items():
        value = getattr(index, name)
        if kind == _CONTENTS:
            head[name] = {key: len(content) for key, content in value.items()}
            blobs += value.values()
        elif kind in _COLUMNS:
            data = _column_bytes(value)
            head[name] = len(data)
            blobs.append(data)
        else:
            head[name] = value
    text = json.dumps(head, default=as_list, separators=(",", ":")).encode("ascii")
    plain = b"".join((len(text).to_bytes(8, "little"), text, *blobs))
    packed: bytes = zstd.compress(plain, _LEVEL)
    return len(plain).to_bytes(8, "little") + packed


def decoded(data: bytes, limit: int) -> LayerIndex:
    """Return the index that `encoded` wrote, of at most `limit` bytes unpacked.

    Raises `DamagedError` where the bytes are anything else.
    """
    size = int.from_bytes(data[:8], "little")
    if size > limit:
        raise DamagedError(f"has {size} bytes")
    try:
        plain = memoryview(zstd.ZstdDecompressor().decompress(data[8:], size))
        if len(plain) != size:
            raise DamagedError("ends early")
        start = 8 + int.from_bytes(plain[:8], "little")
        head = json.loads(bytes(plain[8:start]))
        return _checked(_filled(head, plain[start:]))
    except (zstd.ZstdError, ValueError, KeyError, TypeError, EOFError, RecursionError) as error:
        raise DamagedError(f"is no index ({error})") from error


def _filled(head: dict[str, Any], blobs: memoryview) -> LayerIndex:
    index = LayerIndex()
    at = 0

    def blob(size: object) -> memoryview:
        nonlocal at
        if type(size) is not int or not 0 <= size <= len(blobs) - at:
            raise ValueError(size)
        at += size
        return blobs[at - size : at]

    for name, kind in _hints().items():
        value = head[name]
        if kind == _CONTENTS:
            sizes = converter(dict[int, int])(value)
            found: object = {key: bytes(blob(size)) for key, size in sizes.items()}
        elif kind in _COLUMNS:
            found = _column(getattr(index, name), blob(value))
        else:
            found = converter(kind)(value)
        setattr(index, name, found)
    return index


def _checked(index: LayerIndex) -> LayerIndex:
    """Return `index` if its columns belong together; raises `ValueError`."""
    rows = len(index.paths)
    columns = (index.kinds, index.modes, index.sizes, index.offsets, index.mtimes)
    if any(len(column) != rows for column in columns) or len(index.digests) != DIGEST_BYTES * rows:
        raise ValueError("columns of different lengths")
    if any(kind >= len(FileType) for kind in set(index.kinds)):
        raise ValueError("a type that does not exist")
    if not all(path.startswith("/") for path in index.paths):
        raise ValueError("a path that is not absolute")
    return index


@cache
def _hints() -> dict[str, Any]:
    # `array` takes no parameter at run time before 3.12.
    hints = get_type_hints(LayerIndex, localns={"array": list})
    return {
        field.name: hints[field.name]
        for field in fields(LayerIndex)
        if not field.metadata.get(TRANSIENT)
    }


def _column_bytes(value: bytearray | array[int] | list[str]) -> bytes:
    if isinstance(value, list):
        # No path in an index has a zero byte; each ends with one, so that none and an empty
        # one differ.
        return "".join(f"{text}\0" for text in value).encode("utf-8", "surrogateescape")
    return bytes(value)


def _column(like: object, data: memoryview) -> object:
    if isinstance(like, list):
        texts = bytes(data).decode("utf-8", "surrogateescape").split("\0")
        if texts.pop():
            raise ValueError("a text without an end")
        return texts
    if isinstance(like, array):
        like.frombytes(data)
        return like
    return bytearray(data)
