from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.inventory.ownership.file_ownership import FileOwnership
from auditor.model import Expectation, Inventory
from auditor.rules import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.model import Image


def facts_of(image: Image, *, base_layers: int = 0, locked: Iterable[str] = ()) -> Facts:
    """Return the facts about an image in which nothing was looked for."""
    inventory = Inventory((), None)
    return Facts(
        image=image,
        inventory=inventory,
        expectation=Expectation({}),
        installed={},
        proofs={},
        ownership=FileOwnership(image, inventory, base_layers),
        locked_hashes=dict.fromkeys(locked, "locked.whl"),
        base_layers=base_layers,
    )
