"""RECORD: the rows of an installed distribution, with their paths in the image.

Follows "Recording installed projects" and PEP 376/627. Rows are unverified: hints about which
files to look at, never paths to follow out of the image.
"""

from __future__ import annotations

import csv
import posixpath

from auditor.model import Record, RecordRow
from auditor.record_rows import parse_hash, record_rows

_MOST_ROWS = 1_000_000


def parse_record(content: bytes, location: str) -> Record:
    """Return the rows of a RECORD whose paths are relative to `location`.

    A row that cannot be understood (too few fields, no number for a size, an unknown hash
    algorithm, a path that leads out of the image) becomes one of the record's problems; the
    fields that can be understood are kept.
    """
    rows: list[RecordRow] = []
    problems: list[str] = []
    reader = record_rows(content)
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
    path = path_in_image(location, name)
    if path is None:
        return None, f"the path {name!r} leads out of the image"
    algorithm, digest, problem = parse_hash(hashed)
    if size and not (size.isascii() and size.isdecimal()):
        problem = problem or f"the size {size[:40]!r} of {name!r} is not a number"
        size = ""
    return RecordRow(path, algorithm, digest, int(size[:19]) if size else None), problem


def path_in_image(location: str, name: str) -> str | None:
    """Return the absolute path of a RECORD's path, None where it leads out of the image.

    `..` removes the part before it, as installers read it; links are resolved when the path is
    read.
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
