"""Which operating system package owns an installed distribution: dpkg's and apk's own lists.

dpkg keeps one list of paths a package (`/var/lib/dpkg/info/*.list`); distroless images keep
md5sums only (`/var/lib/dpkg/status.d/*.md5sums`); apk keeps one database of folders (`F:`) and
files (`R:`) under each package (`P:`).
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.inventory.files import names, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Rootfs

_DPKG_INFO = "/var/lib/dpkg/info"
_DISTROLESS = "/var/lib/dpkg/status.d"
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_LIMIT = 256 * 1024 * 1024


def metadata_owners(rootfs: Rootfs) -> dict[str, str]:
    """Give the owning package of every metadata folder and file (`*.dist-info`, `*.egg-info`)."""
    owners: dict[str, str] = {}
    for package, path in _claims(rootfs):
        for folder in _metadata_folders(path):
            owners.setdefault(folder, package)
    return owners


def _claims(rootfs: Rootfs) -> Iterator[tuple[str, str]]:
    """Yield package and path of what the databases claim, where it can be Python metadata."""
    yield from _listed(rootfs, _DPKG_INFO, ".list")
    yield from _listed(rootfs, _DISTROLESS, ".md5sums")
    for database in _APK:
        yield from _apk(rootfs, database)


def _listed(rootfs: Rootfs, directory: str, suffix: str) -> Iterator[tuple[str, str]]:
    for name in names(rootfs, directory):
        if not name.endswith(suffix):
            continue
        text = text_of(rootfs, posixpath.join(directory, name), _LIMIT)
        if "-info" not in text:
            continue
        package = name.removesuffix(suffix).partition(":")[0]
        for line in text.split("\n"):
            if "-info" in line:
                path = line if suffix == ".list" else "/" + line.partition("  ")[2]
                yield package, path


def _apk(rootfs: Rootfs, database: str) -> Iterator[tuple[str, str]]:
    package = folder = ""
    for line in text_of(rootfs, database, _LIMIT).split("\n"):
        key, _, value = line.partition(":")
        if key == "P":
            package = value
        elif key == "F":
            folder = value
            if "-info" in folder:
                yield package, f"/{folder}"
        elif key == "R" and value.endswith(".egg-info"):
            yield package, f"/{folder}/{value}"


def _metadata_folders(path: str) -> Iterator[str]:
    """Yield `path`, or the folder above it, where its name is that of metadata."""
    for candidate in (path, posixpath.dirname(path)):
        if candidate.endswith((".dist-info", ".egg-info")):
            yield candidate
