"""Where in an image Python code is installed: one walk over all of its paths.

Virtual environments are found by their pyvenv.cfg, interpreters by their site directories, and
directories filled with `pip install --target` by the dist-info folders in them. Caches of
installers and vendored packages are not installations.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.inventory.paths import ancestors, is_directory, is_file
from auditor.inventory.site_packages import SITE_DIRECTORY
from auditor.model import FileType, Problem, UnreadableError
from auditor.pyvenv_cfg import Venv, read_venv

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from auditor.model import Rootfs

_MOST_TARGETS = 1000
"""Directories outside every environment in which distributions are looked for."""

_UNPACKED = frozenset({"archive-v0", "builds-v0"})
"""Folders of uv's cache, wherever that is, in which it unpacks and builds wheels."""

_PYVENV_CFG = "/pyvenv.cfg"
_ENDS = (_PYVENV_CFG, ".dist-info", "-packages")
"""Ends of the paths that are looked at."""

_INTERNAL = frozenset({"_vendor", "_vendored", "vendor", ".cache"})


@dataclass(slots=True)
class Discovery:
    """What the walk found."""

    venvs: dict[str, Venv] = field(default_factory=dict)
    """Virtual environments by prefix."""
    prefixes: set[str] = field(default_factory=set)
    """Prefixes of every site directory."""
    metadata_parents: dict[str, None] = field(default_factory=dict)
    """Directories that have a dist-info folder directly in them, in walking order."""
    problems: list[Problem] = field(default_factory=list)


def discover(rootfs: Rootfs, top: str = "/") -> Discovery:
    """Walk everything below `top` once; what cannot be walked is a problem."""
    found = Discovery()
    try:
        for path, entry in rootfs.walk(top):
            if not path.endswith(_ENDS):
                continue
            if entry.type is FileType.DIRECTORY:
                _add_directory(rootfs, path, found)
            elif entry.type is FileType.FILE and path.endswith(_PYVENV_CFG):
                venv = read_venv(rootfs, posixpath.dirname(path) or "/")
                if venv is not None:
                    found.venvs[venv.prefix] = venv
    except UnreadableError as error:
        found.problems.append(Problem(error.path, error.why, error.path))
    return found


def _add_directory(rootfs: Rootfs, path: str, found: Discovery) -> None:
    """Add a site directory, or the directory above a dist-info folder."""
    if path.endswith(".dist-info"):
        found.metadata_parents.setdefault(posixpath.dirname(path))
    elif path.endswith("-packages"):
        match = SITE_DIRECTORY.fullmatch(path)
        if match and not _is_cached(rootfs, match["prefix"]):
            found.prefixes.add(
                "/usr" if match["folder"] == "dist-packages" else match["prefix"] or "/"
            )


def target_directories(rootfs: Rootfs, found: Discovery, known: Collection[str]) -> Iterator[str]:
    """Yield the directories that distributions are installed in outside every environment.

    `known` are the real import paths of every environment: what lies below one of them is part
    of a package. At most `_MOST_TARGETS`, the rest becomes a problem.
    """
    count = 0
    for path in found.metadata_parents:
        if any(each in known for each in (path, *ancestors(path))) or _is_internal(rootfs, path):
            continue
        if count == _MOST_TARGETS:
            why = f"more than {_MOST_TARGETS:,} directories hold distributions"
            found.problems.append(Problem(path, why, path, limit=True))
            return
        count += 1
        yield path


def _is_internal(rootfs: Rootfs, path: str) -> bool:
    """Return whether a directory is an installer's cache, or code inside some package."""
    return (
        not _INTERNAL.isdisjoint(path.split("/"))
        or "/virtualenv/wheel/" in path
        or is_file(rootfs, posixpath.join(path, "__init__.py"))
        or _is_cached(rootfs, path)
        or any(is_file(rootfs, f"{each}/CACHEDIR.TAG") for each in ancestors(path))
    )


def _is_cached(rootfs: Rootfs, path: str) -> bool:
    """Return whether a path lies in the unpacked archives of uv or conda."""
    return any(
        name in _UNPACKED
        or (name == "pkgs" and is_directory(rootfs, posixpath.join(folder, "conda-meta")))
        for folder, name in map(posixpath.split, ancestors(path))
    )
