"""Family 2: the installed files of the runtime environment.

Unlocked bootstrap tools are left out: base images change them on purpose (`pip3`,
`cacert.pem`), and LI108 names them already. An installation that is another artifact altogether
is one finding (LI105, LI204), not one for each of its files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import FileState, IdentityKind
from auditor.rules.distributions import is_bootstrap
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from auditor.model import FileCheck, Observation, Proof
    from auditor.rules.facts import Facts

_MOST_NAMED = 20
"""Files that one finding names."""

_WHOLE = frozenset(
    {IdentityKind.OTHER_PLATFORM, IdentityKind.OTHER_ARTIFACT, IdentityKind.LOCAL_BUILD}
)
"""Kinds that explain all differences of an installation at once."""


def checked_proofs(facts: Facts) -> Iterator[Proof]:
    """Yield the proofs of the installations whose files are checked."""
    for name, proof in facts.proofs.items():
        locked = name in facts.expectation.packages
        if proof.distribution.os_package is None and (locked or not is_bootstrap(facts, name)):
            yield proof


def is_another(proof: Proof) -> bool:
    """Return whether an installation is known to be another artifact, not a changed copy."""
    return bool(proof.against) and proof.identity is not None and proof.identity.kind in _WHOLE


def faults(facts: Facts, state: FileState) -> Iterator[tuple[Proof, FileCheck]]:
    """Yield the files in one state, but for installations that are another artifact."""
    for proof in checked_proofs(facts):
        if not is_another(proof):
            yield from ((proof, check) for check in proof.files if check.state is state)


def modified_file(facts: Facts) -> Iterator[Observation]:
    """LI201: a file's bytes are not those of the locked artifact, nor those that RECORD names."""
    for proof, check in faults(facts, FileState.MODIFIED):
        yield _observation(facts, proof, check, f"differs from {proof.against or 'RECORD'}")


def missing_file(facts: Facts) -> Iterator[Observation]:
    """LI202: the locked artifact or RECORD names a file that is not there."""
    for proof, check in faults(facts, FileState.MISSING):
        what = f"is in {proof.against or 'RECORD'} but not in the image"
        yield _observation(facts, proof, check, what)


def altered_script(facts: Facts) -> Iterator[Observation]:
    """LI209: a script is not what an installer makes of the locked artifact."""
    for proof, check in faults(facts, FileState.SCRIPT):
        what = f"is not what an installer makes of {proof.against}"
        yield _observation(facts, proof, check, what)


def unlisted_artifact(facts: Facts) -> Iterator[Observation]:
    """LI204: the installation agrees with its RECORD, and not with any locked artifact."""
    for proof in checked_proofs(facts):
        whole = is_another(proof)
        if whole and proof.identity and proof.identity.kind is IdentityKind.OTHER_PLATFORM:
            continue
        unlisted = [check for check in proof.files if check.state is FileState.UNLISTED]
        files = proof.files if whole else unlisted
        if not files:
            continue
        first = (unlisted or files)[0]
        clauses = [_differences(proof, files)]
        if not whole:
            clauses.append("RECORD agrees with the installed files")
        if proof.identity and proof.identity.clause:
            clauses.append(proof.identity.clause)
        name, message = proof.distribution.name, "; ".join(clauses)
        expected, actual = first.expected or None, first.actual or None
        yield facts.about(name, message, first.path, expected=expected, actual=actual)


def _differences(proof: Proof, files: Collection[FileCheck]) -> str:
    """Return how an installation differs from the artifact that it was compared with."""
    words = {FileState.MISSING: "missing", FileState.ADDED: "added"}
    groups: dict[str, list[str]] = {}
    for check in files:
        path = relative(check.path, proof.distribution.location)
        groups.setdefault(words.get(check.state, "different"), []).append(path)
    listed = (
        f"{len(paths):,} {word} ({and_more(paths, _MOST_NAMED)})"
        for word, paths in sorted(groups.items())
    )
    return f"files are not those of {proof.against}: {', '.join(listed)}"


def _observation(facts: Facts, proof: Proof, check: FileCheck, what: str) -> Observation:
    distribution = proof.distribution
    message = f"{relative(check.path, distribution.location)} {what}"
    expected, actual = check.expected or None, check.actual or None
    return facts.about(distribution.name, message, check.path, expected=expected, actual=actual)


def relative(path: str, location: str) -> str:
    """Return a path relative to the site directory, where it lies in there."""
    return path.removeprefix(location.rstrip("/") + "/")


def no_record(facts: Facts) -> Iterator[Observation]:
    """LI208: a distribution has no RECORD, or one that lists no file."""
    unread = {problem.path for problem in facts.runtime.problems} if facts.runtime else set()
    for proof in checked_proofs(facts):
        distribution = proof.distribution
        record = distribution.record
        empty = record is None or not (record.rows or record.problems)
        known = f"{distribution.metadata_path}/RECORD" in unread
        if empty and distribution.source is None and not known:
            name, has = distribution.name, "no" if record is None else "an empty"
            message = f"{name} {distribution.version} has {has} RECORD"
            yield facts.about(name, message, distribution.metadata_path)
