"""From a registry's challenge to the header it wants (distribution's token specification).

oras knows the challenge and the token's question. What it leaves out stands here: answers that
refuse, identity tokens (OAuth2), Basic without a token, and when credentials must not be sent.
"""

from __future__ import annotations

import base64
import json
import threading
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from oras.auth import get_auth_backend
from oras.auth.utils import parse_auth_header

from auditor.errors import ImageError
from auditor.image.documents import mapping
from auditor.image.registry.docker_login import credentials_for
from auditor.web import host_of
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oras.auth.utils import authHeader

    from auditor.image.registry.docker_login import Credentials
    from auditor.image.registry.http import Http

_TOKEN = 1 << 20
"""Bytes of the answer that holds a token."""

_LOGIN = "log in with `docker login {}`; its credentials are used"


class Authorization:
    """The `Authorization` header for one repository, renewed when the registry asks for it."""

    def __init__(self, http: Http, host: str, repository: str) -> None:
        """Authorize for pulling from `host`, as docker's configuration calls it."""
        self._http = http
        self._host = host
        self._scope = f"repository:{repository}:pull"
        self._lock = threading.Lock()
        self.header: str | None = None

    def renew(self, challenge: str, refused: str | None) -> None:
        """Answer a challenge, unless another thread did since the header `refused` was sent.

        Raises `ImageError` where that cannot be done.
        """
        with self._lock:
            if self.header == refused:
                self.header = self._answered(challenge)

    def _answered(self, challenge: str) -> str:
        credentials = credentials_for(self._host)
        scheme = challenge.strip().partition(" ")[0].lower()
        if scheme == "bearer":
            return f"Bearer {self._token(parse_auth_header(challenge), credentials)}"
        if scheme != "basic":
            raise ImageError(
                f"{self._host} asks for credentials in a way that is not known: "
                f"{one_line(scheme) or 'none'}",
                "registries ask for Basic or Bearer",
            )
        if credentials is None or credentials.identity_token:
            raise ImageError(f"{self._host} wants credentials", _LOGIN.format(self._host))
        pair = f"{credentials.username}:{credentials.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def _token(self, challenge: authHeader, credentials: Credentials | None) -> str:
        realm = challenge.realm or ""
        schemes = {"https", "http"} if self._http.plain else {"https"}
        if urlsplit(realm).scheme not in schemes:
            raise ImageError(
                f"{self._host} names a token server that is not reached by TLS",
                "credentials are not sent there; --plain-http would",
            )
        challenge.scope = challenge.scope or self._scope
        server = _TokenServer(self._http, self._host, known=credentials is not None)
        if credentials is not None and credentials.identity_token:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": credentials.identity_token,
                "service": challenge.service or "",
                "scope": challenge.scope,
                "client_id": "pylock-auditor",
            }
            return server.token(server.ask(realm, {}, form=form).json())
        asking = get_auth_backend("token", session=server, insecure=self._http.plain)
        if credentials is not None:
            asking.set_basic_auth(credentials.username, credentials.password)
        return server.token({"token": asking.request_token(challenge)})


class _Answer(NamedTuple):
    """What oras takes for an answer of `requests`."""

    status_code: int
    content: bytes

    def json(self) -> Mapping[str, object]:
        """Return the body's object, empty where it is none."""
        try:
            return mapping(json.loads(self.content))
        except (ValueError, RecursionError):
            return {}


class _TokenServer:
    """What oras takes for a session of `requests`: every question has our limits."""

    def __init__(self, http: Http, host: str, *, known: bool) -> None:
        self._http = http
        self._host = host
        self._known = known

    def get(
        self, url: str, *, headers: Mapping[str, str], params: Mapping[str, str], verify: bool
    ) -> _Answer:
        """Ask for a token; which certificates are trusted is not for oras to say."""
        del verify
        return self.ask(url, headers, params=params)

    def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> _Answer:
        """Return the answer; raises `ImageError` where it is a refusal."""
        answer = self._http.fetch(url, headers, params=params, form=form)
        if answer.status_code == 200:
            return _Answer(200, self._http.body(answer, _TOKEN))
        refused = answer.status_code in {400, 401, 403}
        words = f"{host_of(url)}, which gives tokens for {self._host}, {self._http.refusal(answer)}"
        if not refused:
            raise ImageError(words, "try again later")
        if self._known:
            raise ImageError(
                f"{words}: docker's credentials are not accepted", _LOGIN.format(self._host)
            )
        raise ImageError(words, _LOGIN.format(self._host))

    def token(self, answer: Mapping[str, object]) -> str:
        """Return the token in an answer; raises `ImageError` where there is none."""
        token = answer.get("token") or answer.get("access_token")
        if isinstance(token, str) and token.isascii() and token.isprintable():
            return token
        raise ImageError(
            f"the token server of {self._host} gives no token", "ask whoever runs the registry"
        )
