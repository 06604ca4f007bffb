"""Python's warnings kept quiet for some lines, while other threads audit."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOCK = threading.Lock()
"""The filters belong to the whole process: two threads that both put them back mix them up."""


@contextmanager
def quiet_warnings() -> Iterator[None]:
    """Ignore all warnings while the body runs."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
