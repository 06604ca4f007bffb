"""What a command installs, and whether a lock decides it.

One table: the program -> its commands that change an environment, and the function that says
what these install from outside the lock. Bootstrap tools, the project itself without its
dependencies, and everything with hashes are no installs outside the lock.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.pylock import is_valid_pylock_path
from packaging.utils import canonicalize_name

from auditor.inventory.commands.launchers import (
    CONDA_TOOLS,
    is_pip,
    is_python,
    is_shell,
    run_as_module,
    run_by_tool,
)
from auditor.inventory.commands.program_arguments import CONDA, PIP, parse_arguments
from auditor.inventory.distributions.bootstrap_tools import BOOTSTRAP
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.inventory.commands.program_arguments import Arguments
    from auditor.inventory.commands.shell import Command

    Reader = Callable[[str], str]
    """Returns the text of a file that a command names; empty where it is gone."""


class Install(NamedTuple):
    """What a command installs that no lock decides."""

    why: str
    """A clause for a sentence; empty where `wheels` decide."""
    wheels: tuple[str, ...] = ()
    """Folders and files that it installs from without an index: their content decides."""


_FETCH = frozenset({"curl", "wget"})
_BOOTSTRAP_SCRIPT = re.compile(
    r"(?:^|[/.])(?:get-pip\.py|get-uv|astral\.sh/uv/|uv-installer\.(?:sh|ps1))|/uv/releases/"
)
"""Scripts that install a bootstrap tool."""
_CONDA_OWN = BOOTSTRAP | CONDA_TOOLS | {"python", "pypy", "libmamba"}
_NAME = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)")
"""A distribution's name, behind the channel that conda may be told."""
_MOST_NAMED = 5
_DEEPEST = 4
"""Runners inside runners that are followed."""


def is_set(command: Command, *names: str) -> bool:
    """Return whether an environment variable is switched on for the command."""
    return any(
        command.env.get(name, "").lower() not in {"", "0", "false", "no", "off"} for name in names
    )


def changes_environment(command: Command) -> bool:
    """Return whether a command changes an environment, by a lock or not."""
    return _call(unwrapped(command), lambda _: "") is not None


def install_of(command: Command, read: Reader) -> Install | None:
    """Return what a command installs from outside the lock; None where it does not."""
    command = unwrapped(command)
    if is_shell(command.name) or is_python(command.name):
        found = _fetched(command)
        return _setup_py(command) if found is None and is_python(command.name) else found
    call = _call(command, read)
    return call and call.outside_lock(call)


def unwrapped(command: Command) -> Command:
    """Return the command that `python -m NAME`, `uv run` and their like stand for."""
    for _ in range(_DEEPEST):
        inner = run_by_tool(command.launch) or run_as_module(command.launch)
        if inner is None or not inner.words:
            break
        command = command._replace(launch=inner, env=inner.environment(command.env))
    return command


class _Call(NamedTuple):
    """A call of an installer that changes an environment."""

    command: Command
    given: Arguments
    """Its arguments behind the subcommand."""
    read: Reader
    outside_lock: Callable[[_Call], Install | None]
    """Returns what it installs that no lock decides."""


def _call(command: Command, read: Reader) -> _Call | None:
    """Return the call that a command is; None where it changes no environment."""
    program = "pip" if is_pip(command.name) else command.name
    valued = CONDA if command.name in CONDA_TOOLS else PIP
    given = parse_arguments(command.words[1:], valued)
    if given.has("--check", "--dry-run", "-h", "--help"):
        return None
    for count in (2, 1, 0):
        outside_lock = _INSTALLERS.get((program, " ".join(given.positional[:count])))
        if outside_lock is not None:
            rest = given._replace(positional=given.positional[count:])
            return _Call(command, rest, read, outside_lock)
    return None


def _install(*clauses: tuple[str, Sequence[str]]) -> Install | None:
    """Return an install whose reasons are the clauses that have something to name."""
    told = [clause.format(_listed(named)) for clause, named in clauses if named]
    return Install(" and ".join(told)) if told else None


def _listed(named: Sequence[str]) -> str:
    return and_more(dict.fromkeys(named), _MOST_NAMED)


def _unlocked(call: _Call, files: Sequence[str]) -> list[str]:
    """Return the requirements files without hashes for pip to demand; a pylock.toml has them."""
    return [
        each
        for each in files
        if not (is_valid_pylock_path(Path(each)) or "--hash=" in call.read(each))
    ]


def _is_project(target: str) -> bool:
    """Return whether a target is a project on disk: `.`, `./app[extra]`, `/src`."""
    path = target.partition("[")[0]
    if _is_archive(path) or "://" in path.removeprefix("file://"):
        return False
    return path.startswith((".", "/", "~", "file://")) or path.endswith("/")


def _is_archive(target: str) -> bool:
    """Return whether a target is a wheel or sdist on disk, a glob of them included."""
    path = target.partition("[")[0] if target.endswith("]") else target
    if "://" in path or "@" in path.partition("/")[0]:
        return False
    return path.endswith((".whl", ".tar.gz", ".zip", "/*"))


def _is_one_of(target: str, names: frozenset[str]) -> bool:
    """Return whether a target names one of these distributions, in whatever version."""
    name = _NAME.match(target)
    rest = target[name.end() :].strip() if name else target
    return (
        name is not None
        and canonicalize_name(name[1]) in names
        and (not rest or rest[0] in "=<>!~[;")
    )


def _by_pip(call: _Call) -> Install | None:
    """`pip install` and `uv pip install`: each target by what fixes its bytes."""
    command, given = call.command, call.given
    targets = given.positional
    files = _unlocked(call, given.values("-r", "--requirement", "--requirements"))
    if given.has("--require-hashes") or is_set(command, "PIP_REQUIRE_HASHES", "UV_REQUIRE_HASHES"):
        return None
    no_deps = given.has("--no-deps") or is_set(command, "PIP_NO_DEPS")
    no_index = given.has("--no-index") or is_set(command, "PIP_NO_INDEX", "UV_NO_INDEX")
    local = [] if no_deps else [*filter(_is_project, targets), *given.values("-e", "--editable")]
    wheels = [each for each in targets if _is_archive(each)]
    names = [
        each
        for each in targets
        if not (_is_project(each) or _is_archive(each) or _is_one_of(each, BOOTSTRAP))
    ]
    local += given.values("--group")
    if no_index:
        asked = names or files or wheels or local
        return Install("", (*wheels, *given.values("-f", "--find-links"))) if asked else None
    if no_deps and not (names or files) and wheels:
        return Install("", tuple(wheels))
    asks_input = command.piped_from and not (targets or given.options)
    return _install(
        ("installs {} from an index", [*names, *(["what it reads"] if asks_input else [])]),
        ("installs {}, which no hash fixes", files),
        ("resolves the dependencies of {} anew", [*local, *wheels]),
    )


def _by_pip_sync(call: _Call) -> Install | None:
    if call.given.has("--require-hashes") or is_set(call.command, "UV_REQUIRE_HASHES"):
        return None
    return _install(("installs {}, which no hash fixes", _unlocked(call, call.given.positional)))


def _from_index(call: _Call) -> Install | None:
    names = [each for each in call.given.positional if not _is_one_of(each, BOOTSTRAP)]
    return _install(("installs {} from an index", names))


def _to_project(call: _Call) -> Install | None:
    return _install(("adds {} to the project", call.given.positional or ["something"]))


def _to_lock(call: _Call) -> Install | None:
    return _install(("changes the project's lock: {}", call.given.positional or ["all of it"]))


def _upgraded(call: _Call) -> Install | None:
    """`uv sync`: its own lock decides, unless packages are upgraded."""
    everything = ["everything"] if call.given.has("-U", "--upgrade") else []
    named = call.given.values("-P", "--upgrade-package")
    return _install(("upgrades {}", [*named, *everything]))


def _by_pipenv(call: _Call) -> Install | None:
    given = call.given
    if not (given.positional or given.has("--skip-lock")):
        return None
    return _install(("installs {} anew", given.positional or ["the Pipfile"]))


def _by_conda(call: _Call) -> Install | None:
    given = call.given
    names = [each for each in given.positional if not _is_one_of(each, _CONDA_OWN)]
    everything = ["everything"] if given.has("--all") else []
    files = given.values("-f", "--file")
    return _install(("installs {} with conda", [*names, *files, *everything]))


def _by_conda_env(call: _Call) -> Install | None:
    files = call.given.values("-f", "--file")
    return _install(("installs {} with conda", [*files, *call.given.positional] or ["it all"]))


def _by_lock(call: _Call) -> None:
    """Return None: a lock of the tool's own decides, or nothing in the image is changed."""
    del call


_CONDA = " ".join(CONDA_TOOLS)
_TABLE: tuple[tuple[str, str, Callable[[_Call], Install | None]], ...] = (
    (_CONDA, "install,create,update,upgrade", _by_conda),
    (_CONDA, "env create,env update", _by_conda_env),
    ("easy_install", "", _from_index),
    ("pip", "install", _by_pip),
    ("pipenv", "install", _by_pipenv),
    ("pipenv", "sync", _by_lock),
    ("pipenv", "update,upgrade", _to_lock),
    ("pipx", "install,inject,upgrade", _from_index),
    ("pipx", "run", _by_lock),
    ("poetry pdm pixi rye", "add,update", _to_lock),
    ("poetry pdm pixi rye", "install,sync", _by_lock),
    ("uv", "add", _to_project),
    ("uv", "pip install", _by_pip),
    ("uv", "pip sync", _by_pip_sync),
    ("uv", "sync", _upgraded),
    ("uv", "tool install", _from_index),
    ("uv", "tool run", _by_lock),
    ("uvx", "", _by_lock),
)
"""Programs, their commands that change an environment (empty: all do), and what these install."""
_INSTALLERS = {
    (program, subcommand): outside_lock
    for programs, subcommands, outside_lock in _TABLE
    for program in programs.split()
    for subcommand in subcommands.split(",")
}


def _setup_py(command: Command) -> Install | None:
    """`python setup.py install`: the dependencies come from anywhere."""
    words = parse_arguments(command.words[1:]).positional
    if (
        words[:1]
        and posixpath.basename(words[0]) == "setup.py"
        and "--no-deps" not in command.words
    ):
        return _install(("runs setup.py {}", [w for w in words[1:] if w in {"install", "develop"}]))
    return None


def _fetched(command: Command) -> Install | None:
    """`curl URL | sh`: a script that nobody locked."""
    source = command.piped_from
    if not source or posixpath.basename(source[0]) not in _FETCH:
        return None
    if any(_BOOTSTRAP_SCRIPT.search(word) for word in source):
        return None
    urls = [word for word in source if "://" in word] or [source[-1]]
    reads_input = command.words[1:2] in {(), ("-",)} or command.words[1].startswith("-")
    return _install(("runs {} from the network", urls)) if reads_input else None
