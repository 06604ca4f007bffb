"""What comes before a locked distribution on `sys.path` and is imported in its place.

A place earlier on the path shadows a locked module if it has a file for it that no locked
distribution recorded. Directories without `__init__` on both sides are one namespace package,
in which the comparison goes on one level deeper.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.evidence.installations import same_version
from auditor.inventory.python.importable import import_root, module_file, module_name
from auditor.model import PathOrigin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from auditor.evidence.installations import Installation
    from auditor.inventory.python.importable import ImportRoot
    from auditor.model import (
        Distribution,
        Environment,
        Expectation,
        LockedPackage,
        PathEntry,
        Problem,
        Rootfs,
    )

_BY_MISTAKE = frozenset(
    {"conftest", "doc", "docs", "example", "examples", "setup", "test", "tests"}
)
"""Top-level names that distributions install by mistake."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """One locked distribution, and what is imported in its place."""

    distribution: Distribution
    module: str
    """Dotted."""
    entry: PathEntry
    path: str
    """The file that is imported, or the zip file that holds it."""


@dataclass(frozen=True, slots=True)
class Shadowing:
    """All shadows, one for each distribution and place, and what could not be read."""

    shadows: tuple[Shadow, ...] = ()
    problems: tuple[Problem, ...] = ()


def find_shadows(
    rootfs: Rootfs,
    runtime: Environment | None,
    found: Mapping[str, Installation],
    expectation: Expectation,
) -> Shadowing:
    """Look for the locked distributions' modules in every place before their own."""
    if runtime is None:
        return Shadowing()
    homes = {
        name: _home(found[name], package)
        for name, package in expectation.packages.items()
        if name in found and package.directory is None
    }
    recorded = {row.path for home in homes.values() if home.record for row in home.record.rows}
    position = {entry.path: at for at, entry in enumerate(runtime.sys_path)}
    version = ".".join((runtime.python_version or "").split(".")[:2])
    tops = {
        name: {path.partition("/")[0].partition(".")[0] for path in _inside(home)}
        for name, home in homes.items()
    }
    shadows: list[Shadow] = []
    problems: list[Problem] = []
    for at, entry in enumerate(runtime.sys_path):
        later = [name for name, home in homes.items() if position.get(home.location, -1) > at]
        if entry.origin is PathOrigin.STANDARD_LIBRARY or not later:
            continue
        place, problem = import_root(rootfs, entry.path)
        problems += [problem] if problem else []
        listed = {name.partition(".")[0] for name in place.names("")}
        for name in later:
            common = tops[name] & listed
            units = modules(homes[name], version) if common else []
            same = [unit for unit in units if unit.partition("/")[0] in common]
            taken = _taken_over(place, same, recorded, version)
            shadows += [Shadow(homes[name], taken[0], entry, taken[1])] if taken else []
    return Shadowing(tuple(shadows), tuple(problems))


def _inside(distribution: Distribution) -> Iterator[str]:
    """Yield everything that RECORD lists in `location`, relative to that."""
    top = distribution.location.rstrip("/") + "/"
    for row in distribution.record.rows if distribution.record else ():
        if row.path.startswith(top):
            yield row.path.removeprefix(top)


def _home(found: Installation, package: LockedPackage) -> Distribution:
    """Return the installation that is compared: the first of the locked version."""
    several = (found.chosen, *found.shadowed)
    return next(
        (each for each in several if same_version(each.version, package.version)), found.chosen
    )


def _taken_over(
    place: ImportRoot, units: Sequence[str], recorded: Collection[str], version: str
) -> tuple[str, str] | None:
    """Return the first of several modules that a place provides, and the file that does."""
    for unit in units:
        name, path = _provider(place, unit, version)
        if path is not None and path not in recorded:
            return name.replace("/", "."), path
    return None


def _provider(place: ImportRoot, unit: str, version: str) -> tuple[str, str | None]:
    """Return the name at which a place takes over the import of a module, and the file."""
    parts = unit.split("/")
    for depth in range(1, len(parts) + 1):
        name = "/".join(parts[:depth])
        file = module_file(place, name, version)
        if file is not None:
            return name, place.locate(file)
        if not place.is_directory(name):
            break
    return unit, None


def modules(distribution: Distribution, version: str) -> list[str]:
    """Return the modules and regular packages that RECORD lists outermost, sorted.

    `requests`, or `google/cloud/storage` where `google` and `google/cloud` are namespaces.
    """
    found = set(_outermost(distribution, version))
    meant = {name for name in found if name.partition("/")[0] not in _BY_MISTAKE}
    return sorted(meant or found)


def _outermost(distribution: Distribution, version: str) -> Iterator[str]:
    found = [
        (posixpath.dirname(file), name)
        for file in _inside(distribution)
        if (name := module_name(posixpath.basename(file), version)) is not None
    ]
    packages = {folder for folder, name in found if name == "__init__"}
    for folder, name in found:
        parts = [*folder.split("/"), name] if folder else [name]
        if all(part.isidentifier() for part in parts) and "__pycache__" not in parts:
            above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
            yield next((each for each in above if each in packages), "/".join(parts))
