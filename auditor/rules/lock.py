"""Family 0: the lock itself, and whether it is meant for this image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import Observation
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.rules.facts import Facts

STRONG = frozenset(
    {"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"}
)
"""Hash algorithms without known collisions, by `hashlib` name."""


def weak_hash(facts: Facts) -> Iterator[Observation]:
    """LI001: selected artifacts none of whose hashes is strong."""
    for package in facts.expectation.packages.values():
        weak = [each for each in package.artifacts if not STRONG.intersection(each.hashes)]
        if weak:
            algorithms = sorted({name for each in weak for name in each.hashes})
            words = f"only {' and '.join(algorithms)}" if algorithms else "no hash"
            listed = and_more((each.filename for each in weak), 3)
            message, actual = f"{words} for {listed}", ", ".join(algorithms)
            yield Observation(
                package.name, message, expected="sha256", actual=actual, lock_line=package.line
            )


def lock_not_for_image(facts: Facts) -> Iterator[Observation]:
    """LI002: the lock, or one of its packages, does not fit the image's Python or platform."""
    for mismatch in facts.expectation.mismatches:
        subject, line = mismatch.subject, mismatch.line
        yield Observation(subject, mismatch.message, environment=facts.prefix, lock_line=line)


def embedded_lock_differs(facts: Facts) -> Iterator[Observation]:
    """LI003: a lock in the image has the name of the audited one and locks something else."""
    for embedded in facts.embedded:
        yield Observation(embedded.path, embedded.why, embedded.path)


def python_version_file_differs(facts: Facts) -> Iterator[Observation]:
    """LI004: `.python-version` asks for another Python than the image runs."""
    if facts.python_version_file is None or facts.inventory.interpreter is None:
        return
    path, wanted = facts.python_version_file
    actual = facts.inventory.interpreter.full_version
    if any(one != other for one, other in zip(wanted.split("."), actual.split("."), strict=False)):
        message = f"{path} names Python {wanted}, but the image runs {actual}"
        yield facts.about(path, message, expected=wanted, actual=actual)
