"""What all requests of a session share: connections, a limit for each server, credentials.

Importing this does not import `requests`, which takes a tenth of a second.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from auditor.http.keyed_cache import KeyedCache
from auditor.http.origin import Origin, origin
from auditor.http.retries import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import requests

    from auditor.http.origin import Login

_PER_ORIGIN = 16
_REMEMBERED = 1024
"""Servers, or repositories of registries, whose credentials are remembered."""
_LOGIN_SECONDS = 60
"""Logins are looked up again after that: some are valid for an hour."""


class ClosedError(Exception):
    """A request of a client that is closed, or over closed connections."""


class HttpConnections:
    """Connections for any number of clients and threads; closed once, when all are done."""

    def __init__(
        self, retry_policy: RetryPolicy | None = None, per_origin: int = _PER_ORIGIN
    ) -> None:
        """Send at most `per_origin` requests at a time to each scheme, host and port."""
        self.retry_policy = retry_policy or RetryPolicy()
        self.authorizations: KeyedCache[tuple[str, str], str] = KeyedCache(_REMEMBERED)
        """Values of `Authorization` by server and scope."""
        self.logins: KeyedCache[str, Login | None] = KeyedCache(_REMEMBERED, _LOGIN_SECONDS)
        """Logins by server."""
        self._per_origin = per_origin
        # Its lock may be taken twice by one thread, in case Ctrl-C kept it from being released.
        self._changed = threading.Condition()
        self._used: Counter[Origin] = Counter()
        self._open: dict[requests.Response, tuple[Origin, object]] = {}
        """Responses that are read, each with its origin and client."""
        self._interrupted: WeakSet[object] = WeakSet()
        self._session: requests.Session | None = None
        self._closed = False

    def send(
        self, client: object, url: str, send: Callable[[requests.Session], requests.Response]
    ) -> requests.Response:
        """Return what `send` returns for `url`, once that server has less than so many requests.

        `release` ends it. Raises `ClosedError`, or what `send` raises.
        """
        from auditor.http.plain_session import PlainSession  # noqa: PLC0415 -- a tenth of a second

        where = origin(url)
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed(client) or self._used[where] < self._per_origin
            )
            self._check(client)
            self._used[where] += 1
            session = self._session = self._session or PlainSession(self._per_origin)
        try:
            response = send(session)
        except BaseException:
            self._leave(where)
            raise
        with self._changed:
            self._open[response] = where, client
        if self._is_closed(client):  # too late for `interrupt` to have seen it
            self.release(response)
            raise ClosedError
        return response

    def release(self, response: requests.Response) -> None:
        """Close a response, once or more often."""
        response.close()
        with self._changed:
            found = self._open.pop(response, None)
        if found is not None:
            self._leave(found[0])

    def rest(self, client: object, seconds: float) -> None:
        """Wait so long; raises `ClosedError` as soon as `client` or this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed(client), seconds)
            self._check(client)

    def interrupt(self, client: object) -> None:
        """End all requests of a client, in whichever threads they are, and let it send no more."""
        with self._changed:
            self._interrupted.add(client)
            self._changed.notify_all()
            responses = [each for each, (_, owner) in self._open.items() if owner is client]
        shut_down(responses)

    def close(self) -> None:
        """End all requests and close all connections."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            responses = list(self._open)
        shut_down(responses)
        if self._session is not None:
            self._session.close()

    def _leave(self, where: Origin) -> None:
        with self._changed:
            self._used -= Counter((where,))  # which forgets a server that has none left
            self._changed.notify_all()

    def _is_closed(self, client: object) -> bool:
        return self._closed or client in self._interrupted

    def _check(self, client: object) -> None:
        if self._is_closed(client):
            raise ClosedError


def shut_down(responses: Sequence[requests.Response]) -> None:
    """End the reading of responses, in whichever threads that is.

    One that ends meanwhile has returned its connection: `urllib3` calls that an error.
    """
    if not responses:
        return
    from auditor.http.failure import CONNECTION_ERRORS  # noqa: PLC0415 -- imports `requests`

    for response in responses:
        with suppress(*CONNECTION_ERRORS, ValueError, RuntimeError, TypeError):
            response.raw.shutdown()
