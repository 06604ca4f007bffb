"""Which files that no RECORD lists were made by installers and interpreters."""

from __future__ import annotations

import posixpath
import re
from functools import cached_property
from typing import TYPE_CHECKING

from auditor.inventory.commands.launchers import is_python
from auditor.inventory.distributions.console_scripts import (
    interpreter_of,
    is_console_script,
    may_appear,
)
from auditor.inventory.distributions.owned_files import entry_points
from auditor.inventory.ownership.by_products import (
    ACTIVATION,
    PREFIX,
    SITE,
    bytecode_source,
    only_adds_paths,
    only_exits,
)
from auditor.inventory.ownership.interpreter_files import install_of
from auditor.inventory.paths import digest_of, text_of
from auditor.model import Owner, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from auditor.inventory.ownership.claims import Claims
    from auditor.model import Environment, Rootfs

_VERSION = re.compile(r"/(?:python|pypy)(3\.\d+)t?/")
_VERSION_SUFFIX = re.compile(r"-?\d+(?:\.\d+)*$")
_SCRIPT_LIMIT = 64 * 1024
_SERVICE_STARTERS = frozenset({"policy-rc.d", "initctl"})
"""Programs of Debian's that image makers replace so that no service starts."""

INSTALLER = Owner(OwnerKind.BY_PRODUCT, "installer")
_BYTECODE = Owner(OwnerKind.BY_PRODUCT, "bytecode")
_SCRIPT = Owner(OwnerKind.BY_PRODUCT, "console script")
_IMAGE_MAKER = Owner(OwnerKind.BY_PRODUCT, "image maker")


class ByProducts:
    """The by-products of installers and interpreters in one image."""

    def __init__(
        self,
        rootfs: Rootfs,
        claims: Claims,
        python_version: str,
        owner: Callable[[str], Owner | None],
    ) -> None:
        """Judge by `claims`; `owner` returns the owner of any file, such as bytecode's source."""
        self._rootfs = rootfs
        self._claims = claims
        self._version = ".".join(python_version.split(".")[:2])
        self._owner = owner
        self._entry_points: dict[str, Mapping[str, set[str]]] = {}
        """By prefix: the console scripts of its distributions, read when first asked for."""

    def owner(self, path: str) -> Owner | None:
        """Return who made the file at a real path; None where it is no by-product."""
        folder, _, name = path.rpartition("/")
        if folder.endswith("/__pycache__"):
            return self._of_bytecode(folder, name)
        if folder in self._claims.prefixes and name in PREFIX:
            return INSTALLER
        if folder in self._claims.sites and self._is_installers(path, name):
            return INSTALLER
        if folder in self._claims.bins:
            return self._of_program(path, folder, name)
        if name in _SERVICE_STARTERS and folder.endswith("sbin") and only_exits(self._text(path)):
            return _IMAGE_MAKER
        return None

    def _of_bytecode(self, folder: str, name: str) -> Owner | None:
        """Bytecode is a by-product where its source has an owner and it fits the interpreter."""
        versions = _VERSION.findall(folder)
        source = bytecode_source(name, versions[-1] if versions else self._version)
        above = folder.rpartition("/")[0]
        return _BYTECODE if source and self._owner(f"{above}/{source}") else None

    def _is_installers(self, path: str, name: str) -> bool:
        """Return whether an installer writes such a file at the top of a site directory."""
        if name in {"easy-install.pth", "setuptools.pth"}:
            return only_adds_paths(self._text(path))
        digests = SITE.get(name, frozenset())
        return bool(digests) and self._digest(path) in digests

    def _of_program(self, path: str, folder: str, name: str) -> Owner | None:
        """Return who made a file among the programs of an environment."""
        if self._rootfs.elf(path) is not None:
            copied = is_python(name) and self._digest(path) in self._interpreters
            return INSTALLER if copied else None
        above = posixpath.dirname(folder)
        if name in ACTIVATION and self._rootfs.lstat(f"{above}/pyvenv.cfg") is not None:
            return INSTALLER
        points = self._points(self._claims.bins[folder])
        targets = points.get(name) or points.get(_VERSION_SUFFIX.sub("", name)) or set()
        text = self._text(path)
        if not targets or not is_console_script(text, targets):
            return None
        named = interpreter_of(path, text)
        return None if named and may_appear(self._rootfs, named) else _SCRIPT

    def _points(self, environment: Environment) -> Mapping[str, set[str]]:
        known = self._entry_points.get(environment.prefix)
        if known is None:
            known = entry_points(self._rootfs, environment.distributions)
            self._entry_points[environment.prefix] = known
        return known

    @cached_property
    def _interpreters(self) -> frozenset[str]:
        """Return the digests of the programs that a virtual environment may hold a copy of."""
        installs = self._claims.interpreters
        paths = {
            path
            for install in installs
            if (path := install.executable)
            and install_of(installs, self._rootfs, path, self._rootfs.lstat(path))
        }
        return frozenset(self._digest(path) for path in paths.union(self._os_programs()))

    def _os_programs(self) -> Iterator[str]:
        for path, owner in self._claims.files.items():
            if owner.kind is OwnerKind.OS_PACKAGE and is_python(posixpath.basename(path)):
                yield path

    def _digest(self, path: str) -> str:
        return digest_of(self._rootfs, path).hex()

    def _text(self, path: str) -> str:
        return text_of(self._rootfs, path, _SCRIPT_LIMIT)
