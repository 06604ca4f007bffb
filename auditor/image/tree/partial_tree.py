"""A file tree of which only a part was read: asking for more is an error, never an absence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from auditor.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Sequence


class NotReadError(ImageError):
    """A file was used that was not read: a mistake of the auditor, and no finding."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was not read", "audit the whole image: leave out --quick")


class PartialTree:
    """What no partial `Tree` knows: everything that takes the whole of a file's bytes."""

    def facts(self, path: str) -> NoReturn:
        """Raise `NotReadError`."""
        raise NotReadError(path)

    def contents(self, paths: Sequence[str]) -> NoReturn:
        """Raise `NotReadError`."""
        raise NotReadError(f"content of {len(paths)} files")

    def digests(self, paths: Sequence[str], algorithm: str) -> NoReturn:
        """Raise `NotReadError`."""
        raise NotReadError(f"{algorithm} of {len(paths)} files")

    def known(self, path: str) -> None:
        """Return nothing: `node` answers for real paths, too."""

    def below(self, path: str) -> NoReturn:
        """Raise `NotReadError`: nothing here can be walked."""
        raise NotReadError(path)
