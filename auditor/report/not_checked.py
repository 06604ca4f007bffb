"""What a full audit did not compare, and why; a quick one has its own list (`rules.quick`)."""

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
    """Name what this audit did not compare, so that silence is not read as proof."""
    yield from facts.image.not_checked
    hindered = why_not_comparable(facts.inventory, facts.expectation)
    if hindered:
        yield NotChecked("distributions and files", hindered)
    yield from _stages(facts)
    yield from _platforms(facts)


def _stages(facts: Facts) -> Iterator[NotChecked]:
    """Yield what the stages left out, each by its own account."""
    yield from artifacts_not_checked(facts)
    yield from attestations_not_checked(facts)
    yield from _os_files(facts)
    if not facts.image.history:
        yield NotChecked("instructions", "nothing tells how it was made")
    half = sum(not each.elf.complete for each in facts.natives.files)
    if half:
        yield NotChecked("native libraries", f"the headers of {half:,} could not be read whole")
    if facts.pip_list is None:
        yield NotChecked("pip list", "nothing was run inside it")
    others = [each for each in facts.inventory.environments if not each.runtime]
    held = sum(len(each.distributions) for each in others)
    if held:
        where = ", ".join(each.prefix for each in others if each.distributions)
        why = f"the files of {plural(held, 'distribution')} in {where}"
        yield NotChecked("other environments", why)
    unproven = {
        name: count
        for name, proof in facts.proofs.items()
        if name in facts.expectation.packages
        and (count := sum(check.state is FileState.UNPROVEN for check in proof.files))
    }
    if unproven:
        files = plural(sum(unproven.values()), "file")
        why = f"RECORD has none for {files} of {', '.join(unproven)}"
        yield NotChecked("files without a hash", why)
    compiled = sum(proof.bytecode for proof in facts.proofs.values())
    compiled -= sum(verified_bytecode(facts).values())
    if compiled:
        why = f"{plural(compiled, 'compiled file')} not compared with sources"
        yield NotChecked("bytecode", why)


def _platforms(facts: Facts) -> Iterator[NotChecked]:
    compared = {other.platform for other in facts.others or ()}
    left = [str(each) for each in facts.image.other_platforms if each not in compared]
    if left:
        listed = ", ".join(left[:_LISTED]) + (", ..." if len(left) > _LISTED else "")
        why = "audit them with --platform, or compare with --all-platforms"
        yield NotChecked("other platforms", f"{listed}: {why}")
    elif facts.others is not None and not facts.others:
        yield NotChecked("other platforms", "the reference leads to none but the audited one")
    hindered = why_not_comparable(facts.inventory, facts.expectation)
    for other in (each for each in facts.others or () if each.opened):
        what = f"platform {other.platform}"
        why = why_not_comparable(other.inventory, other.expectation)
        if why or hindered:
            yield NotChecked(what, why or "the audited platform cannot be compared itself")
        elif other.problems:
            first = other.problems[0]
            more = len(other.problems) - 1
            why = f"{first.subject}: {first.why}{f'; and {more} more' if more else ''}"
            yield NotChecked(what, why)


def _os_files(facts: Facts) -> Iterator[NotChecked]:
    found = facts.os_comparison
    what = "operating system files"
    if found.taken_as_installed:
        why = "from the layer of the package's own list, not compared with it"
        yield NotChecked(what, f"{plural(found.taken_as_installed, 'file')} {why}")
    if found.unreadable:
        yield NotChecked(what, f"{found.unreadable:,} could not be read once more")
