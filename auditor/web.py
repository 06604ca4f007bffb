"""What every stage that speaks HTTP needs: whom to trust, what a cut is, how long to wait."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from auditor.errors import UsageError
from auditor.version import __version__
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same question may be answered."""

CONNECTION_ERRORS = (OSError, HTTPError)
"""What a connection that breaks off raises: `requests` (all of it), and `urllib3` below it."""

PASSING_ERRORS = (requests.ConnectionError, requests.Timeout)
"""What of `requests` another try may mend."""


def shut_down(answers: Iterable[requests.Response]) -> None:
    """Break off the reading of answers, in whichever threads that is.

    One that ends meanwhile has given its connection back: `urllib3` calls that an error.
    """
    for answer in answers:
        with suppress(*CONNECTION_ERRORS, ValueError, RuntimeError, TypeError):
            answer.raw.shutdown()


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


class PlainSession(requests.Session):
    """A session that adds nothing to a request but who we are: no cookies, no ~/.netrc."""

    def __init__(self) -> None:
        super().__init__()
        self.headers.update(
            {"User-Agent": f"pylock-auditor/{__version__}", "Accept-Encoding": "identity"}
        )
        # Some registries take a cookie for a browser, and want a form's secret from then on.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Anything here keeps `requests` from putting ~/.netrc's words in place of ours.
        self.auth = lambda request: request


def authorities(given: str | None) -> str | bool:
    """Return the certificates to trust: given, by the environment, this machine's, certifi's."""
    if given is not None:
        if not Path(given).exists():
            raise UsageError(
                f"--tls-ca {given}: no such file", "name a file of certificates in PEM form"
            )
        return given
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if named:
        return named
    # The paths are OpenSSL's own, in which SSL_CERT_FILE and SSL_CERT_DIR count.
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    if paths.capath and any(Path(paths.capath).iterdir()):
        return paths.capath
    return True


def host_of(url: str) -> str:
    """Return host and port of an address, without credentials; fit for a message."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return "no host"
    return one_line(netloc.rpartition("@")[2] or "the registry")


def is_final(error: Exception) -> bool:
    """Return whether another try is in vain: no such host, nobody listens there, a mad answer."""
    if isinstance(error, requests.RequestException) and not isinstance(error, PASSING_ERRORS):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError)


def with_retries(
    ask: Callable[[], requests.Response],
    retry_policy: RetryPolicy,
    *,
    rest: Callable[[float], None],
    done: Callable[[requests.Response], None],
) -> requests.Response:
    """Return the answer to a question, asked again after a cut or an answer that is in `AGAIN`.

    `rest` waits so many seconds, `done` ends with an answer that is not taken. The last answer
    is given whatever it is, and so is one that asks for more time than there is patience.
    Raises one of `CONNECTION_ERRORS` where there is none.
    """
    pause = retry_policy.pause
    for left in reversed(range(retry_policy.tries)):
        try:
            answer = ask()
        except CONNECTION_ERRORS as error:
            if not left or is_final(error):
                raise
            wait = pause
        else:
            if not left or answer.status_code not in AGAIN:
                return answer
            wait = asked_pause(answer) or pause
            if wait > retry_policy.longest:
                return answer
            done(answer)
        rest(wait)
        pause *= 2
    raise AssertionError(retry_policy)


def asked_pause(answer: requests.Response) -> float | None:
    """Return the seconds of `Retry-After` (RFC 9110 10.2.3), by the server's own clock."""
    said = answer.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said[:9])
    try:
        then = parsedate_to_datetime(said)
        now = parsedate_to_datetime(answer.headers.get("Date", ""))
        return max((then - now).total_seconds(), 0)
    except (TypeError, ValueError):
        return None
