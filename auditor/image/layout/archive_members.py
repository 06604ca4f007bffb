"""The members of an image archive by name, and the links between them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.codec import tar
from auditor.image.codec.stream import DamagedError, FileRange, Source
from auditor.image.layout.blob_store import REPULL_HINT, member_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEADER_CHUNK = 64 * 1024
"""Bytes read at each header of an archive that is not read whole: most documents fit in."""

_LINKED = 8
"""Links of a member to a member that are followed."""


class MemberLinks:
    """Links between members: old archives hold a repeated layer once."""

    def __init__(self) -> None:
        self._targets: dict[str, str] = {}

    def add(self, member: tar.Member, name: str) -> None:
        """Note what a member is: of two with one name the later one counts."""
        self._targets.pop(name, None)
        if member.flag in {tar.SYMLINK, tar.HARD_LINK}:
            base = name.rpartition("/")[0] + "/" if member.flag == tar.SYMLINK else ""
            target = tar.absolute_path(base + member.link)
            if target is not None:
                self._targets[name] = target[1:]

    def resolve(self, name: str) -> str:
        """Return the name of the member that a name leads to."""
        for _ in range(_LINKED):
            if name not in self._targets:
                break
            name = self._targets[name]
        return name


class ArchiveMembers:
    """The members of an uncompressed archive, found by jumping from header to header."""

    def __init__(self, path: Path) -> None:
        """Read all headers; raises `ImageError`."""
        self._places: dict[str, FileRange] = {}
        self._links = MemberLinks()
        with path.open("rb", buffering=0) as file:
            chunks = iter(lambda: file.read(_HEADER_CHUNK), b"")
            source = Source(
                chunks, limit=limits.UNLIMITED, seek=lambda size: file.seek(size, os.SEEK_CUR)
            )
            try:
                for member in walk_archive(source):
                    name = member_name(member.name)
                    self._links.add(member, name)
                    if member.flag == tar.FILE:
                        self._places[name] = FileRange(str(path), member.offset, member.size)
            except DamagedError as error:
                raise ImageError(f"{path} {error}", REPULL_HINT) from error

    def locate(self, name: str) -> FileRange | None:
        """Return where the content of a member is."""
        return self._places.get(self._links.resolve(name))


def walk_archive(source: Source) -> Iterator[tar.Member]:
    """Yield the members of an image archive; raises `DamagedError` where there are too many."""
    for count, member in enumerate(tar.walk(source)):
        if count >= limits.ARCHIVE_MEMBERS:
            raise DamagedError("has more members than an image archive")
        yield member
