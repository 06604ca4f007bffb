"""The progress bar on standard error, only where someone looks at it."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.report.escape import clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auditor.progress import Progress

_PAUSE = 0.05  # seconds between two updates: drawing must not cost more than reading
_DESCRIPTION = 40  # columns


@contextmanager
def progress(wanted: bool | None) -> Iterator[Progress | None]:
    """Draw a bar while the body runs, gone afterwards.

    `wanted` None means: if standard error is a terminal. Gives None where nothing is drawn.
    """
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield None
        return
    from rich import progress as bars  # noqa: PLC0415 -- costs 0.1 s, and only terminals need it
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True, force_terminal=True if wanted else None)
    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TimeElapsedColumn(),
    )
    with bars.Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("", total=None)

        def draw(what: str, done: int, total: int | None) -> None:
            shown.update(task, description=clip(what, _DESCRIPTION), completed=done, total=total)

        yield Throttle(draw)


class Throttle:
    """Hands on only what is worth drawing: another thing, the end, or some time gone by."""

    def __init__(self, draw: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._draw = draw
        self._clock = clock
        self._what: str | None = None
        self._at = 0.0

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Take one report of progress."""
        now = self._clock()
        if what == self._what and done != total and now - self._at < _PAUSE:
            return
        self._what, self._at = what, now
        self._draw(what, done, total)
