"""`sys.path` rebuilt from files and the image configuration, without running anything.

Follows the documentation of `site` and of `sys.path` initialisation (Python 3.11 and newer),
with Debian's and Fedora's additions. What the image's command puts first is told by
`auditor.inventory.commands.python_options`.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.inventory.paths import is_directory, is_file, names, text_of
from auditor.model import ImageConfig, PathEntry, PathOrigin, Problem, Rootfs, UnreadableError
from auditor.pyvenv import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SITE_DIRECTORY = re.compile(
    r"^(?P<prefix>.*)/lib(?:64)?/(?P<lib>python3\.\d+t?|pypy3\.\d+|python3)/(?P<kind>site|dist)-packages$"
)
"""Where third-party code is installed below a prefix; `python3` alone is Debian's."""

_DEBIAN_SITE = "/usr/lib/python3/dist-packages"
_PTH_LIMIT = 64 * 1024
"""Bytes of a .pth file that are read; Python itself has no limit."""


@dataclass(frozen=True, slots=True)
class Venv:
    """What pyvenv.cfg says (PEP 405)."""

    prefix: str
    home: str
    """Directory of the base interpreter, as it stands."""
    system_site: bool
    seeded: bool
    version: str = ""
    """Of the interpreter that made it, which need not be the one that it leads to."""


def read_venv(rootfs: Rootfs, prefix: str) -> Venv | None:
    """Return the virtual environment at `prefix`, None where there is no readable pyvenv.cfg."""
    settings = read_settings(rootfs, prefix)
    if settings is None:
        return None
    return Venv(
        prefix=prefix,
        home=settings.get("home", ""),
        system_site=settings.get("include-system-site-packages", "").lower() == "true",
        seeded="seed" in settings or settings.get("uv-seed", "") == "true",
        version=settings.get("version") or settings.get("version_info", ""),
    )


def library_name(version: str, implementation: str, *, free_threaded: bool) -> str:
    """Return the folder below `lib/` that an interpreter of this version uses."""
    stem = "pypy" if implementation == "pypy" else "python"
    return f"{stem}{version}{'t' if free_threaded else ''}"


def standard_library(rootfs: Rootfs, base_prefix: str, library: str) -> Iterator[PathEntry]:
    """Yield the standard library: the zip file that may stand for it, then what exists."""
    stem = library.rstrip("t").replace(".", "")
    yield PathEntry(posixpath.join(base_prefix, "lib", f"{stem}.zip"), PathOrigin.STANDARD_ZIP)
    for lib in ("lib", "lib64"):
        top = posixpath.join(base_prefix, lib, library)
        if is_directory(rootfs, posixpath.join(top, "lib-dynload")) or is_file(
            rootfs, posixpath.join(top, "os.py")
        ):
            yield PathEntry(top, PathOrigin.STANDARD_LIBRARY)
            yield PathEntry(posixpath.join(top, "lib-dynload"), PathOrigin.STANDARD_LIBRARY)


def site_directories(rootfs: Rootfs, prefix: str, library: str) -> list[str]:
    """Return the site directories of an interpreter or venv at `prefix`, in `sys.path` order.

    Debian's own interpreter looks in dist-packages, below /usr/local first; an interpreter of
    another distribution at /usr looks in site-packages below /usr/local too (Fedora).
    """
    if prefix == "/usr" and is_directory(rootfs, _DEBIAN_SITE):
        candidates = [
            f"/usr/local/lib/{library}/dist-packages",
            _DEBIAN_SITE,
            f"/usr/lib/{library}/dist-packages",
        ]
    else:
        prefixes = ["/usr/local", prefix] if prefix == "/usr" else [prefix]
        candidates = [
            posixpath.join(each, lib, library, "site-packages")
            for each in prefixes
            for lib in ("lib64", "lib")
        ]
    return [path for path in candidates if is_directory(rootfs, path)]


def python_path(config: ImageConfig) -> list[PathEntry]:
    """Return what PYTHONPATH names; an empty element is the working directory."""
    value = config.env.get("PYTHONPATH", "")
    here = config.working_dir or "/"
    parts = value.split(":") if value else []
    return [
        PathEntry(posixpath.normpath(posixpath.join("/", here, part)), PathOrigin.PYTHONPATH)
        for part in parts
    ]


def user_site(rootfs: Rootfs, config: ImageConfig, library: str) -> list[str]:
    """Return the user's site directory, where it exists."""
    base = config.env.get("PYTHONUSERBASE") or posixpath.join(home(rootfs, config), ".local")
    path = posixpath.join("/", base, "lib", library, "site-packages")
    return [path] if is_directory(rootfs, path) else []


def home(rootfs: Rootfs, config: ImageConfig) -> str:
    """Return the home directory of the user that the image runs as."""
    if config.env.get("HOME"):
        return config.env["HOME"]
    user = config.user.partition(":")[0] or "root"
    for line in text_of(rootfs, "/etc/passwd", 1024 * 1024).split("\n"):
        fields = line.split(":")
        if len(fields) >= 6 and user in (fields[0], fields[2]):
            return fields[5]
    return "/root" if user in ("root", "0") else "/"


def pth_paths(rootfs: Rootfs, site: str) -> tuple[list[str], list[Problem]]:
    """Return what the .pth files of a site directory add, and what is unreadable of them.

    Lines that start with `import` are code, not paths; only what exists is added (`site`).
    """
    added: list[str] = []
    problems: list[Problem] = []
    for name in names(rootfs, site):
        if not name.endswith(".pth") or name.startswith("."):
            continue
        path = posixpath.join(site, name)
        try:
            text = rootfs.read(path, _PTH_LIMIT).decode("utf-8", "surrogateescape")
        except UnreadableError as error:
            if is_file(rootfs, path):
                problems.append(Problem(path, error.why, path))
            continue
        for line in text.splitlines():
            word = line.strip()
            if word and not word.startswith(("#", "import ", "import\t")):
                target = posixpath.normpath(posixpath.join(site, word))
                if rootfs.stat(target) is not None:
                    added.append(target)
    return added, problems


def real_paths(rootfs: Rootfs, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the real paths, each once, where it comes first (`lib64 -> lib` is one directory)."""
    real = (rootfs.resolve(path) for path in paths)
    return tuple(dict.fromkeys(path for path in real if path is not None))


def real_entries(rootfs: Rootfs, entries: Iterable[PathEntry]) -> tuple[PathEntry, ...]:
    """Return what exists by its real path, each once, where it comes first."""
    found: dict[str, PathEntry] = {}
    for entry in entries:
        real = rootfs.resolve(entry.path)
        if real is not None:
            found.setdefault(real, PathEntry(real, entry.origin))
    return tuple(found.values())


def search_path(config: ImageConfig) -> list[str]:
    """Return the directories of PATH; the engines' own default where the image sets none."""
    default = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [part or "." for part in config.env.get("PATH", default).split(":")]
