"""What owners claim in an image, source by source.

The package databases of the system, the RECORDs of distributions, the application's
directories, and the layouts of interpreters.
"""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING

from auditor.inventory.distributions.bootstrap_tools import may_have
from auditor.inventory.distributions.owned_files import owned_files, owned_folders
from auditor.inventory.ownership.application import (
    SYSTEM_FOLDERS,
    application_folders,
    application_scripts,
    inside,
    may_own,
)
from auditor.inventory.ownership.interpreter_files import interpreter_installs, interpreter_prefixes
from auditor.inventory.paths import RealPaths
from auditor.model import Owner, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Distribution, Environment, Image, Inventory, Rootfs

APPLICATION = Owner(OwnerKind.APPLICATION, "application")


class Claims:
    """The claims of all sources, by real path."""

    def __init__(self, image: Image, inventory: Inventory) -> None:
        """Collect the claims; of several on one file or directory, the first counts."""
        rootfs = image.rootfs
        self.files = dict(_os_files(inventory, rootfs))
        self.folders: dict[str, Owner | None] = {}
        """Directories claimed with everything in them; None ends the claim of one above."""
        self.sites: dict[str, Environment] = {}
        self.bins: dict[str, Environment] = {}
        """Site directories and directories of programs, with the environment of each."""
        self.prefixes = {environment.prefix for environment in inventory.environments}
        real = RealPaths(rootfs)
        for environment in inventory.environments:
            self._add(rootfs, environment, real)
        for folder in application_folders(image):
            if folder not in self.bins and not folder.endswith("-packages"):
                self.folders.setdefault(folder, APPLICATION)
        for folder in (*SYSTEM_FOLDERS, *self.sites, *self.bins):
            self.folders.setdefault(folder, None)
        for script in application_scripts(rootfs, image.config):
            self.files.setdefault(script, APPLICATION)
        prefixes = [*self.prefixes, *interpreter_prefixes(image)]
        if inventory.interpreter is not None:
            prefixes.append(inventory.interpreter.prefix)
        self.interpreters = tuple(
            install
            for install in interpreter_installs(image, prefixes)
            if install.executable not in inventory.os_packages.files
        )

    def _add(self, rootfs: Rootfs, environment: Environment, real: RealPaths) -> None:
        """Add the claims of one environment's distributions, and where it installs."""
        self.bins.setdefault(rootfs.resolve(f"{environment.prefix}/bin") or "", environment)
        for distribution in environment.distributions:
            self.sites.setdefault(distribution.location, environment)
            scripts = rootfs.resolve(posixpath.join(distribution.location, "bin"))
            if scripts is not None:
                self.bins.setdefault(scripts, environment)
            if distribution.os_package is not None:
                continue
            owner = Owner(OwnerKind.DISTRIBUTION, distribution.name, environment.prefix)
            its_own = partial(may_have, distribution)
            for path in filter(its_own, owned_files(rootfs, distribution, real)):
                self.files.setdefault(path, owner)
            for folder in filter(its_own, owned_folders(rootfs, distribution)):
                if may_own(folder) or _is_installed_below(folder, distribution):
                    self.folders.setdefault(folder, owner)
        for path in environment.import_paths:
            if path.endswith("-packages"):
                self.sites.setdefault(path, environment)


def _os_files(inventory: Inventory, rootfs: Rootfs) -> Iterator[tuple[str, Owner]]:
    """Yield the files of the system's packages, but for places where these install nothing.

    That is below /usr/local (FHS 4.9) and in virtual environments that no package brought.
    """
    files = inventory.os_packages.files
    prefixes = [environment.prefix for environment in inventory.environments]
    others = (
        f"{prefix}/"
        for prefix in prefixes
        if (path := rootfs.resolve(f"{prefix}/pyvenv.cfg")) and path not in files
    )
    local = ("/usr/local/", *others)
    owners: dict[str, Owner] = {}
    for path, file in files.items():
        if path.startswith(local):
            continue
        if file.package not in owners:
            owners[file.package] = Owner(OwnerKind.OS_PACKAGE, file.package)
        yield path, owners[file.package]


def _is_installed_below(folder: str, distribution: Distribution) -> bool:
    """Return whether a directory lies in the one that the distribution is installed in."""
    is_egg = distribution.location.endswith(".egg")
    return inside(folder, distribution.location) and (is_egg or folder != distribution.location)
