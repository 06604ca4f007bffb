"""Shell text taken apart into simple commands, as far as an audit needs it.

Not a shell: nothing is run, nothing is globbed. Whatever cannot be understood stays a word, so
that a command is rather seen than missed. Follows POSIX XCU 2 (Shell Command Language) for
quoting, operators and here-documents.
"""

from __future__ import annotations

import posixpath
import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.commands.shell_words import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_TEXT = 256 * 1024
"""Characters of one text that are looked at."""
MAX_COMMANDS = 2000
"""Simple commands of one text that are looked at."""
_DEEPEST = 4
"""Shells inside shells that are followed."""


class Command(NamedTuple):
    """One simple command: what is run with which words."""

    words: tuple[str, ...]
    """The program as it is called, and its arguments; launchers such as `sudo` are gone."""
    env: Mapping[str, str]
    """What was assigned or exported before it, in the same text."""
    piped_from: tuple[str, ...] = ()
    """Words of the command that begins its pipeline."""

    @property
    def name(self) -> str:
        """The program's name without its folder."""
        return posixpath.basename(self.words[0])


_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL | re.ASCII)
_KEYWORDS = frozenset(
    ("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!", "esac")
)
_EXPORTS = frozenset({"export", "declare", "local", "readonly", "typeset"})
_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"})
_LAUNCHERS = {
    "sudo": "ugUChpTrt",
    "doas": "uC",
    "env": "uCS",
    "exec": "a",
    "command": "",
    "time": "fo",
    "nohup": "",
    "nice": "n",
    "ionice": "cn",
    "timeout": "ks",
    "xargs": "nPILdsEa",
    "tini": "pe",
    "dumb-init": "r",
    "gosu": "",
    "su-exec": "",
    "setpriv": "",
    "chroot": "",
    "stdbuf": "ioe",
    "eatmydata": "",
    "builtin": "",
}
"""Programs that run the rest of their words -> their short options that take a value."""
_ONE_ARGUMENT = frozenset({"timeout", "gosu", "su-exec", "chroot"})
"""Launchers with one word of their own before the command."""


def commands(
    text: str, env: Mapping[str, str] | None = None, *, depth: int = 0
) -> Iterator[Command]:
    """Yield the simple commands of a shell text, those of shells inside it too.

    `env` are the variables known beforehand; one that is not known stays as it is spelled.
    """
    known = dict(env or {})
    before: tuple[str, ...] = ()
    piped = False
    for piece in islice(pieces(text[:MAX_TEXT], known), MAX_COMMANDS):
        source = before if piped else ()
        before = source or piece.words
        piped = piece.operator in {"|", "|&"}
        if piece.document and posixpath.basename(piece.words[0]) in _SHELLS and depth < _DEEPEST:
            yield from commands(piece.document, known, depth=depth + 1)
        else:
            yield from from_words(list(piece.words), known, source, depth)


def from_words(
    words: list[str],
    known: dict[str, str],
    source: tuple[str, ...] = (),
    depth: int = 0,
) -> Iterator[Command]:
    """Yield the command that words mean, its launchers taken away; of `sh -c` those inside.

    Assignments that outlive the command are added to `known`.
    """
    words, own = _without_prefixes(words)
    if not words:
        known |= own
        return
    name = posixpath.basename(words[0])
    if name in _EXPORTS:
        pairs = [pair for word in words[1:] if (pair := _ASSIGNMENT.fullmatch(word))]
        known |= {pair[1]: pair[2] for pair in pairs}
        return
    env = {**known, **own}
    inner = _inner_text(name, words)
    if inner is not None and depth < _DEEPEST:
        yield from commands(inner, env, depth=depth + 1)
        return
    yield Command(tuple(words), env, source)


def _inner_text(name: str, words: list[str]) -> str | None:
    """Return the text that `sh -c TEXT`, `su USER -c TEXT` or `eval TEXT` runs."""
    if name == "eval":
        return " ".join(words[1:])
    if name not in _SHELLS and name != "su":
        return None
    for at, word in enumerate(words[1:], 1):
        if word == "--command" or re.fullmatch(r"-[a-zA-Z]*c", word):
            return next((each for each in words[at + 1 :] if each[:1] not in "-+"), None)
        if name != "su" and word[:1] not in "-+" and words[at - 1] not in {"-o", "+o"}:
            return None
    return None


def _without_prefixes(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Take keywords, assignments and launchers off the front."""
    own: dict[str, str] = {}
    while words:
        name = posixpath.basename(words[0])
        if words[0] in _KEYWORDS:
            words = words[1:]
        elif pair := _ASSIGNMENT.fullmatch(words[0]):
            own[pair[1]] = pair[2]
            words = words[1:]
        elif name in _LAUNCHERS:
            words = _launched(name, words[1:])
        elif name == "busybox" and len(words) > 1:
            words = words[1:]
        else:
            break
    return words, own


def _launched(name: str, words: list[str]) -> list[str]:
    """Return what a launcher runs."""
    valued = _LAUNCHERS[name]
    while words and words[0].startswith("-"):
        option, words = words[0], words[1:]
        if option == "--":
            break
        if len(option) == 2 and option[1] in valued:
            if name == "env" and option == "-S" and words:
                return [*words[0].split(), *words[1:]]
            words = words[1:]
    return words[1:] if name in _ONE_ARGUMENT else words
