"""A file on a server, read by ranges of bytes (RFC 9110 14)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from auditor.artifacts import archive_limits
from auditor.artifacts.manifest import ArtifactError
from auditor.artifacts.verify import mismatch

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from auditor.artifacts.artifact_client import ArtifactClient
    from auditor.model import Artifact

_TAIL = 66 * 1024
"""Bytes of the end that are read at once: they say where the directory is, and most wheels
have all their metadata in them."""

_BLOCK = 32 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


class NoRangesError(Exception):
    """A server that sends whole files only."""


class HttpRanges:
    """A file on a server, read by ranges of bytes (RFC 9110 14)."""

    def __init__(
        self, client: ArtifactClient, url: str, artifact: Artifact, count: Callable[[int], None]
    ) -> None:
        """Read the end; raises `NoRangesError`, `ArtifactError`."""
        self._client = client
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
        response, content = self._client.document(
            self._url, headers, archive_limits.DIRECTORY_BYTES, _range
        )
        start, last, size = _range(response)
        if self.size not in {0, size}:
            raise ArtifactError.unreachable("it changes while it is read")
        if len(content) != last - start + 1 or not asked.startswith((f"{start}-", "-")):
            raise NoRangesError  # it lies about them
        self.size = size
        self._blocks[start] = content
        self._count(len(content))
        return content


def _range(response: requests.Response) -> tuple[int, int, int]:
    """Return the first and the last byte of a response, and the file's size."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status_code != HTTPStatus.PARTIAL_CONTENT or found is None:
        raise NoRangesError
    start, last, size = map(int, found.groups())
    return start, last, size
