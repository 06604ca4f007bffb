"""Who we are to a server of artifacts. Nothing of it is ever put into a message.

From the URL itself, the environment (for servers named by an option), ~/.netrc, and, where a
server refuses and the URL names a user, the `keyring` program as pip and uv ask it. What was
found for one origin (scheme, host, port) is sent to no other.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from requests.utils import get_netrc_auth

if TYPE_CHECKING:
    from collections.abc import Iterable

_USERNAME, _PASSWORD = "AUDITOR_INDEX_USERNAME", "AUDITOR_INDEX_PASSWORD"
_KEYRING_SECONDS = 10


class Login(NamedTuple):
    """A user and a password; the password may be missing still."""

    username: str
    password: str | None

    def header(self) -> str:
        """Return the value of `Authorization` (RFC 7617)."""
        pair = f"{self.username}:{self.password or ''}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


def split_login(url: str) -> tuple[str, Login | None]:
    """Return a URL without the user and password in it, and these."""
    parts = urlsplit(url)
    said, at, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=host, fragment=""))
    if not at:
        return bare, None
    username, colon, password = said.partition(":")
    return bare, Login(unquote(username), unquote(password) if colon else None)


def origin(url: str) -> tuple[str, str, int | None]:
    """Return what credentials belong to."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port or default


class Logins:
    """Credentials by origin."""

    def __init__(self, named: Iterable[str]) -> None:
        """Take those of the URLs that options name; the environment's are for these alone."""
        self._known: dict[tuple[str, str, int | None], Login] = {}
        username = os.environ.get(_USERNAME)
        for url in named:
            bare, login = split_login(url)
            if login is None and username:
                login = Login(username, os.environ.get(_PASSWORD, ""))
            if login is not None:
                self._known[origin(bare)] = login

    def login(self, url: str, given: Login | None) -> Login | None:
        """Return what a server is told at once: `given` in its own URL, or known otherwise."""
        found = given or self._known.get(origin(url))
        if found is not None and found.password is not None:
            return found
        words = get_netrc_auth(url)
        if words is not None and (found is None or found.username == words[0]):
            return Login(*words)
        return found

    def from_keyring(self, url: str, refused: Login | None) -> Login | None:
        """Return what `keyring` has for the user that a URL names without a password."""
        program = shutil.which("keyring")
        if program is None or refused is None or refused.password is not None:
            return None
        scheme, host, _ = origin(url)
        netloc = urlsplit(url).netloc
        for service in (f"{scheme}://{netloc}/", netloc, host):
            password = _asked(program, service, refused.username)
            if password:
                login = Login(refused.username, password)
                self._known[origin(url)] = login
                return login
        return None


def _asked(program: str, service: str, username: str) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 -- no shell; the user's own program
            [program, "get", "--", service, username],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_KEYRING_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return answer.stdout.decode("utf-8", "replace").strip("\r\n") or None
