"""Packages of the operating system: their distributions (LI110) and their files (LI306)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.rules.facts import Facts


def os_packaged_distribution(facts: Facts) -> Iterator[Observation]:
    """LI110: the operating system's package manager provides what the lock should.

    The system's own interpreter is meant to see the system's packages, so there only those
    count that provide a locked name.
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
        role = "provides the locked name" if package else "is visible to the runtime"
        path, version = found.chosen.metadata_path, found.chosen.version
        message = f"{name} {version} of the OS package {found.chosen.os_package} {role}"
        locked = facts.locked_version(name)
        yield facts.about(name, message, path, expected=locked, actual=version)


def os_library_changed(facts: Facts) -> Iterator[Observation]:
    """LI306: a library or program has other bytes than its OS package installed."""
    for change in facts.os_comparison.changed:
        yield Observation(
            change.path,
            f"differs from the file that the OS package {change.package} installed",
            change.path,
            expected=f"{change.algorithm}:{change.expected}",
            actual=f"{change.algorithm}:{change.actual}",
        )
