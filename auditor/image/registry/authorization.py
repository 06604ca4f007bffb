"""From a registry's challenge to the header it wants (distribution's token specification)."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from auditor.errors import ImageError
from auditor.http.origin import host_of
from auditor.image.documents import mapping
from auditor.image.registry.docker_login import docker_login
from auditor.image.registry.registry_errors import login_hint, refusal
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from auditor.http.client import HttpClient
    from auditor.http.connections import HttpConnections
    from auditor.http.origin import Login

_TOKEN_BYTES = 1 << 20
"""Bytes of the document that holds a token."""
_PARAMETER = re.compile(r'([A-Za-z]+)="([^"]+)"')


class Authorization:
    """The `Authorization` header for pulling from one repository, for all who read from it."""

    def __init__(
        self,
        client: HttpClient,
        connections: HttpConnections,
        host: str,
        repository: str,
        *,
        plain: bool,
    ) -> None:
        """Authorize at `host`, as docker's configuration calls it; `plain` is without TLS."""
        self._client = client
        self._known = connections.authorizations
        self._logins = connections.logins
        self._host = host
        self._scope = f"repository:{repository}:pull"
        self._schemes = {"https", "http"} if plain else {"https"}
        self._key = (f"{'http' if plain else 'https'}://{host}", self._scope)

    @property
    def header(self) -> str | None:
        """The header that answered the last challenge."""
        return self._known.known(self._key)

    def renewed(self, challenge: str, refused: str | None) -> str:
        """Answer a challenge, unless another thread did since the header `refused` was sent.

        Raises `ImageError` where that cannot be done.
        """
        return self._known.get(self._key, lambda: self._answer(challenge), refused)

    def _answer(self, challenge: str) -> str:
        login = self._logins.get(self._host, lambda: docker_login(self._host))
        scheme = challenge.strip().partition(" ")[0].lower()
        if scheme == "bearer":
            return f"Bearer {self._token(dict(_PARAMETER.findall(challenge)), login)}"
        if scheme != "basic":
            raise ImageError(
                f"{self._host} asks for credentials by an unknown scheme: "
                f"{one_line(scheme) or 'none'}",
                "registries ask for Basic or Bearer",
            )
        if login is None or login.identity_token:
            raise ImageError(f"{self._host} wants credentials", login_hint(self._host))
        return login.header

    def _token(self, challenge: Mapping[str, str], login: Login | None) -> str:
        realm = challenge.get("realm", "")
        if urlsplit(realm).scheme not in self._schemes:
            raise ImageError(
                f"{self._host} names a token server that does not use TLS",
                "credentials are not sent there; --plain-http would",
            )
        asked = {"scope": challenge.get("scope", self._scope)}
        if "service" in challenge:
            asked = {"service": challenge["service"], **asked}
        url, form = f"{realm}{'&' if '?' in realm else '?'}{urlencode(asked)}", None
        if login is not None and login.identity_token:
            url, form = (
                realm,
                {
                    "grant_type": "refresh_token",
                    "refresh_token": login.identity_token,
                    **asked,
                    "client_id": "pylock-auditor",
                },
            )
        respond = partial(self._response, url, login, form)
        _, content = self._client.document(url, _TOKEN_BYTES, respond)
        try:
            document = mapping(json.loads(content))
        except (ValueError, RecursionError):
            document = {}
        token = document.get("token") or document.get("access_token")
        if isinstance(token, str) and token.isascii() and token.isprintable():
            return token
        raise ImageError(
            f"the token server of {self._host} sends no token", "ask whoever runs the registry"
        )

    @contextmanager
    def _response(
        self, url: str, login: Login | None, form: Mapping[str, str] | None
    ) -> Iterator[requests.Response]:
        """Yield the token server's response; raises `ImageError` where it refuses."""
        with self._client.response(url, {}, None if form else login, form) as response:
            status = response.status_code
            if status == 200:
                yield response
                return
            words = (
                f"{host_of(url)}, which issues tokens for {self._host}, "
                f"{refusal(self._client, response)}"
            )
        if status not in {400, 401, 403}:
            raise ImageError(words, "try again later")
        accepted = "" if login is None else ": docker's credentials are not accepted"
        raise ImageError(f"{words}{accepted}", login_hint(self._host))
