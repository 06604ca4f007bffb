"""A locked artifact in a package index: the simple repository API (PEP 503, 691, 700)."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from auditor.artifacts.manifest import ArtifactError
from auditor.artifacts.verify import mismatch
from auditor.http.keyed_cache import KeyedCache
from auditor.http.origin import host_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.artifacts.artifact_client import ArtifactClient
    from auditor.model import Artifact

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_PAGE = 64 << 20
"""Bytes of one project's page: the largest of the public index have some 30 MB."""


class Listed(NamedTuple):
    """One file of a project."""

    filename: str
    url: str
    hashes: Mapping[str, str]
    provenance: str | None = None
    """Where the index says who attested it (PEP 740)."""


class SimpleIndex:
    """The pages of the indexes that were asked, each read once."""

    def __init__(self, client: ArtifactClient) -> None:
        self._client = client
        self._pages: KeyedCache[str, Sequence[Listed] | ArtifactError] = KeyedCache()

    def listed(self, index: str, artifact: Artifact) -> Listed:
        """Return what an index says of an artifact, by its name, file name and hashes.

        Raises `ArtifactError` where the index does not have it, or under another hash.
        """
        name = _project(artifact.filename)
        if name is None:
            raise ArtifactError.unreachable("its file name does not say which project")
        where = f"the index {host_of(index)}"
        fault = ArtifactError.unreachable(f"{where} does not list it")
        for listed in self._page(f"{index.rstrip('/')}/{name}/"):
            if listed.filename == artifact.filename:
                shared = sorted(listed.hashes.keys() & artifact.hashes.keys())
                wrong = [one for one in shared if listed.hashes[one] != artifact.hashes[one]]
                if not wrong:
                    return listed
                expected, got = artifact.hashes[wrong[0]], listed.hashes[wrong[0]]
                fault = mismatch(f"{wrong[0]} {expected}", f"{got} in {where}")
        raise fault

    def _page(self, url: str) -> Sequence[Listed]:
        found = self._pages.get(url, lambda: self._read(url))
        if isinstance(found, ArtifactError):
            raise ArtifactError(found.absence, found.why)
        return found

    def _read(self, url: str) -> Sequence[Listed] | ArtifactError:
        try:
            response, content = self._client.document(url, {"Accept": _ACCEPT}, _PAGE)
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return (json_page if kind.endswith("json") else html_page)(content, response.url)
        except ArtifactError as error:
            return error


def json_page(content: bytes, base: str) -> list[Listed]:
    """Read a page in JSON (PEP 691); raises `ArtifactError` where it is none."""
    try:
        files = json.loads(content)["files"]
        return [
            Listed(
                str(each["filename"]),
                urljoin(base, str(each["url"])),
                _hashes(each["hashes"]),
                _provenance(base, each.get("provenance")),
            )
            for each in files
        ]
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise _no_index(base) from error


def html_page(content: bytes, base: str) -> list[Listed]:
    """Read a page in HTML (PEP 503); what is no link to a file is passed over.

    Raises `ArtifactError` where it is no HTML at all.
    """
    page = _Page(base)
    try:
        # Never closed: that looks once more, from each place in it to its end, into whatever
        # is left open behind the last whole tag, and no link begins there.
        page.feed(content.decode("utf-8", "replace"))
    except AssertionError as error:  # what `HTMLParser` says of a declaration that is none
        raise _no_index(base) from error
    return page.found


def _no_index(base: str) -> ArtifactError:
    return ArtifactError.unreachable(f"{host_of(base)} answers with something else than an index")


class _Page(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.found: list[Listed] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        href = given.get("href")
        if href is None:
            return
        try:
            url = urljoin(self._base, href)
            parts = urlsplit(url)
        except ValueError:
            return
        if tag == "base":
            self._base = url
        elif tag == "a":
            algorithm, _, digest = parts.fragment.partition("=")
            hashes = {algorithm.lower(): digest.lower()} if digest else {}
            name = unquote(parts.path.rpartition("/")[2])
            provenance = _provenance(self._base, given.get("data-provenance"))
            address = parts._replace(fragment="").geturl()
            self.found.append(Listed(name, address, hashes, provenance))


def _provenance(base: str, href: object) -> str | None:
    """Return the URL of a provenance; None for none, or for what is no URL."""
    if not isinstance(href, str) or not href:
        return None
    try:
        return urljoin(base, href)
    except ValueError:
        return None


def _hashes(listed: Mapping[str, object]) -> dict[str, str]:
    return {name.lower(): str(digest).lower() for name, digest in listed.items()}


def _project(filename: str) -> str | None:
    """Return the normalised name of the project that a file belongs to."""
    try:
        if filename.endswith(".whl"):
            return parse_wheel_filename(filename)[0]
        return parse_sdist_filename(filename)[0]
    except (InvalidWheelFilename, InvalidSdistFilename):
        # Archives of old: `name-1.0.tgz`.
        name, dash, _ = filename.rpartition("-")
        return canonicalize_name(name) if dash else None
