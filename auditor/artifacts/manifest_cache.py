"""Manifests kept under their artifacts' hashes, for ever.

What an artifact contains never changes, so nothing here grows old: entries go only where
somebody clears them. An entry is a claim about the hash in its name: whoever may write to the
folder, or to the shared one, decides what an audit sees and is trusted like the auditor itself.
Damage is not trusted: an entry that is not as it was written counts as absent.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from auditor.artifacts.manifest_format import VERSION, FormatError, StoredManifest, decoded, encoded
from auditor.artifacts.shared_folder import shared_folder
from auditor.file_cache import FileCache

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from auditor.artifacts.shared_folder import Folder

_LIMIT = 256 << 20
"""Bytes of one entry: more members than `limits.MEMBERS` with long names."""

_FOLDER = "manifests"
_ENTRY = re.compile(r"[0-9]+(-[0-9a-z_]+){1,2}-[0-9a-f]+\.manifest")
"""Of any version: `auditor cache` counts and clears what older releases left, too."""


class ManifestCache:
    """The manifests of one folder, and of one that machines share."""

    def __init__(self, directory: Path | None, shared: str | None = None) -> None:
        """Keep entries below `directory`, beside the layers' cache, if at all.

        `shared` is a path or a URL; raises `UsageError` where it cannot be one.
        """
        self._own = None if directory is None else manifest_files(directory)
        self._shared = None if shared is None else shared_folder(shared, _ENTRY, _LIMIT)

    def find(self, keys: Sequence[str]) -> StoredManifest | None:
        """Return what is kept under the first known one of `keys` (`wheel-sha256-<hex>`)."""
        return _find(self._own, keys)

    def find_shared(self, keys: Sequence[str]) -> StoredManifest | None:
        """Return what the shared folder keeps, which takes a while; from now on it is here, too."""
        found = _find(self._shared, keys)
        if found is not None:
            _keep(self._own, keys, found)
        return found

    def keep(self, keys: Sequence[str], kept: StoredManifest) -> None:
        """Keep a manifest under every one of `keys`."""
        for folder in (self._own, self._shared):
            _keep(folder, keys, kept)


def manifest_files(directory: Path) -> FileCache:
    """Return the files in which manifests are kept below `directory`."""
    return FileCache(directory / _FOLDER, _ENTRY, _LIMIT)


def _find(folder: Folder | None, keys: Sequence[str]) -> StoredManifest | None:
    if folder is None:
        return None
    for key in keys:
        entry = folder.read(_name(key), key)
        if entry is not None:
            with suppress(FormatError):
                return decoded(entry)
    return None


def _keep(folder: Folder | None, keys: Sequence[str], kept: StoredManifest) -> None:
    if folder is not None:
        entry = encoded(kept)
        for key in keys:
            folder.write(_name(key), key, entry)


def _name(key: str) -> str:
    return f"{VERSION}-{key}.manifest"
