"""Whether an environment's interpreter can run what is installed in it.

A virtual environment that was copied from another image may lead to an interpreter that was
left behind, or to one of another version, which looks in another `lib/pythonX.Y`.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from auditor.inventory.paths import names
from auditor.inventory.python.interpreter import read_interpreter
from auditor.inventory.python.sys_path import library_name
from auditor.model import FileType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.inventory.python.sys_path import Venv
    from auditor.model import Image, Rootfs

LIBRARY = re.compile(r"^(?P<implementation>python|pypy)(?P<version>3\.\d+)(?P<threads>t?)$")
"""Name of the folder below `lib` that belongs to one minor version of an interpreter."""

_MOST_LINKS = 40


def libraries(rootfs: Rootfs, prefix: str) -> list[str]:
    """Return the names of the library folders below a prefix, each once."""
    found = (name for lib in ("lib", "lib64") for name in names(rootfs, f"{prefix}/{lib}"))
    return list(dict.fromkeys(name for name in found if LIBRARY.match(name)))


def interpreter_fault(
    image: Image, prefix: str, executable: str | None, venv: Venv | None, used: Sequence[str]
) -> str:
    """Say why `executable` cannot run the environment at `prefix`; empty where it can.

    `used` are the library folders that its packages are in. Only a virtual environment needs
    an interpreter of its own; a prefix without one may belong to another's.
    """
    if executable is None:
        return f"has no interpreter in {posixpath.join(prefix, 'bin')}" if venv else ""
    end = _end(image.rootfs, executable)
    if image.rootfs.stat(executable) is None:
        leads = f"{executable} leads to {end}, which" if end != executable else executable
        return f"{leads} does not exist"
    interpreter = read_interpreter(image.rootfs, executable, image.config.platform)
    if interpreter is None:
        return ""
    own = library_name(
        interpreter.version, interpreter.implementation, free_threaded=interpreter.free_threaded
    )
    if used and own not in used:
        return f"{executable} looks in lib/{own}, the packages are in lib/{', lib/'.join(used)}"
    made_for = ".".join(venv.version.split(".")[:2]) if venv else ""
    if made_for and made_for != interpreter.version:
        return (
            f"{executable} is Python {interpreter.version}, pyvenv.cfg says that the "
            f"environment was made for {made_for}"
        )
    return ""


def _end(rootfs: Rootfs, path: str) -> str:
    """Return where a chain of links ends, by its letters: the place where something is missing."""
    for _ in range(_MOST_LINKS):
        entry = rootfs.lstat(path)
        if entry is None or entry.type is not FileType.SYMLINK:
            return path
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.target))
    return path
