"""The metadata files of a wheel: WHEEL and RECORD.

Binary distribution format and "Recording installed projects".
What cannot be understood in them is left out: the bytes of the members decide.
"""

from __future__ import annotations

import csv
from contextlib import suppress
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from auditor.artifacts.artifact_error import ArtifactError
from auditor.record_rows import parse_hash, record_rows
from auditor.tag_sets import MOST_TAGS, tag_count

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    with suppress(csv.Error):
        for fields in record_rows(content):
            algorithm, digest, _ = parse_hash(fields[1] if len(fields) > 1 else "")
            if algorithm == "sha256":
                found[fields[0]] = digest
    return found
