"""Installers that base images and virtual environments bring along, locked or not.

Nobody vouches for an unlocked one, so its RECORD speaks for nothing but what it is known to have.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.model import Distribution

_SETUPTOOLS = (
    "setuptools",
    "pkg_resources",
    "_distutils_hack",
    "distutils-precedence.pth",
    "easy_install",
)

_TOPS = {
    "pip": ("pip",),
    "setuptools": _SETUPTOOLS,
    "distribute": _SETUPTOOLS,
    "wheel": ("wheel",),
    "uv": ("uv",),
}
"""Distribution -> what it has in a site directory, beside its metadata."""

_PROGRAM = re.compile(r"(?:pip|easy_install|wheel|uv|uvx)(?:-?\d[\d.]*)?")
_MARK = ".virtualenv"
"""Ends the name of an empty file by which virtualenv knows what it seeded."""

BOOTSTRAP = frozenset(_TOPS)
"""Normalised names."""


def may_have(distribution: Distribution, path: str) -> bool:
    """Return whether the file at a real path can be one of a distribution's; of others, any."""
    tops = _TOPS.get(distribution.name)
    if tops is None or f"{path}/".startswith(f"{distribution.metadata_path}/"):
        return True
    site = f"{distribution.location.rstrip('/')}/"
    if path.startswith(site):
        top = path.removeprefix(site).partition("/")[0]
        return top.removesuffix(".py") in tops or top.endswith(_MARK)
    folder, name = posixpath.split(path)
    return folder.endswith("/bin") and _PROGRAM.fullmatch(name) is not None
