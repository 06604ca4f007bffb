"""Code that an interpreter runs before the program that it was started for (`site`).

Lines of .pth files that begin with `import`, and the modules sitecustomize and usercustomize
from anywhere on `sys.path`. The program's own directory comes on the path only afterwards.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.inventory.paths import is_file, names
from auditor.inventory.python.importable import module_file, place_at
from auditor.model import PathOrigin, Problem, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Environment, Rootfs

_PTH_BYTES = 8 * 1024 * 1024
_SITES = frozenset({PathOrigin.SITE, PathOrigin.USER_SITE})
"""Where .pth files are looked for."""
_LATER = frozenset({PathOrigin.SCRIPT, PathOrigin.WORKING_DIRECTORY})
_MODULES = ("sitecustomize", "usercustomize")
_LINE = re.compile(r"\r\n|\r|\n")


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
class Start:
    """Everything that runs at start, and what could not be read."""

    code: tuple[StartupCode, ...] = ()
    problems: tuple[Problem, ...] = ()


def find_startup_code(rootfs: Rootfs, runtime: Environment | None) -> Start:
    """Return what the runtime interpreter executes at start, in the order of its path."""
    if runtime is None:
        return Start()
    problems: list[Problem] = []
    code = [
        *(
            found
            for entry in runtime.sys_path
            if entry.origin in _SITES
            for found in _pth_code(rootfs, entry.path, problems)
        ),
        *_modules(rootfs, runtime, problems),
    ]
    return Start(tuple(code), tuple(problems))


def _pth_code(rootfs: Rootfs, site: str, problems: list[Problem]) -> Iterator[StartupCode]:
    """Yield the .pth files that execute something; older interpreters read hidden ones too."""
    for name in names(rootfs, site):
        path = posixpath.join(site, name)
        if not name.endswith(".pth") or not is_file(rootfs, path):
            continue
        try:
            text = rootfs.read(path, _PTH_BYTES).decode("utf-8-sig", "surrogateescape")
        except UnreadableError as error:
            problems.append(Problem(path, error.why, path))
            continue
        lines = (line for line in _LINE.split(text) if line.startswith(("import ", "import\t")))
        first = next(lines, None)
        if first is not None:
            yield StartupCode(path, first)


def _modules(
    rootfs: Rootfs, runtime: Environment, problems: list[Problem]
) -> Iterator[StartupCode]:
    """Yield every sitecustomize and usercustomize that can be imported."""
    version = ".".join((runtime.python_version or "").split(".")[:2])
    first: dict[str, str] = {}
    for entry in runtime.sys_path:
        if entry.origin in _LATER:
            continue
        place, problem = place_at(rootfs, entry.path)
        problems += [problem] if problem else []
        for module in _MODULES:
            file = module_file(place, module, version)
            if file is not None:
                path = place.locate(file)
                yield StartupCode(path, module, first.get(module, ""))
                first.setdefault(module, path)
