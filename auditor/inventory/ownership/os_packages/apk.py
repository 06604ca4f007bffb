"""apk: one text database, a block for each package (apk-tools, `installed` database format).

`P:` names the package, `F:` a folder, `R:` a file in it, `Z:` the file's checksum (`Q1` and
base64 of sha1, `Q2` of sha256).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from auditor.inventory.ownership.os_packages.database import Claim
from auditor.model import OsFile
from auditor.record_rows import digest_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.inventory.ownership.os_packages.database import Database

_INSTALLED = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_CHECKSUMS = {"Q1": "sha1", "Q2": "sha256"}


def apk_claims(database: Database) -> Iterator[Claim]:
    """Yield every file that apk installed. Below `/etc` all are configuration (protected)."""
    for path in database.once(_INSTALLED):
        yield from _claims(database.lines(path), path)


def _claims(lines: list[str], source: str) -> Iterator[Claim]:
    package = folder = name = ""
    checksum: tuple[str, bytes] = ("", b"")
    for line in [*lines, ""]:
        key, _, value = line.partition(":")
        if key in {"F", "R", "P", ""}:
            if name:
                conffile = folder == "etc" or folder.startswith("etc/")
                file = OsFile(package, source, *checksum, conffile)
                yield Claim(f"/{folder}/{name}" if folder else f"/{name}", file)
            name, checksum = "", ("", b"")
        if key == "P":
            package, folder = value, ""
        elif key == "F":
            folder = value
        elif key == "R":
            name = value
        elif key == "Z":
            checksum = _checksum(value)


def _checksum(text: str) -> tuple[str, bytes]:
    """Return algorithm and digest; nothing where the form is unknown."""
    algorithm = _CHECKSUMS.get(text[:2], "")
    try:
        digest = base64.b64decode(text[2:], validate=True)
    except (binascii.Error, ValueError):
        return "", b""
    known = algorithm and len(digest) == digest_size(algorithm)
    return (algorithm, digest) if known else ("", b"")
