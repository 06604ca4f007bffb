"""Which platform is meant, in the spelling of the OCI image specification."""

from __future__ import annotations

import platform as host
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.image.documents import normalised_platform

if TYPE_CHECKING:
    from auditor.model import Platform


def parse_platform(written: str | None) -> Platform | None:
    """Read `--platform`; raises `UsageError`."""
    if written is None:
        return None
    parts = written.split("/")
    if not 2 <= len(parts) <= 3 or not all(parts):
        raise UsageError(
            f"{written!r} is not a platform", "write it as os/architecture, such as linux/arm64"
        )
    return normalised_platform(*parts)


def host_platform() -> Platform:
    """Return the platform that an engine on this machine would take."""
    return normalised_platform("linux", host.machine())


def fits(platform: Platform, requested: Platform) -> bool:
    """Return whether an image's platform is the requested one; without a variant, any will do."""
    return platform[:2] == requested[:2] and requested.variant in {"", platform.variant}
