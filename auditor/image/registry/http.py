"""Requests to a registry and the servers beside it: TLS, time limits, second tries.

No answer's words are trusted: bodies are read up to a limit, redirects take no credentials to
another host, waits are bounded.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import TimeoutError as SlowError

from auditor.errors import ImageError
from auditor.image.documents import mapping, objects, text
from auditor.web import (
    CONNECTION_ERRORS,
    PASSING_ERRORS,
    PlainSession,
    authorities,
    host_of,
    is_final,
    shut_down,
    with_retries,
)
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.image.reference import Access
    from auditor.web import RetryPolicy

_WORDS = 64 * 1024
"""Bytes of an error's body that are read."""


class Http:
    """Asks, with patience."""

    def __init__(self, access: Access, retry_policy: RetryPolicy) -> None:
        """Reach servers by `access`."""
        self.plain = access.plain_http
        self.stop = threading.Event()
        self._patience = retry_policy
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
        """Return the answer, its body not yet read; with `form` it is a POST.

        Answers that ask for patience are waited for. Raises `ImageError` where there is none
        in the end; any other status is the caller's to judge.
        """
        try:
            return with_retries(
                lambda: self._once(url, headers, params, form),
                self._patience,
                rest=self.rest,
                done=self.done,
            )
        except CONNECTION_ERRORS as error:
            raise unreachable(url, error) from error

    def rest(self, seconds: float) -> None:
        """Wait, unless the reading is stopped."""
        if self.stop.wait(seconds):
            raise ImageError("the reading was broken off")

    def pause(self, cuts: int) -> float | None:
        """Return the pause after so many broken connections; None where it was often enough."""
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
        shut_down(list(self._open))

    def body(self, answer: requests.Response, limit: int) -> bytes:
        """Return the whole body and close the answer.

        Raises `ImageError` where it has more than `limit` bytes or breaks off.
        """
        try:
            body: bytes = answer.raw.read(limit + 1, decode_content=True)
        except CONNECTION_ERRORS as error:
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
        """Return what an answer that is an error says, with its status."""
        try:
            body = self.body(answer, _WORDS)
            value: object = json.loads(body)
        except (ImageError, ValueError, RecursionError):
            value = None
        errors = objects(mapping(value).get("errors"))
        words = text(errors[0].get("message")) if errors else ""
        said = one_line(words or answer.reason or "")
        return f"answers {answer.status_code}" + (f" ({said})" if said else "")


class _Session(PlainSession):
    """A session that keeps credentials where they belong."""

    def __init__(self, *, plain: bool) -> None:
        super().__init__()
        self._plain = plain
        self.max_redirects = 5

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Follow a redirect: credentials do not leave the host, nor TLS be left."""
        url, origin = prepared_request.url or "", response.request.url or ""
        if urlsplit(url).scheme != "https" and not self._plain:
            raise requests.exceptions.InvalidURL(f"it leads to {host_of(url)} without TLS")
        if self.should_strip_auth(origin, url):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)


def unreachable(url: str, error: Exception) -> ImageError:
    """Return the error for a server that does not answer, or not to the end."""
    host = host_of(url)
    if isinstance(error, (requests.Timeout, SlowError)):
        return ImageError(f"{host} does not answer in time", "try again later")
    if not isinstance(error, PASSING_ERRORS) and is_final(error):
        return ImageError(
            f"{host} cannot be read: {one_line(str(error))}", "ask whoever runs the registry"
        )
    if is_final(error):
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
