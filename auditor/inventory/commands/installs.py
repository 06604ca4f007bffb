"""What a command installs, and whether a lock decides it.

One table: the program -> the function that reads its words. Bootstrap tools, the project itself
without its dependencies, and everything with hashes are no installs outside the lock.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from packaging.pylock import is_valid_pylock_path
from packaging.utils import canonicalize_name

from auditor.inventory.commands.installer_options import CONDA, UV_RUN, words_of
from auditor.inventory.distributions.bootstrap_tools import BOOTSTRAP
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from auditor.inventory.commands.installer_options import Words
    from auditor.inventory.commands.shell import Command

    Reader = Callable[[str], str]
    """Gives the text of a file of the image as a command spells it; empty where it is gone."""


class Install(NamedTuple):
    """What a command installs that no lock decides."""

    why: str
    """A clause for a sentence; empty where `wheels` decide."""
    wheels: tuple[str, ...] = ()
    """Folders and files that it installs from without an index: their content decides."""


_PYTHON = re.compile(r"(?:python|pypy)[\d.]*t?")
_PIP = re.compile(r"pip[\d.]*")
_SHELL = re.compile(r"(?:ba|da|a|z|k)?sh")
_FETCH = frozenset({"curl", "wget"})
_INSTALLERS = re.compile(
    r"(?:^|[/.])(?:get-pip\.py|get-uv|astral\.sh/uv/|uv-installer\.(?:sh|ps1))|/uv/releases/"
)
"""Scripts that install a bootstrap tool."""
_RUNNERS = frozenset({"uv", "poetry", "pdm", "pipenv", "hatch", "conda", "mamba", "micromamba"})
_CONDA_OWN = BOOTSTRAP | {"conda", "mamba", "micromamba", "python", "pypy", "libmamba"}
_NAME = re.compile(r"(?:[\w.-]+::)?([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)")
_MOST_NAMED = 5


def is_set(command: Command, *names: str) -> bool:
    """Return whether an environment variable is switched on for the command."""
    return any(
        command.env.get(name, "").lower() not in {"", "0", "false", "no", "off"} for name in names
    )


def install_of(command: Command, read: Reader) -> Install | None:
    """Return what a command installs from outside the lock; None where it does not."""
    command = unwrapped(command)
    name = command.name
    if _SHELL.fullmatch(name) or _PYTHON.fullmatch(name):
        found = _fetched(command)
        if found is not None or not _PYTHON.fullmatch(name):
            return found
        return _setup_py(command)
    if _PIP.fullmatch(name):
        return _pip(command, words_of(command.words[1:]), read)
    reader = _TOOLS.get(name)
    return reader(command, words_of(command.words[1:]), read) if reader else None


def unwrapped(command: Command) -> Command:
    """Return the command that `python -m NAME`, `uv run` and their like stand for."""
    for _ in range(4):
        inner = _inner(command)
        if not inner:
            break
        command = command._replace(words=inner)
    return command


def _inner(command: Command) -> tuple[str, ...]:
    words = command.words
    if _PYTHON.fullmatch(command.name):
        for at, word in enumerate(words[1:], 1):
            if word == "-m" and at + 1 < len(words):
                return words[at + 1 :]
            if not word.startswith("-") or word == "-c":
                break
    elif command.name in _RUNNERS:
        return _run_words(words)
    return ()


def _run_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return what `uv run [OPTIONS] COMMAND` runs."""
    at = next((at for at, word in enumerate(words) if word == "run"), 0)
    if not at or words_of(words[1:at]).plain:
        return ()
    valued = UV_RUN if words[0].endswith("uv") else CONDA
    rest = words[at + 1 :]
    while rest and rest[0].startswith("-"):
        if rest[0] == "--":
            return rest[1:]
        rest = rest[2:] if rest[0] in valued else rest[1:]
    return rest


# --------------------------------------------------------------------------------- tools


def _pip(command: Command, words: Words, read: Reader) -> Install | None:
    """`pip install` and `uv pip install`: each target by what fixes its bytes."""
    if words.plain[:1] != ("install",) or words.has("--dry-run", "-h", "--help"):
        return None
    targets = words.plain[1:]
    files = [
        each
        for each in words.values("-r", "--requirement", "--requirements")
        if not _is_locked(each, read)
    ]
    if words.has("--require-hashes") or is_set(command, "PIP_REQUIRE_HASHES", "UV_REQUIRE_HASHES"):
        return None
    no_deps = words.has("--no-deps") or is_set(command, "PIP_NO_DEPS")
    no_index = words.has("--no-index") or is_set(command, "PIP_NO_INDEX", "UV_NO_INDEX")
    local = [] if no_deps else [*filter(_is_folder, targets), *words.values("-e", "--editable")]
    wheels = [each for each in targets if _is_artifact(each)]
    names = [
        each
        for each in targets
        if not (_is_folder(each) or _is_artifact(each) or _is_bootstrap(each, BOOTSTRAP))
    ]
    local += words.values("--group")
    if no_index:
        asked = names or files or wheels or local
        return Install("", (*wheels, *words.values("-f", "--find-links"))) if asked else None
    if no_deps and not (names or files) and wheels:
        return Install("", tuple(wheels))
    asks_input = command.piped_from and not (targets or words.options)
    return _install(
        ("installs {} from an index", [*names, *(["what it reads"] if asks_input else [])]),
        ("installs {}, which no hash fixes", files),
        ("resolves the dependencies of {} anew", [*local, *wheels]),
    )


def _install(*clauses: tuple[str, Sequence[str]]) -> Install | None:
    """Return an install whose reasons are the clauses that have something to name."""
    told = [clause.format(_listed(named)) for clause, named in clauses if named]
    return Install(" and ".join(told)) if told else None


def _listed(named: Sequence[str]) -> str:
    return and_more(dict.fromkeys(named), _MOST_NAMED)


def _is_locked(file: str, read: Reader) -> bool:
    """Return whether a requirements file is a pylock.toml, or one whose hashes pip demands."""
    return is_valid_pylock_path(Path(file)) or "--hash=" in read(file)


def _is_folder(target: str) -> bool:
    """Return whether a target is a project on disk: `.`, `./app[extra]`, `/src`."""
    path = target.partition("[")[0]
    if _is_artifact(path) or "://" in path.removeprefix("file://"):
        return False
    return path.startswith((".", "/", "~", "file://")) or path.endswith("/")


def _is_artifact(target: str) -> bool:
    """Return whether a target is a wheel or sdist on disk, a glob of them included."""
    path = target.partition("[")[0] if target.endswith("]") else target
    if "://" in path or "@" in path.partition("/")[0]:
        return False
    return path.endswith((".whl", ".tar.gz", ".zip", "/*"))


def _is_bootstrap(target: str, own: frozenset[str]) -> bool:
    name = _NAME.match(target)
    rest = target[name.end() :].strip() if name else target
    return (
        name is not None
        and canonicalize_name(name[1]) in own
        and (not rest or rest[0] in "=<>!~[;")
    )


def _uv(command: Command, words: Words, read: Reader) -> Install | None:
    match words.plain[:2]:
        case ("pip", "install"):
            return _pip(command, words._replace(plain=words.plain[1:]), read)
        case ("pip", "sync"):
            hashed = words.has("--require-hashes") or is_set(command, "UV_REQUIRE_HASHES")
            files = [each for each in words.plain[2:] if not (hashed or _is_locked(each, read))]
            return _install(("installs {}, which no hash fixes", files))
        case ("tool", "install"):
            return _named("installs {} from an index", words.plain[2:])
        case ("add", *_):
            return _install(("adds {} to the project", words.plain[1:] or ["something"]))
        case ("sync" | "run", *_):
            upgraded = words.values("-P", "--upgrade-package")
            everything = ["everything"] if words.has("-U", "--upgrade") else []
            return _install(("upgrades {}", [*upgraded, *everything]))
        case _:
            return None


def _named(clause: str, names: Sequence[str], own: frozenset[str] = BOOTSTRAP) -> Install | None:
    return _install((clause, [each for each in names if not _is_bootstrap(each, own)]))


def _project_tool(command: Command, words: Words, read: Reader) -> Install | None:
    """poetry, pdm, rye, pixi: they install from a lock of their own, until told to add to it."""
    del command, read
    match words.plain[:1]:
        case ("add" | "update",):
            return _install(("changes the project's lock: {}", words.plain[1:] or ["all of it"]))
        case _:
            return None


def _pipenv(command: Command, words: Words, read: Reader) -> Install | None:
    del command, read
    match words.plain[:1]:
        case ("install",) if words.plain[1:] or words.has("--skip-lock"):
            return _install(("installs {} anew", words.plain[1:] or ["the Pipfile"]))
        case ("update" | "upgrade",):
            return _install(("changes the project's lock: {}", words.plain[1:] or ["all of it"]))
        case _:
            return None


def _conda(command: Command, words: Words, read: Reader) -> Install | None:
    del read
    words = words_of(command.words[1:], CONDA)
    files = words.values("-f", "--file")
    match words.plain[:2]:
        case ("env", "create" | "update"):
            return _install(("installs {} with conda", [*files, *words.plain[2:]] or ["it all"]))
        case ("install" | "create" | "update" | "upgrade", *_):
            names = [each for each in words.plain[1:] if not _is_bootstrap(each, _CONDA_OWN)]
            everything = ["everything"] if words.has("--all") else []
            return _install(("installs {} with conda", [*names, *files, *everything]))
        case _:
            return None


def _pipx(command: Command, words: Words, read: Reader) -> Install | None:
    del command, read
    if words.plain[:1] and words.plain[0] in {"install", "inject", "upgrade"}:
        return _named("installs {} from an index", words.plain[1:])
    return None


def _easy_install(command: Command, words: Words, read: Reader) -> Install | None:
    del command, read
    return _named("installs {} from an index", words.plain)


def _setup_py(command: Command) -> Install | None:
    """`python setup.py install`: the dependencies come from anywhere."""
    words = words_of(command.words[1:]).plain
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
    if any(_INSTALLERS.search(word) for word in source):
        return None
    urls = [word for word in source if "://" in word] or [source[-1]]
    reads_input = command.words[1:2] in {(), ("-",)} or command.words[1].startswith("-")
    return _install(("runs {} from the network", urls)) if reads_input else None


_TOOLS: dict[str, Callable[[Command, Words, Reader], Install | None]] = {
    "uv": _uv,
    "poetry": _project_tool,
    "pdm": _project_tool,
    "rye": _project_tool,
    "pixi": _project_tool,
    "pipenv": _pipenv,
    "conda": _conda,
    "mamba": _conda,
    "micromamba": _conda,
    "pipx": _pipx,
    "easy_install": _easy_install,
}
