"""Files that several locked distributions claim (LI205)."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from auditor.evidence.record_check import compared_rows
from auditor.inventory.paths import RealPaths
from auditor.model import Observation
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import RecordRow
    from auditor.rules.facts import Facts


def shared_file(facts: Facts) -> Iterator[Observation]:
    """LI205: two locked distributions record different bytes for one file."""
    real = RealPaths(facts.image.rootfs)
    recorded: defaultdict[str, dict[str, RecordRow]] = defaultdict(dict)
    for name, found in facts.installed.items():
        if name in facts.expectation.packages and found.chosen.os_package is None:
            for row in compared_rows(found.chosen):
                path = real(row.path)
                if path is not None:
                    recorded[path].setdefault(name, row)
    shared: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path, by_name in recorded.items():
        if len(by_name) > 1:
            for one, other in combinations(sorted(by_name), 2):
                if _differ(by_name[one], by_name[other]):
                    shared[one, other].append(path)
    for (one, other), paths in sorted(shared.items()):
        listed = and_more(sorted(paths), 1)
        message = f"{one} and {other} record different bytes for {listed}"
        yield Observation(one, message, min(paths), facts.prefix)


def _differ(one: RecordRow, other: RecordRow) -> bool:
    if one.algorithm and one.algorithm == other.algorithm:
        return one.digest != other.digest
    return None not in (one.size, other.size) and one.size != other.size
