"""Requests to a registry and the servers beside it: TLS, time limits, second tries.

No answer's words are trusted: bodies are read up to a limit, redirects take no credentials to
another host, waits are bounded.
"""

from __future__ import annotations

import json
import os
import ssl
import threading
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as SlowError

from auditor import __version__
from auditor.clause import one_line
from auditor.errors import ImageError, UsageError
from auditor.image.documents import mapping, objects, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.image.reference import Access

_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Answers after which the same question may be answered."""

_WORDS = 64 * 1024
"""Bytes of an error's body that are read."""

CUT = (OSError, HTTPError)
"""What a connection that breaks off raises: `requests` (all of it), and `urllib3` below it."""

_PASSING = (requests.ConnectionError, requests.Timeout)
"""What of `requests` another try may mend."""


class Patience(NamedTuple):
    """How long a registry is waited for, in seconds."""

    connect: float = 10
    read: float = 30
    """Between two pieces of an answer."""
    tries: int = 5
    pause: float = 1
    """Before the second try; doubled for each one after it."""
    longest: float = 60
    """A registry that asks for more is not waited for."""


class Http:
    """Asks, with patience."""

    def __init__(self, access: Access, patience: Patience) -> None:
        """Reach servers by `access`."""
        self.plain = access.plain_http
        self.stop = threading.Event()
        self._patience = patience
        self._session = _Session(plain=access.plain_http)
        self._verify = authorities(access.tls_ca)
        self._open = set[requests.Response]()

    def fetch(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Give the answer, its body not yet read; with `form` it is a POST.

        Answers that ask for patience are waited for. Raises `ImageError` where there is none
        in the end; any other status is the caller's to judge.
        """
        pause = self._patience.pause
        for attempt in range(1, self._patience.tries + 1):
            last = attempt == self._patience.tries
            try:
                answer = self._once(url, headers, params, form)
            except CUT as error:
                if last or _is_final(error):
                    raise unreachable(url, error) from error
                wait = pause
            else:
                if last or answer.status_code not in _AGAIN:
                    return answer
                wait = _asked_pause(answer) or pause
                if wait > self._patience.longest:
                    return answer
                self.done(answer)
            self.rest(wait)
            pause *= 2
        raise AssertionError(url)

    def rest(self, seconds: float) -> None:
        """Wait, unless the reading is stopped."""
        if self.stop.wait(seconds):
            raise ImageError("the reading was broken off")

    def pause(self, cuts: int) -> float | None:
        """Give the pause after so many broken connections; None where it was often enough."""
        return None if cuts >= self._patience.tries else self._patience.pause * 2 ** (cuts - 1)

    def _once(
        self,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
        form: Mapping[str, str] | None,
    ) -> requests.Response:
        try:
            answer = self._session.request(
                "GET" if form is None else "POST",
                url,
                headers=dict(headers),
                params=params,
                data=form,
                stream=True,
                timeout=(self._patience.connect, self._patience.read),
                verify=self._verify,
            )
        except requests.exceptions.SSLError as error:
            raise _untrusted(url, error) from error
        self._open.add(answer)
        return answer

    def done(self, answer: requests.Response) -> None:
        """Close an answer."""
        self._open.discard(answer)
        answer.close()

    def close(self) -> None:
        """Break off what is being read, in whichever thread."""
        self.stop.set()
        for answer in list(self._open):
            with suppress(*CUT, ValueError):
                answer.raw.shutdown()

    def body(self, answer: requests.Response, limit: int) -> bytes:
        """Give the whole body and close the answer.

        Raises `ImageError` where it has more than `limit` bytes or breaks off.
        """
        try:
            body: bytes = answer.raw.read(limit + 1, decode_content=True)
        except CUT as error:
            raise unreachable(answer.url, error) from error
        finally:
            self.done(answer)
        if len(body) > limit:
            raise ImageError(
                f"{host_of(answer.url)} answers with more than {limit} bytes where a document "
                "belongs",
                "the auditor reads no larger one",
            )
        return body

    def refusal(self, answer: requests.Response) -> str:
        """Give what an answer that is an error says, with its status."""
        try:
            body = self.body(answer, _WORDS)
            value: object = json.loads(body)
        except (ImageError, ValueError, RecursionError):
            value = None
        errors = objects(mapping(value).get("errors"))
        words = text(errors[0].get("message")) if errors else ""
        said = one_line(words or answer.reason or "")
        return f"answers {answer.status_code}" + (f" ({said})" if said else "")


class _Session(requests.Session):
    """A session that keeps credentials where they belong, and no cookies."""

    def __init__(self, *, plain: bool) -> None:
        super().__init__()
        self._plain = plain
        self.max_redirects = 5
        self.headers.update(
            {"User-Agent": f"pylock-auditor/{__version__}", "Accept-Encoding": "identity"}
        )
        # Some registries take a cookie for a browser, and want a form's secret from then on.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Anything here keeps `requests` from putting ~/.netrc's words in place of ours.
        self.auth = lambda request: request

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Follow a redirect: credentials do not leave the host, nor TLS be left."""
        url, origin = prepared_request.url or "", response.request.url or ""
        if urlsplit(url).scheme != "https" and not self._plain:
            raise requests.exceptions.InvalidURL(f"it leads to {host_of(url)} without TLS")
        if self.should_strip_auth(origin, url):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)


def authorities(given: str | None) -> str | bool:
    """Give the certificates to trust: as asked, by the environment, of this machine, certifi's."""
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


def host_of(url: str) -> str:
    """Give host and port of an address."""
    return one_line(urlsplit(url).netloc.rpartition("@")[2] or "the registry")


def _is_final(error: Exception) -> bool:
    """Tell whether another try is in vain: no such host, nobody listens there, a mad answer."""
    if isinstance(error, requests.RequestException) and not isinstance(error, _PASSING):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError)


def unreachable(url: str, error: Exception) -> ImageError:
    """Give the error for a server that does not answer, or not to the end."""
    host = host_of(url)
    if isinstance(error, (requests.Timeout, SlowError)):
        return ImageError(f"{host} does not answer in time", "try again later")
    if not isinstance(error, _PASSING) and _is_final(error):
        return ImageError(
            f"{host} cannot be read: {one_line(str(error))}", "ask whoever runs the registry"
        )
    if _is_final(error):
        return ImageError(f"{host} cannot be reached", "check the name, the port and the network")
    return ImageError(
        f"{host} breaks the connection off: {one_line(str(error))}", "try again later"
    )


def _untrusted(url: str, error: Exception) -> ImageError:
    words = str(error)
    if "WRONG_VERSION_NUMBER" in words or "record layer failure" in words:
        return ImageError(
            f"{host_of(url)} does not speak TLS", "give --plain-http if it is meant to be so"
        )
    _, found, why = words.partition("CERTIFICATE_VERIFY_FAILED] ")
    return ImageError(
        f"{host_of(url)}: TLS fails: {one_line(why.split(' (_ssl')[0] if found else words)}",
        "name the authority's certificate with --tls-ca, or in SSL_CERT_FILE",
    )


def _asked_pause(answer: requests.Response) -> float | None:
    """Give the seconds of `Retry-After` (RFC 9110 10.2.3), by the server's own clock."""
    said = answer.headers.get("Retry-After", "")
    if said.isdecimal():
        return float(said[:9])
    try:
        then = parsedate_to_datetime(said)
        now = parsedate_to_datetime(answer.headers.get("Date", ""))
        return max((then - now).total_seconds(), 0)
    except (TypeError, ValueError):
        return None
