"""The nouns that the stages share.

Everything here is frozen: a stage takes nouns and gives new ones. Paths inside an image are
absolute POSIX strings (`/opt/venv/bin/python`), normalised, without a trailing slash; bytes
that are not UTF-8 stand in them as surrogate escapes until a report prints them.
Sizes are bytes. Digests are written `sha256:<hex>` where the image specifications do so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packaging.tags import Tag
    from packaging.version import Version


class Severity(StrEnum):
    """How much a finding weighs; the words are SARIF's own levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Verdict(StrEnum):
    """What an audit that took place concludes."""

    CONSISTENT = "consistent"
    DRIFT = "drift"
    INCOMPLETE = "incomplete"


class Degree(StrEnum):
    """How sure it is that an installed distribution is the locked one, best first."""

    PROVEN = "proven"
    BUILT = "built"
    INDEXED = "indexed"
    ORIGIN = "origin"
    RECORDED = "recorded"
    VERSION = "version"
    NONE = "none"


# ---------------------------------------------------------------------------------- image


class FileType(IntEnum):
    """What kind of file an `Entry` is."""

    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    OTHER = 3
    """A device, a socket or a pipe: present, never read."""


class Entry(NamedTuple):
    """One file of a root file system, as `lstat` would show it.

    A tuple, since an image has tens of thousands of them.
    """

    type: FileType
    mode: int
    """Permission bits, without the file type."""
    size: int
    """Bytes of a regular file's content, through a hard link too."""
    target: str = ""
    """What a symbolic link holds, as it stands."""
    layer: int | None = None
    """Index into `Image.layers` of what brought it, where the transport knows layers.

    A layer that writes the same bytes to the same path again brought nothing.
    """
    mtime: int = 0
    """When a regular file was last changed: seconds since 1970, modulo 2**32."""
    written: int | None = None
    """Index of the layer that wrote it last, with the same bytes or with others."""


class ElfType(StrEnum):
    """What an ELF file is for (System V ABI, e_type)."""

    RELOCATABLE = "relocatable"
    EXECUTABLE = "executable"
    SHARED = "shared"
    """A library, an extension module, or an executable that can lie anywhere."""
    CORE = "core"
    OTHER = "other"


class Elf(NamedTuple):
    """What the headers of an ELF file say (System V ABI)."""

    machine: str
    """The architecture in `platform.machine()` spelling: `x86_64`, `aarch64`, ..."""
    bits: int
    """32 or 64."""
    type: ElfType = ElfType.OTHER
    soname: str = ""
    needed: tuple[str, ...] = ()
    """What it is linked with, in the loader's order."""
    rpath: str = ""
    """DT_RPATH and DT_RUNPATH as they stand, `$ORIGIN` and colons included."""
    runpath: str = ""
    interpreter: str = ""
    """The loader that an executable asks for."""
    build_id: str = ""
    """Hexadecimal."""
    dynamic: bool = False
    """It has a dynamic section; executables without one are linked statically."""
    pie: bool = False
    """It calls itself an executable although its type is that of a library."""
    complete: bool = True
    """False where the file points to something that it does not have, or that lies too far
    from where linkers put it."""

    @property
    def is_library(self) -> bool:
        """Tell whether a loader can load it into a process: libraries and extension modules."""
        return (
            self.type is ElfType.SHARED
            and (self.dynamic or not self.complete)
            and not self.pie
            and bool(self.soname or not self.interpreter)
        )


class Rootfs(Protocol):
    """The files of an image: the one seam through which every stage sees them.

    Nothing here runs code, writes to disk or leads out of the root: symbolic links are
    resolved as if the image's root were `/`, and `..` above the root stays at the root.
    Every method takes absolute paths; all but `lstat` follow a final symbolic link.
    """

    def lstat(self, path: str) -> Entry | None:
        """Give the entry at `path`, its parents resolved, a final link not; None if absent."""

    def resolve(self, path: str) -> str | None:
        """Give the real path of `path`; None where it is absent, dangling or a loop."""

    def stat(self, path: str) -> Entry | None:
        """Give the entry that `path` leads to; None where `resolve` gives None."""

    def names(self, path: str) -> Sequence[str]:
        """Give the sorted names in a directory; empty where `path` is none.

        Raises `UnreadableError` where the host refuses.
        """

    def read(self, path: str, limit: int = 8 * 1024 * 1024) -> bytes:
        """Give a regular file's content.

        Raises `UnreadableError` where it is no regular file, cannot be read or holds more
        than `limit` bytes.
        """

    def may_load(self, path: str) -> bool:
        """Tell whether a file may be a Python source that loads a library by its name.

        Known without another reading of the bytes where the transport has indexed them.
        """

    def contents(self, paths: Iterable[str], limit: int) -> Iterator[tuple[str, bytes]]:
        """Yield path as asked and content of the regular files among `paths`, in any order.

        One pass over the bytes for all of them, given before the end of it is verified: for
        explanations, not for judgements. What is absent, unreadable or larger than
        `limit` bytes is left out.
        """

    def digests(self, paths: Iterable[str], algorithm: str = "sha256") -> Mapping[str, bytes]:
        """Give the digest of every regular file among `paths`, by path as asked.

        Absent paths and other file types are left out; a file that exists and cannot be
        read is left out too, so `lstat` tells the two apart. sha256 is known without another
        reading of the bytes where the transport has indexed them.
        """

    def elf(self, path: str) -> Elf | None:
        """Give what the file's ELF headers say; None where it is no ELF."""

    def versions(self, path: str) -> tuple[str, ...]:
        """Give the version strings that an interpreter or C library carries in its bytes.

        Which files are searched for what is the table `auditor.image.probes.PROBES`; empty
        for every other file.
        """

    def bytecode_header(self, path: str) -> bytes:
        """Give the first 16 bytes of a file named `*.pyc`; fewer where it has fewer or is none."""

    def walk(self, top: str = "/") -> Iterator[tuple[str, Entry]]:
        """Yield every real path below `top` with its entry, no link followed, sorted."""


class UnreadableError(Exception):
    """One file of an image cannot be read; `path` and `why` say which and the reason."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class Platform(NamedTuple):
    """An image's platform in the words of the OCI image specification."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What the image configuration says about how the image runs (OCI image-spec config.md)."""

    platform: Platform
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = "/"
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its DiffID, the instruction that made it and its uncompressed size."""

    digest: str
    created_by: str
    size: int
    base: bool = False
    """It is one of the base image's."""


class Hidden(NamedTuple):
    """A regular file that one layer brought and a later one took away or gave other bytes.

    A tuple, since layers can hide tens of thousands of files.
    """

    path: str
    """Its real path when it was taken away."""
    layer: int
    """Index of the layer that brought it."""
    by: int
    """Index of the layer that hid it: a whiteout, an opaque directory, another file."""
    size: int
    """Bytes that ship unseen: 0 where a hard link still shows them or has counted them."""
    sha256: str
    """Lower-case hex."""
    replaced: bool
    """The layer that hid it put another regular file with other bytes in its place."""


class Step(NamedTuple):
    """One entry of an image's history (OCI image-spec config.md)."""

    created_by: str
    layer: int | None
    """Index of the layer it made; None where it made none, or the history does not fit."""


@dataclass(frozen=True, slots=True)
class NotChecked:
    """Something the audit could not look at, and why."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing inside a readable input that could not be read or went over a limit."""

    subject: str
    why: str
    path: str | None = None
    limit: bool = False
    """True where a limit of ours stopped it (LI906), false where the input did (LI901)."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image whose bytes can be read."""

    reference: str
    """As given on the command line."""
    digest: str | None
    """Digest of the configuration; None for a bare directory."""
    manifest_digest: str | None
    config: ImageConfig
    layers: tuple[Layer, ...]
    rootfs: Rootfs
    prefix: str | None = None
    """The environment that the reference itself names (`env:`), as a path in `rootfs`."""
    not_checked: tuple[NotChecked, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: int = 0
    """Regular files read, and `bytes_read` their content: what the report says was checked."""
    bytes_read: int = 0
    hidden: tuple[Hidden, ...] = ()
    """Files of lower layers that the merged tree no longer has, by path."""
    history: tuple[Step, ...] = ()
    """How it was made, first step first; empty where nothing tells."""
    other_platforms: tuple[Platform, ...] = ()
    """What the reference leads to for other platforms of the same operating system."""


# ----------------------------------------------------------------------------------- lock


class ArtifactKind(StrEnum):
    """The sorts of file that a lock names."""

    WHEEL = "wheel"
    SDIST = "sdist"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that the lock names for a distribution, with its hashes."""

    kind: ArtifactKind
    filename: str
    hashes: Mapping[str, str]
    """Algorithm as `hashlib` names it -> lower-case hex digest."""
    size: int | None = None
    url: str | None = None
    path: str | None = None
    """Relative to the lock file, where the lock says `path`."""
    index: str | None = None
    """The index that the lock has it from."""


@dataclass(frozen=True, slots=True)
class Vcs:
    """A locked commit (`packages.vcs`)."""

    type: str
    location: str
    commit_id: str
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """A locked source directory (`packages.directory`)."""

    path: str
    editable: bool
    subdirectory: str | None = None


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """One `[[packages]]` entry that the image's environment selects."""

    name: str
    """Normalised."""
    version: Version | None
    """None for source trees, which have none in a lock."""
    line: int | None
    """Line of its `[[packages]]` header in the lock file, from 1."""
    artifacts: tuple[Artifact, ...] = ()
    """Those that fit the image, the installer's first choice first; then the sdist."""
    vcs: Vcs | None = None
    directory: Directory | None = None
    attestation_identities: tuple[Mapping[str, object], ...] = ()
    """Who is to have attested some of its files, as the lock says it (PEP 751, PEP 740)."""


@dataclass(frozen=True, slots=True)
class Unselected:
    """A locked entry that this audit's extras, groups or markers leave out."""

    name: str
    version: Version | None
    line: int | None
    why: str
    """`group dev`, `extra gpu`, `marker sys_platform == 'win32'`: for a sentence."""
    optional: bool
    """True where another choice of extras or groups would select it."""


@dataclass(frozen=True, slots=True)
class LockMismatch:
    """Why the lock, or one package of it, is not for this platform or Python (LI002)."""

    subject: str
    """The package's name, or the lock's file name."""
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the lock says should be in one environment."""

    packages: Mapping[str, LockedPackage]
    unselected: Mapping[str, tuple[Unselected, ...]] = field(default_factory=dict)
    mismatches: tuple[LockMismatch, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Entries whose marker cannot be decided from an image: neither expected nor extra."""


# ------------------------------------------------------------------------------ inventory


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
    """`3.11.7`; `3.11` where the bytes do not tell the last part."""
    free_threaded: bool
    machine: str
    """`platform.machine()` spelling."""
    libc: Libc | None

    @property
    def version(self) -> str:
        """Major and minor: `3.11`."""
        return ".".join(self.full_version.split(".")[:2])


@dataclass(frozen=True, slots=True)
class Target:
    """What a lock is selected for: every marker key and the tags, none taken from the host."""

    markers: Mapping[str, str]
    """The keys of PEP 508; one that an image cannot tell is absent."""
    tags: tuple[Tag, ...]
    """Most specific first, as `packaging.tags` orders them."""


class MetadataKind(StrEnum):
    """The shapes in which an installed distribution describes itself."""

    DIST_INFO = "dist-info"
    EGG_INFO = "egg-info"
    EGG_LINK = "egg-link"


class RecordRow(NamedTuple):
    """One row of a RECORD, its path placed in the image.

    A tuple, like `FileCheck`, since an image has tens of thousands of them.
    """

    path: str
    algorithm: str
    """As `hashlib` names it; empty where the row has no hash."""
    digest: bytes
    size: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """A distribution's RECORD (recording-installed-packages): hints about its files."""

    rows: tuple[RecordRow, ...]
    problems: tuple[str, ...] = ()
    """Rows that could not be read, each as a sentence."""


@dataclass(frozen=True, slots=True)
class DirectUrl:
    """What `direct_url.json` (PEP 610) claims about where a distribution came from.

    `provenance_url.json` (PEP 710, a draft) says the same of what came from an index.
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
    """`uv_build.json` says that it was built from source here."""
    requested: bool = False
    source: str | None = None
    """Where an editable install's code lies, by the installation's own word."""
    os_package: str | None = None
    """The dpkg, apk or rpm package that owns it."""
    sboms: tuple[str, ...] = ()
    """Paths of the bills of material that came with it (PEP 770)."""


class OsFile(NamedTuple):
    """What a package database, the operating system's or conda's, says about one file."""

    package: str
    source: str
    """The database file that says so."""
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
    """Databases that could not be read: where there is one, a file may have an unknown owner."""


class OwnerKind(StrEnum):
    """The sorts of owner that a file may have."""

    DISTRIBUTION = "distribution"
    OS_PACKAGE = "os-package"
    CONDA_PACKAGE = "conda-package"
    INTERPRETER = "interpreter"
    BY_PRODUCT = "by-product"
    """Made by an installer or an interpreter in the course of its work."""
    APPLICATION = "application"
    BASE = "base"


class Owner(NamedTuple):
    """Whose a file is."""

    kind: OwnerKind
    name: str
    """The distribution or package, the interpreter's prefix, or what kind of by-product."""
    prefix: str = ""
    """Of a distribution: the environment that it is installed in."""


class PathOrigin(StrEnum):
    """Why something is on `sys.path`; the words are for sentences."""

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
    interpreter: str | None
    """Path of its `python` as the image spells it; None where it is gone."""
    python_version: str | None
    """`3.11.7`, `3.11`, or None where the files do not tell."""
    import_paths: tuple[str, ...]
    """Directories that distributions are looked for in, in the order of `sys.path`."""
    runtime: bool
    runtime_reason: str
    """Why this is the runtime environment; empty for every other."""
    distributions: tuple[Distribution, ...]
    """All of them, in the order of `import_paths` and then by name."""
    seeded: bool = False
    """pyvenv.cfg says that the tool that made it also put bootstrap packages in."""
    managed: bool = False
    """EXTERNALLY-MANAGED (PEP 668) says that another package manager looks after it."""
    sys_path: tuple[PathEntry, ...] = ()
    """All of `sys.path` as the image's command sets it up; known of the runtime one only."""
    fault: str = ""
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
    """Where no environment could be named the runtime: those that it could have been."""
    problems: tuple[Problem, ...] = ()
    os_packages: OsPackages = field(default_factory=OsPackages)
    conda_files: Mapping[str, OsFile] = field(default_factory=dict)
    """What conda's records claim, by real path."""

    @property
    def runtime(self) -> Environment | None:
        """The environment that the image runs, if one could be told."""
        return next((env for env in self.environments if env.runtime), None)


@dataclass(frozen=True, slots=True)
class OtherPlatform:
    """What the audited reference leads to for another platform, as far as it is compared."""

    platform: Platform
    inventory: Inventory
    expectation: Expectation
    """What the same lock selects there."""
    problems: tuple[Problem, ...] = ()
    """Whatever of it could not be read or decided."""
    opened: bool = True
    """False where there was no image to look at; a problem says why."""


# ------------------------------------------------------------------------------ testimony


@dataclass(frozen=True, slots=True)
class Testified:
    """One row of `pip list --format json`."""

    name: str
    """Normalised."""
    version: str
    editable_location: str | None = None


@dataclass(frozen=True, slots=True)
class Testimony:
    """What `pip list` inside the image said, or why it could not be asked."""

    packages: tuple[Testified, ...] = ()
    failure: str | None = None
    """A clause after "pip list could not run:", None where it ran."""


# ------------------------------------------------------------------------------- evidence


class FileState(StrEnum):
    """How an installed file compares with what its owner records."""

    INTACT = "intact"
    MODIFIED = "modified"
    MISSING = "missing"
    UNPROVEN = "unproven"
    """Present, and nothing to compare it with."""
    UNREADABLE = "unreadable"
    UNLISTED = "unlisted"
    """Not what the locked artifact has at this place, although RECORD agrees with it: the
    installation is consistent in itself, and not the locked one."""
    ADDED = "added"
    """RECORD lists it, and the locked artifact has nothing that it could be."""
    SCRIPT = "script"
    """A script in the place of one that installers generate, and none that they would write."""
    BUILT = "built"
    """Made while the locked sdist was built, which does not hold it."""


class FileCheck(NamedTuple):
    """One installed file against its owner's record of it, or against the locked artifact."""

    path: str
    state: FileState
    expected: str = ""
    actual: str = ""


class IdentityKind(StrEnum):
    """What an installation is that is not the locked artifact."""

    OTHER_PLATFORM = "other platform"
    """A wheel that this Python or platform does not take."""
    OTHER_ARTIFACT = "other artifact"
    """Complete and consistent in itself: a wheel that the lock does not list."""
    LOCAL_BUILD = "local build"
    COPY = "copy"
    """The locked artifact, but for some files."""


class Identity(NamedTuple):
    """What an installation is by its own word: a kind, and a clause for a sentence."""

    kind: IdentityKind
    clause: str


@dataclass(frozen=True, slots=True)
class Proof:
    """How far one installed distribution could be compared, and with what result."""

    distribution: Distribution
    degree: Degree
    files: tuple[FileCheck, ...] = ()
    """Every file but the intact ones, sorted by path."""
    checked: int = 0
    """Files compared or looked for, and `size` the bytes of those that are there."""
    size: int = 0
    bytecode: int = 0
    """Compiled files present, none of them compared."""
    artifact: Artifact | None = None
    """The locked artifact that it equals or, below `proven`, that it names."""
    against: str = ""
    """File name of the locked artifact that the files were compared with; empty: RECORD."""
    identity: Identity | None = None
    """What it is, where that is known to be no locked artifact."""


class Attested(StrEnum):
    """What came of looking for an attestation by whom the lock names."""

    VERIFIED = "verified"
    REFUSED = "refused"
    """There are attestations, and none of them is by anybody that the lock names (LI907)."""
    UNKNOWN = "unknown"
    """There is none, or none that can be had or verified here (LI903)."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """Whether the locked artifact that is installed was attested by whom the lock names."""

    attested: Attested
    why: str = ""
    """A clause that fits behind the artifact's name; empty where it was verified."""
    found: str | None = None
    """Who attested it, in words; None where no signature holds."""


# --------------------------------------------------------------------------------- policy


@dataclass(frozen=True, slots=True)
class IgnoreEntry:
    """Findings that the policy sets aside (`[[ignore]]`)."""

    code: str
    """A code, the beginning of some codes, or a kind's name: as the policy says it."""
    codes: frozenset[str]
    """The codes that it means."""
    subject: str
    """Glob over a finding's subject; `*` matches slashes too."""
    reason: str
    path: str | None = None
    """Glob over a finding's path; None: whatever it is."""
    until: date | None = None
    """The last day on which it applies."""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class DeclaredNative:
    """A native build that no lock can name and the policy vouches for (`[[native]]`).

    At least one of `path` and `soname` is given, and one of `sha256` and `build_id`; where
    both are, both count.
    """

    source: str
    """What it was built from, for people."""
    reason: str
    path: str | None = None
    """Absolute, in the image."""
    soname: str | None = None
    sha256: str | None = None
    """Of the file, hexadecimal."""
    build_id: str | None = None
    """Hexadecimal."""
    line: int | None = None

    def difference(self, sha256: str | None, build_id: str | None) -> tuple[str, str] | None:
        """Give what is declared and what was found where the two differ; None where not.

        A build-id that is declared and that the file does not have differs as well.
        """
        for label, wanted, found in (
            ("sha256", self.sha256, sha256),
            ("build-id", self.build_id, build_id),
        ):
            if wanted is not None and wanted != found:
                return f"{label} {wanted}", f"{label} {found}" if found else f"no {label}"
        return None


class Requirement(NamedTuple):
    """How much evidence the policy asks for (`[require]`)."""

    name: str
    """Glob over normalised names of distributions."""
    degree: Degree


@dataclass(frozen=True, slots=True)
class Policy:
    """What the project decided about findings, as its configuration file says it."""

    ignores: tuple[IgnoreEntry, ...] = ()
    natives: tuple[DeclaredNative, ...] = ()
    severities: Mapping[str, Severity] = field(default_factory=dict)
    """Code -> severity, in place of the kind's own."""
    requirements: tuple[Requirement, ...] = ()
    """The first one that means a package holds for it."""
    today: date = date.max
    """The day of the audit, which alone decides what has expired; by default everything has."""
    path: str | None = None
    """The file it comes from, as shown."""


# --------------------------------------------------------------------------------- report


@dataclass(frozen=True, slots=True)
class Observation:
    """What a rule saw. The runner stamps the kind on it."""

    subject: str
    """The thing at fault: a distribution's name, else a path, else an instruction."""
    message: str
    """One sentence, without the subject's repetition where it can be avoided."""
    path: str | None = None
    environment: str | None = None
    """Prefix of the environment it is about."""
    expected: str | None = None
    actual: str | None = None
    lock_line: int | None = None
    layer: int | None = None
    """Index of the layer to blame, where it is not the one that holds `path` now."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Why the policy sets a finding aside, and until when (ISO date)."""

    reason: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """An observation with its kind, its layer and a fingerprint that outlives releases."""

    code: str
    name: str
    severity: Severity
    subject: str
    message: str
    path: str | None
    environment: str | None
    layer: Layer | None
    lock_line: int | None
    expected: str | None
    actual: str | None
    fingerprint: str
    ignored: Ignored | None = None


@dataclass(frozen=True, slots=True)
class PolicyNote:
    """An entry of the policy that does nothing (any more), and why."""

    entry: str
    """`[[ignore]] LI103 requests`."""
    why: str
    path: str | None
    """The file that holds it, as shown, and its `line` there."""
    line: int | None


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One distribution of the audit: locked, installed, or both."""

    name: str
    in_lock: bool
    locked: str | None
    installed: str | None
    environment: str | None
    evidence: Degree
    artifact: Artifact | None
    files: int
    built_files: int
    unproven_files: int
    bytecode_verified: int
    bytecode_unverified: int
    attestation_identities: tuple[Mapping[str, object], ...] = ()
    attested: Attested | None = None
    """None where the lock names nobody, nothing is installed, or it was not to be verified."""
    sboms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LockSummary:
    """Which lock was used, and how much of it."""

    path: str
    sha256: str
    created_by: str
    packages_selected: int


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was looked at."""

    files: int
    bytes: int
    packages: int
    native_libraries: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one audit says; the formats render it and add nothing."""

    verdict: Verdict
    mode: str
    """`full` or `quick`."""
    image: Image
    lock: LockSummary
    environments: tuple[Environment, ...]
    packages: tuple[PackageRow, ...]
    findings: tuple[Finding, ...]
    """Worst first: errors, warnings, notes, then by code, subject and path."""
    checked: Checked
    not_checked: tuple[NotChecked, ...]
    policy_notes: tuple[PolicyNote, ...] = ()
    """In the order of the policy; they never change the verdict."""
