"""A locked artifact in a package index: the simple repository API (PEP 503, 691, 700)."""

from __future__ import annotations

import json
import threading
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

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.manifest import Absence
from auditor.artifacts.response_body import whole
from auditor.artifacts.verify import mismatch
from auditor.web import host_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.artifacts.http import Http
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

    def __init__(self, http: Http) -> None:
        self._http = http
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._pages: dict[str, Sequence[Listed] | ArtifactError] = {}

    def listed(self, index: str, artifact: Artifact) -> Listed:
        """Return what an index says of an artifact, by its name, file name and hashes.

        Raises `ArtifactError` where the index does not have it, or under another hash.
        """
        name = _project(artifact.filename)
        if name is None:
            raise ArtifactError(Absence.UNREACHABLE, "its file name tells no project")
        where = f"the index {host_of(index)}"
        same = [
            each
            for each in self._page(f"{index.rstrip('/')}/{name}/")
            if each.filename == artifact.filename
        ]
        if not same:
            raise ArtifactError(Absence.UNREACHABLE, f"{where} does not list it")
        other: ArtifactError | None = None
        for listed in same:
            shared = sorted(listed.hashes.keys() & artifact.hashes.keys())
            wrong = [one for one in shared if listed.hashes[one] != artifact.hashes[one]]
            if not wrong:
                return listed
            expected, got = artifact.hashes[wrong[0]], listed.hashes[wrong[0]]
            other = mismatch(f"{wrong[0]} {expected}", f"{got} in {where}")
        assert other is not None  # noqa: S101 -- each of `same` returned or set it
        raise other

    def _page(self, url: str) -> Sequence[Listed]:
        with self._lock:
            lock = self._locks.setdefault(url, threading.Lock())
        with lock:
            if url not in self._pages:
                try:
                    self._pages[url] = self._read(url)
                except ArtifactError as error:
                    self._pages[url] = error
            found = self._pages[url]
        if isinstance(found, ArtifactError):
            raise ArtifactError(found.absence, found.why)
        return found

    def _read(self, url: str) -> Sequence[Listed]:
        answer, content = whole(self._http, url, {"Accept": _ACCEPT}, _PAGE)
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        read = json_page if kind.endswith("json") else html_page
        return read(content, answer.url)


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
    return ArtifactError(
        Absence.UNREACHABLE, f"{host_of(base)} answers with something else than an index"
    )


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


def _provenance(base: str, said: object) -> str | None:
    """Return the address of a provenance; what is none costs the page nothing."""
    if not isinstance(said, str) or not said:
        return None
    try:
        return urljoin(base, said)
    except ValueError:
        return None


def _hashes(said: Mapping[str, object]) -> dict[str, str]:
    return {name.lower(): str(digest).lower() for name, digest in said.items()}


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
