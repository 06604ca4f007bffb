"""One client of servers: requests with retries and redirects, errors in the caller's own words.

Redirects are followed by our own code: no credentials leave their origin, nothing leaves TLS.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urljoin

from auditor.http.connections import ClosedError
from auditor.http.failure import (
    CONNECTION_ERRORS,
    Cause,
    Failure,
    SlowError,
    failure,
    is_final,
)
from auditor.http.origin import host_of, origin, split_login
from auditor.http.plain_session import trusted_certificates
from auditor.http.retries import RETRY_STATUSES, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import requests

    from auditor.http.connections import HttpConnections
    from auditor.http.origin import Origin

_REDIRECTS = 5
_REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_DRAINED = 64 * 1024
"""Bytes of a body that are read to use its connection again."""
_PIECE = 256 * 1024
"""Bytes per reading: they stay in the processor's cache from one step to the next."""
_WINDOW = 30
"""Seconds in which at least `_LEAST` bytes have to come."""
_LEAST = 16 * 1024


class Credentials(Protocol):
    """The `Authorization` header for one origin."""

    @property
    def header(self) -> str | None:
        """What to send at once; None for nothing."""

    def renewed(self, challenge: str, refused: str | None) -> str | None:
        """Return another header after a 401 with `WWW-Authenticate`; None where there is none."""


class _Request(NamedTuple):
    url: str
    headers: Mapping[str, str]
    credentials: Credentials | None
    form: Mapping[str, str] | None


class HttpClient:
    """Sends requests over shared connections, from several threads at once."""

    def __init__(
        self,
        connections: HttpConnections,
        error: Callable[[Failure], Exception],
        plain: Callable[[Origin], bool],
        tls_ca: str | None = None,
    ) -> None:
        """Raise what `error` makes of a failure; `plain` says where TLS may be missing.

        `tls_ca` is the file of the certificates to trust, where it is not to be the machine's.
        """
        self.retry_policy = connections.retry_policy
        self._connections = connections
        self._error = error
        self._verify = trusted_certificates(tls_ca)
        self._plain = plain

    @contextmanager
    def response(
        self,
        url: str,
        headers: Mapping[str, str],
        credentials: Credentials | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Iterator[requests.Response]:
        """Yield the response, of any status, to a GET, or with `form` a POST; closed afterwards.

        Its body is not yet read; that of a 401 may be read already.
        """
        response = self._with_retries(_Request(url, headers, credentials, form))
        try:
            yield response
        finally:
            self._connections.release(response)

    def document(
        self,
        url: str,
        limit: int,
        respond: Callable[[], AbstractContextManager[requests.Response]],
    ) -> tuple[requests.Response, bytes]:
        """Return what `respond` yields, called again after a cut, and its body (see `body`)."""
        for pause in self.retry_policy.pauses():
            try:
                with respond() as response:
                    return response, self.body(response, limit)
            except CONNECTION_ERRORS as error:
                if pause is None:
                    raise self.failed(url, error) from error
            self.rest(pause)
        raise AssertionError(url)

    def body(self, response: requests.Response, limit: int) -> bytes:
        """Return the body of at most `limit` bytes; raises one of `CONNECTION_ERRORS`, too."""
        content = bytearray()
        for piece in pieces(response, decode=True):
            content += piece
            if len(content) > limit:
                message = f"{host_of(response.url)} answers with more than {limit} bytes"
                raise self._error(Failure(message, Cause.TOO_LARGE))
        return bytes(content)

    def failed(self, url: str, error: Exception) -> Exception:
        """Return the caller's error for one of `CONNECTION_ERRORS`."""
        return self._error(failure(url, error))

    def rest(self, seconds: float) -> None:
        """Wait, unless the client is closed meanwhile: the caller's error then."""
        try:
            self._connections.rest(self, seconds)
        except ClosedError as error:
            raise self._interrupted() from error

    def close(self) -> None:
        """End all requests of this client, in whichever threads they are."""
        self._connections.interrupt(self)

    def _with_retries(self, request: _Request) -> requests.Response:
        """Return a response, the last one or one with a too long `Retry-After` of any status."""
        policy = self.retry_policy
        for pause in policy.pauses():
            try:
                response = self._followed(request)
            except CONNECTION_ERRORS as error:
                if pause is None or is_final(error):
                    raise self.failed(request.url, error) from error
                wait = pause
            except ValueError as error:
                raise self._error(Failure("its URL is not valid")) from error
            except ClosedError as error:
                raise self._interrupted() from error
            else:
                if pause is None or response.status_code not in RETRY_STATUSES:
                    return response
                wait = retry_after(response) or pause
                if wait > policy.longest:
                    return response
                self._discard(response)
            self.rest(wait)
        raise AssertionError(request)

    def _followed(self, request: _Request) -> requests.Response:
        """Follow redirects; one of a form is not followed, since that may hold a secret."""
        url, first = request.url, origin(request.url)
        for _ in range(_REDIRECTS + 1):
            self._check(url, first)
            credentials = request.credentials if origin(url) == first else None
            response = self._authorized(url, request, credentials)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECT_STATUSES or request.form or location is None:
                return response
            self._discard(response)
            # A login in a redirect is not the user's.
            before, (url, _) = url, split_login(urljoin(url, location))
            if origin(before)[0] == "https" != origin(url)[0]:
                message = f"{host_of(before)} redirects to a URL without TLS"
                raise self._error(Failure(message))
        raise self._error(Failure(f"{host_of(url)} redirects without end"))

    def _check(self, url: str, first: Origin) -> None:
        """Raise the caller's error for a URL that may not be asked."""
        here = origin(url)
        if here[1] and (here[0] == "https" or (here[0] == "http" and self._plain(here))):
            return
        which = "its URL" if here == first else f"it redirects to {host_of(url)}, which"
        raise self._error(Failure(f"{which} does not use TLS", Cause.NO_TLS_URL))

    def _authorized(
        self, url: str, request: _Request, credentials: Credentials | None
    ) -> requests.Response:
        used = credentials.header if credentials is not None else None
        response = self._sent(url, request, used)
        if response.status_code == HTTPStatus.UNAUTHORIZED and credentials is not None:
            self._discard(response)  # to renew takes a request, which may have to wait for it
            renewed = credentials.renewed(response.headers.get("WWW-Authenticate", ""), used)
            if renewed is not None:
                return self._sent(url, request, renewed)
        return response

    def _sent(self, url: str, request: _Request, authorization: str | None) -> requests.Response:
        headers = dict(request.headers)
        if authorization is not None:
            headers["Authorization"] = authorization

        def send(session: requests.Session) -> requests.Response:
            return session.request(
                "GET" if request.form is None else "POST",
                url,
                headers=headers,
                data=request.form,
                stream=True,
                allow_redirects=False,
                timeout=(self.retry_policy.connect, self.retry_policy.read),
                verify=self._verify,
            )

        return self._connections.send(self, url, send)

    def _discard(self, response: requests.Response) -> None:
        """Close a response; its connection may be used again where the rest of it is short."""
        size = response.headers.get("Content-Length", "")
        if size.isdecimal() and int(size[:9]) <= _DRAINED:
            with suppress(*CONNECTION_ERRORS):
                response.raw.read(decode_content=False)
        self._connections.release(response)

    def _interrupted(self) -> Exception:
        return self._error(Failure("the reading was interrupted"))


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
