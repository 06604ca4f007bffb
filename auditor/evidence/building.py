"""Installed files against the sdist that they were built from.

A build copies sources and makes the rest. Python sources that the sdist has must be its own,
but for version files that are only data; what it does not have was made by the build and is
comparable with nothing.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from typing import TYPE_CHECKING

from auditor.evidence.pairing import Pairing, judge_script, script_targets
from auditor.evidence.placement import script_folders
from auditor.evidence.recorded import check_recorded, compared_rows, stated
from auditor.evidence.version_file import is_version_data
from auditor.inventory.distribution_files import entry_points
from auditor.model import FileCheck, FileState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from auditor.artifacts.manifest import Manifest, Member
    from auditor.evidence.pairing import Installed
    from auditor.model import Entry

_APART = frozenset({"test", "tests", "doc", "docs", "example", "examples", "benchmarks"})
"""Top folders of sdists from which nothing is installed, though names in them may repeat."""

_NOT_CONTRADICTED = frozenset({FileState.INTACT, FileState.UNPROVEN})
"""What RECORD leaves to the sdist: a row without a hash says nothing of the bytes."""


def pair_build(installed: Installed, manifest: Manifest) -> Pairing:
    """Compare an installation with the sdist that it should be built from.

    RECORD comes first: whether what the build made was changed later is known by nothing else.
    What it does not contradict is compared with the sdist, whether it has a hash or not. The
    scripts that installers generate are judged by their form, as those of a wheel.
    """
    rootfs, distribution = installed.rootfs, installed.distribution
    announced = _scripts(installed)
    rows = compared_rows(distribution)
    scripts = {row.path: script_targets(row.path, announced, installed.site) for row in rows}
    found = [
        check
        for path, targets in scripts.items()
        if targets
        for check in judge_script(installed, path, targets)
    ]
    rest = [row for row in rows if not scripts[row.path]]
    checks = check_recorded(rootfs, {"": rest}, installed.claims.recorded)[""]
    left = [check.path for check in checks if check.state in _NOT_CONTRADICTED]
    found += [check for check in checks if check.state not in _NOT_CONTRADICTED]
    digests = rootfs.digests(left)
    by_name = _by_name(manifest.members)
    size = 0
    for path in left:
        entry = rootfs.stat(path)
        if entry is None or path not in digests:
            found.append(FileCheck(path, FileState.UNREADABLE))
            continue
        size += entry.size
        found += _file(installed, path, (digests[path], entry), by_name)
    found.sort()
    return Pairing(found, len(scripts), size)


def _by_name(members: Sequence[Member]) -> Mapping[str, list[Member]]:
    found: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        found[posixpath.basename(member.path)].append(member)
    return found


def _scripts(installed: Installed) -> dict[str, str]:
    """Give the scripts that installers generate for it, by the build's own entry points."""
    announced = entry_points(installed.rootfs, [installed.distribution])
    folder = script_folders(installed.site)[0]
    return {f"{folder}/{name}": min(targets) for name, targets in announced.items()}


def _file(
    installed: Installed,
    path: str,
    found: tuple[bytes, Entry],
    by_name: Mapping[str, list[Member]],
) -> Iterator[FileCheck]:
    """Judge one file that RECORD lists: the sdist's own, or made by the build."""
    digest, entry = found
    inside = path.removeprefix(f"{installed.site.root}/")
    namesakes = by_name.get(posixpath.basename(path), [])
    sources = [each for each in namesakes if _is_at(each, inside)]
    # Where a build puts what is no module, the sdist does not tell.
    own = any(each.sha256 == digest for each in sources or namesakes)
    if own or path.startswith(installed.site.info + "/"):
        return
    actual = stated(digest, entry.size)
    if sources and path.endswith(".py") and not is_version_data(installed.rootfs, path):
        expected = stated(sources[0].sha256, sources[0].size)
        yield FileCheck(path, FileState.UNLISTED, expected, actual)
    elif not installed.claims.equals(path, digest):
        yield FileCheck(path, FileState.BUILT, "", actual)


def _is_at(member: Member, inside: str) -> bool:
    """Tell whether a member of the sdist is what lies at a path of the site directory.

    Sources often lie deeper in the sdist: `src/pkg/a.py` becomes `pkg/a.py`.
    """
    if member.path == inside:
        return True
    above = member.path.removesuffix(f"/{inside}")
    return above != member.path and above.partition("/")[0] not in _APART
