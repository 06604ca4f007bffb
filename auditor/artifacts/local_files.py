"""Artifacts that are on this machine already."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from auditor.artifacts.manifest import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from auditor.model import Artifact


def file_of(text: str) -> Path | None:
    """Return the file that a `file:` URL names; None for any other URL."""
    try:
        url = urlsplit(text)
    except ValueError:
        return None
    if url.scheme == "file" and url.netloc in {"", "localhost"}:
        return Path(unquote(url.path))
    return None


def in_folders(artifact: Artifact, folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of this name in folders of wheels."""
    if "/" not in artifact.filename:
        yield from (folder / artifact.filename for folder in folders)


def in_pip_cache(url: str, folder: Path) -> Path:
    """Return the file in which pip's HTTP cache keeps the answer for a URL; raises `ValueError`.

    Since pip 23.3 bodies are files of their own, as they came (`http-v2/`). uv's cache has
    nothing to offer: it keeps wheels unpacked, and no bytes whose hash a lock lists.
    """
    parts = urlsplit(url)
    address = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path or '/'}"
    query = f"?{parts.query}" if parts.query else ""
    name = hashlib.sha224(f"{address}{query}".encode()).hexdigest()
    return folder.joinpath("http-v2", *name[:5], f"{name}.body")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; raises `ArtifactError` where it is none or cannot be read."""
    try:
        # A pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        raise unread(error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ArtifactError.unreachable("its path leads to no regular file")
    try:
        with open(descriptor, "rb") as file:
            yield file
    except OSError as error:
        raise unread(error) from error


def unread(error: OSError | ValueError) -> ArtifactError:
    """Return the error for a file that the machine does not give."""
    why = str(getattr(error, "strerror", None) or "no path").lower()
    return ArtifactError.unreachable(f"its file cannot be read: {why}")
