"""What is in an image: interpreters, environments, distributions, owners of files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.tags import Tag

    from auditor.model.image import Platform, Problem
    from auditor.model.locked import Expectation


@dataclass(frozen=True, slots=True)
class Libc:
    """The C library that an interpreter runs on."""

    family: str
    """`glibc` or `musl`."""
    version: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python interpreter, known from its files alone."""

    path: str
    """Real path of its executable."""
    prefix: str
    """Its `sys.base_prefix`."""
    implementation: str
    """`cpython` or `pypy`."""
    full_version: str
    """`3.11.7`; `3.11` where the bytes do not say the last part."""
    free_threaded: bool
    machine: str
    """`platform.machine()` spelling."""
    libc: Libc | None

    @property
    def version(self) -> str:
        """Major and minor: `3.11`."""
        return ".".join(self.full_version.split(".")[:2])

    @property
    def library(self) -> str:
        """Name of the folder below `lib` that it looks in: `python3.11`."""
        stem = "pypy" if self.implementation == "pypy" else "python"
        return f"{stem}{self.version}{'t' if self.free_threaded else ''}"


@dataclass(frozen=True, slots=True)
class Target:
    """What a lock is selected for: every marker key and the tags, none taken from the host."""

    markers: Mapping[str, str]
    """The keys of PEP 508; those that an image does not determine are absent."""
    tags: tuple[Tag, ...]
    """Most specific first, as `packaging.tags` orders them."""


class MetadataKind(StrEnum):
    """The shapes in which an installed distribution describes itself."""

    DIST_INFO = "dist-info"
    EGG_INFO = "egg-info"
    EGG_LINK = "egg-link"


class RecordRow(NamedTuple):
    """One row of a RECORD, with its path in the image.

    A tuple, like `FileCheck`, since an image has tens of thousands of them.
    """

    path: str
    algorithm: str
    """As `hashlib` names it; empty where the row has no hash."""
    digest: bytes
    size: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """A distribution's RECORD (recording-installed-packages): unverified hints about its files."""

    rows: tuple[RecordRow, ...]
    problems: tuple[str, ...] = ()
    """Rows that could not be read, each as a sentence."""


@dataclass(frozen=True, slots=True)
class DirectUrl:
    """Where a distribution came from, as `direct_url.json` (PEP 610) claims.

    `provenance_url.json` (PEP 710, a draft) has the same fields, for what came from an index.
    """

    url: str
    commit_id: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    is_directory: bool = False
    is_vcs: bool = False
    editable: bool = False
    file: str = "direct_url.json"


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution as its metadata folder describes it."""

    name: str
    """Normalised (PEP 503)."""
    version: str
    """As METADATA spells it; may be no PEP 440 version."""
    kind: MetadataKind
    metadata_path: str
    """The dist-info or egg-info folder or file, in the image."""
    location: str
    """The directory on the import path that holds it."""
    installer: str = ""
    record: Record | None = None
    direct_url: DirectUrl | None = None
    wheel_tags: tuple[str, ...] = ()
    built: bool = False
    """`uv_build.json` says that it was built from source during its installation."""
    requested: bool = False
    source: str | None = None
    """Directory of an editable install's code, as the installation names it; unverified."""
    os_package: str | None = None
    """The dpkg, apk or rpm package that owns it."""
    sboms: tuple[str, ...] = ()
    """Paths of the bills of material that came with it (PEP 770)."""


class OsFile(NamedTuple):
    """One file's entry in a package database, the operating system's or conda's."""

    package: str
    source: str
    """The database file that has the entry."""
    algorithm: str = ""
    """As `hashlib` names it; empty where no digest is recorded."""
    digest: bytes = b""
    conffile: bool = False
    """Configuration or a file made after the installation: it may differ."""


@dataclass(frozen=True, slots=True)
class OsPackages:
    """Which files the operating system's packages own."""

    files: Mapping[str, OsFile] = field(default_factory=dict)
    """By real path; a path may be absent from the image."""
    problems: tuple[Problem, ...] = ()
    """Databases that could not be read: with one of them, a file may have an unknown owner."""


class OwnerKind(StrEnum):
    """The kinds of owner that a file may have."""

    DISTRIBUTION = "distribution"
    OS_PACKAGE = "os-package"
    CONDA_PACKAGE = "conda-package"
    INTERPRETER = "interpreter"
    BY_PRODUCT = "by-product"
    """Made by an installer or an interpreter in the course of its work."""
    APPLICATION = "application"
    BASE = "base"


class Owner(NamedTuple):
    """The owner of a file."""

    kind: OwnerKind
    name: str
    """The distribution or package, the interpreter's prefix, or what kind of by-product."""
    prefix: str = ""
    """Of a distribution: the environment that it is installed in."""


class PathOrigin(StrEnum):
    """Why something is on `sys.path`; the values are for sentences."""

    WORKING_DIRECTORY = "the working directory"
    SCRIPT = "the script's own directory"
    PYTHONPATH = "PYTHONPATH"
    STANDARD_LIBRARY = "the standard library"
    STANDARD_ZIP = "the zipped standard library"
    USER_SITE = "the user's site directory"
    SITE = "the site directory"
    PTH = "a .pth file"


class PathEntry(NamedTuple):
    """One directory or zip file of `sys.path`, by its real path."""

    path: str
    origin: PathOrigin


@dataclass(frozen=True, slots=True)
class Environment:
    """One place Python can run from: an interpreter and what it imports."""

    prefix: str
    interpreter: str | None = None
    """Path of its `python` as the image spells it; None where it does not exist."""
    python_version: str | None = None
    """`3.11.7`, `3.11`, or None where the files do not say."""
    import_paths: tuple[str, ...] = ()
    """Directories that distributions are looked for in, in the order of `sys.path`."""
    runtime: bool = False
    runtime_reason: str = ""
    """Why this is the runtime environment; empty for every other."""
    distributions: tuple[Distribution, ...] = ()
    """All of them, in the order of `import_paths` and then by name."""
    has_seed_packages: bool = False
    """pyvenv.cfg says that the tool that made it installed bootstrap tools as well."""
    externally_managed: bool = False
    """EXTERNALLY-MANAGED (PEP 668) says that another package manager installs into it."""
    sys_path: tuple[PathEntry, ...] = ()
    """All of `sys.path` as the image's command sets it up; only for the runtime environment."""
    unusable_reason: str = ""
    """Why its interpreter cannot run what is installed in it: a clause; empty where it can."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is in the image."""

    environments: tuple[Environment, ...]
    """The runtime environment first, then by prefix."""
    interpreter: Interpreter | None
    """The runtime environment's."""
    candidates: tuple[str, ...] = ()
    """Where no runtime environment was found: the prefixes of those that it may be."""
    problems: tuple[Problem, ...] = ()
    os_packages: OsPackages = field(default_factory=OsPackages)
    conda_files: Mapping[str, OsFile] = field(default_factory=dict)
    """What conda's records claim, by real path."""

    @property
    def runtime(self) -> Environment | None:
        """The environment that the image runs, None where it is not known."""
        return next((env for env in self.environments if env.runtime), None)


@dataclass(frozen=True, slots=True)
class PipListRow:
    """One row of `pip list --format json`."""

    name: str
    """Normalised."""
    version: str
    editable_location: str | None = None


@dataclass(frozen=True, slots=True)
class PipListResult:
    """What `pip list` inside the image printed, or why it could not run."""

    packages: tuple[PipListRow, ...] = ()
    failure: str | None = None
    """A clause after "pip list could not run:", None where it ran."""


@dataclass(frozen=True, slots=True)
class OtherPlatform:
    """The image of the audited reference for another platform, as far as it is compared."""

    platform: Platform
    inventory: Inventory
    expectation: Expectation
    """What the same lock selects there."""
    problems: tuple[Problem, ...] = ()
    """What of it could not be read or decided."""
    opened: bool = True
    """False where the image could not be opened; a problem says why."""
