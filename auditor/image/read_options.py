"""How an image is read: where progress is reported, and what need not be read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.image.layers.layer_cache import LayerCache
    from auditor.image.layers.worker_pool import LayerWorkers
    from auditor.progress import Progress


class ReadOptions(NamedTuple):
    """The caller's wishes about one reading."""

    progress: Progress | None = None
    cache: LayerCache | None = None
    """Where layers' indexes are kept; None: nowhere."""
    verify: bool = False
    """Read every byte although it is known, and compare DiffIDs of compressed layers too."""
    workers: Callable[[], LayerWorkers] | None = None
    """Returns processes that several readings share; None: each starts its own, and ends them."""
