"""The scripts that entry_points.txt declares (entry points specification).

Read line by line, as `importlib.metadata` does for pip: in linear time, whatever the file holds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRY_POINTS_BYTES = 1 << 20
"""The largest entry_points.txt that is read; real ones have some kilobytes."""

_GROUPS = frozenset(("console_scripts", "gui_scripts"))
_TARGET = re.compile(r"([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?", re.ASCII)


def declared_scripts(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and `module:attribute` of each script; other lines are skipped."""
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group in _GROUPS and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            target = _TARGET.fullmatch(value.strip())
            if target is not None:
                yield name.strip(), f"{target[1]}:{target[2]}"
