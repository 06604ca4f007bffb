"""The project's own distributions, as somebody has named them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from auditor.model import PolicyNote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from auditor.model import Expectation, Inventory


def strange_names(
    own: Collection[str], inventory: Inventory, expectation: Expectation
) -> Iterator[PolicyNote]:
    """Yield a note for every `--own` that no distribution has, installed or locked."""
    known = {*expectation.packages, *expectation.unselected}
    for environment in inventory.environments:
        known.update(each.name for each in environment.distributions)
    for name in sorted(set(own) - known):
        near = get_close_matches(name, sorted(known), 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        yield PolicyNote(f"--own {name}", f"no distribution is called so{meant}", None, None)
