"""The files of a CPython on this machine, laid out below /usr/local as an image holds them.

Without its tests, its byte code and whatever is installed in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "/usr/local"

_ASK = """
import json, os, sys, sysconfig
get = sysconfig.get_config_var
library = os.path.join(get("LIBDIR") or "", get("INSTSONAME") or "")
print(json.dumps({
    "executable": os.path.realpath(os.path.join(sys.base_prefix, "bin", f"python{get('VERSION')}")),
    "full_version": ".".join(map(str, sys.version_info[:3])),
    "version": get("VERSION"),
    "base_prefix": sys.base_prefix,
    "implementation": sys.implementation.name,
    "stdlib": os.path.dirname(os.__file__),
    "include": os.path.join(sys.base_prefix, "include", f"python{get('VERSION')}{sys.abiflags}"),
    "library": library if os.path.isfile(library) and ".so" in library else None,
}))
"""

_LEAVE_OUT = {
    "__pycache__",
    "idlelib",
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "turtledemo",
}

_OF_A_DISTRIBUTION = {"sitecustomize.py", "usercustomize.py", "EXTERNALLY-MANAGED"}
"""What Debian and others add to the standard library: no part of CPython."""

_PARTS_OF_GLIBC = ("libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "libutil.so.1")
"""What compiled modules may still ask for by name, though glibc 2.34 merged it."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where a CPython keeps its files."""

    executable: Path
    version: str
    """`3.11`."""
    full_version: str
    base_prefix: Path
    implementation: str
    stdlib: Path
    include: Path
    library: Path | None
    """libpython, where the executable is linked with a shared one."""


def interpreter(executable: str = sys.executable) -> Interpreter:
    """Ask a Python where its files are.

    Raises `OSError` or `subprocess.CalledProcessError` where it does not run.
    """
    argv = [executable, "-I", "-c", _ASK]
    facts = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    return Interpreter(
        executable=Path(facts["executable"]),
        version=facts["version"],
        full_version=facts["full_version"],
        base_prefix=Path(facts["base_prefix"]),
        implementation=facts["implementation"],
        stdlib=Path(facts["stdlib"]),
        include=Path(facts["include"]),
        library=Path(facts["library"]) if facts["library"] else None,
    )


def find(version: str) -> Interpreter | None:
    """Return a CPython `version` of this machine that is not the system's own package."""
    on_path = (Path(folder, f"python{version}") for folder in os.get_exec_path())
    for candidate in (sys.executable, *filter(Path.exists, on_path)):
        try:
            found = interpreter(str(candidate))
        except (OSError, subprocess.CalledProcessError):
            continue  # a version manager's shim for a version that is not selected
        own = found.base_prefix != Path("/usr")
        if own and found.version == version and found.implementation == "cpython":
            return found
    return None


def files(python: Interpreter) -> dict[str, Path | str]:
    """Return path in the image -> file of this machine, or the target of a symbolic link."""
    tree: dict[str, Path | str] = {
        f"{PREFIX}/bin/python{python.version}": python.executable,
        f"{PREFIX}/bin/python3": f"python{python.version}",
        f"{PREFIX}/bin/python": "python3",
    }
    for source, target in (
        (python.stdlib, f"{PREFIX}/lib/python{python.version}"),
        (python.include, f"{PREFIX}/include/python{python.version}"),
    ):
        for folder, folders, names in os.walk(source):
            folders[:] = sorted(name for name in folders if not _left_out(name))
            below = Path(folder).relative_to(source)
            for name in sorted(names):
                path = Path(folder, name)
                if path.exists() and path.suffix != ".a" and name not in _OF_A_DISTRIBUTION:
                    tree[str(Path(target, below, name))] = path.resolve()
    if python.library:
        tree[f"{PREFIX}/lib/{python.library.name}"] = python.library.resolve()
    return tree


def _left_out(folder: str) -> bool:
    return folder in _LEAVE_OUT or folder.startswith("config-")


def system_libraries(executable: Path) -> dict[str, Path | str | bytes]:
    """Return the system's libraries that the dynamic loader finds for an executable.

    Without them an image would not tell which C library it has, so which wheels fit it. They
    come with the package database that distroless images have, as one package's files.
    """
    if not shutil.which("ldd"):
        return {}
    listed = subprocess.run(["ldd", executable], capture_output=True, text=True, check=False).stdout
    paths = set(re.findall(r"\s(/(?:usr/)?lib\S*/\S+) \(0x", listed))
    beside = {str(Path(path).with_name(name)) for path in paths for name in _PARTS_OF_GLIBC}
    paths |= {path for path in beside if Path(path).exists()}
    libraries = {path: Path(path).resolve() for path in paths}
    return {**libraries, **package_database("libc6", libraries)}


def package_database(package: str, files: Mapping[str, Path | str]) -> dict[str, bytes]:
    """Return the entry of one package in the database that distroless images have."""
    sums = []
    for path, source in sorted(files.items()):
        if isinstance(source, Path):
            md5 = hashlib.md5(source.read_bytes(), usedforsecurity=False).hexdigest()
            sums.append(f"{md5}  {path.removeprefix('/')}\n")
    entry = f"/var/lib/dpkg/status.d/{package}"
    stanza = f"Package: {package}\nStatus: install ok installed\n"
    return {entry: stanza.encode(), f"{entry}.md5sums": "".join(sums).encode()}
