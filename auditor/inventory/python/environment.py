"""One Python environment: what its interpreter imports, and what is installed in it."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.inventory.commands.python_options import command_line
from auditor.inventory.distributions.installed import read_distributions
from auditor.inventory.paths import is_directory, is_file, list_directory
from auditor.inventory.python.interpreter import read_interpreter
from auditor.inventory.python.sys_path import real_entries, runtime_sys_path, site_directories
from auditor.inventory.site_packages import LIBRARY_FOLDER
from auditor.model import Environment, FileType, PathOrigin
from auditor.pyvenv_cfg import venv_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from auditor.inventory.python.runtime import Runtime
    from auditor.model import Distribution, Image, Interpreter, PathEntry, Rootfs
    from auditor.pyvenv_cfg import Venv

_MOST_LINKS = 40


def runtime_environment(
    image: Image, runtime: Runtime, interpreter: Interpreter | None, owners: Mapping[str, str]
) -> Environment:
    """Return the environment that the image's command runs, with its `sys.path`.

    `interpreter` is what `runtime` leads to. `owners` maps metadata paths to the operating
    system's package that owns them.
    """
    rootfs, executable = image.rootfs, runtime.executable
    venv = venv_of(rootfs, executable)
    if venv is not None:
        venv = venv._replace(prefix=rootfs.resolve(venv.prefix) or venv.prefix)
    base = _base_prefix(image, runtime, interpreter, venv)
    prefix = venv.prefix if venv else base
    names = _libraries(rootfs, prefix)
    used = [name for name in names if venv and site_directories(rootfs, prefix, name)]
    environment = Environment(
        prefix,
        runtime=True,
        runtime_reason=runtime.reason,
        unusable_reason=_unusable_reason(rootfs, executable, interpreter, venv, used),
    )
    library = interpreter.library if interpreter else next(iter(names), None)
    if library is None:
        return environment
    sys_path, problems = runtime_sys_path(image, runtime.arguments, venv, base, library)
    environment = replace(
        environment,
        interpreter=executable if rootfs.stat(executable) else None,
        python_version=interpreter.full_version if interpreter else _version(library),
        import_paths=tuple(each.path for each in sys_path if _may_hold(rootfs, each)),
        has_seed_packages=venv is not None and venv.seed_packages,
        externally_managed=_is_externally_managed(rootfs, base, [library]),
        sys_path=sys_path,
        problems=tuple(problems),
    )
    return with_distributions(rootfs, environment, owners)


def other_environment(
    image: Image, prefix: str, venv: Venv | None, known: Collection[str], owners: Mapping[str, str]
) -> Environment:
    """Return what is installed below a prefix that the runtime interpreter does not import from.

    Directories that are `known` as another environment's are left out.
    """
    rootfs = image.rootfs
    found: dict[str, str] = {}  # site directory -> the first library folder that has it
    for name in _libraries(rootfs, prefix):
        for site in real_entries(rootfs, site_directories(rootfs, prefix, name)):
            if site.path not in known:
                found.setdefault(site.path, name)
    used = list(dict.fromkeys(found.values()))
    programs = (posixpath.join(prefix, "bin", name) for name in (*used, "python", "python3"))
    executable = next((path for path in programs if rootfs.lstat(path)), None)
    interpreter = (
        read_interpreter(rootfs, executable, image.config.platform) if executable else None
    )
    environment = Environment(
        prefix=prefix,
        interpreter=executable if executable and rootfs.stat(executable) else None,
        python_version=_version(used[0]) if used else None,
        import_paths=tuple(found),
        has_seed_packages=venv is not None and venv.seed_packages,
        externally_managed=_is_externally_managed(rootfs, prefix, used),
        unusable_reason=_unusable_reason(rootfs, executable, interpreter, venv, used),
    )
    return with_distributions(rootfs, environment, owners)


def with_distributions(
    rootfs: Rootfs, environment: Environment, owners: Mapping[str, str]
) -> Environment:
    """Return an environment with the distributions in its import paths."""
    found: list[Distribution] = []
    problems = list(environment.problems)
    for path in environment.import_paths:
        distributions, unreadable = read_distributions(rootfs, path, owners)
        found += distributions
        problems += unreadable
    return replace(environment, distributions=tuple(found), problems=tuple(problems))


def _unusable_reason(
    rootfs: Rootfs,
    executable: str | None,
    interpreter: Interpreter | None,
    venv: Venv | None,
    used: Sequence[str],
) -> str:
    """Return a clause that says why an environment cannot run; empty where it can.

    A virtual environment that was copied from another image may lead to an interpreter that was
    left behind, or to one of another version, which looks in another `lib/pythonX.Y`.
    `interpreter` is what `executable` leads to, `used` are the library folders that hold the
    environment's packages. Only a virtual environment needs an interpreter of its own; a prefix
    without one may belong to another's.
    """
    if executable is None:
        return f"has no interpreter in {posixpath.join(venv.prefix, 'bin')}" if venv else ""
    if rootfs.stat(executable) is None:
        target = _link_target(rootfs, executable)
        leads = f"{executable} leads to {target}, which" if target != executable else executable
        return f"{leads} does not exist"
    if interpreter is None:
        return ""
    own = interpreter.library
    if used and own not in used:
        return f"{executable} looks in lib/{own}, the packages are in lib/{', lib/'.join(used)}"
    made_for = ".".join(venv.version.split(".")[:2]) if venv else ""
    if made_for and made_for != interpreter.version:
        return (
            f"{executable} is Python {interpreter.version}, pyvenv.cfg says that the "
            f"environment was made for {made_for}"
        )
    return ""


def _link_target(rootfs: Rootfs, path: str) -> str:
    """Return the path that a chain of links ends at, which need not exist."""
    for _ in range(_MOST_LINKS):
        entry = rootfs.lstat(path)
        if entry is None or entry.type is not FileType.SYMLINK:
            return path
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.target))
    return path


def _base_prefix(
    image: Image, runtime: Runtime, interpreter: Interpreter | None, venv: Venv | None
) -> str:
    """Return `sys.base_prefix`; of an interpreter that does not exist, where its library was."""
    if not command_line(runtime.arguments or ()).ignores_environment:
        variable = image.config.env.get("PYTHONHOME", "").split(":")[0]
        if variable:
            return variable
    if interpreter is not None:
        return interpreter.prefix
    directory = venv.home if venv and venv.home else posixpath.dirname(runtime.executable)
    return posixpath.dirname(directory) or "/"


def _libraries(rootfs: Rootfs, prefix: str) -> list[str]:
    """Return the names of the library folders below a prefix, each once."""
    found = (name for lib in ("lib", "lib64") for name in list_directory(rootfs, f"{prefix}/{lib}"))
    return list(dict.fromkeys(name for name in found if LIBRARY_FOLDER.fullmatch(name)))


def _version(library: str) -> str | None:
    match = LIBRARY_FOLDER.fullmatch(library)
    return match["version"] if match else None


def _may_hold(rootfs: Rootfs, entry: PathEntry) -> bool:
    """Return whether distributions are looked for in a directory of `sys.path`.

    In the application's own directory only where something was installed into it
    (`pip install --target .`): its egg-info is the project's, not an installation.
    """
    if not is_directory(rootfs, entry.path):
        return False
    if entry.origin in (PathOrigin.SCRIPT, PathOrigin.WORKING_DIRECTORY):
        return any(name.endswith(".dist-info") for name in list_directory(rootfs, entry.path))
    return True


def _is_externally_managed(rootfs: Rootfs, prefix: str, libraries: Iterable[str]) -> bool:
    """Return whether EXTERNALLY-MANAGED lies in the standard library (PEP 668)."""
    folders = (posixpath.join(prefix, "lib", name) for name in libraries)
    return any(is_file(rootfs, f"{folder}/EXTERNALLY-MANAGED") for folder in folders)
