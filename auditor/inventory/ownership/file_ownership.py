"""File ownership: every file of an image has one owner, or none.

The first that holds: a package of the operating system; a distribution, by its RECORD; an
interpreter, by its layout; what an installer leaves behind; the application; a conda package
that still has the bytes it installed; the base image.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.inventory.ownership.application import SYSTEM_FOLDERS, inside
from auditor.inventory.ownership.by_products import INSTALLER, ByProducts
from auditor.inventory.ownership.claims import APPLICATION, Claims
from auditor.inventory.ownership.interpreter_files import install_of
from auditor.inventory.paths import digest_of
from auditor.model import Entry, FileType, Owner, OwnerKind

if TYPE_CHECKING:
    from auditor.model import Image, Inventory

_CODE = (".pth", ".py", ".pyc")
_UNREAD = Owner(OwnerKind.OS_PACKAGE, "a package database that could not be read")


class FileOwnership:
    """Finds the owner of each file of an image."""

    def __init__(self, image: Image, inventory: Inventory, base_layers: int = 0) -> None:
        """Collect the claims of what `inventory` found in `image`.

        `base_layers` is the number of lowest layers that came from the base image.
        """
        self._rootfs = image.rootfs
        self._environments = inventory.environments
        self._base_layers = base_layers
        self._conda = inventory.conda_files
        self._unread = bool(inventory.os_packages.problems)
        claims = Claims(image, inventory)
        self._files, self._sites = claims.files, claims.sites
        self._interpreters = claims.interpreters
        self._folders = claims.folders
        """The directories that `_folder_owner` is asked for are added to the claimed ones."""
        runtime = inventory.runtime
        version = (runtime and runtime.python_version) or ""
        self._by_products = ByProducts(image.rootfs, claims, version, self.owner)

    def owner(self, path: str) -> Owner | None:
        """Return the owner of the file at a real path; None where it has none."""
        known = self._files.get(path)
        if known is not None:
            return known
        entry = self._rootfs.lstat(path)
        if entry is None:
            return None
        if entry.type is FileType.SYMLINK:
            return self._link_owner(path)
        return self._unlisted_owner(path, entry)

    def import_owner(self, path: str) -> Owner | None:
        """Return the owner of a name that can be imported from a path: mostly the file's.

        A link to a directory or a module gives code a further name, which is owned by what
        brought the link. The application may name its own code as it likes, but not as
        a distribution's package is called.
        """
        known = self._files.get(path)
        if known is not None:
            return known
        owner = self.owner(path)
        entry = self._rootfs.lstat(path)
        if entry is None or not entry.target:
            return owner
        if owner is APPLICATION and not self._is_in_a_record(path):
            return owner
        target = self._rootfs.stat(path)
        is_folder = target is not None and target.type is FileType.DIRECTORY
        if not (is_folder or path.endswith(_CODE)) or self._rootfs.resolve(path) in self._sites:
            return owner
        return self._unlisted_owner(path, entry)

    def _is_in_a_record(self, path: str) -> bool:
        """Return whether a distribution lists files below a path, as it is spelled."""
        return any(
            row.path.startswith(f"{path}/")
            for environment in self._environments
            for distribution in environment.distributions
            if distribution.record is not None
            for row in distribution.record.rows
        )

    def _link_owner(self, path: str) -> Owner | None:
        """Return the owner of what a link leads to: a link has no code of its own."""
        real = self._rootfs.resolve(path)
        if real is None or real == path:
            return self._folder_owner(posixpath.dirname(path))
        entry = self._rootfs.lstat(real)
        if entry is not None and entry.type is FileType.DIRECTORY:
            has_own_owners = any(inside(real, site) for site in self._sites)
            return INSTALLER if has_own_owners else self._folder_owner(real)
        return self.owner(real)

    def _unlisted_owner(self, path: str, entry: Entry) -> Owner | None:
        """Return the owner of a file that is in no list."""
        install = install_of(self._interpreters, self._rootfs, path, entry)
        if install is not None:
            return Owner(OwnerKind.INTERPRETER, install.prefix)
        folder = posixpath.dirname(path)
        owner = self._folder_owner(folder)
        # A native library among these was not written by the application, nor by an installer.
        if owner is APPLICATION or folder.endswith(".dist-info"):
            owner = None if self._rootfs.facts(path).elf is not None else owner
        return self._by_products.owner(path) or owner or self._remaining(path, entry)

    def _folder_owner(self, folder: str) -> Owner | None:
        """Return the owner of a directory: its own, or that of the nearest one above it."""
        passed: list[str] = []
        at = folder
        while at not in self._folders and at != "/":
            passed.append(at)
            at = at.rpartition("/")[0] or "/"
        owner = self._folders.get(at)
        self._folders.update(dict.fromkeys(passed, owner))
        return owner

    def _remaining(self, path: str, entry: Entry) -> Owner | None:
        """Return the owner of a file for which only conda or the base image is left."""
        conda = self._conda.get(path)
        if conda is not None and conda.digest and conda.digest == digest_of(self._rootfs, path):
            return Owner(OwnerKind.CONDA_PACKAGE, conda.package)
        if entry.layer is not None and entry.layer < self._base_layers:
            return Owner(OwnerKind.BASE, "base image")
        local = inside(path, "/usr/local") or inside(path, "/etc") or inside(path, "/var")
        if self._unread and not local and any(inside(path, folder) for folder in SYSTEM_FOLDERS):
            return _UNREAD
        return None
