"""Every Python environment of an image: the one it runs, and all others."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.inventory.distributions import read_distributions
from auditor.inventory.files import names
from auditor.inventory.interpreter import read_interpreter
from auditor.inventory.os_packages import metadata_owners
from auditor.inventory.runtime import Runtime, configured_runtime, named_runtime
from auditor.inventory.sys_path import (
    SITE_DIRECTORY,
    Venv,
    library_name,
    pth_paths,
    python_path,
    read_venv,
    real_paths,
    site_directories,
    standard_library,
    user_site,
)
from auditor.model import (
    Distribution,
    Environment,
    FileType,
    Image,
    Interpreter,
    Inventory,
    Problem,
    UnreadableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LIBRARY = re.compile(r"^(?P<implementation>python|pypy)(?P<version>3\.\d+)(?P<threads>t?)$")

_NO_INTERPRETER = "the runtime interpreter is gone, or no program whose bytes tell its version"


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is known of one environment before its distributions are read."""

    prefix: str
    interpreter: str | None
    python_version: str | None
    paths: tuple[str, ...]
    seeded: bool
    problems: tuple[Problem, ...] = ()


def take_inventory(image: Image, python: str | None = None) -> Inventory:
    """Give every environment of the image with its distributions, the runtime one marked.

    `python` names the runtime environment by the path of its interpreter or by its prefix;
    raises `UsageError` where the image has nothing there. What is unreadable in the image is a
    problem, never an error.
    """
    venvs, prefixes, problems = _discover(image)
    runtime = _runtime(image, python, sorted(venvs))
    owners = metadata_owners(image.rootfs)
    environments: list[Environment] = []
    interpreter: Interpreter | None = None
    taken: set[str] = set()
    if runtime is not None:
        interpreter = read_interpreter(image.rootfs, runtime.executable, image.config.platform)
        if interpreter is None:
            problems.append(Problem(runtime.executable, _NO_INTERPRETER, runtime.executable))
        layout = _runtime_layout(image, runtime, interpreter)
        environments.append(_environment(image, layout, owners, runtime.reason))
        taken = set(layout.paths)
    for prefix in sorted(prefixes | set(venvs)):
        layout = _other_layout(image, prefix, venvs.get(prefix), taken)
        if layout.paths:
            environment = _environment(image, layout, owners, "")
            if environment.interpreter or environment.distributions:
                environments.append(environment)
    candidates = () if runtime else tuple(env.prefix for env in environments)
    return Inventory(tuple(environments), interpreter, candidates, tuple(problems))


def _discover(image: Image) -> tuple[dict[str, Venv], set[str], list[Problem]]:
    """Give the virtual environments, and the prefixes of every site directory."""
    venvs: dict[str, Venv] = {}
    prefixes: set[str] = set()
    problems: list[Problem] = []
    try:
        for path, entry in image.rootfs.walk(image.prefix or "/"):
            if path.endswith("/pyvenv.cfg") and entry.type is FileType.FILE:
                venv = read_venv(image.rootfs, posixpath.dirname(path) or "/")
                if venv is not None:
                    venvs[venv.prefix] = venv
            elif path.endswith("-packages") and entry.type is FileType.DIRECTORY:
                match = SITE_DIRECTORY.match(path)
                if match:
                    debian = match["kind"] == "dist"
                    prefixes.add("/usr" if debian else match["prefix"] or "/")
    except UnreadableError as error:
        problems.append(Problem(error.path, error.why, error.path))
    return venvs, prefixes, problems


def _runtime(image: Image, python: str | None, venvs: list[str]) -> Runtime | None:
    if python is not None:
        named = named_runtime(image.rootfs, python)
        if named is None:
            hint = f"it has {', '.join(venvs)}" if venvs else "drop --python to let it be found"
            raise UsageError(f"--python {python}: {image.reference} has no such interpreter", hint)
        return named
    if image.prefix is not None:
        named = named_runtime(image.rootfs, image.prefix)
        return named and Runtime(named.executable, f"the audited environment {image.prefix}")
    return configured_runtime(image.rootfs, image.config, venvs)


def _runtime_layout(image: Image, runtime: Runtime, interpreter: Interpreter | None) -> _Layout:
    """Rebuild `sys.path` of the runtime interpreter."""
    rootfs, config = image.rootfs, image.config
    directory = posixpath.dirname(runtime.executable)
    venv = read_venv(rootfs, directory) or read_venv(rootfs, posixpath.dirname(directory))
    if venv is not None and rootfs.resolve(venv.prefix):
        venv = replace(venv, prefix=rootfs.resolve(venv.prefix) or venv.prefix)
    base = interpreter.prefix if interpreter else _base_prefix(venv, directory)
    prefix = venv.prefix if venv else base
    library = _library(image, interpreter, prefix)
    if library is None:
        return _Layout(prefix, None, None, (), seeded=False)
    user = user_site(rootfs, config, library) if venv is None or venv.system_site else []
    sites = site_directories(rootfs, prefix, library)
    if venv is not None and venv.system_site:
        sites = [*sites, *site_directories(rootfs, base, library)]
    paths: list[str] = []
    problems: list[Problem] = []
    for site in [*user, *sites]:
        added, unreadable = pth_paths(rootfs, site)
        paths += [site, *added]
        problems += unreadable
    before = [*python_path(rootfs, config), *standard_library(rootfs, base, library)]
    return _Layout(
        prefix=prefix,
        interpreter=runtime.executable if rootfs.stat(runtime.executable) else None,
        python_version=interpreter.full_version if interpreter else _version(library),
        paths=real_paths(rootfs, [*before, *paths]),
        seeded=venv is not None and venv.seeded,
        problems=tuple(problems),
    )


def _base_prefix(venv: Venv | None, directory: str) -> str:
    """Give where an interpreter that is gone would have had its library."""
    return posixpath.dirname(venv.home if venv and venv.home else directory) or "/"


def _library(image: Image, interpreter: Interpreter | None, prefix: str) -> str | None:
    """Give the library folder's name, from the interpreter or else from what is there."""
    if interpreter is not None:
        return library_name(
            interpreter.version,
            interpreter.implementation,
            free_threaded=interpreter.free_threaded,
        )
    found = (name for lib in ("lib", "lib64") for name in names(image.rootfs, f"{prefix}/{lib}"))
    return next((name for name in found if _LIBRARY.match(name)), None)


def _version(library: str) -> str | None:
    match = _LIBRARY.match(library)
    return match["version"] if match else None


def _other_layout(image: Image, prefix: str, venv: Venv | None, taken: set[str]) -> _Layout:
    """Give what is below a prefix that the runtime interpreter does not import from."""
    rootfs = image.rootfs
    sites: list[str] = []
    version: str | None = None
    for lib in ("lib", "lib64"):
        for name in names(rootfs, posixpath.join(prefix, lib)):
            if _LIBRARY.match(name):
                found = site_directories(rootfs, prefix, name)
                sites += found
                version = version or (_version(name) if found else None)
    free = [path for path in real_paths(rootfs, sites) if path not in taken]
    executables = (posixpath.join(prefix, "bin", name) for name in ("python", "python3"))
    return _Layout(
        prefix=prefix,
        interpreter=next((path for path in executables if rootfs.stat(path)), None),
        python_version=version,
        paths=tuple(free),
        seeded=venv is not None and venv.seeded,
    )


def _environment(
    image: Image, layout: _Layout, owners: Mapping[str, str], reason: str
) -> Environment:
    distributions, problems = _distributions(image, layout.paths, owners)
    return Environment(
        prefix=layout.prefix,
        interpreter=layout.interpreter,
        python_version=layout.python_version,
        import_paths=layout.paths,
        runtime=bool(reason),
        runtime_reason=reason,
        distributions=tuple(distributions),
        seeded=layout.seeded,
        problems=(*layout.problems, *problems),
    )


def _distributions(
    image: Image, paths: Iterable[str], owners: Mapping[str, str]
) -> tuple[list[Distribution], list[Problem]]:
    found: list[Distribution] = []
    problems: list[Problem] = []
    for path in paths:
        distributions, unreadable = read_distributions(image.rootfs, path, owners)
        found += distributions
        problems += unreadable
    return found, problems
