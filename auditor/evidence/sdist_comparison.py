"""Installed files against the sdist that they were built from.

A build copies sources and makes the rest. Python sources that the sdist has must be equal, but
for version files that are only data, and nothing may be imported in their place. What the sdist
does not have was made by the build and can only be listed, as are metadata and entry points
other than the sdist's, and the scripts of these entry points.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING

from auditor.evidence.file_comparison import (
    FileComparison,
    check_script,
    script_targets,
    unlisted_metadata,
)
from auditor.evidence.placement import script_folders
from auditor.evidence.record_check import check_recorded, compared_rows, stated
from auditor.evidence.version_file import is_version_data
from auditor.inventory.distributions.owned_files import entry_points
from auditor.model import FileCheck, FileState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from auditor.artifacts.manifest import Manifest, Member
    from auditor.evidence.file_comparison import InstalledFiles

    Members = Mapping[str, Sequence[Member]]
    """The members of an sdist, by the last part of their paths."""

_APART = frozenset({"test", "tests", "doc", "docs", "example", "examples", "benchmarks"})
"""Top folders of sdists from which nothing is installed, though names in them may repeat."""
_CODE = (".py", ".pyc", ".so")
_NOT_CONTRADICTED = frozenset({FileState.INTACT, FileState.UNPROVEN})
"""What is left to the sdist: a row of RECORD without a hash says nothing of the bytes."""
_POINTS = "entry_points.txt"
_STATED = {"METADATA": "PKG-INFO", _POINTS: _POINTS}
"""Files of the metadata folder -> how an sdist calls them, beside its sources or in `.egg-info`."""


def compare_with_sdist(installed: InstalledFiles, manifest: Manifest) -> FileComparison:
    """Compare an installation with the sdist that it should be built from.

    RECORD comes first: nothing else tells whether what the build made was changed later. What it
    does not contradict is compared with the sdist, whether it has a hash or not. The scripts
    that installers generate are checked by their form, as those of a wheel.
    """
    rootfs, distribution = installed.rootfs, installed.distribution
    members = _by_name(manifest.members)
    announced = _scripts(installed)
    rows = compared_rows(distribution)
    scripts = {row.path: script_targets(row.path, announced, installed.site) for row in rows}
    found = list(_generated(installed, scripts, members))
    rest = [row for row in rows if not scripts[row.path]]
    checks = check_recorded(rootfs, {"": rest}, installed.locked.recorded)[""]
    found += [check for check in checks if check.state not in _NOT_CONTRADICTED]
    left = [check.path for check in checks if check.state in _NOT_CONTRADICTED]
    folder = posixpath.basename(installed.site.info)
    left += unlisted_metadata(installed, {row.path.rpartition(f"/{folder}/")[2] for row in rows})
    digests = rootfs.digests(left)
    size = 0
    for path in left:
        entry = rootfs.stat(path)
        if entry is None or path not in digests:
            found.append(FileCheck(path, FileState.UNREADABLE))
            continue
        size += entry.size
        actual = stated(digests[path], entry.size)
        found += _file(installed, path, (digests[path], actual), members)
    found.sort()
    return FileComparison(found, len(scripts), size)


def _by_name(members: Sequence[Member]) -> Members:
    found: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        found[posixpath.basename(member.path)].append(member)
    return found


def _scripts(installed: InstalledFiles) -> dict[str, str]:
    """Return the scripts that installers generate from the entry points in the image."""
    announced = entry_points(installed.rootfs, [installed.distribution])
    folder = script_folders(installed.site)[0]
    return {f"{folder}/{name}": min(targets) for name, targets in announced.items()}


def _generated(
    installed: InstalledFiles, scripts: Mapping[str, Collection[str]], members: Members
) -> Iterator[FileCheck]:
    """Check generated scripts; those of entry points that the build has made are built."""
    rootfs = installed.rootfs
    points = f"{installed.site.info}/{_POINTS}"
    digests = rootfs.digests([points, *(path for path, targets in scripts.items() if targets)])
    declared = points in digests and _is_own(installed, points, digests[points], members)
    for path, targets in scripts.items():
        if not targets:
            continue
        faults = list(check_script(installed, path, targets))
        yield from faults
        entry = rootfs.stat(path)
        known = declared or set(targets) <= set(installed.locked.targets(path))
        if not faults and not known and entry is not None and path in digests:
            yield FileCheck(path, FileState.BUILT, "", stated(digests[path], entry.size))


def _file(
    installed: InstalledFiles, path: str, found: tuple[bytes, str], members: Members
) -> Iterator[FileCheck]:
    """Check one file, by its digest and description: the sdist's own, or made by the build."""
    digest, actual = found
    if _is_own(installed, path, digest, members):
        return
    inside = path.removeprefix(f"{installed.site.root}/")
    sources = _sources(inside, members)
    is_source = sources and path.endswith(".py") and not is_version_data(installed.rootfs, path)
    instead = sources if is_source else _hidden(inside, members)
    if instead:
        expected = stated(instead[0].sha256, instead[0].size)
        yield FileCheck(path, FileState.UNLISTED, expected, actual)
    else:
        yield FileCheck(path, FileState.BUILT, "", actual)


def _is_own(installed: InstalledFiles, path: str, digest: bytes, members: Members) -> bool:
    """Return whether a file is in the sdist or a locked wheel, or says nothing of the code."""
    name = posixpath.basename(path)
    if installed.locked.has(path, digest):
        return True
    if not path.startswith(f"{installed.site.info}/"):
        inside = path.removeprefix(f"{installed.site.root}/")
        # The sdist does not say where a build puts files that are no modules.
        same = _sources(inside, members) or members.get(name, ())
        return any(each.sha256 == digest for each in same) and not _hidden(inside, members)
    same = members.get(_STATED.get(name, name), ())
    own = any(each.sha256 == digest and (name not in _STATED or _is_stated(each)) for each in same)
    return own or name == "WHEEL"


def _is_stated(member: Member) -> bool:
    """Return whether a member of the sdist is where its own metadata are."""
    folder = posixpath.dirname(member.path)
    return not folder or folder.endswith(".egg-info")


def _hidden(inside: str, members: Members) -> Sequence[Member]:
    """Return the module of the sdist that a package of its name hides."""
    folder, name = posixpath.split(inside)
    is_package = name.partition(".")[0] == "__init__" and name.endswith(_CODE)
    if not is_package or _sources(inside, members):
        return ()
    return _sources(f"{folder}.py", members)


def _sources(inside: str, members: Members) -> Sequence[Member]:
    """Return what the sdist has for a path of the site directory.

    Sources are often deeper in the sdist: `src/pkg/a.py` becomes `pkg/a.py`.
    """
    namesakes = members.get(posixpath.basename(inside), ())
    nearest = [each for each in namesakes if each.path in {inside, f"src/{inside}"}]
    return nearest or [each for each in namesakes if _is_below(each, inside)]


def _is_below(member: Member, inside: str) -> bool:
    above = member.path.removesuffix(f"/{inside}")
    return above != member.path and above.partition("/")[0] not in _APART
