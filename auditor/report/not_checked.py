"""What a full audit did not compare, and why; for a quick one: `catalogue.QUICK_NOT_CHECKED`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import FileState, NotChecked
from auditor.report.build import verified_bytecode
from auditor.rules import why_not_comparable
from auditor.rules.attestation_rules import attestations_not_checked
from auditor.rules.locked_artifacts import artifacts_not_checked
from auditor.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.rules import Facts

_LISTED = 20
"""Other platforms that are named."""


def not_checked(facts: Facts) -> Iterator[NotChecked]:
    """Yield what this audit did not compare, so that silence is not read as proof."""
    yield from facts.image.not_checked
    not_comparable = why_not_comparable(facts.inventory, facts.expectation)
    if not_comparable:
        yield NotChecked("distributions and files", not_comparable)
    yield from artifacts_not_checked(facts)
    yield from attestations_not_checked(facts)
    if not facts.image.history:
        yield NotChecked("instructions", "there is no history of how the image was made")
    if facts.pip_list is None:
        yield NotChecked("pip list", "it was not run in the image")
    for what, why in (*_files(facts), *_platforms(facts, not_comparable)):
        yield NotChecked(what, why)


def _files(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the files that were not compared, by what they are."""
    found = facts.os_comparison
    if found.taken_as_installed:
        files = plural(found.taken_as_installed, "file")
        why = f"{files} in the layer of the package's file list, not compared with it"
        yield "operating system files", why
    if found.unreadable:
        yield "operating system files", f"{plural(found.unreadable, 'file')} could not be read"
    damaged = sum(not each.elf.complete for each in facts.natives.files)
    if damaged:
        yield "native libraries", f"{plural(damaged, 'file')} with headers that are not whole"
    others = [each for each in facts.inventory.environments if not each.runtime]
    count = sum(len(each.distributions) for each in others)
    if count:
        where = ", ".join(each.prefix for each in others if each.distributions)
        yield "other environments", f"the files of {plural(count, 'distribution')} in {where}"
    unproven = {
        name: count
        for name, proof in facts.proofs.items()
        if name in facts.expectation.packages
        and (count := sum(check.state is FileState.UNPROVEN for check in proof.files))
    }
    if unproven:
        files = plural(sum(unproven.values()), "file")
        yield "files without a hash", f"RECORD has no hash for {files} of {', '.join(unproven)}"
    compiled = sum(proof.bytecode for proof in facts.proofs.values())
    compiled -= verified_bytecode(facts).total()
    if compiled:
        yield "bytecode", f"{plural(compiled, 'compiled file')} not compared with sources"


def _platforms(facts: Facts, not_comparable: str) -> Iterator[tuple[str, str]]:
    """Yield the other platforms of the image that were not compared with the audited one."""
    compared = {other.platform for other in facts.others or ()}
    left = [str(each) for each in facts.image.other_platforms if each not in compared]
    if left:
        listed = ", ".join(left[:_LISTED]) + (", ..." if len(left) > _LISTED else "")
        why = "audit them with --platform, or compare with --all-platforms"
        yield "other platforms", f"{listed}: {why}"
    elif facts.others is not None and not facts.others:
        yield "other platforms", "the image is for no other platform"
    for other in (each for each in facts.others or () if each.opened):
        why = why_not_comparable(other.inventory, other.expectation)
        if why or not_comparable:
            why = why or "the audited platform cannot be compared itself"
        elif other.problems:
            first, more = other.problems[0], len(other.problems) - 1
            why = f"{first.subject}: {first.why}{f'; and {more} more' if more else ''}"
        if why:
            yield f"platform {other.platform}", why
