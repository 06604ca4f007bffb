"""Libraries that settings load into every process: LD_PRELOAD, LD_AUDIT, /etc/ld.so.preload."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.paths import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.inventory.native.loader import FoundLibrary, Loader
    from auditor.model import ImageConfig, Rootfs

_FILE = "/etc/ld.so.preload"
_NAMES = 64
_LIMIT = 64 << 10


class Preload(NamedTuple):
    """A library that a setting names."""

    setting: str
    name: str
    found: FoundLibrary | None
    """What the loader takes; None where it finds none of its architecture."""


def preloads(rootfs: Rootfs, config: ImageConfig, loader: Loader) -> tuple[Preload, ...]:
    """Return what every process of the runtime interpreter loads by a setting, in order."""
    named = dict.fromkeys(_named(rootfs, config, loader))
    return tuple(Preload(setting, name, loader.find(name, loader.chain)) for setting, name in named)


def _named(rootfs: Rootfs, config: ImageConfig, loader: Loader) -> Iterator[tuple[str, str]]:
    """Yield settings and the names in them (ld.so(8)); musl knows LD_PRELOAD alone."""
    settings = [("LD_PRELOAD", r"[\s:]+", config.env.get("LD_PRELOAD", ""))]
    if not loader.musl:
        settings.append(("LD_AUDIT", r":+", config.env.get("LD_AUDIT", "")))
        settings.append((_FILE, r"[\s:]+", text_of(rootfs, _FILE, _LIMIT)))
    for setting, separator, text in settings:
        for name in list(filter(None, re.split(separator, text)))[:_NAMES]:
            yield setting, name
