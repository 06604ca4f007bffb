"""Installers that base images and virtual environments bring along, locked or not.

Nobody vouches for an unlocked one, so its RECORD speaks for nothing but what it is known to have.
"""

from __future__ import annotations

import posixpath
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

_NATIVE_PROGRAMS = frozenset({"uv", "uvx"})
"""Scripts are known by what they hold, as those of every distribution."""

BOOTSTRAP = frozenset(_TOPS)
"""Normalised names."""


def may_have(distribution: Distribution, path: str) -> bool:
    """Tell whether the file at a real path can be one of a distribution's; of others, any."""
    tops = _TOPS.get(distribution.name)
    if tops is None or f"{path}/".startswith(f"{distribution.metadata_path}/"):
        return True
    site = f"{distribution.location.rstrip('/')}/"
    if path.startswith(site):
        return path.removeprefix(site).partition("/")[0].removesuffix(".py") in tops
    return distribution.name == "uv" and posixpath.basename(path) in _NATIVE_PROGRAMS
