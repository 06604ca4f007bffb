"""Family 2: the installed files of the runtime environment.

Unlocked bootstrap tools are left out: base images change them on purpose (`pip3`,
`cacert.pem`), and LI108 names them already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import FileState, Observation
from auditor.rules.distributions import is_bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import FileCheck, Proof
    from auditor.rules.facts import Facts


def _judged(facts: Facts) -> Iterator[Proof]:
    for name, proof in facts.proofs.items():
        locked = name in facts.expectation.packages
        if proof.distribution.os_package is None and (locked or not is_bootstrap(facts, name)):
            yield proof


def _faults(facts: Facts, state: FileState) -> Iterator[tuple[Proof, FileCheck]]:
    for proof in _judged(facts):
        for check in proof.files:
            if check.state is state:
                yield proof, check


def modified_file(facts: Facts) -> Iterator[Observation]:
    """LI201: a file's bytes are not those that RECORD names."""
    for proof, check in _faults(facts, FileState.MODIFIED):
        yield _observation(facts, proof, check, "differs from RECORD")


def missing_file(facts: Facts) -> Iterator[Observation]:
    """LI202: RECORD names a file that is not there."""
    for proof, check in _faults(facts, FileState.MISSING):
        yield _observation(facts, proof, check, "is in RECORD and gone")


def _observation(facts: Facts, proof: Proof, check: FileCheck, what: str) -> Observation:
    distribution = proof.distribution
    package = facts.expectation.packages.get(distribution.name)
    return Observation(
        subject=distribution.name,
        message=f"{_relative(check.path, distribution.location)} {what}",
        path=check.path,
        environment=facts.prefix,
        expected=check.expected or None,
        actual=check.actual or None,
        lock_line=package.line if package else None,
    )


def _relative(path: str, location: str) -> str:
    return path.removeprefix(location.rstrip("/") + "/")


def no_record(facts: Facts) -> Iterator[Observation]:
    """LI208: nothing says which files a distribution has; a RECORD that names none is none."""
    unread = {problem.path for problem in facts.runtime.problems} if facts.runtime else set()
    for proof in _judged(facts):
        distribution = proof.distribution
        record = distribution.record
        empty = record is None or not (record.rows or record.problems)
        if (
            empty
            and distribution.source is None
            and f"{distribution.metadata_path}/RECORD" not in unread
        ):
            package = facts.expectation.packages.get(distribution.name)
            yield Observation(
                subject=distribution.name,
                message=(
                    f"{distribution.name} {distribution.version} has no RECORD"
                    f"{'' if record is None else ' but an empty one'}"
                ),
                path=distribution.metadata_path,
                environment=facts.prefix,
                lock_line=package.line if package else None,
            )
