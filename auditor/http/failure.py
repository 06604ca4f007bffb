"""Why a server gave no usable response, in words that any stage can put into its errors."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

import requests
from urllib3.exceptions import TimeoutError as ReadTimeoutError

from auditor.http.origin import host_of
from auditor.http.retries import RETRYABLE_ERRORS, is_final
from auditor.wording import one_line


class Cause(Enum):
    """The kinds of trouble; the caller's hint depends on them."""

    INVALID_URL = auto()
    NO_TLS_URL = auto()
    """The URL is to be reached without TLS, which nobody allowed."""
    UNREACHABLE = auto()
    UNTRUSTED = auto()
    """TLS fails, by the certificate for the most part."""
    NOT_TLS = auto()
    """The server does not speak TLS."""
    TIMEOUT = auto()
    CUT = auto()
    BAD_REDIRECT = auto()
    BAD_RESPONSE = auto()
    TOO_LARGE = auto()
    INTERRUPTED = auto()
    """The caller closed its client."""


class Failure(NamedTuple):
    """One failed request."""

    cause: Cause
    message: str
    """A clause about the server or the URL, the same on every run."""
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
        return Failure(Cause.TIMEOUT, f"{host} does not answer in time")
    if isinstance(error, SlowError):
        return Failure(Cause.TIMEOUT, f"{host} sends too slowly")
    if isinstance(error, requests.RequestException) and not isinstance(error, RETRYABLE_ERRORS):
        return Failure(Cause.BAD_RESPONSE, f"{host} cannot be read", detail)
    if is_final(error):
        return Failure(Cause.UNREACHABLE, f"{host} cannot be reached")
    return Failure(Cause.CUT, f"{host} closes the connection early", detail)


def _tls_failure(host: str, words: str) -> Failure:
    if "WRONG_VERSION_NUMBER" in words or "record layer failure" in words:
        return Failure(Cause.NOT_TLS, f"{host} does not speak TLS")
    _, found, why = words.partition("CERTIFICATE_VERIFY_FAILED] ")
    if found:
        reason = one_line(why.split(" (_ssl")[0])
        return Failure(Cause.UNTRUSTED, f"{host}: TLS fails ({reason})")
    return Failure(Cause.UNTRUSTED, f"{host}: TLS fails", one_line(words))
