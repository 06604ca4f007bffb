"""One file from a server, resumed after a cut where it stopped (RFC 9110 14.2)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from auditor.http.client import pieces
from auditor.http.retries import CONNECTION_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import requests

    from auditor.http.client import HttpClient

_PROGRESS = 1 << 20
"""Bytes that a connection has to bring for its cut not to count as one more in a row."""


class Transfer:
    """A file that is read over as many connections as it takes."""

    def __init__(
        self,
        client: HttpClient,
        url: str,
        size: int | None,
        respond: Callable[[Mapping[str, str]], AbstractContextManager[requests.Response]],
        *,
        unchanging: bool = False,
    ) -> None:
        """Read `size` bytes where that is known, of what `respond` yields for these headers.

        `unchanging`: another file cannot take its place, so nothing need tell whether one did.
        """
        self._client = client
        self._url = url
        self._size = size
        self._respond = respond
        self._unchanging = unchanging
        self._validator = ""
        """For `If-Range`: whether the file is still the same one."""
        self._began = self._at = 0
        """Offsets of the first byte of the last response, and of the next one to come."""

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Yield the file in pieces, each with its offset.

        Where a server cannot resume, they begin again at offset 0. Raises the client's error
        where too many connections fail in a row, or bring too little.
        """
        cuts = 0
        while True:
            before = self._at
            try:
                yield from self._response_pieces()
            except CONNECTION_ERRORS as error:
                # Who sends a good part each time may go on; one byte at a time may not.
                # Nor may who begins anew each time: that brings the end no nearer.
                resumed = self._began == before and self._at - before >= _PROGRESS
                cuts = 1 if resumed else cuts + 1
                policy = self._client.retry_policy
                if cuts >= policy.tries:
                    raise self._client.failed(self._url, error) from error
                self._client.rest(policy.pause * 2 ** (cuts - 1))
            else:
                return

    def _response_pieces(self) -> Iterator[tuple[int, bytes]]:
        with self._respond(self._range()) as response:
            self._began = self._at = _start(response, self._at)
            self._validator = _validator(response)
            for piece in pieces(response):
                yield self._at, piece
                self._at += len(piece)
        if "Content-Length" not in response.headers and self._at < (self._size or 0):
            raise ConnectionError(f"{self._at} of {self._size} bytes came")

    def _range(self) -> dict[str, str]:
        if not self._at or not (self._unchanging or self._validator):
            return {}
        headers = {"Range": f"bytes={self._at}-"}
        return headers if self._unchanging else {**headers, "If-Range": self._validator}


def _start(response: requests.Response, wanted: int) -> int:
    """Return the offset that a response begins at: the one asked for, or 0."""
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        return 0
    if not response.headers.get("Content-Range", "").startswith(f"bytes {wanted}-"):
        raise ConnectionError("another part came than was asked for")
    return wanted


def _validator(response: requests.Response) -> str:
    """Return a strong ETag, else the date; empty where the server sends neither."""
    etag = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
