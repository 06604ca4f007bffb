"""Code that an interpreter runs before the program that it was started for (`site`).

Lines of .pth files that begin with `import`, and the modules sitecustomize and usercustomize
from anywhere on `sys.path`. The program's own directory is added to the path only afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.inventory.python.importable import import_root, module_file
from auditor.inventory.python.sys_path import executed_lines, pth_files
from auditor.model import PathOrigin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Environment, Problem, Rootfs

_SITES = frozenset({PathOrigin.SITE, PathOrigin.USER_SITE})
"""Entries whose .pth files are read."""
_ADDED_LATER = frozenset({PathOrigin.SCRIPT, PathOrigin.WORKING_DIRECTORY})
_MODULES = ("sitecustomize", "usercustomize")


@dataclass(frozen=True, slots=True)
class StartupCode:
    """One file that is executed at every start."""

    path: str
    """The .pth file, the module, or the zip file that holds it."""
    what: str
    """The first executed line, or the module's name."""
    shadowed_by: str = ""
    """The module that runs instead, being earlier on the path."""


@dataclass(frozen=True, slots=True)
class Startup:
    """Everything that runs at start, and what could not be read."""

    code: tuple[StartupCode, ...] = ()
    problems: tuple[Problem, ...] = ()


def find_startup_code(rootfs: Rootfs, runtime: Environment | None) -> Startup:
    """Return what the runtime interpreter executes at start, in the order of its path."""
    if runtime is None:
        return Startup()
    problems: list[Problem] = []
    code = [
        *(
            StartupCode(path, lines[0])
            for entry in runtime.sys_path
            if entry.origin in _SITES
            for path, text in pth_files(rootfs, entry.path, problems)  # hidden: read by older ones
            if (lines := executed_lines(text))
        ),
        *_modules(rootfs, runtime, problems),
    ]
    return Startup(tuple(code), tuple(problems))


def _modules(
    rootfs: Rootfs, runtime: Environment, problems: list[Problem]
) -> Iterator[StartupCode]:
    """Yield every sitecustomize and usercustomize that can be imported."""
    version = ".".join((runtime.python_version or "").split(".")[:2])
    first: dict[str, str] = {}
    for entry in runtime.sys_path:
        if entry.origin in _ADDED_LATER:
            continue
        root, problem = import_root(rootfs, entry.path)
        problems += [problem] if problem else []
        for module in _MODULES:
            file = module_file(root, module, version)
            if file is not None:
                path = root.locate(file)
                yield StartupCode(path, module, first.get(module, ""))
                first.setdefault(module, path)
