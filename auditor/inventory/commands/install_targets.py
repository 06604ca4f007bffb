"""What an installer is asked to install: a name, a project on disk, a wheel or sdist."""

from __future__ import annotations

import re

from packaging.utils import canonicalize_name

_NAME = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)")
"""A distribution's name, behind the channel that conda may be told."""


def is_project(target: str) -> bool:
    """Return whether a target is a project on disk: `.`, `./app[extra]`, `/src`."""
    path = target.partition("[")[0]
    if is_archive(path) or "://" in path.removeprefix("file://"):
        return False
    return path.startswith((".", "/", "~", "file://")) or path.endswith("/")


def is_archive(target: str) -> bool:
    """Return whether a target is a wheel or sdist on disk, a glob of them included."""
    path = target.partition("[")[0] if target.endswith("]") else target
    if "://" in path or "@" in path.partition("/")[0]:
        return False
    return path.endswith((".whl", ".tar.gz", ".zip", "/*"))


def is_one_of(target: str, names: frozenset[str]) -> bool:
    """Return whether a target names one of these distributions, in whatever version."""
    name = _NAME.match(target)
    rest = target[name.end() :].strip() if name else target
    return (
        name is not None
        and canonicalize_name(name[1]) in names
        and (not rest or rest[0] in "=<>!~[;")
    )
