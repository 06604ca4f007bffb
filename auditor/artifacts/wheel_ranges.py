"""What a wheel says of itself: its central directory and RECORD, read without the rest.

The artifact itself is not verified that way: its manifest is marked so (degree `indexed`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from auditor.artifacts import archive_limits
from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.manifest import Absence, Member
from auditor.artifacts.response_body import whole
from auditor.artifacts.verify import mismatch
from auditor.artifacts.wheel import MetadataBudget, is_metadata, manifest_of
from auditor.artifacts.wheel_metadata import parse_record
from auditor.artifacts.zip_content import member_content
from auditor.artifacts.zip_directory import read_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from auditor.artifacts.http import Http
    from auditor.artifacts.manifest import Manifest
    from auditor.artifacts.random_access import RandomAccess
    from auditor.model import Artifact

_TAIL = 66 * 1024
"""Bytes of the end that are read at once: where the directory's place may be told, and most
wheels have their metadata."""

_BLOCK = 32 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


class NoRangesError(Exception):
    """A server that gives whole files only."""


class HttpAccess:
    """A file on a server, read by ranges of bytes (RFC 9110 14)."""

    def __init__(
        self, http: Http, url: str, artifact: Artifact, count: Callable[[int], None]
    ) -> None:
        """Read the end; raises `NoRangesError`, `ArtifactError`."""
        self._http = http
        self._url = url
        self._count = count
        self._blocks: dict[int, bytes] = {}
        self.size = 0
        size = artifact.size
        self._get(f"{max(size - _TAIL, 0)}-" if size is not None else f"-{_TAIL}")
        if size is not None and self.size != size:
            raise mismatch(f"{size} bytes", f"{self.size}")

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`; fewer at the end of the file."""
        end = min(offset + size, self.size)
        if offset >= end:
            return b""
        for start, block in self._blocks.items():
            if start <= offset and end <= start + len(block):
                return block[offset - start : end - start]
        last = min(max(end, offset + _BLOCK), self.size)
        block = self._get(f"{offset}-{last - 1}")
        return block[: end - offset]

    def _get(self, asked: str) -> bytes:
        headers = {"Range": f"bytes={asked}"}
        answer, content = whole(
            self._http, self._url, headers, archive_limits.DIRECTORY_BYTES, _range
        )
        start, last, size = _range(answer)
        if self.size not in {0, size}:
            raise ArtifactError(Absence.UNREACHABLE, "it changes while it is read")
        if len(content) != last - start + 1 or not asked.startswith((f"{start}-", "-")):
            raise NoRangesError  # it lies about them
        self.size = size
        self._blocks[start] = content
        self._count(len(content))
        return content


def _range(answer: requests.Response) -> tuple[int, int, int]:
    """Return the first and the last byte of an answer, and the file's size."""
    said = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if answer.status_code != HTTPStatus.PARTIAL_CONTENT or said is None:
        raise NoRangesError
    start, last, size = map(int, said.groups())
    return start, last, size


def index_wheel(archive: RandomAccess, artifact: Artifact) -> Manifest:
    """Return what a wheel says of itself; raises `ArtifactError`.

    A member that RECORD does not list has no digest: its `sha256` is empty.
    """
    directory = read_directory(archive)
    ends = [*(member.offset for member in directory.members[1:]), directory.start]
    metadata: dict[str, bytes] = {}
    budget = MetadataBudget()
    for member, end in zip(directory.members, ends, strict=True):
        if is_metadata(member.name):
            budget.take(member)
            metadata[member.name] = member_content(archive, member, end)
    record = next((text for name, text in metadata.items() if name.endswith("/RECORD")), b"")
    recorded = parse_record(record)
    members = {
        each.name: Member(each.name, recorded.get(each.name, b""), each.size)
        for each in directory.members
    }
    sha256 = artifact.hashes.get("sha256", "")
    manifest = manifest_of(artifact.filename, sha256, archive.size, members, metadata)
    return replace(manifest, verified=False)
