"""Files without an owner: what the runtime can import (LI203), what a command finds (LI305)."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.model import FileState, Observation
from auditor.rules.files import faults
from auditor.wording import and_more, plural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from auditor.inventory.ownership.unowned_files import UnownedFile
    from auditor.rules.facts import Facts

_MOST_IN_ONE_FOLDER = 10
"""Files of one directory that are findings of their own; more are one finding."""

_AFFIX = re.compile(r"^(?:python3?-|py-?)|(?:-python3?|-?py3?)$")


def stray_file(facts: Facts) -> Iterator[Observation]:
    """LI203: a file without an owner that the runtime can import, or that only RECORD claims.

    A native library alone is LI301's, what runs at every start is LI206's.
    """
    at_start = {code.path.partition("/__init__.")[0] for code in facts.start.code}
    yield from _added(facts, at_start)
    native = {path for each in facts.natives.unowned_libraries for path in each.paths}
    for stray in facts.unowned_code:
        if stray.path in at_start or stray.path in native:
            continue
        message = f"has no owner ({_extent(facts, stray)}){_likeness(facts, stray)}"
        yield facts.about(stray.path, message, stray.path)


def _extent(facts: Facts, stray: UnownedFile) -> str:
    """Return how much a stray is, or where it leads."""
    entry = facts.image.rootfs.lstat(stray.path)
    if entry is not None and entry.target:
        return f"a link to {entry.target}"
    files = f"{plural(stray.files, 'file')}, " if stray.files > 1 else ""
    return f"{files}{plural(stray.size, 'byte')}"


def _added(facts: Facts, known: Collection[str]) -> Iterator[Observation]:
    """Yield what RECORD lists and the locked artifact lacks; many files are one finding."""
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for proof, check in faults(facts, FileState.ADDED):
        if check.path not in known:
            groups[proof.distribution.name, proof.against].append(check.path)
    for (name, against), paths in groups.items():
        many = len(paths) > _MOST_IN_ONE_FOLDER
        what = f"{len(paths):,} files in it" if many else "it"
        for path in [posixpath.commonpath(paths)] if many else paths:
            message = f"the RECORD of {name} lists {what}, but {against} has nothing there"
            yield facts.about(path, message, path)


def _likeness(facts: Facts, stray: UnownedFile) -> str:
    """Return which locked distribution that is not installed a stray looks like."""
    stem = posixpath.basename(stray.path).partition(".")[0]
    for name, package in facts.expectation.packages.items():
        if name not in facts.installed and _bare(name) == _bare(stem):
            version = f" {package.version}" if package.version else ""
            return f"; it looks like the locked {name}{version} without its metadata"
    return ""


def _bare(name: str) -> str:
    return _AFFIX.sub("", canonicalize_name(name)).replace("-", "")


def stray_executable(facts: Facts) -> Iterator[Observation]:
    """LI305: an executable without an owner that is found by its name."""
    by_folder: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for path, real in facts.unowned_programs:
        by_folder[posixpath.dirname(path)].append((path, real))
    for folder, programs in by_folder.items():
        if len(programs) > _MOST_IN_ONE_FOLDER:
            listed = and_more((posixpath.basename(path) for path, _ in programs), 3)
            message = f"{len(programs):,} executables in it have no owner: {listed}"
            yield Observation(subject=folder, message=message, path=folder)
            continue
        for path, real in programs:
            kind = "native executable" if facts.image.rootfs.facts(real).elf else "script"
            link = "" if path == real else f" at {real}"
            yield Observation(subject=path, message=f"this {kind}{link} has no owner", path=path)
