"""A folder of manifests that machines share: a directory, or a bucket by `fsspec`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.file_cache import FileCache, sealed, unsealed
from auditor.wording import one_line

if TYPE_CHECKING:
    import re
    from typing import Protocol

    from fsspec import AbstractFileSystem

    class Folder(Protocol):
        """Entries by name, sealed with a key; what cannot be had counts as absent."""

        def read(self, name: str, key: str) -> bytes | None:
            """Return what was written as `name` under `key`."""

        def write(self, name: str, key: str, data: bytes) -> None:
            """Write an entry that is there as a whole or not at all."""


def shared_folder(place: str, names: re.Pattern[str], limit: int) -> Folder:
    """Return a shared folder by path or URL; raises `UsageError` where there can be none."""
    scheme, separator, path = place.partition("://")
    if not separator or scheme in {"file", "local"}:
        return FileCache(Path(path if separator else place), names, limit)
    protocol = one_line(scheme)
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise UsageError(
            f"--manifests {protocol}://...: a bucket is reached by fsspec, which is not here",
            "pip install 'pylock-auditor[bucket]'",
        ) from error
    try:
        filesystem, root = url_to_fs(place)
    except Exception as error:  # every file system has errors of its own
        raise UsageError(
            f"--manifests {protocol}://... cannot be used ({type(error).__name__})",
            "its protocol may need a package, which fsspec's documentation names",
        ) from error
    return Bucket(filesystem, root.rstrip("/"), limit)


class Bucket:
    """Entries below a path of a file system of fsspec's.

    Object stores show a file once it is whole; the seal shows where another one does not.
    """

    def __init__(self, filesystem: AbstractFileSystem, root: str, limit: int) -> None:
        """Read entries of at most `limit` bytes."""
        self._filesystem = filesystem
        self._root = root
        self._limit = limit

    def read(self, name: str, key: str) -> bytes | None:
        """Return what was written as `name` under `key`; None where it cannot be had."""
        try:
            with self._filesystem.open(f"{self._root}/{name}", "rb") as file:
                return unsealed(file.read(self._limit), key)
        except Exception:  # noqa: BLE001 -- as above; the artifact itself is asked for then
            return None

    def write(self, name: str, key: str, data: bytes) -> None:
        """Write an entry, or leave it."""
        try:
            self._filesystem.makedirs(self._root, exist_ok=True)
            self._filesystem.pipe_file(f"{self._root}/{name}", sealed(data, key))
        except Exception:  # noqa: BLE001 -- as above; the next machine reads the artifact again
            return
