"""Installers that base images and virtual environments contain, locked or not.

The RECORD of an unlocked one proves nothing: only files that the tool is known to have are its own.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.model import Distribution

_SETUPTOOLS = frozenset(
    ("setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth", "easy_install")
)

_TOPS = {
    **{name: frozenset({name}) for name in ("pip", "wheel", "uv")},
    **dict.fromkeys(("setuptools", "distribute"), _SETUPTOOLS),
}
"""Distribution -> what it has in a site directory besides its metadata."""

_PROGRAM = re.compile(r"(?:pip|easy_install|wheel|uv|uvx)(?:-?\d[\d.]*)?")
_SEED_MARKER = ".virtualenv"
"""Suffix of the empty file by which virtualenv recognises its seed packages."""

BOOTSTRAP = frozenset(_TOPS)
"""Normalised names."""


def may_have(distribution: Distribution, path: str) -> bool:
    """Return whether a file can be the distribution's: these tools have only the known ones."""
    tops = _TOPS.get(distribution.name)
    if tops is None or f"{path}/".startswith(f"{distribution.metadata_path}/"):
        return True
    site = f"{distribution.location.rstrip('/')}/"
    if path.startswith(site):
        top = path.removeprefix(site).partition("/")[0]
        return top.removesuffix(".py") in tops or top.endswith(_SEED_MARKER)
    folder, name = posixpath.split(path)
    return folder.endswith("/bin") and _PROGRAM.fullmatch(name) is not None
