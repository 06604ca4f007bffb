"""Requests to servers of artifacts: indexes, mirrors, the lock's own URLs.

TLS unless the URL was given by an option or leads to this machine.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from auditor.artifacts.logins import Logins, UrlCredentials
from auditor.artifacts.manifest import ArtifactError
from auditor.http.client import HttpClient
from auditor.http.failure import Cause
from auditor.http.origin import host_of, is_loopback, origin, split_login
from auditor.http.transfer import transferred
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    import requests

    from auditor.http.connections import HttpConnections
    from auditor.http.failure import Failure

_WAYS_OUT = {
    Cause.UNTRUSTED: "; SSL_CERT_FILE names certificates to trust",
    Cause.NO_TLS_URL: "; --mirror URL=URL allows that",
}


class ArtifactClient:
    """Reads from servers of artifacts; everything raises `ArtifactError` where it cannot."""

    def __init__(self, connections: HttpConnections, named: tuple[str, ...] = ()) -> None:
        """Trust the URLs of options, `named`, so far that they may be without TLS."""
        plain = {origin(split_login(url)[0]) for url in named}
        self._logins = Logins(named)
        self._http = HttpClient(
            connections, _artifact_error, lambda where: where in plain or is_loopback(where[1])
        )

    def close(self) -> None:
        """End what is being read, in whichever threads that is."""
        self._http.close()

    @contextmanager
    def response(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Yield a response with status 200 or 206, its body not yet read."""
        try:
            bare, login = split_login(url)
        except ValueError as error:
            raise ArtifactError.unreachable("its URL is not valid") from error
        credentials = UrlCredentials(self._logins, bare, login)
        with self._http.response(bare, headers, credentials) as response:
            if response.status_code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                reason = one_line(response.reason or "")
                words = f"{host_of(response.url)} answers {response.status_code}"
                raise ArtifactError.unreachable(words + (f" ({reason})" if reason else ""))
            yield response

    def document(
        self,
        url: str,
        headers: Mapping[str, str],
        limit: int,
        check: Callable[[requests.Response], object] = lambda _: None,
    ) -> tuple[requests.Response, bytes]:
        """Return a response and its body of at most `limit` bytes.

        `check` may refuse it before its body is read, by an exception of its own.
        """

        @contextmanager
        def respond() -> Iterator[requests.Response]:
            with self.response(url, headers) as response:
                check(response)
                yield response

        return self._http.document(url, limit, respond)

    def pieces(self, url: str, size: int | None) -> Generator[tuple[int, bytes]]:
        """Yield a file in pieces, each with its offset; they may begin again at offset 0."""
        return transferred(self._http, url, partial(self.response, url), size)


def _artifact_error(failure: Failure) -> ArtifactError:
    # Without the detail: a report is the same on every run.
    return ArtifactError.unreachable(failure.message + _WAYS_OUT.get(failure.cause, ""))
