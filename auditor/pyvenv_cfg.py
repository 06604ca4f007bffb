"""Virtual environments, by their pyvenv.cfg (PEP 405)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from auditor.model import UnreadableError

if TYPE_CHECKING:
    from auditor.model import Rootfs

_LIMIT = 64 * 1024  # bytes; a real one has less than a thousand


class Venv(NamedTuple):
    """What pyvenv.cfg says."""

    prefix: str
    home: str
    """Directory of the base interpreter, as pyvenv.cfg spells it."""
    system_site: bool
    """The base interpreter's site directories are on the path too."""
    seed_packages: bool
    """The tool that made it installed bootstrap tools as well."""
    version: str
    """Of the interpreter that made it, which need not be the one that it leads to."""


def read_venv(rootfs: Rootfs, prefix: str) -> Venv | None:
    """Return the virtual environment at `prefix`, None where there is no readable pyvenv.cfg."""
    try:
        content = rootfs.read(posixpath.join(prefix, "pyvenv.cfg"), _LIMIT)
    except UnreadableError:
        return None
    lines = content.decode("utf-8", "surrogateescape").splitlines()
    pairs = (line.partition("=") for line in lines)
    settings = {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
    return Venv(
        prefix,
        home=settings.get("home", ""),
        system_site=settings.get("include-system-site-packages", "").lower() == "true",
        seed_packages="seed" in settings or settings.get("uv-seed", "") == "true",
        version=settings.get("version") or settings.get("version_info", ""),
    )


def venv_of(rootfs: Rootfs, executable: str) -> Venv | None:
    """Return the virtual environment of an interpreter: pyvenv.cfg lies beside it or one above."""
    directory = posixpath.dirname(executable)
    return read_venv(rootfs, directory) or read_venv(rootfs, posixpath.dirname(directory))
