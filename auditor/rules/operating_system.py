"""What the operating system's packages bring: their distributions (LI110), their files (LI306)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.rules.facts import Facts


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


def os_library_changed(facts: Facts) -> Iterator[Observation]:
    """LI306: a library or program has other bytes than its OS package brought."""
    for change in facts.os_comparison.changed:
        yield Observation(
            subject=change.path,
            message=f"differs from what the OS package {change.package} brought",
            path=change.path,
            expected=f"{change.algorithm}:{change.expected}",
            actual=f"{change.algorithm}:{change.actual}",
        )
