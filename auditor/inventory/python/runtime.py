"""Which `python` the image runs, by its configuration and files.

The first that holds: the one the caller names; Entrypoint and Cmd, through the usual launchers
and the shebang of a console script; VIRTUAL_ENV; `python`, then `python3` on PATH; the only
virtual environment there is.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.commands.launchers import CONDA_TOOLS, is_python, run_by_tool, unwrap
from auditor.inventory.commands.shell import from_words
from auditor.inventory.paths import is_directory, is_file, program_directories
from auditor.model import ImageConfig, Rootfs, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Runtime(NamedTuple):
    """A `python` as the image spells it, not resolved: a venv is known by that path."""

    executable: str
    reason: str
    arguments: tuple[str, ...] | None = None
    """The words after it, a console script as the first; None where no command names it."""


_MOVES = re.compile(r"(?:^|[\s;&|])(?:cd|pushd)\s|^(?:-C|--chdir|--directory)\b")
_SHEBANG_LIMIT = 64 * 1024
_EXEC_PREAMBLE = re.compile(
    r"""^'{3}exec' (?:"\$\(dirname [^']*/'([^']+)'|"([^"$]+)"|([^\s"'$]+))"""
)
"""Second line of a script whose interpreter path is relocatable (uv), has blanks or is long."""
_MOST_STEPS = 16


def named_runtime(rootfs: Rootfs, python: str) -> Runtime | None:
    """Return the interpreter that the caller names by its path or by its prefix."""
    path = posixpath.normpath(posixpath.join("/", python))
    if is_directory(rootfs, path):
        for name in ("python", "python3"):
            executable = posixpath.join(path, "bin", name)
            if rootfs.lstat(executable) is not None:
                return Runtime(executable, f"named by --python {python}")
        return None
    return Runtime(path, f"named by --python {python}") if rootfs.lstat(path) else None


def configured_runtime(rootfs: Rootfs, config: ImageConfig, venvs: Sequence[str]) -> Runtime | None:
    """Return the interpreter that the image's configuration leads to, None where nothing does."""
    return (
        _from_command(rootfs, config)
        or _from_virtual_env(rootfs, config)
        or _from_path(rootfs, config)
        or _from_single_venv(rootfs, venvs)
    )


def _from_command(rootfs: Rootfs, config: ImageConfig) -> Runtime | None:
    """Follow Entrypoint + Cmd; an entrypoint script in a shell mostly ends in `exec "$@"`."""
    words = [*config.entrypoint, *config.cmd]
    found = _follow(rootfs, config, words, "the image's command runs")
    if found is None and config.entrypoint and config.cmd:
        found = _follow(rootfs, config, config.cmd, "the image's Cmd runs")
    if found is not None and any(_MOVES.search(word) for word in words):
        # The command goes elsewhere first: which directory is its own cannot be told.
        return found._replace(arguments=None)
    return found


def _follow(
    rootfs: Rootfs, config: ImageConfig, words: Sequence[str], reason: str
) -> Runtime | None:
    """Return the interpreter that a command line ends in, past its launchers and shells."""
    for _ in range(_MOST_STEPS):
        started = list(from_words(words, dict(config.env)))
        if not started:
            return None
        last = started[-1]
        if last.piped_from:
            words = last.piped_from
            continue
        if is_python(last.name):
            path = _interpreter(rootfs, config, last.words[0])
            why = f"{reason} {last.words[0]}"
            return Runtime(path, why, last.words[1:]) if path else None
        inner = None if last.name in CONDA_TOOLS else run_by_tool(last.launch)
        if inner is None:
            return _from_script(rootfs, config, last.words, reason)
        words = _in_project(rootfs, config, inner.words)
    return None


def _interpreter(rootfs: Rootfs, config: ImageConfig, word: str) -> str | None:
    """Return the path that an interpreter's name runs, or would run if its link led anywhere."""
    if word.startswith("/") and rootfs.lstat(word) is not None:
        return posixpath.normpath(word)
    return which(rootfs, config, word)


def _in_project(rootfs: Rootfs, config: ImageConfig, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return what `uv run COMMAND` and its like start, in the project's environment."""
    directory = config.env.get("UV_PROJECT_ENVIRONMENT") or ".venv"
    prefix = posixpath.join(config.working_dir or "/", directory)
    if not words or not is_directory(rootfs, prefix):
        return words
    own = posixpath.join(prefix, "bin", words[0])
    if rootfs.lstat(own):
        return own, *words[1:]
    return (posixpath.join(prefix, "bin", "python"),) if words[0].endswith(".py") else words


def _from_script(
    rootfs: Rootfs, config: ImageConfig, words: Sequence[str], reason: str
) -> Runtime | None:
    """Return the interpreter in the shebang of a Python script."""
    script = which(rootfs, config, words[0])
    command = unwrap((script and shebang(rootfs, script)) or ())
    if not (script and command.words and is_python(command.name)):
        return None
    program, *options = command.words
    python = _interpreter(rootfs, config, program)
    why = f"{reason} {script}, whose shebang names {program}"
    return Runtime(python, why, (*options, script, *words[1:])) if python else None


def shebang(rootfs: Rootfs, path: str) -> list[str] | None:
    """Return the words of a script's interpreter line, None for anything else."""
    try:
        head = rootfs.read(path, _SHEBANG_LIMIT)[:1024]
    except UnreadableError:
        return None
    if not head.startswith(b"#!"):
        return None
    lines = head.decode("utf-8", "surrogateescape").splitlines()
    preamble = _EXEC_PREAMBLE.match(lines[1]) if len(lines) > 1 else None
    if preamble:
        target = next(group for group in preamble.groups() if group)
        return [posixpath.join(posixpath.dirname(rootfs.resolve(path) or path), target)]
    return lines[0][2:].split() or None


def _from_virtual_env(rootfs: Rootfs, config: ImageConfig) -> Runtime | None:
    prefix = config.env.get("VIRTUAL_ENV")
    if not prefix:
        return None
    executable = posixpath.join("/", prefix, "bin/python")
    return Runtime(executable, f"VIRTUAL_ENV={prefix}") if rootfs.lstat(executable) else None


def _from_path(rootfs: Rootfs, config: ImageConfig) -> Runtime | None:
    for name in ("python", "python3"):
        path = which(rootfs, config, name)
        if path:
            return Runtime(path, f"{name} on PATH")
    return None


def _from_single_venv(rootfs: Rootfs, venvs: Sequence[str]) -> Runtime | None:
    if len(venvs) != 1:
        return None
    executable = posixpath.join(venvs[0], "bin/python")
    return Runtime(executable, "the only virtual environment") if rootfs.lstat(executable) else None


def which(rootfs: Rootfs, config: ImageConfig, word: str) -> str | None:
    """Return the path that a command word runs, as `execvp` finds it; None where nothing does."""
    here = config.working_dir or "/"
    if "/" in word:
        candidates = [posixpath.join(here, word)]
    else:
        candidates = [posixpath.join(here, part, word) for part in program_directories(config)]
    for candidate in candidates:
        path = posixpath.normpath(candidate)
        if is_file(rootfs, path):
            entry = rootfs.stat(path)
            if entry is not None and entry.mode & 0o111:
                return path
    return None
