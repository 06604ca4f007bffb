"""Every Python environment of an image: the one it runs, and all others."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.inventory.commands.python_options import command_line, first_entries
from auditor.inventory.distributions.installed import read_distributions
from auditor.inventory.ownership.conda import conda_files
from auditor.inventory.ownership.os_packages import metadata_owners, read_os_packages
from auditor.inventory.paths import is_directory, is_file, names
from auditor.inventory.python.discovery import Discovered, discover, targets
from auditor.inventory.python.interpreter import read_interpreter
from auditor.inventory.python.interpreter_fault import LIBRARY, interpreter_fault, libraries
from auditor.inventory.python.runtime import Runtime, configured_runtime, named_runtime
from auditor.inventory.python.sys_path import (
    Venv,
    library_name,
    pth_paths,
    python_path,
    read_venv,
    real_entries,
    real_paths,
    site_directories,
    standard_library,
    user_site,
)
from auditor.model import (
    Distribution,
    Environment,
    Image,
    Interpreter,
    Inventory,
    PathEntry,
    PathOrigin,
    Problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.model import Rootfs

_NO_PROGRAM = "the runtime interpreter is no program whose bytes tell its version"


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is known of one environment before its distributions are read."""

    prefix: str
    interpreter: str | None
    python_version: str | None
    paths: tuple[str, ...]
    seeded: bool
    fault: str = ""
    managed: bool = False
    sys_path: tuple[PathEntry, ...] = ()
    problems: tuple[Problem, ...] = ()


def collect_inventory(image: Image, python: str | None = None) -> Inventory:
    """Return every environment of the image with its distributions, the runtime one marked.

    `python` names the runtime environment by the path of its interpreter or by its prefix;
    raises `UsageError` where the image has nothing there. What is unreadable in the image is a
    problem, never an error.
    """
    found = discover(image.rootfs, image.prefix or "/")
    runtime = _runtime(image, python, sorted(found.venvs))
    os_packages = read_os_packages(image.rootfs)
    owners = metadata_owners(os_packages)
    if image.prefix is None:  # a live environment is audited without the system around it
        found.problems.extend(os_packages.problems)
    environments: list[Environment] = []
    interpreter: Interpreter | None = None
    taken: set[str] = set()
    if runtime is not None:
        interpreter = read_interpreter(image.rootfs, runtime.executable, image.config.platform)
        layout = _runtime_layout(image, runtime, interpreter)
        if interpreter is None and not layout.fault:
            found.problems.append(Problem(runtime.executable, _NO_PROGRAM, runtime.executable))
        environments.append(_environment(image, layout, owners, runtime.reason))
        taken = set(layout.paths)
    environments += _others(image, found, owners, taken)
    candidates = () if runtime else tuple(env.prefix for env in environments)
    prefixes = found.prefixes | ({interpreter.prefix} if interpreter else set())
    conda, unread = conda_files(image.rootfs, prefixes)
    problems = (*found.problems, *unread)
    return Inventory(tuple(environments), interpreter, candidates, problems, os_packages, conda)


def _others(
    image: Image, found: Discovered, owners: Mapping[str, str], taken: set[str]
) -> Iterator[Environment]:
    """Yield the environments that nobody runs: first those of an interpreter, by prefix."""
    for prefix in sorted(found.prefixes | set(found.venvs)):
        layout = _other_layout(image, prefix, found.venvs.get(prefix), taken)
        if layout.paths:
            environment = _environment(image, layout, owners, "")
            taken.update(layout.paths)
            if prefix not in found.venvs and not _is_installed_into(environment):
                environment = replace(environment, fault="")
            if environment.interpreter or environment.distributions:
                yield environment
    for path in targets(image.rootfs, found, taken):
        layout = _Layout(path, None, None, (path,), seeded=False)
        environment = _environment(image, layout, owners, "")
        if _is_installed_into(environment):
            yield environment


def _is_installed_into(environment: Environment) -> bool:
    """Return whether anything but the operating system's packages is there."""
    return any(each.os_package is None for each in environment.distributions)


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
    used = [name for name in libraries(rootfs, prefix) if site_directories(rootfs, prefix, name)]
    fault = interpreter_fault(image, prefix, runtime.executable, venv, used if venv else ())
    if library is None:
        return _Layout(prefix, None, None, (), seeded=False, fault=fault)
    command = command_line(runtime.arguments or ())
    home = "" if command.ignores_environment else config.env.get("PYTHONHOME", "").split(":")[0]
    base = home or base
    prefix = venv.prefix if venv else base
    sites = [
        PathEntry(site, PathOrigin.SITE)
        for top in ([prefix, base] if venv is not None and venv.system_site else [prefix])
        for site in site_directories(rootfs, top, library)
    ]
    if (venv is None or venv.system_site) and command.allows_user_site(config):
        user = user_site(rootfs, config, library)
        sites = [*(PathEntry(path, PathOrigin.USER_SITE) for path in user), *sites]
    entries, problems = _with_pth(rootfs, sites)
    sys_path = real_entries(
        rootfs,
        [
            *first_entries(rootfs, config, runtime.arguments),
            *(() if command.ignores_environment else python_path(config)),
            *standard_library(rootfs, base, library),
            *entries,
        ],
    )
    return _Layout(
        prefix=prefix,
        interpreter=runtime.executable if rootfs.stat(runtime.executable) else None,
        python_version=interpreter.full_version if interpreter else _version(library),
        paths=tuple(entry.path for entry in sys_path if _may_hold(rootfs, entry)),
        seeded=venv is not None and venv.seeded,
        fault=fault,
        managed=_is_managed(rootfs, base, [library]),
        sys_path=sys_path,
        problems=tuple(problems),
    )


def _with_pth(rootfs: Rootfs, sites: Iterable[PathEntry]) -> tuple[list[PathEntry], list[Problem]]:
    """Return the site directories, each with what its .pth files add, and what is unreadable."""
    entries: list[PathEntry] = []
    problems: list[Problem] = []
    for site in sites:
        added, unreadable = pth_paths(rootfs, site.path)
        entries += [site, *(PathEntry(path, PathOrigin.PTH) for path in added)]
        problems += unreadable
    return entries, problems


def _may_hold(rootfs: Rootfs, entry: PathEntry) -> bool:
    """Return whether distributions are looked for in a directory of `sys.path`.

    In the application's own directory only where something was installed into it
    (`pip install --target .`): its egg-info is the project's, not an installation.
    """
    if not is_directory(rootfs, entry.path):
        return False
    if entry.origin in (PathOrigin.SCRIPT, PathOrigin.WORKING_DIRECTORY):
        return any(name.endswith(".dist-info") for name in names(rootfs, entry.path))
    return True


def _base_prefix(venv: Venv | None, directory: str) -> str:
    """Return where an interpreter that is gone would have had its library."""
    return posixpath.dirname(venv.home if venv and venv.home else directory) or "/"


def _library(image: Image, interpreter: Interpreter | None, prefix: str) -> str | None:
    """Return the library folder's name, from the interpreter or else from what is there."""
    if interpreter is not None:
        return library_name(
            interpreter.version,
            interpreter.implementation,
            free_threaded=interpreter.free_threaded,
        )
    return next(iter(libraries(image.rootfs, prefix)), None)


def _version(library: str) -> str | None:
    match = LIBRARY.match(library)
    return match["version"] if match else None


def _other_layout(image: Image, prefix: str, venv: Venv | None, taken: set[str]) -> _Layout:
    """Return what is below a prefix that the runtime interpreter does not import from."""
    rootfs = image.rootfs
    paths: list[str] = []
    used: list[str] = []
    for name in libraries(rootfs, prefix):
        sites = real_paths(rootfs, site_directories(rootfs, prefix, name))
        free = [path for path in sites if path not in taken and path not in paths]
        paths += free
        used += [name] if free else []
    programs = (posixpath.join(prefix, "bin", name) for name in (*used, "python", "python3"))
    executable = next((path for path in programs if rootfs.lstat(path)), None)
    version = LIBRARY.match(used[0]) if used else None
    return _Layout(
        prefix=prefix,
        interpreter=executable if executable and rootfs.stat(executable) else None,
        python_version=version["version"] if version else None,
        paths=tuple(paths),
        seeded=venv is not None and venv.seeded,
        fault=interpreter_fault(image, prefix, executable, venv, used),
        managed=_is_managed(rootfs, prefix, used),
    )


def _is_managed(rootfs: Rootfs, prefix: str, used: Iterable[str]) -> bool:
    """Return whether EXTERNALLY-MANAGED lies in the standard library (PEP 668)."""
    folders = (posixpath.join(prefix, "lib", name) for name in used)
    return any(is_file(rootfs, f"{folder}/EXTERNALLY-MANAGED") for folder in folders)


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
        managed=layout.managed,
        sys_path=layout.sys_path,
        fault=layout.fault,
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
