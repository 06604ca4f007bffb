"""Family 9: what could not be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Absence
from auditor.model import FileState, Observation
from auditor.rules.locked_artifacts import absent
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Problem
    from auditor.rules.facts import Facts

_MOST_RECORD_ROWS = 5
"""Bad rows of one RECORD that are spelled out."""


def _problems(facts: Facts) -> Iterator[Problem]:
    """Yield the problems of every stage, but for those of environments that are not compared."""
    yield from facts.image.problems
    yield from facts.expectation.problems
    yield from facts.inventory.problems
    # A zip file may have kept several stages from reading it, a .pth file too.
    known = {*facts.inventory.problems, *(facts.runtime.problems if facts.runtime else ())}
    yield from sorted({*facts.shadowing.problems, *facts.start.problems} - known, key=str)
    if facts.runtime is not None:
        yield from facts.runtime.problems
    for other in facts.others or ():
        if not other.opened:
            yield from other.problems


def unreadable(facts: Facts) -> Iterator[Observation]:
    """LI901: a file, a metadata folder, a RECORD row or a marker that could not be read."""
    for problem in _problems(facts):
        if not problem.limit:
            yield Observation(problem.subject, problem.why, problem.path)
    if facts.bytecode.deaths:
        why = "compiled code crashed the process that reads it, so some was not compared"
        yield Observation(facts.prefix or facts.image.reference, why, environment=facts.prefix)
    for name, each in absent(facts, Absence.UNREADABLE):
        yield Observation(name, f"{each.artifact.filename} could not be read: {each.why}")
    for name, proof in facts.proofs.items():
        for check in proof.files:
            if check.state is FileState.UNREADABLE:
                why = "an installed file could not be read"
                yield Observation(name, why, check.path, facts.prefix, check.expected)
        record = proof.distribution.record
        if record is not None and record.problems and proof.distribution.os_package is None:
            why = f"RECORD: {and_more(record.problems, _MOST_RECORD_ROWS, '; ')}"
            path = f"{proof.distribution.metadata_path}/RECORD"
            yield Observation(name, why, path, facts.prefix)


def over_limit(facts: Facts) -> Iterator[Observation]:
    """LI906: something larger than the auditor reads."""
    for problem in _problems(facts):
        if problem.limit:
            yield Observation(problem.subject, problem.why, problem.path)
    for name, each in absent(facts, Absence.LIMIT):
        yield Observation(name, f"{each.artifact.filename}: {each.why}")


def pip_list_did_not_run(facts: Facts) -> Iterator[Observation]:
    """LI904: the interpreter could not answer."""
    if facts.pip_list is not None and facts.pip_list.failure is not None:
        interpreter = facts.runtime.interpreter if facts.runtime else None
        subject = interpreter or facts.prefix or facts.image.reference
        why = f"pip list could not run: {facts.pip_list.failure}"
        yield Observation(subject, why, environment=facts.prefix)


def no_environment(facts: Facts) -> Iterator[Observation]:
    """LI905: no environment to compare with, or several and no sign which of them runs."""
    audited = (facts.image.reference, facts.inventory)
    others = [(str(each.platform), each.inventory) for each in facts.others or () if each.opened]
    for subject, inventory in (audited, *others):
        if inventory.runtime is None:
            unclear = f"it is unclear which environment runs: {', '.join(inventory.candidates)}"
            none = "it contains no Python environment"
            yield Observation(subject, unclear if inventory.candidates else none)
