"""One package's header in rpm's database (rpm's "Package format", section "Header").

Two big-endian counts, then an index of 16-byte entries (tag, type, offset, count), then the
data that the offsets point into. In the database a header has no magic number before it.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

_COUNTS = struct.Struct(">II")
_ENTRY = struct.Struct(">IIII")
_MOST_ENTRIES = 65_536
_MOST_VALUES = 4_000_000
"""Values of one tag: rpm's own limit is what fits into 256 MB."""

_INTEGERS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "Q"}
"""CHAR, INT8, INT16, INT32, INT64."""
_STRINGS = frozenset({6, 8, 9})
"""STRING, STRING_ARRAY, I18NSTRING."""


class Tag(IntEnum):
    """The tags that say which files a package has."""

    NAME = 1000
    FILESTATES = 1029
    FILEMODES = 1030
    FILEDIGESTS = 1035
    FILEFLAGS = 1037
    DIRINDEXES = 1116
    BASENAMES = 1117
    DIRNAMES = 1118
    FILEDIGESTALGO = 5011


class HeaderError(Exception):
    """A header that contradicts itself; the text is a clause."""


class _Place(NamedTuple):
    form: int
    offset: int
    amount: int


class Header:
    """The tags of one package."""

    def __init__(self, places: dict[int, _Place], data: memoryview) -> None:
        self._places = places
        self._data = data

    def integers(self, tag: Tag) -> tuple[int, ...]:
        """Return a tag's numbers; none where the package lacks it."""
        place = self._places.get(tag)
        if place is None:
            return ()
        code = _INTEGERS.get(place.form)
        if code is None:
            raise HeaderError(f"{tag.name} is no number")
        values = struct.Struct(f">{place.amount}{code}")
        if place.offset + values.size > len(self._data):
            raise HeaderError(f"{tag.name} ends after the data")
        return values.unpack_from(self._data, place.offset)

    def strings(self, tag: Tag) -> tuple[str, ...]:
        """Return a tag's texts; none where the package lacks it."""
        place = self._places.get(tag)
        if place is None:
            return ()
        if place.form not in _STRINGS:
            raise HeaderError(f"{tag.name} is no text")
        rest = bytes(self._data[place.offset :])
        parts = rest.split(b"\0", place.amount)
        if len(parts) <= place.amount:
            raise HeaderError(f"{tag.name} ends after the data")
        return tuple(part.decode("utf-8", "surrogateescape") for part in parts[: place.amount])


def read_header(blob: bytes) -> Header:
    """Return a header's tags; raises `HeaderError` where the counts do not fit the bytes."""
    if len(blob) < _COUNTS.size:
        raise HeaderError("it is too short")
    entries, size = _COUNTS.unpack_from(blob)
    start = _COUNTS.size + entries * _ENTRY.size
    if entries > _MOST_ENTRIES or start + size > len(blob):
        raise HeaderError("its counts do not fit its bytes")
    wanted = frozenset(Tag)
    places: dict[int, _Place] = {}
    for at in range(_COUNTS.size, start, _ENTRY.size):
        tag, kind, offset, count = _ENTRY.unpack_from(blob, at)
        if tag in wanted:
            if offset > size or count > _MOST_VALUES:
                raise HeaderError(f"{Tag(tag).name} does not fit its bytes")
            places[tag] = _Place(kind, offset, count)
    return Header(places, memoryview(blob)[start : start + size])
