"""Whose a file is: strays, shared files, and what belongs to the operating system."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.evidence.record_check import compared_rows
from auditor.inventory.paths import RealPaths
from auditor.model import FileState, Observation
from auditor.rules.files import faults
from auditor.units import plural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from auditor.inventory.ownership.unowned_files import UnownedFile
    from auditor.model import RecordRow
    from auditor.rules.facts import Facts

_MOST_IN_ONE_FOLDER = 10
"""Programs of one directory that are told one by one."""

_AFFIX = re.compile(r"^(?:python3?-|py-?)|(?:-python3?|-?py3?)$")


def os_packaged_distribution(facts: Facts) -> Iterator[Observation]:
    """LI110: the operating system's package manager provides what the lock should.

    The system's own interpreter is made to see the system's packages: there only those count
    that answer for a locked name.
    """
    runtime, interpreter = facts.runtime, facts.inventory.interpreter
    if runtime is None or interpreter is None:
        return
    systems_own = (
        interpreter.path in facts.inventory.os_packages.files
        and facts.image.rootfs.resolve(interpreter.prefix) == runtime.prefix
    )
    for name, found in facts.installed.items():
        package = facts.expectation.packages.get(name)
        if found.chosen.os_package is None or (systems_own and package is None):
            continue
        owner = f"the OS package {found.chosen.os_package}"
        role = "provides the locked name" if package else "is visible to the runtime"
        yield Observation(
            subject=name,
            message=f"{name} {found.chosen.version} of {owner} {role}",
            path=found.chosen.metadata_path,
            environment=facts.prefix,
            expected=str(package.version) if package and package.version else None,
            actual=found.chosen.version,
            lock_line=package.line if package else None,
        )


def stray_file(facts: Facts) -> Iterator[Observation]:
    """LI203: nobody owns it, and the runtime can import it; or only RECORD says whose it is.

    A native library alone is LI301's, what runs at every start is LI206's.
    """
    paths = [code.path for code in facts.start.code]
    at_start = {path.partition("/__init__.")[0] for path in paths}
    yield from _added(facts, at_start)
    native = {path for each in facts.natives.unowned_libraries for path in each.paths}
    for stray in facts.unowned_code:
        if stray.path in at_start or stray.path in native:
            continue
        yield Observation(
            subject=stray.path,
            message=f"nobody owns it ({_extent(facts, stray)}){_likeness(facts, stray)}",
            path=stray.path,
            environment=facts.prefix,
        )


def _extent(facts: Facts, stray: UnownedFile) -> str:
    """Say how much a stray is, or where it leads."""
    entry = facts.image.rootfs.lstat(stray.path)
    if entry is not None and entry.target:
        return f"a link to {entry.target}"
    files = f"{plural(stray.files, 'file')}, " if stray.files > 1 else ""
    return f"{files}{plural(stray.size, 'byte')}"


def _added(facts: Facts, known: Collection[str]) -> Iterator[Observation]:
    """Tell what only RECORD says to be a distribution's, folder by folder where it is much."""
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for proof, check in faults(facts, FileState.ADDED):
        if check.path not in known:
            groups[proof.distribution.name, proof.against].append(check.path)
    for (name, against), paths in groups.items():
        told = (
            [(path, "") for path in paths]
            if len(paths) <= _MOST_IN_ONE_FOLDER
            else [(posixpath.commonpath(paths), f"{len(paths):,} files in it")]
        )
        for path, much in told:
            yield Observation(
                subject=path,
                message=f"{name} claims {much or 'it'}, and {against} has nothing there",
                path=path,
                environment=facts.prefix,
            )


def _likeness(facts: Facts, stray: UnownedFile) -> str:
    """Say which locked distribution that is not installed a stray looks like."""
    stem = posixpath.basename(stray.path).partition(".")[0]
    for name, package in facts.expectation.packages.items():
        if name not in facts.installed and _bare(name) == _bare(stem):
            version = f" {package.version}" if package.version else ""
            return f"; it looks like the locked {name}{version} without its metadata"
    return ""


def _bare(name: str) -> str:
    return _AFFIX.sub("", canonicalize_name(name)).replace("-", "")


def shared_file(facts: Facts) -> Iterator[Observation]:
    """LI205: two locked distributions claim one file, and record different bytes for it."""
    real = RealPaths(facts.image.rootfs)
    claims: defaultdict[str, dict[str, RecordRow]] = defaultdict(dict)
    for name, found in facts.installed.items():
        if name in facts.expectation.packages and found.chosen.os_package is None:
            for row in compared_rows(found.chosen):
                path = real(row.path)
                if path is not None:
                    claims[path].setdefault(name, row)
    together: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path, by_name in claims.items():
        if len(by_name) > 1:
            for one, other in combinations(sorted(by_name), 2):
                if _differ(by_name[one], by_name[other]):
                    together[one, other].append(path)
    for (one, other), paths in sorted(together.items()):
        first, more = min(paths), len(paths) - 1
        rest = f" and {more:,} more" if more else ""
        yield Observation(
            subject=one,
            message=f"{one} and {other} both claim {first}{rest}, with different bytes",
            path=first,
            environment=facts.prefix,
        )


def _differ(one: RecordRow, other: RecordRow) -> bool:
    if one.algorithm and one.algorithm == other.algorithm:
        return one.digest != other.digest
    return None not in (one.size, other.size) and one.size != other.size


def stray_program(facts: Facts) -> Iterator[Observation]:
    """LI305: nobody owns a program that is found by its name."""
    by_folder: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, real in facts.unowned_programs:
        by_folder[posixpath.dirname(path)].append((path, real))
    for folder, programs in by_folder.items():
        if len(programs) > _MOST_IN_ONE_FOLDER:
            some = ", ".join(posixpath.basename(path) for path, _ in programs[:3])
            yield Observation(
                subject=folder,
                message=f"nobody owns {len(programs):,} executables in it: {some}, ...",
                path=folder,
            )
            continue
        for path, real in programs:
            kind = "native executable" if facts.image.rootfs.facts(real).elf else "script"
            link = "" if path == real else f" at {real}"
            yield Observation(subject=path, message=f"nobody owns this {kind}{link}", path=path)


def changed_os_file(facts: Facts) -> Iterator[Observation]:
    """LI306: a library or program has other bytes than its OS package brought."""
    for change in facts.os_comparison.changed:
        yield Observation(
            subject=change.path,
            message=f"differs from what the OS package {change.package} brought",
            path=change.path,
            expected=f"{change.algorithm}:{change.expected}",
            actual=f"{change.algorithm}:{change.actual}",
        )
