"""The session of `requests` that everything is sent by, and the certificates it trusts."""

from __future__ import annotations

import os
import ssl
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

from auditor.errors import UsageError
from auditor.version import __version__

_HOSTS = 32
"""Servers whose idle connections are kept."""


class PlainSession(requests.Session):
    """A session that adds nothing to a request but who we are: no cookies, no ~/.netrc."""

    def __init__(self, per_host: int) -> None:
        """Keep at most `per_host` idle connections to each server."""
        super().__init__()
        self.headers.update(
            {"User-Agent": f"pylock-auditor/{__version__}", "Accept-Encoding": "identity"}
        )
        # Some registries take a cookie for a browser, and want a form's secret from then on.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Anything here keeps `requests` from putting ~/.netrc's words in place of ours.
        self.auth = lambda request: request
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_connections=_HOSTS, pool_maxsize=per_host))


def trusted_certificates(given: str | None) -> str | bool:
    """Return the certificates to trust: given, by the environment, this machine's, certifi's."""
    if given is not None:
        if not Path(given).exists():
            raise UsageError(
                f"--tls-ca {given}: no such file", "name a file of certificates in PEM form"
            )
        return given
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if named:
        return named
    # The paths are OpenSSL's own, in which SSL_CERT_FILE and SSL_CERT_DIR count.
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    if paths.capath and any(Path(paths.capath).iterdir()):
        return paths.capath
    return True
