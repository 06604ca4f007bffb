"""`sys.path` rebuilt from files and the image configuration, without running anything.

Follows the documentation of `site` and of `sys.path` initialisation (Python 3.11 and newer),
with Debian's and Fedora's additions. `auditor.inventory.commands.python_options` says what the
image's command puts first.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.inventory.commands.python_options import command_line, first_entries
from auditor.inventory.paths import is_directory, is_file, list_directory, text_of
from auditor.model import PathEntry, PathOrigin, Problem, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from auditor.model import Image, ImageConfig, Rootfs
    from auditor.pyvenv_cfg import Venv

_DEBIAN_SITE = "/usr/lib/python3/dist-packages"
_PTH_BYTES = 8 * 1024 * 1024
"""Bytes of a .pth file that are read; Python itself has no limit."""
_PTH_CODE = ("import ", "import\t")


def runtime_sys_path(
    image: Image, arguments: Sequence[str] | None, venv: Venv | None, base_prefix: str, library: str
) -> tuple[tuple[PathEntry, ...], list[Problem]]:
    """Return `sys.path` of the interpreter that the image's command starts with `arguments`.

    `base_prefix` is its `sys.base_prefix`, `library` the name of its folder below `lib`. The
    problems are .pth files that cannot be read.
    """
    rootfs, config = image.rootfs, image.config
    prefixes = [base_prefix]
    if venv is not None:
        prefixes = [venv.prefix, base_prefix] if venv.system_site else [venv.prefix]
    sites = [each for prefix in prefixes for each in site_directories(rootfs, prefix, library)]
    uses_base = venv is None or venv.system_site
    if uses_base and command_line(arguments or ()).allows_user_site(config):
        sites = [*_user_site(rootfs, config, library), *sites]
    entries = [
        *command_entries(rootfs, config, arguments),
        *_standard_library(rootfs, base_prefix, library),
    ]
    problems: list[Problem] = []
    for site in sites:
        entries += [site, *_pth_entries(rootfs, site.path, problems)]
    return real_entries(rootfs, entries), problems


def command_entries(
    rootfs: Rootfs, config: ImageConfig, arguments: Sequence[str] | None
) -> list[PathEntry]:
    """Return what comes before the standard library: the command's own directory, PYTHONPATH."""
    entries = first_entries(rootfs, config, arguments)
    if not command_line(arguments or ()).ignores_environment:
        entries += python_path(config)
    return entries


def python_path(config: ImageConfig) -> list[PathEntry]:
    """Return the directories in PYTHONPATH; an empty element is the working directory."""
    value = config.env.get("PYTHONPATH", "")
    directory = posixpath.join("/", config.working_dir)
    parts = value.split(":") if value else []
    paths = (posixpath.normpath(posixpath.join(directory, part)) for part in parts)
    return [PathEntry(path, PathOrigin.PYTHONPATH) for path in paths]


def real_entries(rootfs: Rootfs, entries: Iterable[PathEntry]) -> tuple[PathEntry, ...]:
    """Return what exists by its real path, each once, at its first place.

    `lib64 -> lib` is one directory.
    """
    found: dict[str, PathEntry] = {}
    for entry in entries:
        real = rootfs.resolve(entry.path)
        if real is not None:
            found.setdefault(real, PathEntry(real, entry.origin))
    return tuple(found.values())


def site_directories(rootfs: Rootfs, prefix: str, library: str) -> list[PathEntry]:
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
    return [PathEntry(path, PathOrigin.SITE) for path in candidates if is_directory(rootfs, path)]


def _standard_library(rootfs: Rootfs, base_prefix: str, library: str) -> Iterator[PathEntry]:
    """Yield the standard library: the zip file that may replace it, then what exists."""
    stem = library.rstrip("t").replace(".", "")
    yield PathEntry(posixpath.join(base_prefix, "lib", f"{stem}.zip"), PathOrigin.STANDARD_ZIP)
    for lib in ("lib", "lib64"):
        top = posixpath.join(base_prefix, lib, library)
        modules = posixpath.join(top, "lib-dynload")
        if is_directory(rootfs, modules) or is_file(rootfs, posixpath.join(top, "os.py")):
            yield PathEntry(top, PathOrigin.STANDARD_LIBRARY)
            yield PathEntry(modules, PathOrigin.STANDARD_LIBRARY)


def _user_site(rootfs: Rootfs, config: ImageConfig, library: str) -> list[PathEntry]:
    """Return the user's site directory, where it exists."""
    base = config.env.get("PYTHONUSERBASE") or posixpath.join(
        _home_directory(rootfs, config), ".local"
    )
    path = posixpath.join("/", base, "lib", library, "site-packages")
    return [PathEntry(path, PathOrigin.USER_SITE)] if is_directory(rootfs, path) else []


def _home_directory(rootfs: Rootfs, config: ImageConfig) -> str:
    """Return the home directory of the user that the image runs as."""
    if config.env.get("HOME"):
        return config.env["HOME"]
    user = config.user.partition(":")[0] or "root"
    for line in text_of(rootfs, "/etc/passwd", 1024 * 1024).split("\n"):
        fields = line.split(":")
        if len(fields) >= 6 and user in (fields[0], fields[2]):
            return fields[5]
    return "/root" if user in ("root", "0") else "/"


def _pth_entries(rootfs: Rootfs, site: str, problems: list[Problem]) -> Iterator[PathEntry]:
    """Yield what the .pth files of a site directory add: what exists (`site`)."""
    for path, text in pth_files(rootfs, site, problems):
        hidden = posixpath.basename(path).startswith(".")
        for line in () if hidden else _pth_lines(text):
            if line.strip() and not line.startswith((*_PTH_CODE, "#")):
                target = posixpath.normpath(posixpath.join(site, line.rstrip()))
                if rootfs.stat(target) is not None:
                    yield PathEntry(target, PathOrigin.PTH)


def pth_files(rootfs: Rootfs, site: str, problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """Yield path and text of each .pth file; one that cannot be read becomes a problem."""
    for name in list_directory(rootfs, site):
        path = posixpath.join(site, name)
        if not name.endswith(".pth") or not is_file(rootfs, path):
            continue
        try:
            yield path, rootfs.read(path, _PTH_BYTES).decode("utf-8", "surrogateescape")
        except UnreadableError as error:
            problems.append(Problem(path, error.why, path))


def executed_lines(text: str) -> list[str]:
    """Return the lines of a .pth file that are run as code."""
    return [line for line in _pth_lines(text) if line.startswith(_PTH_CODE)]


def _pth_lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").splitlines()
