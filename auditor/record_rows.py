"""RECORD as CSV: its rows and their hash column ("Recording installed projects").

Reads the RECORD of a wheel and that of an installation; what to do with a row
that cannot be understood is up to the caller.
"""

from __future__ import annotations

import binascii
import csv
import hashlib
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _csv import Reader

_VARIABLE_LENGTH = {"shake_128", "shake_256"}
ALGORITHMS = frozenset(hashlib.algorithms_guaranteed) - _VARIABLE_LENGTH
"""Hash algorithms that a RECORD may use and that have one digest length."""


def record_rows(content: bytes) -> Reader:
    """Return a reader of the rows, each a list of fields; raises `csv.Error` as it is read."""
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    return csv.reader(text.replace("\r\n", "\n").split("\n"))


def parse_hash(text: str) -> tuple[str, bytes, str]:
    """Return algorithm, digest and problem of `sha256=<urlsafe base64 without padding>`."""
    if not text:
        return "", b"", ""
    algorithm, _, encoded = text.partition("=")
    if algorithm not in ALGORITHMS:
        return "", b"", f"the hash algorithm {algorithm[:40]!r} is unknown"
    try:
        bare = encoded.rstrip("=")
        # The URL-safe alphabet (RFC 4648, section 5), and the other one, as b64decode accepts it.
        standard = bare.replace("-", "+").replace("_", "/")
        digest = binascii.a2b_base64(standard + "=" * (-len(bare) % 4), strict_mode=True)
    except (binascii.Error, ValueError):
        return "", b"", f"the hash {text[:40]!r} cannot be decoded"
    if len(digest) != digest_size(algorithm):
        return "", b"", f"the hash {text[:40]!r} has the wrong length"
    return algorithm, digest, ""


@cache
def digest_size(algorithm: str) -> int:
    """Return the bytes of a digest; 0 where they may be of any number."""
    return hashlib.new(algorithm, usedforsecurity=False).digest_size
