"""SIGINT and SIGTERM held back while something exists that must be removed."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

    Handler = signal.Handlers | int | None | object

_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """A section in which SIGINT, SIGTERM and SIGHUP act only where `allowed()` says so.

    There, the first one raises `KeyboardInterrupt`; every later one waits, so cleaning up is
    never cut short by an impatient second Ctrl-C. At the end of the section the signal is
    delivered again to whoever handled it before: a process terminated here still ends by
    SIGTERM. Signals reach the main thread only; in another one this does nothing.
    """

    def __init__(self) -> None:
        self._open = False
        self._caught: int | None = None
        self._before: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _HELD:
                # Ignored ones stay ignored; None is a handler that Python could not restore.
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._catch)
        return self

    def _catch(self, number: int, _frame: FrameType | None) -> None:
        self._caught = self._caught or number
        if self._open:
            self._open = False
            raise KeyboardInterrupt

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let a signal interrupt the body; one that already came does so at once."""
        self._open = True
        try:
            if self._caught is not None:
                raise KeyboardInterrupt
            yield
        finally:
            self._open = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._caught is not None:
            signal.raise_signal(self._caught)
