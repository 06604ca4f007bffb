"""Which `python` the image runs, told from its configuration and files.

The first that holds: the one the caller names; Entrypoint and Cmd, through the usual launchers
and the shebang of a console script; VIRTUAL_ENV; `python`, then `python3` on PATH; the only
virtual environment there is.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

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


_PYTHON = re.compile(r"^(?:python|pypy)(?:\d+(?:\.\d+t?)?)?$")
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "busybox"})
_TAKES_NO_ARGUMENT = frozenset(
    {"tini", "tini-static", "dumb-init", "catatonit", "docker-init", "exec", "nohup", "time"}
)
"""Launchers that run what follows their own options."""
_TAKES_ONE_ARGUMENT = frozenset({"gosu", "su-exec"})
_OPTIONS_WITH_VALUE = frozenset({"-p", "-e", "-u", "--unset", "-C", "--chdir", "--rewrite", "-r"})
_RUNNERS = frozenset({"uv", "poetry", "pdm", "pipenv", "hatch", "rye"})
_ASSIGNMENT = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
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
        found = _follow(rootfs, config, list(config.cmd), "the image's Cmd runs")
    if found is not None and any(_MOVES.search(word) for word in words):
        # The command goes elsewhere first: which directory is its own cannot be told.
        return found._replace(arguments=None)
    return found


def _follow(rootfs: Rootfs, config: ImageConfig, words: list[str], reason: str) -> Runtime | None:
    for _ in range(_MOST_STEPS):
        if not words:
            return None
        name = posixpath.basename(words[0])
        if _PYTHON.match(name):
            path = _interpreter(rootfs, config, words[0])
            return Runtime(path, f"{reason} {words[0]}", tuple(words[1:])) if path else None
        following = _unwrap(rootfs, config, name, words[1:])
        if following is None:
            return _from_script(rootfs, config, words, reason)
        words = following
    return None


def _interpreter(rootfs: Rootfs, config: ImageConfig, word: str) -> str | None:
    """Return the path that an interpreter's name runs, or would run if its link led anywhere."""
    if word.startswith("/") and rootfs.lstat(word) is not None:
        return posixpath.normpath(word)
    return which(rootfs, config, word)


def _unwrap(rootfs: Rootfs, config: ImageConfig, name: str, rest: list[str]) -> list[str] | None:
    """Return the command that a launcher runs, None where `name` is no launcher."""
    if name in _TAKES_NO_ARGUMENT:
        return _without_options(rest)
    if name in _TAKES_ONE_ARGUMENT:
        return _without_options(rest)[1:]
    if name == "env":
        return _env_command(rest)
    if name in _SHELLS:
        return _shell_command(rest)
    if name in _RUNNERS and "run" in rest[:4]:
        return _project_command(rootfs, config, rest[rest.index("run") + 1 :])
    return None


def _without_options(words: list[str]) -> list[str]:
    while words and words[0].startswith("-"):
        if words[0] == "--":
            return words[1:]
        words = words[2:] if words[0] in _OPTIONS_WITH_VALUE else words[1:]
    return words


def _env_command(words: list[str]) -> list[str]:
    """Return what `env [-i] [-S STRING] [NAME=VALUE ...] COMMAND` runs."""
    if words and words[0] in ("-S", "--split-string"):
        words = [*_split(words[1]), *words[2:]] if len(words) > 1 else []
    words = _without_options(words)
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    return words


def _shell_command(words: list[str]) -> list[str] | None:
    """Return the last command of `sh -c STRING`; None for a script file."""
    if words and re.fullmatch(r"-[a-z]*c", words[0]) and len(words) > 1:
        last = re.split(r"&&|\|\||;|\n", words[1].rstrip("; \n"))[-1]
        return _env_command(_split(last))
    return None


def _project_command(rootfs: Rootfs, config: ImageConfig, words: list[str]) -> list[str]:
    """Return what `uv run COMMAND` and its like run, from the project's environment."""
    words = _without_options(words)
    directory = config.env.get("UV_PROJECT_ENVIRONMENT") or ".venv"
    prefix = posixpath.join(config.working_dir or "/", directory)
    if not words or not is_directory(rootfs, prefix):
        return words
    own = posixpath.join(prefix, "bin", words[0])
    if rootfs.lstat(own):
        return [own, *words[1:]]
    return [posixpath.join(prefix, "bin", "python")] if words[0].endswith(".py") else words


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _from_script(
    rootfs: Rootfs, config: ImageConfig, words: list[str], reason: str
) -> Runtime | None:
    """Return the interpreter in the shebang of a Python script."""
    script = which(rootfs, config, words[0])
    command = shebang(rootfs, script) if script else None
    if command and posixpath.basename(command[0]) == "env":
        command = _env_command(command[1:])
    if not (script and command and _PYTHON.match(posixpath.basename(command[0]))):
        return None
    python = _interpreter(rootfs, config, command[0])
    why = f"{reason} {script}, whose shebang names {command[0]}"
    return Runtime(python, why, (*command[1:], script, *words[1:])) if python else None


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
