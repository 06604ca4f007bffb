"""Requests that are worth repeating: how often, after which pause, after which trouble."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

import requests
from urllib3.exceptions import HTTPError, NewConnectionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RETRY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""

CONNECTION_ERRORS = (OSError, HTTPError)
"""What a failing connection raises: `requests` (all of it), and `urllib3` below it."""

RETRYABLE_ERRORS = (requests.ConnectionError, requests.Timeout)
"""The errors of `requests` that another try may mend."""

_TLS_REFUSALS = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "record layer failure")


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


def is_final(error: Exception) -> bool:
    """Return whether another try is in vain: unknown host, no listener, no TLS, no HTTP."""
    if isinstance(error, requests.exceptions.SSLError):
        return any(words in str(error) for words in _TLS_REFUSALS)
    if isinstance(error, requests.RequestException) and not isinstance(error, RETRYABLE_ERRORS):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError)


def with_retries(
    send: Callable[[], requests.Response],
    retry_policy: RetryPolicy,
    *,
    rest: Callable[[float], None],
    discard: Callable[[requests.Response], None],
) -> requests.Response:
    """Return the response to a request, repeated after a cut or one of `RETRY_STATUSES`.

    `rest` waits so many seconds, `discard` ends a response that is not returned. The last
    response is returned whatever it is, and so is one whose `Retry-After` is too long.
    Raises one of `CONNECTION_ERRORS` where there is none.
    """
    for pause in retry_policy.pauses():
        try:
            response = send()
        except CONNECTION_ERRORS as error:
            if pause is None or is_final(error):
                raise
            wait = pause
        else:
            if pause is None or response.status_code not in RETRY_STATUSES:
                return response
            wait = retry_after(response) or pause
            if wait > retry_policy.longest:
                return response
            discard(response)
        rest(wait)
    raise AssertionError(retry_policy)


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
