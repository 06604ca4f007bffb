"""What reads registries comes with an extra, which may not be installed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def registry_extra(reference: str) -> Iterator[None]:
    """Import what reads registries; raise `UsageError` where a package for it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("auditor"):
            raise
        raise UsageError(
            f"{reference}: reading a registry needs {error.name}, which is not installed",
            'pip install "pylock-auditor[registry]"',
        ) from error
