"""By-products: what installers and interpreters write without listing it anywhere.

Where code runs, a name proves nothing: the content decides, by its sha256 or by the only form
that it may have.
"""

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
from auditor.inventory.ownership.interpreter_files import install_of
from auditor.inventory.paths import digest_of, text_of
from auditor.inventory.python.sys_path import executed_lines
from auditor.model import Owner, OwnerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from auditor.inventory.ownership.claims import Claims
    from auditor.model import Environment, Rootfs

_METADATA = """
INSTALLER REQUESTED RECORD RECORD.jws RECORD.p7s direct_url.json provenance_url.json uv_build.json
uv_cache.json
"""
METADATA = frozenset(_METADATA.split())
"""Files of a metadata folder that installers write about their own work; none of them runs."""

PREFIX = frozenset(
    {".gitignore", ".lock", "CACHEDIR.TAG", "pip-selfcheck.json", "pyvenv.cfg", "pydoc.bat"}
)
"""Files at the top of a virtual environment; none of them runs."""

_ACTIVATION = """
Activate.ps1 activate activate.bat activate.csh activate.fish activate.nu activate.ps1
activate.xsh activate_this.py deactivate.bat deactivate.nu pydoc.bat
"""
ACTIVATION = frozenset(_ACTIVATION.split())
"""Files in the `bin` of a virtual environment that a person reads into a shell; not executable."""

SITE = {
    ".lock": {
        # Empty: what uv holds while it fills a `--target` directory.
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    },
    "distutils-precedence.pth": {
        # setuptools 50.0 and since 60.0, 50.1 to 59
        "2638ce9e2500e572a5e0de7faed6661eb569d1b696fcba07b0dd223da5f5d224",
        "7ea7ffef3fe2a117ee12c68ed6553617f0d7fd2f0590257c25c484959a3b7373",
    },
    "README.txt": {
        # "This directory exists so that 3rd party packages can be installed here."
        "cba8fece8f62c36306ba27a128f124a257710e41fc619301ee97be93586917cb",
    },
    "_virtualenv.pth": {
        # One line, with a newline at its end or without.
        "69ac3d8f27e679c81b94ab30b3b56e9cd138219b1ba94a1fa3606d5a76a1433d",
        "a18ec686bd69842888e68e43eade6c26cac183a1e4c98c40ae8992349f0a1a1c",
    },
    "_virtualenv.py": {
        # virtualenv 20.0.20, 20.4, 20.13, 20.16, 20.23, 20.24, 20.25 to 20.34, 20.35, 21
        "e3db5fe06ab41ca9b95dd6463b83836787028a1b55562cc383803bb83001a45c",
        "684b8c07932ba4a84ac2e5ae9afe49ef04e92bac3d8d4191d455cf09d093e5fc",
        "ce57d5e0d9b5d7356cb42da7450ba8f9359bdf693e335f4c921626943c77e64d",
        "c9199315871b11b12df226f890a38e66e63191e1adbfb11a66e6861151b33fca",
        "119e4eb9c1a39e6ffd220840844bd326fa1bd3acf2f1c9fa0612949aedc228a5",
        "0aeb86546345c1d0fada097536e35525714d5cdbcc2d8eb3f9912a955044fcff",
        "0f20351ea7e90039c46d3fabdef991f28b1e3ff33eb13ee6f0d5cd21ea0e8b14",
        "bec6155ff7bfc88f8e79e481f27fd7ee0a3b40eeca9bfeb41f4c4b997b2f8100",
        "07584d2a5d13e0811eb567d78ed2aca0fb60e7defff59a01ca7a48d907bdea51",
        # uv 0.1 to 0.2, 0.4 to 0.11
        "ee52b2e2e720a40885a6b4b90c40e28e5c70e550af74d5efd169eaa5db2a6f6f",
        "6cf30c56faf2a55228914dbbd17f8088ed371ebb08f5e7fa6fd931f913fcaf1d",
    },
}
"""Files at the top of a site directory -> the sha256 of the contents that their tools write."""

_PYC_NAME = re.compile(
    r"(?P<module>.+)\.(?P<kind>cpython|pypy)-?(?P<digits>3\d{1,2})t?(?:\.opt-[12])?\.pyc"
)

_NAMESPACE = re.compile(
    r"""(?x)
    import\ sys,\ types,\ os;
    (?: has_mfs\ =\ sys\.version_info\ >\ \(3,\ 5\); )?
    p\ =\ os\.path\.join\(sys\._getframe\(1\)\.f_locals\['sitedir'\],
      \ \*\((?:'\w+',|'\w+'(?:,\ '\w+')+)\)\);
    importlib\ =\ (?:has_mfs\ and\ )?__import__\('importlib\.util'\);
    (?:has_mfs\ and\ )?__import__\('importlib\.machinery'\);
    m\ =\ (?:has_mfs\ and\ )?sys\.modules\.setdefault\(
      '(?P<package>(?P<above>[\w.]+)\.(?P<name>\w+)|\w+)',
      \ importlib\.util\.module_from_spec\(importlib\.machinery\.PathFinder\.find_spec\(
      '(?P=package)',\ \[os\.path\.dirname\(p\)\]\)\)\);
    m\ =\ m\ or\ sys\.modules\.setdefault\('(?P=package)',\ types\.ModuleType\('(?P=package)'\)\);
    mp\ =\ \(m\ or\ \[\]\)\ and\ m\.__dict__\.setdefault\('__path__',\[\]\);
    \(p\ not\ in\ mp\)\ and\ mp\.append\(p\)
    (?: ;m\ and\ setattr\(sys\.modules\['(?P=above)'\],\ '(?P=name)',\ m\) )?
    """
)
"""What setuptools writes into a .pth file for each package of `namespace_packages`."""

_REFUSAL = re.compile(r"\s*(?:#[^\n]*\n\s*)*exit [0-9]{1,3}\s*")


_VERSION = re.compile(r"/(?:python|pypy)(3\.\d+)t?/")
_VERSION_SUFFIX = re.compile(r"-?\d+(?:\.\d+)*$")
_SCRIPT_LIMIT = 64 * 1024
_SERVICE_STARTERS = frozenset({"policy-rc.d", "initctl"})
"""Programs of Debian's that image makers replace so that no service starts."""

INSTALLER = Owner(OwnerKind.BY_PRODUCT, "installer")
_BYTECODE = Owner(OwnerKind.BY_PRODUCT, "bytecode")
_SCRIPT = Owner(OwnerKind.BY_PRODUCT, "console script")
_IMAGE_MAKER = Owner(OwnerKind.BY_PRODUCT, "image maker")


def bytecode_source(name: str, version: str) -> str | None:
    """Return the source file's name for a file of `__pycache__` (PEP 3147).

    None where it is no bytecode that an interpreter of `version` (`3.11`) would load.
    """
    match = _PYC_NAME.fullmatch(name)
    if match is None or match["digits"] != version.replace(".", ""):
        return None
    return f"{match['module']}.py"


def only_joins_namespaces(text: str) -> bool:
    """Return whether all that a .pth file runs is what setuptools writes for namespace packages."""
    lines = text.splitlines()
    return bool(lines) and all(map(_NAMESPACE.fullmatch, lines))


def only_exits(text: str) -> bool:
    """Return whether a shell script does nothing: what keeps services from starting in images."""
    first, _, rest = text.partition("\n")
    return first.startswith("#!") and _REFUSAL.fullmatch(rest) is not None


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
            return not executed_lines(self._text(path))
        return name in SITE and self._digest(path) in SITE[name]

    def _of_program(self, path: str, folder: str, name: str) -> Owner | None:
        """Return who made a file among the programs of an environment."""
        if self._rootfs.facts(path).elf is not None:
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
        if environment.prefix not in self._entry_points:
            points = entry_points(self._rootfs, environment.distributions)
            self._entry_points[environment.prefix] = points
        return self._entry_points[environment.prefix]

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
        paths.update(
            path
            for path, owner in self._claims.files.items()
            if owner.kind is OwnerKind.OS_PACKAGE and is_python(posixpath.basename(path))
        )
        return frozenset(map(self._digest, paths))

    def _digest(self, path: str) -> str:
        return digest_of(self._rootfs, path).hex()

    def _text(self, path: str) -> str:
        return text_of(self._rootfs, path, _SCRIPT_LIMIT)
