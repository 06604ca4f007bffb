"""Launchers: programs that start the program which the rest of their command line names.

`env`, `tini`, `gosu`, `timeout`, `busybox`, `uv run` and their like, in one table. What they set
for the program is kept beside it; nothing is looked up in an image here.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.commands.program_arguments import CONDA, PIP, parse_arguments
from auditor.inventory.commands.python_options import command_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SHELL = r"(?:ba|da|a|z|k)?sh"
PYTHON = r"(?:python|pypy)[\d.]*t?"
ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL | re.ASCII)
CONDA_TOOLS = frozenset({"conda", "mamba", "micromamba"})

_SHELL, _PYTHON, _PIP = re.compile(SHELL), re.compile(PYTHON), re.compile(r"pip[\d.]*")
_KEYWORDS = frozenset(
    ("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!", "esac")
)
"""Words of the shell's grammar that stand before a command."""
_MOST_LAUNCHERS = 256
"""Launchers of one command line that are followed."""


def is_shell(name: str) -> bool:
    """Return whether a program's name, without its directory, is a shell's."""
    return _SHELL.fullmatch(name) is not None


def is_python(name: str) -> bool:
    """Return whether a program's name, without its directory, is a Python interpreter's."""
    return _PYTHON.fullmatch(name) is not None


def is_pip(name: str) -> bool:
    """Return whether a program's name, without its directory, is pip's."""
    return _PIP.fullmatch(name) is not None


class Launch(NamedTuple):
    """A program as it is started, and what the launchers before it set."""

    words: tuple[str, ...] = ()
    """The program as it is called, and its arguments; empty where nothing is started."""
    variables: Mapping[str, str | None] = MappingProxyType({})
    """Environment variables that were assigned; None for one that was unset."""
    clears_environment: bool = False
    """Whether only the variables above are passed on (`env -i`)."""
    directory: str | None = None
    """The working directory that was set, relative to the one before; None where none was."""
    user: str | None = None
    """The user that was set, as it was spelled (`app:app`)."""
    launchers: tuple[str, ...] = ()
    """Names of the launchers, the outermost first."""

    @property
    def name(self) -> str:
        """The program's name without its directory."""
        return posixpath.basename(self.words[0])

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the program's environment, given that of the first launcher."""
        merged = {**({} if self.clears_environment else inherited), **self.variables}
        return {name: value for name, value in merged.items() if value is not None}

    def starting(self, words: Sequence[str]) -> Launch:
        """Return what is started where this program is itself a launcher of `words`."""
        return self._replace(words=tuple(words), launchers=(*self.launchers, self.name))


NOTHING = Launch()


class _Launcher(NamedTuple):
    """How a launcher finds its program: after its own options and arguments."""

    options: Mapping[str, str]
    """Options that take the next word -> what the value sets: `user`, `directory`, `unset`."""
    arguments: tuple[str, ...]
    """What its own arguments before the program set."""
    subcommand: str
    """What its first argument has to be for it to be a launcher: `uv run`."""


def _launcher(options: str = "", arguments: str = "", subcommand: str = "") -> _Launcher:
    """Return a launcher; `-u=user` is an option whose value is a user."""
    named = (each.partition("=") for each in options.split())
    set_by = {name: setting for name, _, setting in named}
    return _Launcher(set_by, tuple(arguments.split()), subcommand)


_TABLE = {
    "builtin busybox catatonit command eatmydata nohup": _launcher(),
    "chroot": _launcher("--groups --userspec=user", "root"),
    "doas": _launcher("-C -u=user"),
    "docker-init tini tini-static": _launcher("-p -e"),
    "dumb-init": _launcher("-r --rewrite"),
    "env": _launcher("-C=directory --chdir=directory -u=unset --unset=unset"),
    "exec": _launcher("-a"),
    "gosu su-exec": _launcher("", "user"),
    "ionice": _launcher("-c -n --class --classdata"),
    "nice": _launcher("-n --adjustment"),
    "setpriv": _launcher("--regid --groups --reuid=user"),
    "stdbuf": _launcher("-i -o -e --input --output --error"),
    "sudo": _launcher("-g -U -C -h -p -T -r -t --group -u=user --user=user --chdir=directory"),
    "time": _launcher("-f -o --format --output"),
    "timeout": _launcher("-k -s --kill-after --signal", "duration"),
    "xargs": _launcher("-n -P -I -L -d -s -E -a --max-args --max-procs --delimiter --arg-file"),
    # These choose an environment for the program.
    " ".join(CONDA_TOOLS): _launcher(f"{' '.join(CONDA)} --cwd=directory", "", "run"),
    "hatch": _launcher("-e --env -p --project", "", "run"),
    "pdm": _launcher("-p --project --venv", "", "run"),
    "pipenv": _launcher("", "", "run"),
    "poetry": _launcher("-P --project -C=directory --directory=directory", "", "run"),
    "rye": _launcher("--pyproject", "", "run"),
    # Not `-m NAME`: what follows the name are the module's own arguments.
    "uv": _launcher(f"{' '.join(PIP)} --directory=directory", "", "run"),
}
_LAUNCHERS = {name: launcher for names, launcher in _TABLE.items() for name in names.split()}


def unwrap(words: Sequence[str], outer: Launch = NOTHING) -> Launch:
    """Return the program that a command line starts, and what is set on the way to it.

    Keywords and assignments of a shell may stand before it. Tools that run it in an environment
    which they choose (`uv run`) are not unwrapped: `run_by_tool` does that. `outer` is what
    starts the command line.
    """
    launch = outer._replace(words=tuple(words))
    for _ in range(_MOST_LAUNCHERS):
        following = _unwrapped_once(launch)
        if following is None:
            break
        launch = following
    return launch


def run_by_tool(launch: Launch) -> Launch | None:
    """Return what `uv run COMMAND` and its like start; None where it is nothing like that."""
    launcher = _LAUNCHERS.get(launch.name) if launch.words else None
    if launcher is None or not launcher.subcommand:
        return None
    inner = _started_by(launch, launcher)
    return inner and unwrap(inner.words, inner)


def run_as_module(launch: Launch) -> Launch | None:
    """Return `NAME ARGUMENTS` for `python -m NAME ARGUMENTS`; None for anything else."""
    if not launch.words or not is_python(launch.name):
        return None
    module = command_line(launch.words[1:]).module
    return launch.starting(module) if module else None


def shell_text(words: Sequence[str]) -> str | None:
    """Return the text that `sh -c TEXT`, `su USER -c TEXT` or `eval TEXT` runs."""
    name = posixpath.basename(words[0])
    if name == "eval":
        return " ".join(words[1:])
    if not is_shell(name) and name != "su":
        return None
    for at, word in enumerate(words[1:], 1):
        if word == "--command" or re.fullmatch(r"-[a-zA-Z]*c", word):
            return next((each for each in words[at + 1 :] if each[:1] not in "-+"), None)
        if name != "su" and word[:1] not in "-+" and words[at - 1] not in {"-o", "+o"}:
            return None
    return None


def _unwrapped_once(launch: Launch) -> Launch | None:
    """Take the first launcher, keyword or assignment off; None where there is none."""
    words = launch.words
    if not words:
        return None
    if words[0] in _KEYWORDS:
        return launch._replace(words=words[1:])
    if pair := ASSIGNMENT.fullmatch(words[0]):
        variables = {**launch.variables, pair[1]: pair[2]}
        return launch._replace(words=words[1:], variables=variables)
    launcher = _LAUNCHERS.get(launch.name)
    return None if launcher is None or launcher.subcommand else _started_by(launch, launcher)


def _started_by(launch: Launch, launcher: _Launcher) -> Launch | None:
    """Return what a launcher starts; None where its subcommand is another one."""
    words: Sequence[str] = launch.words[1:]
    if launch.name == "env":
        words = _with_split_string(words)
    parsed = parse_arguments(words, launcher.options, interspersed=False)
    rest, options = parsed.positional, parsed.options
    if launcher.subcommand:
        if rest[:1] != (launcher.subcommand,):
            return None
        parsed = parse_arguments(rest[1:], launcher.options, interspersed=False)
        rest, options = parsed.positional, (*options, *parsed.options)
        if launch.name == "uv" and parsed.has("-m", "--module"):
            rest = ("python", "-m", *rest)
    settings = [(launcher.options.get(name, ""), value) for name, value in options]
    settings += zip(launcher.arguments, rest, strict=False)
    started = _with_settings(launch, settings).starting(rest[len(launcher.arguments) :])
    return _cleared(started, options) if launch.name == "env" else started


def _with_settings(launch: Launch, settings: Iterable[tuple[str, str]]) -> Launch:
    """Add what a launcher's options and arguments set."""
    for setting, value in settings:
        if setting == "user":
            launch = launch._replace(user=value)
        elif setting == "directory":
            launch = launch._replace(directory=posixpath.join(launch.directory or "", value))
        elif setting == "unset":
            launch = launch._replace(variables={**launch.variables, value: None})
    return launch


def _cleared(launch: Launch, options: Sequence[tuple[str, str]]) -> Launch:
    """Apply `-i` of `env`, or `-`: an empty environment."""
    dash = launch.words[:1] == ("-",)
    if not dash and all(name not in {"-i", "--ignore-environment"} for name, _ in options):
        return launch
    return launch._replace(
        words=launch.words[dash:], variables=MappingProxyType({}), clears_environment=True
    )


def _with_split_string(words: Sequence[str]) -> Sequence[str]:
    """Return arguments of `env` with the words of `-S STRING` in its place."""
    options = {"-S", "--split-string"}
    at = next((at for at, word in enumerate(words) if word in options or word[:1] != "-"), -1)
    if at < 0 or words[at] not in options:
        return words
    text = " ".join(words[at + 1 : at + 2])
    try:
        split = shlex.split(text)
    except ValueError:
        split = text.split()
    return [*words[:at], *split, *words[at + 2 :]]
