"""What all requests of a session share: connections, a limit for each server, credentials.

Importing this does not import `requests`, which takes a tenth of a second.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from auditor.http.keyed_cache import KeyedCache
from auditor.http.origin import Origin, origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import requests

    from auditor.http.origin import Login

PER_ORIGIN = 16
"""Requests that one server gets at a time."""

_REMEMBERED = 1024
"""Servers, or repositories of registries, whose credentials are remembered."""
_LOGIN_SECONDS = 60
"""Logins are looked up again after that: some are valid for an hour."""


class User(Protocol):
    """Whoever sends requests, and may end all of its own."""

    @property
    def closed(self) -> bool:
        """Whether it sends no more."""


class ClosedError(Exception):
    """A request of a user that is closed, or over closed connections."""


class _Open(NamedTuple):
    origin: Origin
    user: User


class HttpConnections:
    """Connections for any number of clients and threads; closed once, when all are done."""

    def __init__(self, per_origin: int = PER_ORIGIN) -> None:
        """Send at most `per_origin` requests at a time to each scheme, host and port."""
        self.authorizations: KeyedCache[tuple[str, str], str] = KeyedCache(_REMEMBERED)
        """Values of `Authorization` by server and scope."""
        self.logins: KeyedCache[str, Login | None] = KeyedCache(_REMEMBERED, _LOGIN_SECONDS)
        """Logins by server."""
        self._per_origin = per_origin
        # Its lock may be taken twice by one thread, in case Ctrl-C kept it from being released.
        self._changed = threading.Condition()
        self._used: Counter[Origin] = Counter()
        self._open: dict[requests.Response, _Open] = {}
        self._session: requests.Session | None = None
        self._closed = False

    def send(
        self, user: User, url: str, send: Callable[[requests.Session], requests.Response]
    ) -> requests.Response:
        """Return the response to a request for `url`, sent when the server has one less to do.

        `release` is to be called for it. Raises `ClosedError`, or what `send` raises.
        """
        where = origin(url)
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed(user) or self._used[where] < self._per_origin
            )
            self._check(user)
            self._used[where] += 1
            session = self._session = self._session or _new_session(self._per_origin)
        try:
            response = send(session)
        except BaseException:
            self._leave(where)
            raise
        with self._changed:
            self._open[response] = _Open(where, user)
        if self._is_closed(user):  # too late for `interrupt` to have seen it
            self.release(response)
            raise ClosedError
        return response

    def release(self, response: requests.Response) -> None:
        """Close a response, once or more often."""
        response.close()
        with self._changed:
            found = self._open.pop(response, None)
        if found is not None:
            self._leave(found.origin)

    def rest(self, user: User, seconds: float) -> None:
        """Wait so long; raises `ClosedError` as soon as `user` or this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed(user), seconds)
            self._check(user)

    def interrupt(self, user: User) -> None:
        """End the requests of a user that is closed, in whichever threads they are read."""
        with self._changed:
            self._changed.notify_all()
            responses = [each for each, entry in self._open.items() if entry.user is user]
        shut_down(responses)

    def close(self) -> None:
        """End all requests and close all connections."""
        self._closed = True
        with self._changed:
            self._changed.notify_all()
            responses = list(self._open)
        shut_down(responses)
        if self._session is not None:
            self._session.close()

    def _leave(self, where: Origin) -> None:
        with self._changed:
            self._used[where] -= 1
            if not self._used[where]:
                del self._used[where]
            self._changed.notify_all()

    def _is_closed(self, user: User) -> bool:
        return self._closed or user.closed

    def _check(self, user: User) -> None:
        if self._is_closed(user):
            raise ClosedError


def _new_session(per_host: int) -> requests.Session:
    from auditor.http.session import PlainSession  # noqa: PLC0415 -- a tenth of a second

    return PlainSession(per_host)


def shut_down(responses: Iterable[requests.Response]) -> None:
    """End the reading of responses, in whichever threads that is.

    One that ends meanwhile has returned its connection: `urllib3` calls that an error.
    """
    from auditor.http.retries import CONNECTION_ERRORS  # noqa: PLC0415 -- as above

    for response in responses:
        with suppress(*CONNECTION_ERRORS, ValueError, RuntimeError, TypeError):
            response.raw.shutdown()
