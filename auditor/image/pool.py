"""Several layers on several processors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.image.span import index_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.image.layer import LayerIndex
    from auditor.image.progress import Progress
    from auditor.image.span import LayerRequest


def index_spans(
    requests: Sequence[LayerRequest], progress: Progress | None = None
) -> list[LayerIndex]:
    """Index every layer, in the order asked."""
    total = sum(request.span.size for request in requests)
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        if progress is not None:
            progress("layers", done, total)

    return [index_request(request, count) for request in requests]
