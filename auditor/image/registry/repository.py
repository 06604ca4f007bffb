"""One repository of a registry: its manifests and blobs, by tag and by digest."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from auditor.errors import ImageError, UsageError
from auditor.http.client import HttpClient
from auditor.http.connections import HttpConnections
from auditor.http.transfer import transferred
from auditor.image import limits
from auditor.image.codec.stream import DamagedError
from auditor.image.registry.authorization import Authorization
from auditor.image.registry.registry_errors import login_hint, refusal, registry_error

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

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

ACCEPT = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json"
)
"""The manifests that are understood; without the header a registry may give an older one."""


class Repository:
    """Reads from one repository, over connections that others may use too."""

    def __init__(self, value: str, access: Access) -> None:
        """Read from `HOST/REPO[:TAG][@DIGEST]`; raises `UsageError` where it is none."""
        match = _NAME.fullmatch(value)
        host = match["host"] if match else ""
        if match is None or not (set(".:[") & set(host) or host == "localhost"):
            raise UsageError(
                f"registry:{value} names no image of a registry",
                "write registry:HOST/REPO:TAG or registry:HOST/REPO@sha256:..., "
                "such as registry:docker.io/library/debian:12",
            )
        self.name = match["repository"]
        if host == HUB and "/" not in self.name:
            self.name = f"library/{self.name}"
        self.host = host
        self.digest: str | None = match["digest"]
        self.tag = match["tag"] or "latest"
        """`digest` comes before it."""
        self._plain = access.plain_http
        server = _HUB_SERVER if host == HUB else host
        self._base = f"{'http' if self._plain else 'https'}://{server}/v2/{self.name}"
        connections = access.connections or HttpConnections()
        self._client = HttpClient(
            connections, registry_error, lambda _: access.plain_http, access.tls_ca
        )
        self._authorization = Authorization(
            self._client, connections, host, self.name, plain=self._plain
        )

    def close(self) -> None:
        """End what is being read from it, in whichever threads that is."""
        self._client.close()

    def manifest(self, reference: str) -> bytes | None:
        """Return a manifest or index by tag or digest, not verified; None where there is none."""
        return self._document(f"{self._base}/manifests/{reference}", {"Accept": ACCEPT})

    def small_blob(self, digest: str) -> bytes | None:
        """Return a blob that is a document, not verified; None where there is none."""
        return self._document(f"{self._base}/blobs/{digest}", {})

    def _document(self, url: str, headers: dict[str, str]) -> bytes | None:
        respond = partial(self._response, url, headers)
        with suppress(DamagedError):
            return self._client.document(url, limits.JSON_BYTES, respond)[1]
        return None

    def blob(self, digest: str, size: int | None) -> Generator[bytes]:
        """Yield a blob's bytes, not verified; resumed where a connection breaks off.

        Raises `DamagedError` where there is none or it has not `size` bytes, `ImageError`
        where the registry cannot be asked.
        """
        url = f"{self._base}/blobs/{digest}"
        respond = partial(self._response, url)
        done = 0
        for offset, piece in transferred(self._client, url, respond, size, unchanging=True):
            fresh = piece[done - offset :]  # a registry without ranges sends all of it again
            done += len(fresh)
            if size is not None and done > size:
                raise DamagedError(f"has more than the {size} bytes of its manifest")
            if fresh:
                yield fresh
        if size is not None and done < size:
            raise DamagedError(f"has {done} of the {size} bytes of its manifest")

    @contextmanager
    def _response(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Yield what is at a URL; raises `DamagedError` where nothing is, `ImageError`."""
        with self._client.response(url, headers, self._authorization) as response:
            if response.status_code == 404:
                raise DamagedError("is missing from the registry")
            self._check(response)
            yield response

    def _check(self, response: requests.Response) -> None:
        """Raise `ImageError` for a response that is a refusal."""
        status = response.status_code
        if status in {200, 206}:
            return
        words = f"{self.host} {refusal(self._client, response)}"
        login = login_hint(self.host)
        match status:
            case 401 if self._authorization.header is not None:
                raise ImageError(f"{words}: docker's credentials are not accepted", login)
            case 401 | 403:
                raise ImageError(f"{words}: no right to pull {self.name}", login)
            case 429:
                after = response.headers.get("Retry-After", "")
                asked = f", and asks to wait {after} s" if after.isdecimal() else ""
                raise ImageError(f"{words}{asked}", f"try again later, or {login}")
            case 400 if self._plain:
                raise ImageError(words, "drop --plain-http if the registry speaks TLS")
            case _:
                raise ImageError(words, "try again later, or ask whoever runs the registry")
