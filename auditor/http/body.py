"""The bytes of a response, in pieces that come fast enough."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from auditor.http.failure import SlowError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

_PIECE = 256 * 1024
"""Bytes per reading: they stay in the processor's cache from one step to the next."""
_WINDOW = 30
"""Seconds in which at least `_LEAST` bytes have to come."""
_LEAST = 16 * 1024


def pieces(response: requests.Response, *, decode: bool = False) -> Iterator[bytes]:
    """Yield a body as it comes; raises one of `CONNECTION_ERRORS` where it breaks or drips."""
    since, seen = time.monotonic(), 0
    while piece := response.raw.read1(_PIECE, decode_content=decode):
        yield piece
        seen += len(piece)
        now = time.monotonic()
        if now - since > _WINDOW:
            if seen < _LEAST:
                raise SlowError("too slow")
            since, seen = now, 0
