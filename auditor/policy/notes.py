"""Notes about settings that have no effect on an audit."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from auditor.model import FileType, PolicyNote
from auditor.wording import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from auditor.model import Expectation, Inventory, Policy, Rootfs


def notes_on_files(policy: Policy, rootfs: Rootfs) -> Iterator[PolicyNote]:
    """Yield a note for every `[[native]]` that is about no file of the image."""
    # All files are looked at, so only where an entry needs it.
    by_name = any(each.path is None for each in policy.natives)
    sonames = set(_sonames(rootfs)) if by_name else set()
    for each in policy.natives:
        there = each.soname in sonames if each.path is None else rootfs.lstat(each.path) is not None
        if not there:
            entry = f"[[native]] {each.path or each.soname}"
            yield PolicyNote(entry, "there is no such file", policy.path, each.line)


def _sonames(rootfs: Rootfs) -> Iterator[str]:
    for path, entry in rootfs.walk():
        elf = rootfs.facts(path).elf if entry.type is FileType.FILE else None
        if elf is not None and elf.soname:
            yield elf.soname


def notes_on_names(
    policy: Policy, own: Collection[str], inventory: Inventory, expectation: Expectation
) -> Iterator[PolicyNote]:
    """Yield a note for every `--own` and `[require]` that is about no distribution.

    Where nothing could be selected from the lock, no requirement is noted.
    """
    known = {*expectation.packages, *expectation.unselected}
    for environment in inventory.environments:
        known.update(each.name for each in environment.distributions)
    for name in sorted(set(own) - known):
        why = f"no distribution has this name; {did_you_mean(name, known)}".removesuffix("; ")
        yield PolicyNote(f"--own {name}", why, None, None)
    names = expectation.packages
    for each in policy.requirements if names else ():
        if not any(fnmatchcase(name, each.name) for name in names):
            why = f"the lock selects no such package; {did_you_mean(each.name, names)}"
            entry, place = f"[require] {each.name}", (policy.path, each.line)
            yield PolicyNote(entry, why.removesuffix("; "), *place)
