"""Shell text split into simple commands, as far as an audit needs it.

Not a shell: nothing is run, nothing is globbed. What is not understood stays a word, so that
a command is rather seen than missed. Follows POSIX XCU 2 (Shell Command Language) for
quoting, operators and here-documents.
"""

from __future__ import annotations

import posixpath
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.commands.launchers import (
    ASSIGNMENT,
    NOTHING,
    Launch,
    is_shell,
    shell_text,
    unwrap,
)
from auditor.inventory.commands.shell_words import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_TEXT = 256 * 1024
"""Characters of one text that are looked at."""
MAX_COMMANDS = 2000
"""Simple commands of one text that are looked at."""
_DEEPEST = 4
"""Shells inside shells that are followed."""


class Command(NamedTuple):
    """One simple command: what is run with which words."""

    launch: Launch
    """Its program and arguments without launchers such as `sudo`, and what these set."""
    env: Mapping[str, str]
    """What was assigned or exported before it, in the same text."""
    piped_from: tuple[str, ...] = ()
    """Words of the command that begins its pipeline."""

    @property
    def words(self) -> tuple[str, ...]:
        """The program as it is called, and its arguments."""
        return self.launch.words

    @property
    def name(self) -> str:
        """The program's name without its directory."""
        return self.launch.name


_EXPORTS = frozenset({"export", "declare", "local", "readonly", "typeset"})


def commands(
    text: str, env: Mapping[str, str] | None = None, outer: Launch = NOTHING, depth: int = 0
) -> Iterator[Command]:
    """Yield the simple commands of a shell text, those of shells inside it too.

    `env` are the variables known beforehand; one that is not known stays as it is spelled.
    `outer` is what starts the shell, which is itself in `depth` others.
    """
    known = dict(env or {})
    before: tuple[str, ...] = ()
    piped = False
    for piece in islice(pieces(text[:MAX_TEXT], known), MAX_COMMANDS):
        source = before if piped else ()
        before = source or piece.words
        piped = piece.operator in {"|", "|&"}
        if piece.document and is_shell(posixpath.basename(piece.words[0])) and depth < _DEEPEST:
            yield from commands(piece.document, known, outer, depth + 1)
        else:
            yield from from_words(piece.words, known, source, outer, depth)


def from_words(
    words: Sequence[str],
    known: dict[str, str],
    source: tuple[str, ...] = (),
    outer: Launch = NOTHING,
    depth: int = 0,
) -> Iterator[Command]:
    """Yield the command that words mean, its launchers unwrapped; of `sh -c` those inside.

    Assignments that outlive the command are added to `known`.
    """
    launch = unwrap(words, outer)
    env = launch.environment(known)
    if not launch.words:
        known |= env
        return
    if launch.name in _EXPORTS:
        pairs = [pair for word in launch.words[1:] if (pair := ASSIGNMENT.fullmatch(word))]
        known |= {pair[1]: pair[2] for pair in pairs}
        return
    inner = shell_text(launch.words)
    if inner is not None and depth < _DEEPEST:
        shell = launch.starting(())._replace(variables={}, clears_environment=False)
        yield from commands(inner, env, shell, depth + 1)
    else:
        yield Command(launch, env, source)
