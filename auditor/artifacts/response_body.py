"""The bytes of answers: in pieces that come fast enough, and small ones as a whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.http import unreachable
from auditor.artifacts.manifest import Absence
from auditor.artifacts.random_access import PIECE
from auditor.web import CONNECTION_ERRORS, host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

    from auditor.artifacts.http import Http

_WINDOW = 30
"""Seconds in which at least `_LEAST` bytes have to come."""
_LEAST = 16 * 1024


class _SlowError(OSError):
    """A server that sends next to nothing."""


def pieces(answer: requests.Response, *, decode: bool = False) -> Iterator[bytes]:
    """Yield a body as it comes.

    Raises one of `CONNECTION_ERRORS` where it breaks off or only drips.
    """
    since, seen = time.monotonic(), 0
    while piece := answer.raw.read1(PIECE, decode_content=decode):
        yield piece
        seen += len(piece)
        now = time.monotonic()
        if now - since > _WINDOW:
            if seen < _LEAST:
                raise _SlowError("too slow")
            since, seen = now, 0


def whole(
    http: Http,
    url: str,
    headers: Mapping[str, str],
    limit: int,
    look: Callable[[requests.Response], object] | None = None,
) -> tuple[requests.Response, bytes]:
    """Return the answer to one question and its body, asked for again where it is cut.

    `look` may refuse the answer before its body is read, by an exception of its own. Raises
    `ArtifactError` where there is no answer, or one of more than `limit` bytes.
    """
    retry_policy = http.retry_policy
    for attempt in range(1, retry_policy.tries + 1):
        try:
            with http.answer(url, headers) as answer:
                if look is not None:
                    look(answer)
                return answer, _body(answer, limit)
        except CONNECTION_ERRORS as error:
            if attempt == retry_policy.tries:
                raise unreachable(url, error) from error
        http.rest(retry_policy.pause * 2 ** (attempt - 1))
    raise AssertionError(url)


def _body(answer: requests.Response, limit: int) -> bytes:
    content = bytearray()
    for piece in pieces(answer, decode=True):
        content += piece
        if len(content) > limit:
            raise ArtifactError(
                Absence.UNREACHABLE, f"{host_of(answer.url)} answers with more than {limit} bytes"
            )
    return bytes(content)
