"""The ledger: every file has exactly one owner, or nobody.

The first that holds: a package of the operating system; a distribution, by its RECORD; an
interpreter, by its layout; what an installer leaves behind; the application; a conda package
that still has the bytes it installed; the base image.
"""

from __future__ import annotations

import posixpath
import re
from functools import cached_property, partial
from typing import TYPE_CHECKING

from auditor.inventory.distributions.bootstrap_tools import may_have
from auditor.inventory.distributions.console_scripts import (
    interpreter_of,
    is_console_script,
    may_appear,
)
from auditor.inventory.distributions.owned_files import entry_points, owned_files, owned_folders
from auditor.inventory.ownership.application import (
    SYSTEM_FOLDERS,
    application_folders,
    application_scripts,
    inside,
    may_own,
)
from auditor.inventory.ownership.by_products import (
    ACTIVATION,
    PREFIX,
    SITE,
    bytecode_source,
    only_adds_paths,
    only_exits,
)
from auditor.inventory.ownership.interpreter_files import interpreter_installs, interpreter_prefixes
from auditor.inventory.paths import RealPaths, text_of
from auditor.model import Entry, FileType, Owner, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditor.inventory.ownership.interpreter_files import InterpreterInstall
    from auditor.model import Distribution, Environment, Image, Inventory, Rootfs

_VERSION = re.compile(r"/(?:python|pypy)(3\.\d+)t?/")
_PROGRAM = re.compile(r"(?:python|pypy)[\d.]*t?")
_SUFFIX = re.compile(r"-?\d+(?:\.\d+)*$")
_SCRIPT_LIMIT = 64 * 1024
_CODE = (".pth", ".py", ".pyc")
_REFUSING = frozenset({"policy-rc.d", "initctl"})
"""Programs of Debian's that image makers replace so that no service starts."""

_BYTECODE = Owner(OwnerKind.BY_PRODUCT, "bytecode")
_INSTALLER = Owner(OwnerKind.BY_PRODUCT, "installer")
_SCRIPT = Owner(OwnerKind.BY_PRODUCT, "console script")
_IMAGE_MAKER = Owner(OwnerKind.BY_PRODUCT, "image maker")
_APPLICATION = Owner(OwnerKind.APPLICATION, "application")
_UNREAD = Owner(OwnerKind.OS_PACKAGE, "a package database that could not be read")


class FileOwnership:
    """Whose each file of an image is."""

    def __init__(self, image: Image, inventory: Inventory, base_layers: int = 0) -> None:
        """Enter what `inventory` found in `image`.

        `base_layers` is the number of lowest layers that came from the base image.
        """
        self._rootfs = image.rootfs
        self._environments = inventory.environments
        self._base_layers = base_layers
        self._conda = inventory.conda_files
        self._unread = bool(inventory.os_packages.problems)
        runtime = inventory.runtime
        self._version = (runtime and runtime.python_version) or ""
        self._files = dict(_os_files(inventory, image.rootfs))
        folders: dict[str, Owner] = {}
        self._sites: dict[str, Environment] = {}
        self._bins: dict[str, Environment] = {}
        self._prefixes = {environment.prefix for environment in inventory.environments}
        real = RealPaths(image.rootfs)
        for environment in inventory.environments:
            self._enter(environment, real, folders)
        for folder in application_folders(image):
            if folder not in self._bins and not folder.endswith("-packages"):
                folders.setdefault(folder, _APPLICATION)
        ends = [*SYSTEM_FOLDERS, *self._sites, *self._bins]
        self._folders: Mapping[str, Owner | None] = {**dict.fromkeys(ends), **folders}
        for script in application_scripts(image.rootfs, image.config):
            self._files.setdefault(script, _APPLICATION)
        prefixes = [*self._prefixes, *interpreter_prefixes(image)]
        if inventory.interpreter is not None:
            prefixes.append(inventory.interpreter.prefix)
        self._homes = tuple(
            home
            for home in interpreter_installs(image, prefixes)
            if home.executable not in inventory.os_packages.files
        )
        self._territories: dict[str, Owner | None] = {}

    # ------------------------------------------------------------------------- entering

    def _enter(self, environment: Environment, real: RealPaths, folders: dict[str, Owner]) -> None:
        """Enter one environment's distributions and where it installs."""
        rootfs = self._rootfs
        self._bins.setdefault(rootfs.resolve(f"{environment.prefix}/bin") or "", environment)
        for distribution in environment.distributions:
            self._sites.setdefault(distribution.location, environment)
            scripts = rootfs.resolve(posixpath.join(distribution.location, "bin"))
            if scripts is not None:
                self._bins.setdefault(scripts, environment)
            if distribution.os_package is not None:
                continue
            owner = Owner(OwnerKind.DISTRIBUTION, distribution.name, environment.prefix)
            its_own = partial(may_have, distribution)
            for path in filter(its_own, owned_files(rootfs, distribution, real)):
                self._files.setdefault(path, owner)
            for folder in filter(its_own, owned_folders(rootfs, distribution)):
                if may_own(folder) or _is_installed_below(folder, distribution):
                    folders.setdefault(folder, owner)
        for path in environment.import_paths:
            if path.endswith("-packages"):
                self._sites.setdefault(path, environment)

    # --------------------------------------------------------------------------- asking

    def owner(self, path: str) -> Owner | None:
        """Return the owner of the file at a real path; None where it is nobody's."""
        known = self._files.get(path)
        if known is not None:
            return known
        entry = self._rootfs.lstat(path)
        if entry is None:
            return None
        if entry.type is FileType.SYMLINK:
            return self._of_link(path)
        return self._found(path, entry)

    def namer(self, path: str) -> Owner | None:
        """Return who answers for importing what is at a path of `sys.path`: mostly its owner.

        A link to a directory or a module gives code a further name, so it is whoever put the
        link there. The application may name its own code as it likes, but not as
        a distribution's package is called.
        """
        known = self._files.get(path)
        if known is not None:
            return known
        owner = self.owner(path)
        entry = self._rootfs.lstat(path)
        if entry is None or not entry.target:
            return owner
        if owner is _APPLICATION and not self._is_a_packages(path):
            return owner
        target = self._rootfs.stat(path)
        is_folder = target is not None and target.type is FileType.DIRECTORY
        if not (is_folder or path.endswith(_CODE)) or self._rootfs.resolve(path) in self._sites:
            return owner
        return self._found(path, entry)

    def _is_a_packages(self, path: str) -> bool:
        """Return whether a distribution lists files below a path, as it is spelled."""
        return any(
            row.path.startswith(f"{path}/")
            for environment in self._environments
            for distribution in environment.distributions
            if distribution.record is not None
            for row in distribution.record.rows
        )

    def _of_link(self, path: str) -> Owner | None:
        """Return the owner of what a link leads to: a link has no code of its own."""
        real = self._rootfs.resolve(path)
        if real is None or real == path:
            return self._territory(posixpath.dirname(path))
        entry = self._rootfs.lstat(real)
        if entry is not None and entry.type is FileType.DIRECTORY:
            judged_there = any(inside(real, site) for site in self._sites)
            return _INSTALLER if judged_there else self._territory(real)
        return self.owner(real)

    def _found(self, path: str, entry: Entry) -> Owner | None:
        """Return the owner of a file that nobody listed."""
        home = self._home(path, entry)
        if home is not None:
            return Owner(OwnerKind.INTERPRETER, home.prefix)
        territory = self._territory(posixpath.dirname(path))
        if territory is not None and self._rootfs.facts(path).elf is not None:
            territory = None if _brings_no_native(territory, path) else territory
        return self._by_product(path) or territory or self._remaining(path, entry)

    def _home(self, path: str, entry: Entry | None) -> InterpreterInstall | None:
        """Return the interpreter that brought the file at a real path."""
        for home in self._homes:
            if entry and inside(path, home.prefix) and home.owns(self._rootfs, path, entry):
                return home
        return None

    def _territory(self, folder: str) -> Owner | None:
        """Return the owner of a directory: its own, or that of the nearest one above it."""
        passed: list[str] = []
        at = folder
        while at not in self._territories and at not in self._folders and at != "/":
            passed.append(at)
            at = at.rpartition("/")[0] or "/"
        owner = self._territories[at] if at in self._territories else self._folders.get(at)
        self._territories.update(dict.fromkeys([*passed, at], owner))
        return owner

    def _remaining(self, path: str, entry: Entry) -> Owner | None:
        conda = self._conda.get(path)
        if conda is not None and conda.digest and conda.digest.hex() == self._digest(path):
            return Owner(OwnerKind.CONDA_PACKAGE, conda.package)
        if entry.layer is not None and entry.layer < self._base_layers:
            return Owner(OwnerKind.BASE, "base image")
        local = inside(path, "/usr/local") or inside(path, "/etc") or inside(path, "/var")
        if self._unread and not local and any(inside(path, folder) for folder in SYSTEM_FOLDERS):
            return _UNREAD
        return None

    # ---------------------------------------------------------------------- by-products

    def _by_product(self, path: str) -> Owner | None:
        folder, _, name = path.rpartition("/")
        if folder.endswith("/__pycache__"):
            return self._bytecode(folder, name)
        if folder in self._prefixes and name in PREFIX:
            return _INSTALLER
        if folder in self._sites and self._is_known(path, name):
            return _INSTALLER
        if folder in self._bins:
            return self._program(path, folder, name)
        if name in _REFUSING and folder.endswith("sbin") and only_exits(self._text(path)):
            return _IMAGE_MAKER
        return None

    def _bytecode(self, folder: str, name: str) -> Owner | None:
        """Bytecode is a by-product where its source has an owner and it fits the interpreter."""
        versions = _VERSION.findall(folder)
        version = versions[-1] if versions else ".".join(self._version.split(".")[:2])
        source = bytecode_source(name, version)
        above = folder.rpartition("/")[0]
        return _BYTECODE if source and self.owner(f"{above}/{source}") else None

    def _is_known(self, path: str, name: str) -> bool:
        """Return whether an installer writes such a file at the top of a site directory."""
        if name in {"easy-install.pth", "setuptools.pth"}:
            return only_adds_paths(self._text(path))
        digests = SITE.get(name, frozenset())
        return bool(digests) and self._digest(path) in digests

    def _program(self, path: str, folder: str, name: str) -> Owner | None:
        """Judge a file among the programs of an environment."""
        if self._rootfs.facts(path).elf is not None:
            copied = _PROGRAM.fullmatch(name) and self._digest(path) in self._interpreters
            return _INSTALLER if copied else None
        above = posixpath.dirname(folder)
        if name in ACTIVATION and self._rootfs.lstat(f"{above}/pyvenv.cfg") is not None:
            return _INSTALLER
        points = self._entry_points(self._bins[folder])
        targets = points.get(name) or points.get(_SUFFIX.sub("", name)) or set()
        text = self._text(path)
        if not targets or not is_console_script(text, targets):
            return None
        named = interpreter_of(path, text)
        return None if named and may_appear(self._rootfs, named) else _SCRIPT

    def _entry_points(self, environment: Environment) -> Mapping[str, set[str]]:
        known = self._scripts.get(environment.prefix)
        if known is None:
            known = entry_points(self._rootfs, environment.distributions)
            self._scripts[environment.prefix] = known
        return known

    @cached_property
    def _scripts(self) -> dict[str, Mapping[str, set[str]]]:
        """By prefix: the console scripts of its distributions, read when first asked for."""
        return {}

    @cached_property
    def _interpreters(self) -> frozenset[str]:
        """Return the digests of the programs that a virtual environment may hold a copy of."""
        paths = {
            path
            for home in self._homes
            if (path := home.executable) and self._home(path, self._rootfs.lstat(path))
        }
        return frozenset(self._digest(path) for path in paths.union(self._os_programs()))

    def _os_programs(self) -> Iterator[str]:
        for path, owner in self._files.items():
            if owner.kind is OwnerKind.OS_PACKAGE and _PROGRAM.fullmatch(posixpath.basename(path)):
                yield path

    def _digest(self, path: str) -> str:
        return self._rootfs.digests([path]).get(path, b"").hex()

    def _text(self, path: str) -> str:
        return text_of(self._rootfs, path, _SCRIPT_LIMIT)


def _brings_no_native(owner: Owner, path: str) -> bool:
    """Return whether a native library in an owner's directory is not the owner's for that alone."""
    return owner is _APPLICATION or posixpath.dirname(path).endswith(".dist-info")


def _os_files(inventory: Inventory, rootfs: Rootfs) -> Iterator[tuple[str, Owner]]:
    """Yield what the system's packages own: nothing where the system does not install.

    That is below /usr/local (FHS 4.9) and in virtual environments that no package brought.
    """
    files = inventory.os_packages.files
    configurations = {
        environment.prefix: rootfs.resolve(f"{environment.prefix}/pyvenv.cfg")
        for environment in inventory.environments
    }
    others = [prefix for prefix, path in configurations.items() if path and path not in files]
    local = ("/usr/local/", *(f"{prefix}/" for prefix in others))
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
