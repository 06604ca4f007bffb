"""RECORD: the rows of an installed distribution, placed in the image.

Follows "Recording installed projects" and PEP 376/627. Rows are testimony: hints about which
files to look at, never paths to follow out of the image.
"""

from __future__ import annotations

import binascii
import csv
import hashlib
import posixpath
from functools import cache

from auditor.model import Record, RecordRow

_VARIABLE_LENGTH = {"shake_128", "shake_256"}
ALGORITHMS = frozenset(hashlib.algorithms_guaranteed) - _VARIABLE_LENGTH
"""Hash algorithms that a RECORD may use and that have one digest length."""

_MOST_ROWS = 1_000_000


def parse_record(content: bytes, location: str) -> Record:
    """Return the rows of a RECORD whose paths are relative to `location`.

    A row that cannot be understood (too few fields, no number for a size, an unknown hash
    algorithm, a path that leads out of the image) becomes one of the record's problems; what
    it still tells is kept.
    """
    rows: list[RecordRow] = []
    problems: list[str] = []
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    reader = csv.reader(text.replace("\r\n", "\n").split("\n"))
    try:
        for fields in reader:
            if not any(fields):
                continue
            if len(rows) >= _MOST_ROWS:
                problems.append(f"more than {_MOST_ROWS:,} rows")
                break
            row, problem = _row(fields, location)
            if row is not None:
                rows.append(row)
            if problem:
                problems.append(f"line {reader.line_num}: {problem}")
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: {error}")
    return Record(tuple(rows), tuple(problems))


def _row(fields: list[str], location: str) -> tuple[RecordRow | None, str]:
    """Return the row, as far as it can be understood, and what is wrong with it."""
    name, hashed, size, *_ = [*fields, "", ""]
    path = place(location, name)
    if path is None:
        return None, f"the path {name!r} leads out of the image"
    algorithm, digest, problem = _parse_hash(hashed)
    if size and not (size.isascii() and size.isdecimal()):
        problem = problem or f"the size {size[:40]!r} of {name!r} is no number"
        size = ""
    return RecordRow(path, algorithm, digest, int(size[:19]) if size else None), problem


def place(location: str, name: str) -> str | None:
    """Return the absolute path in the image of a RECORD path, None where it leads out.

    `..` is taken by its letters, as installers do; links are resolved when the path is read.
    """
    if not name or "\0" in name:
        return None
    if name[0] not in "./" and "/." not in name and "//" not in name and name[-1] != "/":
        return f"{location.rstrip('/')}/{name}"  # nearly every one
    parts: list[str] = []
    for part in posixpath.join(location, name).split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


@cache
def _digest_size(algorithm: str) -> int:
    return hashlib.new(algorithm, usedforsecurity=False).digest_size


def _parse_hash(text: str) -> tuple[str, bytes, str]:
    """Return algorithm, digest and problem of `sha256=<urlsafe base64 without padding>`."""
    if not text:
        return "", b"", ""
    algorithm, _, encoded = text.partition("=")
    if algorithm not in ALGORITHMS:
        return "", b"", f"the hash algorithm {algorithm[:40]!r} is unknown"
    try:
        bare = encoded.rstrip("=")
        # The URL-safe alphabet (RFC 4648, section 5), and the other one as b64decode takes it.
        standard = bare.replace("-", "+").replace("_", "/")
        digest = binascii.a2b_base64(standard + "=" * (-len(bare) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        return "", b"", f"the hash {text[:40]!r} cannot be decoded"
    if len(digest) != _digest_size(algorithm):
        return "", b"", f"the hash {text[:40]!r} has the wrong length"
    return algorithm, digest, ""
