"""The package databases of the operating system: which package owns which file.

dpkg, apk and rpm each record which paths a package installed and what their bytes were. The
databases are read without running anything; one in a form that cannot be read is a problem, so
that its files do not count as files without an owner.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.inventory.ownership.os_packages.apk import apk_claims
from auditor.inventory.ownership.os_packages.database import Database
from auditor.inventory.ownership.os_packages.dpkg import dpkg_claims
from auditor.inventory.ownership.os_packages.rpm import rpm_claims
from auditor.inventory.paths import RealPaths
from auditor.model import OsFile, OsPackages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model import Rootfs

_DATABASES = (dpkg_claims, apk_claims, rpm_claims)


def read_os_packages(rootfs: Rootfs, holding: str = "") -> OsPackages:
    """Return what the package databases claim, by real path; only paths that contain `holding`.

    A claim counts under the real path of its directory, so that `/lib/x` and `/usr/lib/x` are
    one file where `/lib` is a link. A path that several packages claim belongs to the first.
    """
    database = Database(rootfs)
    real = RealPaths(rootfs)
    files: dict[str, OsFile] = {}
    for claims in _DATABASES:
        for claim in claims(database):
            path = real(claim.path) if holding in claim.path else None
            if path is not None:
                files.setdefault(path, claim.file)
    return OsPackages(files, tuple(database.problems))


def metadata_owners(packages: OsPackages) -> Mapping[str, str]:
    """Return the owning package of every metadata folder and file (`*.dist-info`, `*.egg-info`)."""
    owners: dict[str, str] = {}
    for path, file in packages.files.items():
        if "-info" in path:
            for candidate in (path, posixpath.dirname(path)):
                if candidate.endswith((".dist-info", ".egg-info")):
                    owners.setdefault(candidate, file.package)
    return owners
