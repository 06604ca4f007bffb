"""What a lock selects for one environment.

`Pylock.select` of `packaging` stops at the first entry that does not fit, returns one wheel where
several would be right, and fills unknown marker keys from the host. This follows the same steps
of the specification for each entry, so that one bad entry does not hide the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.errors import UsageError
from auditor.lock.lock_artifacts import (
    artifacts_of,
    attestation_identities,
    version_of,
    wheel_mismatch,
)
from auditor.lock.markers import MarkerEvaluator
from auditor.lock.other_choice import other_choice
from auditor.model import (
    Directory,
    Expectation,
    LockedPackage,
    LockMismatch,
    Problem,
    Unselected,
    Vcs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from packaging.pylock import Package
    from packaging.specifiers import SpecifierSet
    from packaging.tags import Tag

    from auditor.lock.lock_file import Lock
    from auditor.model import Target


def select(
    lock: Lock, target: Target, *, extras: Sequence[str] = (), groups: Sequence[str] | None = None
) -> Expectation:
    """Return what `lock` says should be in the environment that `target` describes.

    `groups` None selects the lock's default groups; a sequence selects exactly those, so ()
    selects none. An entry that cannot be right for the target is a mismatch, one that cannot
    be decided is a problem; neither is among the packages.
    Raises `UsageError` for an extra or a group that the lock does not have.
    """
    pylock, default_groups = lock.pylock, lock.pylock.default_groups or ()
    # Default groups are often synthetic and then not listed among the others.
    known_groups = (*(pylock.dependency_groups or ()), *default_groups)
    chosen_groups = default_groups if groups is None else groups
    return _Selection(
        lock,
        target,
        _chosen(lock, "extra", extras, pylock.extras or ()),
        _chosen(lock, "group", chosen_groups, known_groups),
    ).run()


def _chosen(lock: Lock, what: str, chosen: Iterable[str], known: Iterable[str]) -> frozenset[str]:
    """Return normalised names; raise `UsageError` for one that the lock does not know."""
    names = set(map(canonicalize_name, known))
    for name in chosen:
        if canonicalize_name(name) not in names:
            has = f"it has {', '.join(sorted(names))}" if names else f"it has no {what}s"
            raise UsageError(
                f"{lock.path}: no {what} {name!r}: {has}",
                f"leave `--{what}` out, or lock again with that {what}",
            )
    return frozenset(map(canonicalize_name, chosen))


@dataclass(slots=True)
class _Selection:
    """The state of one selection."""

    lock: Lock
    target: Target
    extras: frozenset[str]
    groups: frozenset[str]
    evaluator: MarkerEvaluator = field(init=False)
    ranks: Mapping[Tag, int] = field(init=False)
    """How well each tag fits the target: 0 is best."""
    unselected: dict[str, list[Unselected]] = field(default_factory=dict)
    mismatches: list[LockMismatch] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.evaluator = MarkerEvaluator(self.target)
        self.ranks = {tag: rank for rank, tag in reversed(list(enumerate(self.target.tags)))}

    def run(self) -> Expectation:
        lock, line = self.lock, self.lock.keys.get("requires-python")
        self._fits_python(lock.pylock.requires_python, lock.path, "the lock requires", line)
        self._check_environments()
        candidates: dict[str, list[int]] = {}
        for index, package in enumerate(self.lock.pylock.packages):
            if self._is_selected(index, package):
                candidates.setdefault(package.name, []).append(index)
        packages = {
            name: locked
            for name, indices in sorted(candidates.items())
            if (locked := self._locked(name, indices)) is not None
        }
        return Expectation(
            packages=packages,
            unselected={name: tuple(left) for name, left in sorted(self.unselected.items())},
            mismatches=tuple(self.mismatches),
            problems=tuple(self.problems),
        )

    @property
    def _python(self) -> str:
        markers = self.target.markers
        return markers.get("python_full_version") or markers.get("python_version", "")

    def _fits_python(
        self, required: SpecifierSet | None, subject: str, message: str, line: int | None
    ) -> bool:
        """Check a `requires-python`; the mismatch begins with `message`."""
        if required is None:
            return True
        fits = self.evaluator.python(required)
        if fits is None:
            self._problem(
                subject,
                f"its requires-python {required} cannot be decided: the image only says "
                f"Python {self._python}",
            )
        elif not fits:
            self._mismatch(
                subject, f"{message} Python {required}, the interpreter is {self._python}", line
            )
        return bool(fits)

    def _check_environments(self) -> None:
        environments = self.lock.pylock.environments
        if not environments:
            return
        answers = [self.evaluator.marker(marker) for marker in environments]
        if True in answers:
            return
        named = " or ".join(str(marker) for marker in environments[:3])
        named += f" (and {len(environments) - 3} more)" if len(environments) > 3 else ""
        if None in answers:
            why = f"its environments cannot be decided from the image: {named}"
            self._problem(self.lock.path, why)
            return
        markers = self.target.markers
        self._mismatch(
            self.lock.path,
            f"the lock is for {named}; the interpreter is Python {self._python} on "
            f"{markers.get('sys_platform', '')} {markers.get('platform_machine', '')}",
            self.lock.keys.get("environments"),
        )

    def _is_selected(self, index: int, package: Package) -> bool:
        """Return whether an entry's marker holds; where it does not, keep why."""
        if package.marker is None:
            return True
        holds = self.evaluator.marker(package.marker, self.extras, self.groups)
        if holds is None:
            keys = " and ".join(self.evaluator.unknown_keys(package.marker))
            why = f"needs {keys}, which the image does not say"
            if not keys:
                why = "compares what cannot be compared"
            self._problem(package.name, f"its marker {package.marker} {why}")
        elif not holds:
            choice = other_choice(package.marker, self.evaluator, self.extras, self.groups)
            self.unselected.setdefault(package.name, []).append(
                Unselected(
                    name=package.name,
                    version=version_of(package),
                    line=self.lock.lines[index],
                    why=choice or f"marker {package.marker}",
                    optional=choice is not None,
                )
            )
        return bool(holds)

    def _locked(self, name: str, indices: list[int]) -> LockedPackage | None:
        """Return the one selected entry of a name, None where it cannot be right."""
        line = self.lock.lines[indices[-1]]
        if len(indices) > 1:
            lines = " and ".join(str(self.lock.lines[index] or "?") for index in indices)
            self._mismatch(
                name, f"{len(indices)} entries apply here (lines {lines}) where only one may", line
            )
            return None
        package = self.lock.pylock.packages[indices[0]]
        if not self._fits_python(package.requires_python, name, "requires", line):
            return None
        vcs, source = package.vcs, package.directory
        artifacts = artifacts_of(package, self.ranks)
        if not (artifacts or vcs or source):
            self._mismatch(name, wheel_mismatch(package, self.target), line)
            return None
        return LockedPackage(
            name,
            version_of(package),
            line,
            artifacts,
            Vcs(vcs.type, vcs.url or vcs.path or "", vcs.commit_id, vcs.subdirectory)
            if vcs
            else None,
            Directory(source.path, bool(source.editable), source.subdirectory) if source else None,
            attestation_identities(package) if artifacts else (),
        )

    def _mismatch(self, subject: str, message: str, line: int | None) -> None:
        self.mismatches.append(LockMismatch(subject, message, line))

    def _problem(self, subject: str, why: str) -> None:
        self.problems.append(Problem(subject, why))
