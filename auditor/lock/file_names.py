"""The file names of a lock's artifacts."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit


def path_name(path: str) -> str:
    """Return the last part of a path as a lock writes it: POSIX separators, or the host's."""
    return path.rsplit("/" if "/" in path else "\\", 1)[-1]


def url_name(url: str) -> str:
    """Return the file name that a URL ends with; empty where it is not a URL."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return unquote(path.rsplit("/", 1)[-1])
