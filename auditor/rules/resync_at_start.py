"""LI409: an environment that is made anew when the container starts."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING

from auditor.inventory.commands.installer_options import words_of
from auditor.inventory.commands.installs import is_set, unwrapped
from auditor.inventory.commands.instructions import masked
from auditor.inventory.commands.shell import Command, commands, from_words
from auditor.inventory.paths import text_of
from auditor.inventory.python.runtime import which
from auditor.model import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.rules.facts import Facts

_SCRIPT_BYTES = 64 * 1024
_SHELL = re.compile(r"(?:ba|da|a|z|k)?sh")
_SHELL_LINE = re.compile(r"#!(?:\S*/|.*[ \t/])(?:ba|da|a|z|k)?sh(?:[ \t\r\n]|$)")
_SOURCING = frozenset({".", "source"})
_OWN_FOLDER = re.compile(
    r"\$\(dirname (?:-- )?\$\{?(?:0|BASH_SOURCE(?:\[0\])?)\}?\)/|\$\{(?:0|BASH_SOURCE)%/\*\}/"
)
"""How scripts spell the directory that they lie in, without its quotes."""
_MOST_SCRIPTS = 32
"""Scripts that one command of the image may lead to."""
_PIP = re.compile(r"pip[\d.]*")
_FIXED = ("--no-sync", "--frozen", "--locked", "--no-project")
_INSTALLING = {
    "poetry": {"install", "sync", "add", "update"},
    "pdm": {"install", "sync", "add", "update"},
    "pipenv": {"install", "sync", "update"},
    "conda": {"install", "update", "create"},
    "mamba": {"install", "update", "create"},
    "micromamba": {"install", "update", "create"},
    "pipx": {"install", "run", "inject"},
    "uvx": {""},
    "easy_install": {""},
}
"""Program -> its commands that change an environment; an empty one: it always does."""


def resynced_at_start(facts: Facts) -> Iterator[Observation]:
    """LI409: the image's command installs or synchronises before it runs."""
    config = facts.image.config
    for kind, words in (("ENTRYPOINT", config.entrypoint), ("CMD", config.cmd)):
        for command, script in _started(facts, list(words)):
            why = _changes(command)
            if why:
                shown = masked(" ".join(command.words))[:120]
                yield Observation(
                    subject=masked(f"{kind} {json.dumps(list(words), ensure_ascii=False)}"),
                    message=f"`{shown}` {why}{f' (in {script})' if script else ''}",
                    path=script,
                )
                break


def _started(facts: Facts, words: list[str]) -> Iterator[tuple[Command, str | None]]:
    """Yield the commands that words run, each with the shell script that it stands in."""
    seen: set[str] = set()
    for command in from_words(words, dict(facts.image.config.env)):
        yield from _followed(facts, command, None, seen)


def _followed(
    facts: Facts, command: Command, script: str | None, seen: set[str]
) -> Iterator[tuple[Command, str | None]]:
    """Yield a command and, where it is a shell script, what that runs: each script once."""
    yield command, script
    path, is_shell = _named_file(facts, command, script)
    if path is None or path in seen or len(seen) == _MOST_SCRIPTS:
        return
    seen.add(path)
    text = text_of(facts.image.rootfs, path, _SCRIPT_BYTES)
    if is_shell or _SHELL_LINE.match(text):
        for inner in commands(text, command.env):
            yield from _followed(facts, inner, path, seen)


def _named_file(facts: Facts, command: Command, script: str | None) -> tuple[str | None, bool]:
    """Return the file that a command, which stands in `script`, runs, and whether a shell reads it.

    Without a shell's name before it, the file's first line decides.
    """
    config = facts.image.config
    words = list(command.words)
    if script is not None:
        here = posixpath.join(posixpath.dirname(script), "")
        words = [_OWN_FOLDER.sub(lambda _: here, word) for word in words]
    if command.name not in _SOURCING and not _SHELL.fullmatch(command.name):
        path = which(facts.image.rootfs, config, words[0])
        is_native = path is not None and facts.image.rootfs.facts(path).elf is not None
        return None if is_native else path, False
    given = [word for word in words[1:] if word[:1] not in "-+"]
    path = posixpath.normpath(posixpath.join(config.working_dir, given[0])) if given else None
    return path, True


def _changes(command: Command) -> str:
    """Say how a command changes an environment; empty where it does not."""
    if command.name == "uv" or command.name.startswith("uvx"):
        found = _uv(command)
        if found:
            return found
    command = unwrapped(command)
    words = words_of(command.words[1:])
    first = words.plain[0] if words.plain else ""
    doing = _INSTALLING.get(command.name, set())
    if first in doing or "" in doing or (_PIP.fullmatch(command.name) and first == "install"):
        return "installs when the container starts"
    return ""


def _uv(command: Command) -> str:
    """`uv run` synchronises the project's environment unless it is told not to."""
    words = words_of(command.words[1:])
    match words.plain[:2]:
        case ("run", *_):
            at = command.words.index("run")
            options = words_of(_own_options(command.words[at + 1 :]))
            if options.has("--with", "--with-requirements", "--with-editable", "-w"):
                return "installs further packages when the container starts"
            if not options.has(*_FIXED) and not is_set(command, "UV_NO_SYNC", "UV_FROZEN"):
                return "synchronises the environment when the container starts"
        case ("sync" | "add", *_) | ("pip", "install" | "sync") | ("tool", "install" | "run"):
            if not words.has("--check", "--dry-run"):
                return "installs when the container starts"
        case _:
            pass
    return ""


def _own_options(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words before the command that `uv run` runs."""
    options = words_of(words)
    first = options.plain[0] if options.plain else None
    return words[: words.index(first)] if first in words else words
