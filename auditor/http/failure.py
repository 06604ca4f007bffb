"""Why a server gave no usable response, and whether another try may mend it."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

import requests
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as ReadTimeoutError

from auditor.http.origin import host_of
from auditor.wording import one_line

CONNECTION_ERRORS = (OSError, HTTPError)
"""What a failing connection raises: `requests` (all of it), and `urllib3` below it."""

_RETRYABLE_ERRORS = (requests.ConnectionError, requests.Timeout)
_NO_TLS = ("WRONG_VERSION_NUMBER", "record layer failure")
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"


class Cause(Enum):
    """The kinds of trouble that have a way out of their own."""

    NO_TLS_URL = auto()
    """The URL is to be reached without TLS, which nobody allowed."""
    UNREACHABLE = auto()
    UNTRUSTED = auto()
    """TLS fails, by the certificate for the most part."""
    NOT_TLS = auto()
    """The server does not speak TLS."""
    PASSING = auto()
    """The connection is cut or too slow."""
    TOO_LARGE = auto()
    OTHER = auto()


class Failure(NamedTuple):
    """One failed request, in words that any stage can put into its errors."""

    message: str
    """A clause about the server or the URL, the same on every run."""
    cause: Cause = Cause.OTHER
    detail: str = ""
    """What a library says of it, which differs from run to run."""


class SlowError(OSError):
    """A server that sends next to nothing."""


def failure(url: str, error: Exception) -> Failure:
    """Return why a request raised one of `CONNECTION_ERRORS`."""
    host, detail = host_of(url), one_line(str(error))
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_failure(host, str(error))
    if isinstance(error, (requests.Timeout, ReadTimeoutError)):
        return Failure(f"{host} does not answer in time", Cause.PASSING)
    if isinstance(error, SlowError):
        return Failure(f"{host} sends too slowly", Cause.PASSING)
    if _is_invalid(error):
        return Failure(f"{host} cannot be read", detail=detail)
    if is_final(error):
        return Failure(f"{host} cannot be reached", Cause.UNREACHABLE)
    return Failure(f"{host} closes the connection early", Cause.PASSING, detail)


def _tls_failure(host: str, words: str) -> Failure:
    if any(each in words for each in _NO_TLS):
        return Failure(f"{host} does not speak TLS", Cause.NOT_TLS)
    _, found, why = words.partition(f"{_UNTRUSTED}] ")
    if found:
        reason = one_line(why.split(" (_ssl")[0])
        return Failure(f"{host}: TLS fails ({reason})", Cause.UNTRUSTED)
    return Failure(f"{host}: TLS fails", Cause.UNTRUSTED, one_line(words))


def is_final(error: Exception) -> bool:
    """Return whether another try is in vain: unknown host, no listener, no TLS, no HTTP."""
    if isinstance(error, requests.exceptions.SSLError):
        return any(words in str(error) for words in (_UNTRUSTED, *_NO_TLS))
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return _is_invalid(error) or isinstance(reason, NewConnectionError)


def _is_invalid(error: Exception) -> bool:
    return isinstance(error, requests.RequestException) and not isinstance(error, _RETRYABLE_ERRORS)
