"""Parts of an address: its origin, its host in a message, the login in it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit, urlunsplit

from auditor.wording import one_line

Origin = tuple[str, str, int | None]
"""Scheme, host and port: what credentials and connections belong to (RFC 6454)."""


def origin(url: str) -> Origin:
    """Return the origin of a URL; raises `ValueError` for one that cannot be taken apart."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port or default


def host_of(url: str) -> str:
    """Return host and port of a URL, without credentials; fit for a message."""
    try:
        netloc = urlsplit(url).netloc
    except ValueError:
        return "no host"
    return one_line(netloc.rpartition("@")[2] or "the registry")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password (None: not known yet), or the token that replaces both.

    As credentials of a request it is always the same Basic header (RFC 7617).
    """

    username: str = field(default="", repr=False)
    password: str | None = field(default=None, repr=False)
    identity_token: str = field(default="", repr=False)
    """For OAuth2."""

    @property
    def header(self) -> str:
        """The value of `Authorization`."""
        pair = f"{self.username}:{self.password or ''}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"

    def renewed(self, challenge: str, refused: str | None) -> None:
        """Return no other header: there is none."""


def split_login(url: str) -> tuple[str, Login | None]:
    """Return a URL without its fragment and the login in it, and that login."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=host, fragment=""))
    if not at:
        return bare, None
    username, colon, password = userinfo.partition(":")
    return bare, Login(unquote(username), unquote(password) if colon else None)
