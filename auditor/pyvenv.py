"""The settings of a virtual environment, as `pyvenv.cfg` holds them (PEP 405)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import UnreadableError

if TYPE_CHECKING:
    from auditor.model import Rootfs

_LIMIT = 64 << 10


def read_settings(rootfs: Rootfs, prefix: str) -> dict[str, str] | None:
    """Return the settings of the environment at `prefix`, None where it has no readable ones."""
    try:
        content = rootfs.read(f"{prefix.rstrip('/')}/pyvenv.cfg", _LIMIT)
    except UnreadableError:
        return None
    lines = (
        line.partition("=") for line in content.decode("utf-8", "surrogateescape").splitlines()
    )
    return {key.strip().lower(): value.strip() for key, equals, value in lines if equals}
