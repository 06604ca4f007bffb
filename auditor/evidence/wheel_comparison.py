"""Installed files against the members of a locked wheel.

The bytes of the wheel decide, not RECORD: a member's place must hold them, or those that
another locked wheel has for the same place. RECORD tells which of several places an installer
took, whether a file that differs was changed after its installation or was installed so, and
which files there are that the wheel does not have.
"""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING

from auditor.evidence.file_comparison import (
    FileComparison,
    check_script,
    script_targets,
    starts_python,
    unlisted_metadata,
)
from auditor.evidence.record_check import agrees, is_by_product, is_compiled, stated
from auditor.inventory.distributions.console_scripts import opening_of
from auditor.inventory.paths import RealPaths
from auditor.model import FileCheck, FileState, FileType, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.artifacts.manifest import Manifest, Member
    from auditor.evidence.file_comparison import InstalledFiles
    from auditor.evidence.placement import Placement
    from auditor.model import Rootfs

_PREAMBLE_LIMIT = 16 * 1024
"""Bytes by which an installed script may be longer than the wheel's: the interpreter's path."""


def compare_with_wheel(
    installed: InstalledFiles, manifest: Manifest, placed: Placement
) -> FileComparison:
    """Compare an installation with a wheel whose members should be at these places."""
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
    added = _not_in_wheel(installed, placed)
    scripts = {
        path: targets
        for path in added
        if (targets := script_targets(path, placed.scripts, installed.site))
    }
    for path, targets in scripts.items():
        checks += check_script(installed, path, targets)
    start = f"{manifest.dist_info}/"
    inside = (each.path[len(start) :] for each in manifest.members if each.path.startswith(start))
    metadata = unlisted_metadata(installed, {path.partition("/")[0] for path in inside})
    for path in (added - scripts.keys()) | {path for path in metadata if path not in added}:
        checks += _added(installed, path)
    checks.sort()
    return FileComparison(checks, len(placed.members) + len(placed.rewritten) + len(scripts), size)


def _member(installed: InstalledFiles, path: str, member: Member) -> Iterator[FileCheck]:
    """Check a file whose bytes are not those of the member."""
    entry = installed.rootfs.stat(path)
    expected = stated(member.sha256, member.size)
    if entry is None:
        yield FileCheck(path, FileState.MISSING, expected)
    elif entry.type is not FileType.FILE:
        yield FileCheck(path, FileState.MODIFIED, expected, "no regular file")
    elif (digest := installed.digests.get(path)) is None:
        yield FileCheck(path, FileState.UNREADABLE, expected)
    elif not installed.locked.has(path, digest):
        actual = stated(digest, entry.size) + _stripped(installed.rootfs, path, member, entry.size)
        yield FileCheck(path, _changed_state(installed, path), expected, actual)


def _stripped(rootfs: Rootfs, path: str, member: Member, size: int) -> str:
    """Return a remark on a shorter native file: it was stripped, or is another build."""
    shorter = member.size - size
    if shorter <= 0 or rootfs.facts(path).elf is None:
        return ""
    return f" ({shorter:,} bytes shorter: stripped, or another build)"


def _changed_state(installed: InstalledFiles, path: str) -> FileState:
    """Return whether a file was changed after its installation, or installed so.

    Another distribution's RECORD excuses nothing, since anybody could write it.
    """
    own = agrees(installed.rootfs, installed.rows.get(path, ()))
    return FileState.UNLISTED if own else FileState.MODIFIED


def _rewritten(
    installed: InstalledFiles, path: str, member: Member, *, read: bool
) -> Iterator[FileCheck]:
    """Check a script whose first line an installer has replaced.

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
    starts = opening is not None and starts_python(installed, path, text)
    if starts and not read:
        yield FileCheck(path, FileState.UNPROVEN, expected)
        return
    body = content[opening.end :] if opening is not None else content
    right = starts and hashlib.sha256(body).digest() == member.body
    if not right and not installed.locked.has(path, digest):
        yield FileCheck(path, FileState.SCRIPT, expected, stated(digest, entry.size))


def _not_in_wheel(installed: InstalledFiles, placed: Placement) -> set[str]:
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


def _added(installed: InstalledFiles, path: str) -> Iterator[FileCheck]:
    """Check a file that the wheel does not have; one that does not exist either is fine."""
    entry = installed.rootfs.stat(path)
    if entry is None or entry.type is not FileType.FILE:
        return
    digest = installed.rootfs.digests([path]).get(path)
    if digest is None:
        yield FileCheck(path, FileState.UNREADABLE)
    elif not installed.locked.has(path, digest):
        yield FileCheck(path, FileState.ADDED, "", stated(digest, entry.size))
