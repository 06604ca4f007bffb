"""When a server is asked again: after which answers, how often, and after how long."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

RETRY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""


class RetryPolicy(NamedTuple):
    """How long a server is waited for, in seconds."""

    connect: float = 10
    read: float = 30
    """Between two pieces of an answer."""
    tries: int = 5
    pause: float = 1
    """Before the second try; doubled for each one after it."""
    longest: float = 60
    """A server that asks for more is not waited for."""

    def pauses(self) -> Iterator[float | None]:
        """Yield for each try the pause behind it; None behind the last one."""
        yield from (self.pause * 2**done for done in range(self.tries - 1))
        yield None


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds of `Retry-After` (RFC 9110 10.2.3), by the server's own clock."""
    header = response.headers.get("Retry-After", "")
    if header.isdecimal():
        return float(header[:9])
    try:
        then = parsedate_to_datetime(header)
        now = parsedate_to_datetime(response.headers.get("Date", ""))
        return max((then - now).total_seconds(), 0)
    except (TypeError, ValueError):
        return None
