"""One file from a server, resumed after a cut where it stopped (RFC 9110 14.2)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from auditor.http.client import pieces
from auditor.http.failure import CONNECTION_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager

    import requests

    from auditor.http.client import HttpClient

    Respond = Callable[[Mapping[str, str]], AbstractContextManager[requests.Response]]
    """Asks for the file with these headers."""

_PROGRESS = 1 << 20
"""Bytes that a connection has to bring for its cut not to count as one more in a row."""


def transferred(
    client: HttpClient, url: str, respond: Respond, size: int | None, *, unchanging: bool = False
) -> Generator[tuple[int, bytes]]:
    """Yield a file of `size` bytes, where that is known, in pieces, each with its offset.

    Where a server cannot resume, they begin again at offset 0. `unchanging`: another file cannot
    take its place, so nothing need tell whether one did. Raises the client's error where too
    many connections fail in a row, or bring too little.
    """
    policy = client.retry_policy
    at = cuts = 0
    validator = ""
    while True:
        before = began = at
        try:
            with respond(_range(at, validator, unchanging=unchanging)) as response:
                began = at = _start(response, at)
                validator = _validator(response)
                for piece in pieces(response):
                    yield at, piece
                    at += len(piece)
            if "Content-Length" not in response.headers and at < (size or 0):
                raise ConnectionError(f"{at} of {size} bytes came")
        except CONNECTION_ERRORS as error:
            # Who sends a good part each time may go on; one byte at a time may not.
            # Nor may who begins anew each time: that brings the end no nearer.
            cuts = 1 if began == before and at - before >= _PROGRESS else cuts + 1
            if cuts >= policy.tries:
                raise client.failed(url, error) from error
            client.rest(policy.pause * 2 ** (cuts - 1))
        else:
            return


def _range(at: int, validator: str, *, unchanging: bool) -> dict[str, str]:
    if not at or not (unchanging or validator):
        return {}
    headers = {"Range": f"bytes={at}-"}
    return headers if unchanging else {**headers, "If-Range": validator}


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
