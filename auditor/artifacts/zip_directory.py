"""The central directory of a zip archive: which members it has, and where (APPNOTE 6.3.10).

Stricter than `zipfile`, on purpose: installers read zips in two ways, by the central directory
and by the local headers as they come. An archive in which the two disagree, in which members
overlap or that begins before its first byte counts as unreadable instead of as one of its
readings. Zip64 and data descriptors are read; encryption and split archives are not.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from auditor.artifacts import archive_limits
from auditor.artifacts.manifest import ArtifactError, checked_name

if TYPE_CHECKING:
    from auditor.artifacts.random_access import RandomAccess

STORED, DEFLATED = 0, 8
_METHODS = frozenset((STORED, DEFLATED))
"""All that wheels are made of; other methods are not read by every installer."""

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DESCRIPTOR = 0x8
_UTF8 = 0x800

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_ZIP64 = 1
"""Tag of the extra field that holds what does not fit into 32 bits."""


class ZipMember(NamedTuple):
    """One file of a zip archive, folders left out."""

    name: str
    raw_name: bytes
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    """Of its local header."""


def read_directory(archive: RandomAccess) -> list[tuple[ZipMember, int]]:
    """Return the members of a zip archive in the order of their bytes; raises `ArtifactError`.

    Beside each: where its bytes must be over, since the next member or the directory begins.
    """
    count, size, start = _end(archive)
    if size > archive_limits.DIRECTORY_BYTES or count > archive_limits.MEMBERS:
        raise ArtifactError.limit(f"its central directory has {count} members, {size} bytes")
    content = archive.read(start, size)
    if len(content) != size:
        raise ArtifactError.unreadable("it is a zip archive that ends early")
    members = []
    at = 0
    for _ in range(count):
        member, at = _central(content, at)
        if member is not None:
            members.append(member)
    if at != size:
        raise ArtifactError.unreadable("its central directory has another size than it says")
    members.sort(key=lambda member: member.offset)
    ends = [*(member.offset for member in members[1:]), start]
    bounded = list(zip(members, ends[: len(members)], strict=True))
    if any(end - member.offset < _LOCAL.size for member, end in bounded):
        raise ArtifactError.unreadable("its members overlap")
    return bounded


def _end(archive: RandomAccess) -> tuple[int, int, int]:
    """Return number of members, size and place of the central directory."""
    tail = archive.read(max(archive.size - _END.size - _FULL16, 0), _END.size + _FULL16)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise ArtifactError.unreadable("it is no zip archive, or one that ends early")
    _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise ArtifactError.unreadable("it is a zip archive that goes on behind its end")
    end = archive.size - len(tail) + at
    if at >= _END64_LOCATOR.size and tail[at - _END64_LOCATOR.size :].startswith(b"PK\6\7"):
        disk, first_disk, here, count, size, start, end = _end64(archive, tail, at)
    if disk or first_disk or here != count:
        raise ArtifactError.unreadable("it is a part of a zip archive")
    if start + size != end:
        raise ArtifactError.unreadable("its central directory is not where it says")
    return count, size, start


def _end64(archive: RandomAccess, tail: bytes, at: int) -> tuple[int, ...]:
    _, disk, place, disks = _END64_LOCATOR.unpack_from(tail, at - _END64_LOCATOR.size)
    record = archive.read(place, _END64.size)
    if len(record) != _END64.size or record[:4] != b"PK\6\6" or disk or disks > 1:
        raise ArtifactError.unreadable("it is a damaged zip64 archive")
    *_, disk, first_disk, here, count, size, start = _END64.unpack(record)
    return disk, first_disk, here, count, size, start, place


def _central(content: bytes, at: int) -> tuple[ZipMember | None, int]:
    """Return the member (None: a folder) whose header is at `at`, and where the next one is."""
    try:
        fields = _CENTRAL.unpack_from(content, at)
    except struct.error:
        raise ArtifactError.unreadable("its central directory ends early") from None
    signature, _, _, flags, method, _, _, crc, packed, size, names, extras, comments = fields[:13]
    disk, offset = fields[13], fields[16]
    begin = at + _CENTRAL.size
    end = begin + names + extras + comments
    if signature != b"PK\1\2" or end > len(content):
        raise ArtifactError.unreadable("its central directory is damaged")
    raw = content[begin : begin + names]
    if _FULL32 in (packed, size, offset):
        extra = content[begin + names : begin + names + extras]
        size, packed, offset = _wide(extra, size, packed, offset)
    name = _decoded(raw, flags)
    if flags & _ENCRYPTED or disk:
        raise ArtifactError.unreadable(f"{name[:80]!a} in it is encrypted or elsewhere")
    if name.endswith("/") and not size:
        checked_name(name[:-1])
        return None, end
    if method not in _METHODS:
        raise ArtifactError.unreadable(f"{name[:80]!a} in it is packed by method {method}")
    return ZipMember(checked_name(name), raw, method, crc, packed, size, offset), end


def _decoded(raw: bytes, flags: int) -> str:
    if len(raw) > archive_limits.NAME_BYTES:
        raise ArtifactError.unreadable("a member's name is longer than any path")
    try:
        return raw.decode("utf-8" if flags & _UTF8 else "cp437")
    except UnicodeDecodeError:
        raise ArtifactError.unreadable("a member's name is not the UTF-8 it says") from None


def _wide(extra: bytes, *values: int) -> list[int]:
    """Return `values`, those that are full from the zip64 extra field (APPNOTE 4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        field = extra[at + 4 : at + 4 + length]
        if tag == _ZIP64:
            wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            found = [next(wide, -1) if value == _FULL32 else value for value in values]
            if -1 not in found:
                return found
            break
        at += 4 + length
    raise ArtifactError.unreadable("it is a damaged zip64 archive")


def content_start(archive: RandomAccess, member: ZipMember, end: int) -> int:
    """Return where a member's bytes begin; `end` is where they must be over.

    Raises `ArtifactError` where its local header is another one than the directory says.
    """
    header = archive.read(member.offset, _LOCAL.size + len(member.raw_name))
    if len(header) != _LOCAL.size + len(member.raw_name):
        raise ArtifactError.unreadable("it is a zip archive that ends early")
    signature, _, flags, method, _, _, crc, packed, size, names, extras = _LOCAL.unpack_from(header)
    if (
        signature != b"PK\3\4"
        or (names, method) != (len(member.raw_name), member.method)
        or header[_LOCAL.size :] != member.raw_name
        or not (flags & _DESCRIPTOR or _same_numbers(member, crc, packed, size))
    ):
        raise ArtifactError.unreadable(
            f"its two headers of {member.name[:80]!a} contradict each other"
        )
    start = member.offset + _LOCAL.size + names + extras
    if start + member.packed > end:
        raise ArtifactError.unreadable("its members overlap")
    return int(start)


def _same_numbers(member: ZipMember, crc: int, packed: int, size: int) -> bool:
    """Compare what a local header says; what is too large for it stands elsewhere."""
    return (
        crc == member.crc and packed in (member.packed, _FULL32) and size in (member.size, _FULL32)
    )
