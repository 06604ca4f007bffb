"""Requests to servers of artifacts: indexes, mirrors, the lock's own URLs.

TLS unless the URL was given by an option or leads to this machine; no redirect leaves TLS, and
none takes credentials to another origin. No answer's words are trusted.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import TimeoutError as SlowError

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.logins import Logins, origin, split_login
from auditor.artifacts.manifest import Absence
from auditor.web import (
    CONNECTION_ERRORS,
    PlainSession,
    RetryPolicy,
    authorities,
    host_of,
    is_final,
    shut_down,
    with_retries,
)
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_REDIRECTS = 5
_REDIRECTED = frozenset({301, 302, 303, 307, 308})
_CONNECTIONS = 16


class Http:
    """Asks, with patience; from several threads at once."""

    def __init__(
        self, named: tuple[str, ...] = (), retry_policy: RetryPolicy | None = None
    ) -> None:
        """Trust the URLs of options, `named`, so far that they may be without TLS."""
        self.retry_policy = retry_policy or RetryPolicy()
        self._logins = Logins(named)
        self._plain = {origin(split_login(url)[0]) for url in named}
        self._stop = threading.Event()
        self._open = set[requests.Response]()
        self._session = PlainSession()
        self._session.mount("https://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self._session.mount("http://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self._verify = authorities(None)

    @contextmanager
    def answer(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Return the answer to one question: 200 or 206, its body not yet read.

        Answers that ask for patience are waited for. Raises `ArtifactError` where there is none.
        """
        answer = self._patiently(url, headers)
        try:
            if answer.status_code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                raise refused(answer)
            yield answer
        finally:
            self._done(answer)

    def close(self) -> None:
        """Break off what is being read, in whichever thread."""
        self._stop.set()
        shut_down(list(self._open))

    def rest(self, seconds: float) -> None:
        """Wait, unless the reading is broken off; raises `ArtifactError` then."""
        if self._stop.wait(seconds):
            raise broken_off()

    def _patiently(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        try:
            return with_retries(
                lambda: self._followed(url, headers),
                self.retry_policy,
                rest=self.rest,
                done=self._done,
            )
        except CONNECTION_ERRORS as error:
            raise unreachable(url, error) from error
        except ValueError as error:
            raise ArtifactError(Absence.UNREACHABLE, "its URL leads nowhere") from error

    def _followed(self, url: str, headers: Mapping[str, str]) -> requests.Response:
        """Follow redirects, credentials only as far as the first origin."""
        url, given = split_login(url)
        home = origin(url)
        for _ in range(_REDIRECTS + 1):
            self._check(url, home)
            login = self._logins.login(url, given) if origin(url) == home else None
            answer = self._once(url, headers, login.header() if login else None)
            if answer.status_code == HTTPStatus.UNAUTHORIZED and origin(url) == home:
                found = self._logins.from_keyring(url, login)
                if found is not None:
                    self._done(answer)
                    given = found
                    answer = self._once(url, headers, found.header())
            location = answer.headers.get("Location")
            if answer.status_code not in _REDIRECTED or location is None:
                return answer
            self._done(answer)
            # A redirect's own user and password are nobody's we know.
            here, (url, _) = url, split_login(urljoin(url, location))
            if origin(here)[0] == "https" != origin(url)[0]:
                raise ArtifactError(
                    Absence.UNREACHABLE, f"{host_of(here)} redirects to where there is no TLS"
                )
        raise ArtifactError(Absence.UNREACHABLE, f"{host_of(url)} redirects without end")

    def _check(self, url: str, home: tuple[str, str, int | None]) -> None:
        scheme, host, _ = origin(url)
        if scheme == "https" and host:
            return
        if scheme == "http" and (origin(url) in self._plain or _is_here(host)):
            return
        where = "it" if origin(url) == home else f"it leads to {host_of(url)}, which"
        raise ArtifactError(
            Absence.UNREACHABLE, f"{where} is not reached by TLS; --mirror URL=URL allows that"
        )

    def _once(
        self, url: str, headers: Mapping[str, str], authorization: str | None
    ) -> requests.Response:
        if self._stop.is_set():
            raise broken_off()
        sent = dict(headers)
        if authorization is not None:
            sent["Authorization"] = authorization
        answer = self._session.get(
            url,
            headers=sent,
            stream=True,
            allow_redirects=False,
            timeout=(self.retry_policy.connect, self.retry_policy.read),
            verify=self._verify,
        )
        self._open.add(answer)
        if self._stop.is_set():  # too late for `close` to have seen it
            self._done(answer)
            raise broken_off()
        return answer

    def _done(self, answer: requests.Response) -> None:
        self._open.discard(answer)
        answer.close()


def broken_off() -> ArtifactError:
    """Return the error for a reading that nobody waits for any more."""
    return ArtifactError(Absence.UNREACHABLE, "the reading was broken off")


def refused(answer: requests.Response) -> ArtifactError:
    """Return the error for an answer that is none."""
    said = one_line(answer.reason or "")
    words = f"{host_of(answer.url)} answers {answer.status_code}" + (f" ({said})" if said else "")
    return ArtifactError(Absence.UNREACHABLE, words)


def unreachable(url: str, error: Exception) -> ArtifactError:
    """Return the error for a server that does not answer, or not to the end."""
    host = host_of(url)
    if isinstance(error, requests.exceptions.SSLError):
        _, found, why = str(error).partition("CERTIFICATE_VERIFY_FAILED] ")
        detail = one_line(why.split(" (_ssl")[0]) if found else "its answer is none"
        why = f"{host}: TLS fails ({detail}); SSL_CERT_FILE names certificates to trust"
    elif isinstance(error, (requests.Timeout, SlowError)):
        why = f"{host} does not answer in time"
    elif is_final(error):
        why = f"{host} cannot be reached"
    else:
        why = f"{host} breaks the connection off"
    return ArtifactError(Absence.UNREACHABLE, why)


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
