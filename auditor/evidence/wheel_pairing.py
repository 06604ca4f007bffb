"""Installed files against the members of a locked wheel.

The bytes of the wheel decide, not RECORD: a member's place must hold them, or those that
another locked wheel has for the same place. RECORD tells which of several places an installer
took, whether a file that differs was changed after its installation or was installed so, and
what else is there that the wheel has nothing for.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from auditor.evidence.placement import script_folders
from auditor.evidence.record_check import agrees, compared_rows, is_by_product, is_compiled, stated
from auditor.inventory.distributions.console_scripts import (
    interpreter_of,
    is_console_script,
    may_appear,
    opening_of,
)
from auditor.inventory.ownership.by_products import METADATA
from auditor.inventory.paths import RealPaths, list_directory, text_of
from auditor.model import FileCheck, FileState, FileType, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from auditor.artifacts.manifest import Manifest, Member
    from auditor.evidence.placement import Placement, Site
    from auditor.model import Distribution, RecordRow, Rootfs

_SCRIPT_LIMIT = 64 * 1024
"""Bytes of a generated script; genuine ones have a few hundred."""
_PREAMBLE_LIMIT = 16 * 1024
"""Bytes by which an installed script may be longer than the wheel's: the interpreter's path."""


class Claims:
    """What the locked distributions say of files that several of them may have."""

    def __init__(self, locked: Mapping[str, Distribution]) -> None:
        """Begin with the installations of locked distributions, by name."""
        self._locked = locked
        self.placements: dict[str, Placement] = {}
        """By name: where the wheel that is thought to be installed has its members."""

    def equals(self, path: str, digest: bytes) -> bool:
        """Return whether the file is that of any locked wheel at this place."""
        placed = (each.members.get(path) for each in self.placements.values())
        return any(member is not None and member.sha256 == digest for member in placed)

    def targets(self, path: str) -> Iterator[str]:
        """Yield what the script at a path may call, by any locked wheel."""
        for placed in self.placements.values():
            if path in placed.scripts:
                yield placed.scripts[path]

    def recorded(self, path: str) -> list[RecordRow]:
        """Return the rows of locked distributions for a path."""
        return self._by_path.get(path, [])

    @cached_property
    def _rows(self) -> dict[str, tuple[RecordRow, ...]]:
        return {name: compared_rows(each) for name, each in self._locked.items()}

    @cached_property
    def _by_path(self) -> dict[str, list[RecordRow]]:
        found: dict[str, list[RecordRow]] = {}
        for rows in self._rows.values():
            for row in rows:
                found.setdefault(row.path, []).append(row)
        return found


class Pairing(NamedTuple):
    """One installation compared with one artifact."""

    checks: list[FileCheck]
    """Every file but those that are right, in the order of their paths."""
    compared: int
    size: int
    """Bytes of the files that are right."""

    @property
    def differing(self) -> list[FileCheck]:
        """The files that this artifact does not explain."""
        return [each for each in self.checks if each.state not in _NO_DIFFERENCE]


_NO_DIFFERENCE = {FileState.UNPROVEN, FileState.UNREADABLE, FileState.BUILT}


@dataclass(frozen=True, slots=True)
class Installed:
    """One installation and what is needed to compare it."""

    rootfs: Rootfs
    distribution: Distribution
    site: Site
    digests: Mapping[str, bytes]
    """sha256 of the files at the places of members."""
    claims: Claims
    is_python: Callable[[str], bool]
    """Tells whether a real path is an interpreter that is not a stray."""
    rows: Mapping[str, Sequence[RecordRow]]
    """RECORD's rows by path."""


def pair(installed: Installed, manifest: Manifest, placed: Placement) -> Pairing:
    """Compare an installation with a wheel whose members have these places."""
    checks: list[FileCheck] = []
    size = 0
    digests = installed.digests
    for path, member in placed.members.items():
        if digests.get(path) == member.sha256:
            size += member.size
        else:
            checks += _member(installed, path, member)
    for path, member in placed.rewritten.items():
        checks += _rewritten(installed, path, member, read=manifest.verified)
    unknown = _unknown(installed, placed)
    scripts = {
        path: targets
        for path in unknown
        if (targets := script_targets(path, placed.scripts, installed.site))
    }
    for path, targets in scripts.items():
        checks += judge_script(installed, path, targets)
    for path in [*(unknown - scripts.keys()), *_unlisted_metadata(installed, manifest, unknown)]:
        checks += _stray(installed, path)
    checks.sort()
    return Pairing(checks, len(placed.members) + len(placed.rewritten) + len(scripts), size)


def _member(installed: Installed, path: str, member: Member) -> Iterator[FileCheck]:
    """Judge a file whose bytes are not the member's."""
    entry = installed.rootfs.stat(path)
    expected = stated(member.sha256, member.size)
    if entry is None:
        yield FileCheck(path, FileState.MISSING, expected)
    elif entry.type is not FileType.FILE:
        yield FileCheck(path, FileState.MODIFIED, expected, "no regular file")
    elif (digest := installed.digests.get(path)) is None:
        yield FileCheck(path, FileState.UNREADABLE, expected)
    elif not installed.claims.equals(path, digest):
        actual = stated(digest, entry.size) + _stripped(installed.rootfs, path, member, entry.size)
        yield FileCheck(path, _otherwise(installed, path), expected, actual)


def _stripped(rootfs: Rootfs, path: str, member: Member, size: int) -> str:
    """Say what a shorter native file may be: sections are gone, or it is another build."""
    shorter = member.size - size
    if shorter <= 0 or rootfs.facts(path).elf is None:
        return ""
    return f" ({shorter:,} bytes shorter: stripped, or another build)"


def _otherwise(installed: Installed, path: str) -> FileState:
    """Return how a file that is no locked wheel's came to be what it is.

    What another distribution's RECORD says of it excuses nothing: anybody could write that.
    """
    own = agrees(installed.rootfs, installed.rows.get(path, ()))
    return FileState.UNLISTED if own else FileState.MODIFIED


def _rewritten(
    installed: Installed, path: str, member: Member, *, read: bool
) -> Iterator[FileCheck]:
    """Judge a script whose first line an installer has replaced.

    Of a wheel that was not `read` whole, only the sha256 with the original line is known.
    """
    entry = installed.rootfs.stat(path)
    expected = stated(member.sha256, member.size)
    if entry is None:
        yield FileCheck(path, FileState.MISSING, expected)
        return
    try:
        content = installed.rootfs.read(path, member.size + _PREAMBLE_LIMIT)
    except UnreadableError as error:
        yield FileCheck(path, FileState.SCRIPT, expected, error.why)
        return
    digest = hashlib.sha256(content).digest()
    text = content.decode("latin-1")  # a character for each byte
    opening = opening_of(text)
    starts = opening is not None and _is_started_by_python(installed, path, text)
    if starts and not read:
        yield FileCheck(path, FileState.UNPROVEN, expected)
        return
    body = content[opening.end :] if opening is not None else content
    right = starts and hashlib.sha256(body).digest() == member.body
    if not right and not installed.claims.equals(path, digest):
        yield FileCheck(path, FileState.SCRIPT, expected, stated(digest, entry.size))


def _is_started_by_python(installed: Installed, path: str, text: str) -> bool:
    """Return whether what a script's first line names is a Python that somebody answers for.

    One that is not there starts nothing, unless a container brings it along: a `--target`
    directory keeps its builder's path.
    """
    named = interpreter_of(path, text)
    if not named:
        return True
    real = installed.rootfs.resolve(named)
    if real is None:
        return not may_appear(installed.rootfs, named)
    return installed.is_python(real)


def _unknown(installed: Installed, placed: Placement) -> set[str]:
    """Return what RECORD lists and the wheel does not have, but for by-products."""
    record = installed.distribution.record
    info = posixpath.basename(installed.site.info)
    left = {
        row.path
        for row in (record.rows if record else ())
        if row.path not in placed.members
        and row.path not in placed.rewritten
        and not is_by_product(row.path, info)
        and not is_compiled(row.path, placed.members)
    }
    real = RealPaths(installed.rootfs)
    there = ((path, real(path)) for path in left)
    known = {path for path, at in there if at in placed.members or at in placed.rewritten}
    return left - known


def _unlisted_metadata(
    installed: Installed, manifest: Manifest, listed: Collection[str]
) -> Iterator[str]:
    """Yield what lies in the metadata folder and neither the wheel nor RECORD has."""
    start = f"{manifest.dist_info}/"
    inside = (each.path[len(start) :] for each in manifest.members if each.path.startswith(start))
    known = {path.partition("/")[0] for path in inside}
    info = installed.site.info
    for name in list_directory(installed.rootfs, info):
        if name not in known and name not in METADATA and f"{info}/{name}" not in listed:
            yield f"{info}/{name}"


def script_targets(path: str, scripts: Mapping[str, str], site: Site) -> set[str]:
    """Return what the generated script at a path may call; empty where it is none.

    pip writes its own under the version's name too: `pip3.11` beside `pip3`.
    """
    folder, name = posixpath.split(path)
    if path in scripts:
        return {scripts[path]}
    if folder not in script_folders(site):
        return set()
    stem = name.rstrip("0123456789.").removesuffix("-")
    return {target for each, target in scripts.items() if posixpath.basename(each) == stem}


def judge_script(installed: Installed, path: str, targets: Iterable[str]) -> Iterator[FileCheck]:
    """Judge a script that installers generate: its form, and what it calls."""
    entry = installed.rootfs.stat(path)
    called = sorted(targets)
    expected = f"a script that calls {' or '.join(called)}"
    if entry is None:
        yield FileCheck(path, FileState.MISSING, expected)
        return
    text = text_of(installed.rootfs, path, _SCRIPT_LIMIT) if entry.size <= _SCRIPT_LIMIT else ""
    form = is_console_script(text, [*called, *installed.claims.targets(path)])
    if form and _is_started_by_python(installed, path, text):
        return
    digest = installed.rootfs.digests([path]).get(path)
    if digest is None or not installed.claims.equals(path, digest):
        actual = stated(digest, entry.size) if digest is not None else f"{entry.size:,} bytes"
        yield FileCheck(path, FileState.SCRIPT, expected, actual)


def _stray(installed: Installed, path: str) -> Iterator[FileCheck]:
    """Judge a file that the wheel has nothing for; an absent one is nothing."""
    entry = installed.rootfs.stat(path)
    if entry is None or entry.type is not FileType.FILE:
        return
    digest = installed.rootfs.digests([path]).get(path)
    if digest is None:
        yield FileCheck(path, FileState.UNREADABLE)
    elif not installed.claims.equals(path, digest):
        yield FileCheck(path, FileState.ADDED, "", stated(digest, entry.size))
