"""The interpreter's own command line: its options, and what it runs.

The interpreter puts the directory of the script first on `sys.path`, or the working directory
for `-m` and `-c`, unless it is told not to (Python's "Command line and environment").
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.paths import is_directory
from auditor.model import PathEntry, PathOrigin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.model import ImageConfig, Rootfs

_ADD_WORKING_DIRECTORY = frozenset({"celery", "flask", "gunicorn", "hypercorn", "uvicorn"})
"""Console scripts that put the working directory first themselves."""

_WITH_VALUE = "WX"
_LONG_WITH_VALUE = frozenset({"--check-hash-based-pycs"})


class CommandLine(NamedTuple):
    """An interpreter's own options, and what it runs."""

    options: frozenset[str] = frozenset()
    """Letters of the short options that take no value."""
    script: str = ""
    """The path of a script, a directory or a zip file; empty for a module, `-c` or nothing."""
    module: tuple[str, ...] = ()
    """The name after `-m` and the module's arguments; empty for anything else."""

    @property
    def ignores_environment(self) -> bool:
        """Return whether PYTHON* variables are ignored."""
        return not self.options.isdisjoint("EI")

    def is_safe(self, config: ImageConfig) -> bool:
        """Return whether neither the script's nor the working directory is put on the path."""
        variable = bool(config.env.get("PYTHONSAFEPATH")) and not self.ignores_environment
        return variable or not self.options.isdisjoint("PI")

    def allows_user_site(self, config: ImageConfig) -> bool:
        """Return whether the user's own site directory may be on the path."""
        variable = bool(config.env.get("PYTHONNOUSERSITE")) and not self.ignores_environment
        return not variable and self.options.isdisjoint("sI")


def command_line(arguments: Sequence[str]) -> CommandLine:
    """Read the words after the interpreter's name."""
    options: set[str] = set()
    words = iter(arguments)
    for word in words:
        if not word.startswith("-") or word == "-":
            return CommandLine(frozenset(options), "" if word == "-" else word)
        if word.startswith("--"):
            if word in _LONG_WITH_VALUE:
                next(words, None)
            continue
        letters = word[1:]
        for at, letter in enumerate(letters):
            if letter in "cm":
                rest = (*filter(None, [letters[at + 1 :]]), *words)
                return CommandLine(frozenset(options), module=rest if letter == "m" else ())
            if letter in _WITH_VALUE:
                if at == len(letters) - 1:
                    next(words, None)
                break
            options.add(letter)
    return CommandLine(frozenset(options))


def first_entries(
    rootfs: Rootfs, config: ImageConfig, arguments: Sequence[str] | None
) -> list[PathEntry]:
    """Return what the command puts on `sys.path` before all else.

    `arguments` is None where the image's command does not lead to the interpreter.
    """
    if arguments is None:
        return []
    command = command_line(arguments)
    here = posixpath.normpath(posixpath.join("/", config.working_dir))
    entries: list[PathEntry] = []
    if posixpath.basename(command.script) in _ADD_WORKING_DIRECTORY:
        entries.append(PathEntry(here, PathOrigin.WORKING_DIRECTORY))
    if command.script:
        script = posixpath.join(here, command.script)
        real = rootfs.resolve(script)
        # A directory or a zip file is run as a whole and stands on the path even with -P.
        if real is not None and (is_directory(rootfs, real) or script.endswith((".zip", ".pyz"))):
            entries.append(PathEntry(real, PathOrigin.SCRIPT))
        elif real is not None and not command.is_safe(config):
            entries.append(PathEntry(posixpath.dirname(real), PathOrigin.SCRIPT))
    elif not command.is_safe(config):
        entries.append(PathEntry(here, PathOrigin.WORKING_DIRECTORY))
    return entries
