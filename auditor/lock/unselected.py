"""Other choices of extras and groups that would select an entry which this one leaves out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.markers import Marker

    from auditor.lock.markers import MarkerEvaluator

_MEMBERSHIP = re.compile(r"""(?:"([^"]*)"|'([^']*)') (?:not )?in (extras|dependency_groups)""")

_Choice = tuple[frozenset[str], frozenset[str]]
"""Extras and groups."""


def other_choice(
    marker: Marker, evaluator: MarkerEvaluator, extras: frozenset[str], groups: frozenset[str]
) -> str | None:
    """Return the choice for which `marker` holds, in words: `group dev`, `extra gpu`.

    None where it holds for no other choice, so that the platform or Python leaves the entry out.
    """
    named = _MEMBERSHIP.findall(str(marker))
    if not named:
        return None
    extras_named = {double or single for double, single, kind in named if kind == "extras"}
    groups_named = {double or single for double, single, kind in named if kind != "extras"}
    for why, choice in _choices(extras_named, groups_named, (extras, groups)):
        if evaluator.marker(marker, *choice):
            return why
    return None


def _choices(extras: set[str], groups: set[str], chosen: _Choice) -> Iterator[tuple[str, _Choice]]:
    """Yield other choices, the smallest changes first, each with its words.

    Not every combination: one more, one less, everything that the marker names, nothing.
    """
    with_extras, with_groups = chosen
    for name in sorted(groups - with_groups):
        yield f"group {name}", (with_extras, with_groups | {name})
    for name in sorted(extras - with_extras):
        yield f"extra {name}", (with_extras | {name}, with_groups)
    words = [f"group {name}" for name in sorted(groups - with_groups)]
    words += [f"extra {name}" for name in sorted(extras - with_extras)]
    if words:
        yield " and ".join(words), (with_extras | extras, with_groups | groups)
    for name in sorted(groups & with_groups):
        yield f"without group {name}", (with_extras, with_groups - {name})
    for name in sorted(extras & with_extras):
        yield f"without extra {name}", (with_extras - {name}, with_groups)
    yield "without any extra or group", (frozenset(), frozenset())
