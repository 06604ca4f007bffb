"""The logins to servers of artifacts. No message ever quotes them.

From the URL itself, the environment (for servers named by an option), ~/.netrc, and, where a
server refuses and the URL names a user, the `keyring` program as pip and uv ask it. What was
found for one origin (scheme, host, port) is sent to no other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from requests.utils import get_netrc_auth

from auditor.http.keyed_cache import KeyedCache
from auditor.http.origin import Login, origin, split_login

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.http.origin import Origin

_USERNAME, _PASSWORD = "AUDITOR_INDEX_USERNAME", "AUDITOR_INDEX_PASSWORD"
_KEYRING_SECONDS = 10


class Logins:
    """Logins by origin."""

    def __init__(self, named: Iterable[str]) -> None:
        """Know those of the URLs that options name; the environment's is for these alone."""
        self._named: dict[Origin, Login] = {}
        self._keyring: KeyedCache[tuple[Origin, str], str | None] = KeyedCache()
        username = os.environ.get(_USERNAME)
        for url in named:
            bare, login = split_login(url)
            if login is None and username:
                login = Login(username, os.environ.get(_PASSWORD, ""))
            if login is not None:
                self._named[origin(bare)] = login

    def login(self, url: str, given: Login | None) -> Login | None:
        """Return the login for a URL: `given` in it, or known otherwise; maybe no password."""
        found = given or self._named.get(origin(url))
        if found is None or found.password is None:
            netrc = get_netrc_auth(url)
            if netrc is not None and (found is None or found.username == netrc[0]):
                return Login(*netrc)
        if found is not None and found.password is None:
            return Login(found.username, self._keyring.known((origin(url), found.username)))
        return found

    def from_keyring(self, url: str, refused: Login | None) -> Login | None:
        """Return the login that `keyring` has for a user without a password."""
        program = shutil.which("keyring")
        if program is None or refused is None or refused.password is not None:
            return None
        username = refused.username
        password = self._keyring.get(
            (origin(url), username), lambda: _keyring_password(program, url, username)
        )
        return Login(username, password) if password else None


class UrlCredentials(NamedTuple):
    """The credentials of one request: the login in its URL, else what is known of its origin."""

    logins: Logins
    url: str
    given: Login | None

    @property
    def header(self) -> str | None:
        """The value of `Authorization` to send at once."""
        login = self.logins.login(self.url, self.given)
        return login.header if login is not None else None

    def renewed(self, challenge: str, refused: str | None) -> str | None:
        """Return the header with the password that `keyring` has."""
        del challenge, refused
        login = self.logins.login(self.url, self.given)
        found = self.logins.from_keyring(self.url, login)
        return found.header if found is not None else None


def _keyring_password(program: str, url: str, username: str) -> str | None:
    scheme, host, _ = origin(url)
    netloc = urlsplit(url).netloc
    for service in (f"{scheme}://{netloc}/", netloc, host):
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
            continue
        password = answer.stdout.decode("utf-8", "replace").strip("\r\n")
        if password:
            return password
    return None
