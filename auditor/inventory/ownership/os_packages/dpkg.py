"""dpkg: `info/*.list`, `*.md5sums`, `*.conffiles`, `status`, `diversions`; distroless `status.d`.

Follows dpkg's own documentation of its database (dpkg(1) FILES, deb-md5sums(5),
dpkg-divert(1)). Distroless images have no lists: `status.d/NAME.md5sums` names the files.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from auditor.inventory.ownership.os_packages.database import Claim
from auditor.inventory.paths import RealPaths, list_directory
from auditor.model import FileType, OsFile

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from auditor.inventory.ownership.os_packages.database import Database
    from auditor.model import Entry, Rootfs

_ADMIN = "/var/lib/dpkg"
_INFO = f"{_ADMIN}/info"
_DISTROLESS = f"{_ADMIN}/status.d"

_INSTALLED = ("/bin/", "/etc/", "/lib", "/sbin/", "/usr/bin/", "/usr/lib", "/usr/sbin/")
"""Where Debian's packages put links to their files, and what they leave to the administrator."""

_PACKAGE = re.compile(rb"^Package:[ \t]*(\S+)", re.MULTILINE)
_MD5 = re.compile(r"[0-9a-f]{32}")

Diversions = dict[str, tuple[str, str]]
"""Path -> where other packages' file of that path really is, and whose the path itself is."""


def dpkg_claims(database: Database) -> Iterator[Claim]:
    """Yield every file that dpkg installed, with the md5 that its package names for it.

    A list without its package in `status` is a leftover that dpkg itself ignores.
    """
    diversions = _diversions(database)
    status = database.read(f"{_ADMIN}/status")
    known = None
    if status is not None:
        known = {name.decode("utf-8", "surrogateescape") for name in _PACKAGE.findall(status)}
    present = frozenset(list_directory(database.rootfs, _INFO))
    for name in sorted(present):
        stem, dot, suffix = name.rpartition(".")
        package = stem.partition(":")[0]
        if dot and suffix == "list" and (known is None or package in known):
            yield from _installed(database, stem, present, diversions)
    yield from _distroless(database)


def _installed(
    database: Database, stem: str, present: frozenset[str], diversions: Diversions
) -> Iterator[Claim]:
    """Yield the claims of one package; `stem` may end in its architecture."""
    package = stem.partition(":")[0]
    source = f"{_INFO}/{stem}.list"
    md5sums, conffiles = f"{stem}.md5sums", f"{stem}.conffiles"
    sums = dict(_sums(database.lines(f"{_INFO}/{md5sums}"))) if md5sums in present else {}
    conf = set(database.lines(f"{_INFO}/{conffiles}")) if conffiles in present else set()
    plain = OsFile(package, source)
    for path in _files(database.lines(source)):
        digest = sums.get(path, b"")
        file = plain
        if digest or path in conf:
            file = OsFile(package, source, "md5" if digest else "", digest, path in conf)
        yield Claim(_diverted(path, package, diversions), file)


def _distroless(database: Database) -> Iterator[Claim]:
    """Yield the claims of the packages that `status.d` describes."""
    rootfs = database.rootfs
    real = RealPaths(rootfs)
    listed: set[str | None] = set()
    layers: dict[int | None, OsFile] = {}
    for name in list_directory(rootfs, _DISTROLESS):
        path = posixpath.join(_DISTROLESS, name)
        entry = rootfs.lstat(path)
        if not name.endswith(".md5sums") or entry is None:
            continue
        package = name.removesuffix(".md5sums")
        layers.setdefault(entry.layer, OsFile(package, path, conffile=True))
        for file, digest in _sums(database.lines(path)):
            listed.add(real(file))
            yield Claim(file, OsFile(package, path, "md5" if digest else "", digest))
    if layers:
        yield from _unlisted(rootfs, layers, listed)


def _unlisted(
    rootfs: Rootfs, layers: Mapping[int | None, OsFile], listed: Container[str | None]
) -> Iterator[Claim]:
    """Yield what sums leave out: configuration files, and links to files of packages.

    Neither is in a package's sums (deb-md5sums(5)), so what counts is that it came with them:
    in the same layer.
    """
    for path, entry in rootfs.walk():
        package = layers.get(entry.layer)
        if package is None or path in listed or not path.startswith(_INSTALLED):
            continue
        if entry.type is FileType.SYMLINK:
            target = rootfs.resolve(path)
            end = None if target is None else rootfs.lstat(target)
            if target in listed or (end is not None and _is_configuration(target, end, entry)):
                yield Claim(path, package)
        elif _is_configuration(path, entry, entry):
            yield Claim(path, package)


def _is_configuration(path: str | None, entry: Entry, beside: Entry) -> bool:
    """Return whether a file is one below /etc, of the same layer as another."""
    return (
        path is not None
        and path.startswith("/etc/")
        and entry.type is FileType.FILE
        and entry.layer == beside.layer
    )


def _files(lines: list[str]) -> Iterator[str]:
    """Yield the paths of a list but the directories: dpkg names each before what is in it."""
    for path, following in zip(lines, [*lines[1:], ""], strict=True):
        if path.startswith("/") and not following.startswith(f"{path}/") and path != "/.":
            yield path


def _sums(lines: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for line in lines:
        digest, _, path = line.partition("  ")
        if path:
            known = bytes.fromhex(digest) if _MD5.fullmatch(digest) else b""
            yield f"/{path.removeprefix('/')}", known


def _diversions(database: Database) -> Diversions:
    """Read the triples of `diversions`: path, where it was diverted to, for which package."""
    lines = database.lines(f"{_ADMIN}/diversions")
    return {
        path: (target, package)
        for path, target, package in zip(lines[::3], lines[1::3], lines[2::3], strict=False)
    }


def _diverted(path: str, package: str, diversions: Diversions) -> str:
    """Return where a package's file lies: `:` marks a diversion by the administrator."""
    target, owner = diversions.get(path, (path, package))
    return path if owner == package else target
