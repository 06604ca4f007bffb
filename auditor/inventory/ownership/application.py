"""The directories and scripts of the image's own application, by the configuration."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.inventory.commands.launchers import is_python
from auditor.inventory.paths import is_directory, is_file, list_directory
from auditor.inventory.python.runtime import which
from auditor.inventory.python.sys_path import python_path

if TYPE_CHECKING:
    from auditor.model import Image, ImageConfig, Rootfs

_SYSTEM_FOLDERS = """
/bin /etc /lib /lib32 /lib64 /libx32 /sbin /usr/bin /usr/lib /usr/lib32 /usr/lib64 /usr/libx32
/usr/local/bin /usr/local/lib /usr/local/lib64 /usr/local/sbin /usr/sbin /var/lib
"""
SYSTEM_FOLDERS = tuple(_SYSTEM_FOLDERS.split())
"""Directories that can be no application's, whatever names them, nor can those above them."""

_CUSTOMARY = ("/app", "/srv")
_WORDS = 64
"""Words of the image's command that may be a script."""


def inside(path: str, folder: str) -> bool:
    """Return whether `path` is `folder` or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def may_own(folder: str) -> bool:
    """Return whether a directory can have one owner as a whole: it is no part of the system."""
    return not any(
        inside(system, folder) or (inside(folder, system) and not system.startswith("/var"))
        for system in SYSTEM_FOLDERS
    )


def application_folders(image: Image) -> set[str]:
    """Return the real directories that are the application's.

    WORKDIR, /app, /srv, the directories of the scripts in the image's command, and those
    directories of PYTHONPATH in which nothing was installed.
    """
    rootfs, config = image.rootfs, image.config
    named = [config.working_dir or "/", *_CUSTOMARY]
    named += (posixpath.dirname(script) for script in application_scripts(rootfs, config))
    searched = (entry.path for entry in python_path(config) if is_directory(rootfs, entry.path))
    named += (
        folder
        for folder in searched
        if not any(name.lower().endswith(".dist-info") for name in list_directory(rootfs, folder))
    )
    real = (rootfs.resolve(path) for path in named)
    return {path for path in real if path is not None and may_own(path)}


def application_scripts(rootfs: Rootfs, config: ImageConfig) -> set[str]:
    """Return the real paths of the scripts that the image's command names."""
    found = (_script(rootfs, config, word) for word in [*config.entrypoint, *config.cmd][:_WORDS])
    return {path for path in found if path is not None}


def _script(rootfs: Rootfs, config: ImageConfig, word: str) -> str | None:
    if is_python(posixpath.basename(word)) or not word or "\0" in word:
        return None
    here = posixpath.join("/", config.working_dir, word)
    path = here if is_file(rootfs, here) else which(rootfs, config, word)
    real = rootfs.resolve(path) if path else None
    return real if real is not None and rootfs.facts(real).elf is None else None
