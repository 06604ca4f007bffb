"""One repository of a registry: its manifests and blobs, by tag and by digest."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.errors import ImageError, UsageError
from auditor.image import limits
from auditor.image.codec.stream import CHUNK, DamagedError
from auditor.image.registry.authorization import Authorization
from auditor.image.registry.http import Http, unreachable
from auditor.web import CONNECTION_ERRORS, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from auditor.image.reference import Access

_NAME = re.compile(
    r"(?P<host>(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?)/"
    r"(?P<repository>[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}))?"
)
"""`HOST/REPO[:TAG][@DIGEST]`; which repositories there are is for the registry to say."""

HUB, _HUB_SERVER = "docker.io", "registry-1.docker.io"

_TIMES = 50
"""Connections that one blob may take, each of which brought it some bytes further."""

ACCEPT = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)
"""The manifests that are understood; without the header a registry may give an older one."""


class Client:
    """Reads from one repository."""

    def __init__(self, value: str, access: Access, retry_policy: RetryPolicy | None = None) -> None:
        """Read from `HOST/REPO[:TAG][@DIGEST]`; raises `UsageError` where it is none."""
        match = _NAME.fullmatch(value)
        host = match["host"] if match else ""
        if match is None or not (set(".:[") & set(host) or host == "localhost"):
            raise UsageError(
                f"registry:{value} names no image of a registry",
                "write registry:HOST/REPO:TAG or registry:HOST/REPO@sha256:..., "
                "such as registry:docker.io/library/debian:12",
            )
        self.repository = match["repository"]
        if host == HUB and "/" not in self.repository:
            self.repository = f"library/{self.repository}"
        self.host = host
        self.digest: str | None = match["digest"]
        self.tag = match["tag"] or "latest"
        """`digest` comes before it."""
        server = _HUB_SERVER if host == HUB else host
        scheme = "http" if access.plain_http else "https"
        self._base = f"{scheme}://{server}/v2/{self.repository}"
        self.http = Http(access, retry_policy or RetryPolicy())
        self._authorization = Authorization(self.http, host, self.repository)

    def manifest(self, reference: str) -> bytes | None:
        """Return a manifest or index by tag or digest, not verified; None where there is none."""
        return self._document(f"{self._base}/manifests/{reference}", {"Accept": ACCEPT})

    def small_blob(self, digest: str) -> bytes | None:
        """Return a blob that is a document, not verified; None where there is none."""
        return self._document(f"{self._base}/blobs/{digest}", {})

    def _document(self, url: str, headers: dict[str, str]) -> bytes | None:
        answer = self._get(url, headers)
        if answer is None:
            return None
        return self.http.body(answer, limits.JSON_BYTES)

    def blob(self, digest: str, size: int | None) -> Iterator[bytes]:
        """Yield a blob's bytes, not verified; taken up again where a connection breaks off.

        Raises `DamagedError` where there is none or it has more than `size` bytes, `ImageError`
        where the registry cannot be asked.
        """
        done, cuts = 0, 0
        for _ in range(_TIMES):
            before = done
            try:
                with self._opened(digest, done) as answer:
                    # `read` would keep what came before a cut to itself.
                    while chunk := answer.raw.read1(CHUNK, decode_content=False):
                        done += len(chunk)
                        if size is not None and done > size:
                            raise DamagedError(f"has more than the {size} bytes of its manifest")
                        yield chunk
                if size is None or done == size:
                    return
                error: Exception = OSError(f"{done} of {size} bytes came")
            except CONNECTION_ERRORS as cut:
                error = cut
            cuts = 1 if done > before else cuts + 1
            pause = self.http.pause(cuts)
            if pause is None:
                raise unreachable(self._base, error) from error
            self.http.rest(pause)
        raise DamagedError("breaks off again and again")

    @contextmanager
    def _opened(self, digest: str, skip: int) -> Iterator[requests.Response]:
        """Return the answer that holds a blob's bytes after the first `skip`."""
        headers = {"Range": f"bytes={skip}-"} if skip else {}
        answer = self._get(f"{self._base}/blobs/{digest}", headers)
        if answer is None:
            raise DamagedError("is missing from the registry")
        try:
            if not skip or answer.status_code == 206:
                said = answer.headers.get("Content-Range", "")
                if skip and not said.startswith(f"bytes {skip}-"):
                    raise DamagedError("comes from the wrong place: the registry ignores ranges")
            else:
                _pass_over(answer, skip)
            yield answer
        finally:
            self.http.done(answer)

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response | None:
        """Return the answer to an authorized question, None for 404; raises `ImageError`."""
        renewed = False
        while True:
            used = self._authorization.header
            sent = headers if used is None else {**headers, "Authorization": used}
            answer = self.http.fetch(url, sent)
            if answer.status_code in {200, 206}:
                return answer
            if answer.status_code == 404:
                self.http.done(answer)
                return None
            if answer.status_code != 401 or renewed:
                raise self._refused(answer, authorized=used is not None)
            self.http.done(answer)
            self._authorization.renew(answer.headers.get("WWW-Authenticate", ""), used)
            renewed = True

    def _refused(self, answer: requests.Response, *, authorized: bool) -> ImageError:
        words = f"{self.host} {self.http.refusal(answer)}"
        login = f"log in with `docker login {self.host}`; its credentials are used"
        match answer.status_code:
            case 401 if authorized:
                return ImageError(f"{words}: docker's credentials are not accepted", login)
            case 401 | 403:
                return ImageError(f"{words}: no right to pull {self.repository}", login)
            case 429:
                after = answer.headers.get("Retry-After", "")
                asked = f", and asks to wait {after} s" if after.isdecimal() else ""
                return ImageError(f"{words}{asked}", f"try again later, or {login}")
            case 400 if self.http.plain:
                return ImageError(words, "drop --plain-http if the registry speaks TLS")
            case _:
                return ImageError(words, "try again later, or ask whoever runs the registry")


def _pass_over(answer: requests.Response, size: int) -> None:
    """Skip the bytes that are known already: the registry gave them all again."""
    while size > 0:
        piece = answer.raw.read(min(size, CHUNK), decode_content=False)
        if not piece:
            raise OSError("fewer bytes came than before")
        size -= len(piece)
