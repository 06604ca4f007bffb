"""An artifact over HTTP into a temporary file, verified while it comes.

After a cut it goes on where it stopped (RFC 9110 14.2), if the server can and the file is still
the same one; the hashes of the lock decide in any case.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from auditor.artifacts.artifact_error import ArtifactError
from auditor.artifacts.http import unreachable
from auditor.artifacts.local_files import unread
from auditor.artifacts.manifest import Absence
from auditor.artifacts.response_body import pieces
from auditor.artifacts.verify import Verifier
from auditor.web import CONNECTION_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    import requests

    from auditor.artifacts.http import Http
    from auditor.model import Artifact

_IN_MEMORY = 4 << 20
"""Bytes of an artifact that need no file: most wheels are smaller."""


@contextmanager
def downloaded(
    http: Http, url: str, artifact: Artifact, count: Callable[[int], None]
) -> Iterator[tuple[BinaryIO, dict[str, str]]]:
    """Return a locked artifact's bytes in a temporary file, with their digests.

    Raises `ArtifactError` where nobody gives them or where they are others.
    """
    try:
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            file = cast("BinaryIO", spool)
            verifier = _Download(http, url, artifact, file, count).run()
            yield file, verifier.verified()
    except OSError as error:  # the temporary file's; the connection's are told by then
        raise unread(error) from error


class _Download:
    def __init__(
        self, http: Http, url: str, artifact: Artifact, file: BinaryIO, count: Callable[[int], None]
    ) -> None:
        self._http = http
        self._url = url
        self._artifact = artifact
        self._file = file
        self._count = count
        self._verifier = Verifier(artifact)
        self._same = ""
        """What tells that the file is still the same one: `If-Range`."""
        self._began = 0
        """The byte of the file that the last answer began with."""

    def run(self) -> Verifier:
        """Read to the end, after cuts too."""
        retry_policy = self._http.retry_policy
        cuts = 0
        while True:
            before = self._verifier.size
            try:
                self._read()
            except CONNECTION_ERRORS as error:
                # Who sends a good part each time may go on; one byte at a time may not.
                # Nor may who begins anew each time: that brings the end no nearer.
                went_on = self._began == before and self._verifier.size - before > _IN_MEMORY
                cuts = 1 if went_on else cuts + 1
                if cuts >= retry_policy.tries:
                    raise unreachable(self._url, error) from error
                self._http.rest(retry_policy.pause * 2 ** (cuts - 1))
            else:
                return self._verifier

    def _read(self) -> None:
        at = self._verifier.size
        headers = {"Range": f"bytes={at}-", "If-Range": self._same} if at and self._same else {}
        with self._http.answer(self._url, headers) as answer:
            self._began = at if _goes_on(answer, at) else 0
            if not self._began:
                self._again()
            self._same = _validator(answer)
            self._take(answer)
        size = self._artifact.size
        if size is not None and self._verifier.size < size and _said_length(answer) is None:
            raise ConnectionError("fewer bytes came than the lock says")

    def _again(self) -> None:
        """Begin anew: the server gives the file from its first byte."""
        self._file.seek(0)
        self._file.truncate()
        self._verifier = Verifier(self._artifact)

    def _take(self, answer: requests.Response) -> None:
        for piece in pieces(answer):
            self._verifier.update(piece)
            self._keep(piece)
            self._count(len(piece))

    def _keep(self, piece: bytes) -> None:
        try:
            self._file.write(piece)
        except OSError as error:
            raise ArtifactError(
                Absence.UNREACHABLE, f"there is no place to keep it meanwhile: {error.strerror}"
            ) from error


def _goes_on(answer: requests.Response, at: int) -> bool:
    """Return whether an answer begins at byte `at`, as asked."""
    if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
        return False
    if not answer.headers.get("Content-Range", "").startswith(f"bytes {at}-"):
        raise ConnectionError("another part than asked for")
    return True


def _validator(answer: requests.Response) -> str:
    """Return a strong ETag, else the date; empty where the server tells neither."""
    etag: str = answer.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return str(answer.headers.get("Last-Modified", ""))


def _said_length(answer: requests.Response) -> str | None:
    return answer.headers.get("Content-Length")
