"""LI409: an environment that is made anew when the container starts."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING

from auditor.inventory.commands.installs import changes_environment, is_set
from auditor.inventory.commands.launchers import is_shell, unwrap
from auditor.inventory.commands.program_arguments import parse_arguments
from auditor.inventory.commands.secret_masking import excerpt, mask_secrets
from auditor.inventory.commands.shell import Command, commands, from_words
from auditor.inventory.paths import text_of
from auditor.inventory.python.runtime import shebang, which
from auditor.model import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.rules.facts import Facts

_SCRIPT_BYTES = 64 * 1024
_SOURCING = frozenset({".", "source"})
_OWN_FOLDER = re.compile(
    r"\$\(dirname (?:-- )?\$\{?(?:0|BASH_SOURCE(?:\[0\])?)\}?\)/|\$\{(?:0|BASH_SOURCE)%/\*\}/"
)
"""How scripts spell the directory that they lie in, without its quotes."""
_MOST_SCRIPTS = 32
"""Scripts that one command of the image may lead to."""
_UNCHANGED = ("--no-sync", "--frozen", "--locked", "--no-project")
"""Options of `uv run` with which it leaves the environment as it is."""


def resynced_at_start(facts: Facts) -> Iterator[Observation]:
    """LI409: the image's command installs or synchronises before it runs."""
    config = facts.image.config
    for kind, words in (("ENTRYPOINT", config.entrypoint), ("CMD", config.cmd)):
        for command, script in _started(facts, list(words)):
            if why := _changes(command):
                where = f" (in {script})" if script else ""
                yield Observation(
                    subject=mask_secrets(f"{kind} {json.dumps(list(words), ensure_ascii=False)}"),
                    message=f"`{excerpt(*command.words)}` {why}{where}",
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
    path, by_shell = _named_file(facts, command, script)
    if path is None or path in seen or len(seen) == _MOST_SCRIPTS:
        return
    seen.add(path)
    launch = unwrap(shebang(facts.image.rootfs, path) or ())
    if by_shell or (launch.words and is_shell(launch.name)):
        for inner in commands(text_of(facts.image.rootfs, path, _SCRIPT_BYTES), command.env):
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
    if command.name not in _SOURCING and not is_shell(command.name):
        path = which(facts.image.rootfs, config, words[0])
        is_native = path is not None and facts.image.rootfs.facts(path).elf is not None
        return None if is_native else path, False
    given = [word for word in words[1:] if word[:1] not in "-+"]
    path = posixpath.normpath(posixpath.join(config.working_dir, given[0])) if given else None
    return path, True


def _changes(command: Command) -> str:
    """Say how a command changes an environment; empty where it does not."""
    given = parse_arguments(command.words[1:], interspersed=False)
    if command.name == "uv" and given.positional[:1] == ("run",):
        # What `uv run` does itself, before what it runs.
        options = parse_arguments(given.positional[1:], interspersed=False)
        if options.has("--with", "--with-requirements", "--with-editable", "-w"):
            return "installs further packages when the container starts"
        if not options.has(*_UNCHANGED) and not is_set(command, "UV_NO_SYNC", "UV_FROZEN"):
            return "synchronises the environment when the container starts"
    return "installs when the container starts" if changes_environment(command) else ""
