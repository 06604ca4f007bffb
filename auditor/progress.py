"""How a long reading tells the terminal how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called now and then while bytes are read; draws nothing itself."""

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Say that `done` of `total` bytes of `what` are read; None where nobody knows."""
