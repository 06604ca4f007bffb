"""The metadata files of a wheel: WHEEL and RECORD.

Binary distribution format and "Recording installed projects".
What cannot be understood in them is left out: the members' own bytes decide.
"""

from __future__ import annotations

import base64
import binascii
import csv
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from auditor.artifacts.artifact_error import ArtifactError
from auditor.tag_sets import MOST_TAGS, tag_count

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHA256 = 32


def parse_tags(content: bytes) -> tuple[str, ...]:
    """Return the `Tag` lines of a WHEEL file; raises `ArtifactError` where they are too many."""
    headers = HeaderParser().parsestr(content.decode("utf-8", "replace"), headersonly=True)
    tags = tuple(str(tag).strip() for tag in headers.get_all("Tag", []))
    if sum(map(tag_count, tags)) > MOST_TAGS:
        raise ArtifactError.limit(f"its WHEEL names more than {MOST_TAGS} tags")
    return tags


def parse_record(content: bytes) -> Mapping[str, bytes]:
    """Return path -> sha256 of the rows that have one."""
    found = {}
    rows = csv.reader(content.decode("utf-8", "replace").splitlines())
    try:
        for path, hashed, *_ in (row for row in rows if len(row) >= 2):
            digest = _sha256_of(hashed)
            if digest is not None:
                found[path] = digest
    except csv.Error:
        pass
    return found


def _sha256_of(hashed: str) -> bytes | None:
    """Return the digest of `sha256=<urlsafe base64 without padding>`."""
    algorithm, _, encoded = hashed.partition("=")
    bare = encoded.rstrip("=")
    try:
        digest = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest if algorithm == "sha256" and len(digest) == _SHA256 else None
