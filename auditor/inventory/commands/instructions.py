"""Instructions: what the history of an image says about how each layer was made.

`created_by` is free text that every builder spells in its own way. Docker's classic builder
writes `/bin/sh -c #(nop) COPY file:<digest> in /app`, BuildKit `COPY . /app # buildkit`, kaniko
and buildah the line of the Dockerfile or the command alone.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.commands.shell import Command, commands, from_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RUN = "RUN"


class Instruction(NamedTuple):
    """One instruction, in the words of a Dockerfile."""

    kind: str
    """`RUN`, `COPY`, ...; empty where the text is no instruction of a Dockerfile."""
    text: str
    """What follows the kind; for RUN the shell text."""
    args: Mapping[str, str]
    """The build arguments that the text was run with."""
    exec_form: tuple[str, ...] = ()
    """Of RUN with a JSON list: its words, run without a shell."""


_NOP = "#(nop)"
_BUILDKIT = "# buildkit"
_WORD = re.compile(
    r"(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|"
    r"STOPSIGNAL|USER|VOLUME|WORKDIR)(?:\s+|(?=\[))(.*)",
    re.DOTALL,
)
_SHELL = re.compile(
    r"(?:/usr)?(?:/bin/)?(?:ba|da|a)?sh(?:\s+-[a-z]+(?:\s+pipefail)?)*?\s+-[a-z]*c\s+"
)
_COUNT = re.compile(r"\|(\d{1,3})\s+")
_NAME = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)
_FLAG = re.compile(r"--(?:mount|network|security|device)=\S+\s+")
_MAX = 256 * 1024


def parse(created_by: str) -> Instruction:
    """Return the instruction that an entry of the history tells."""
    text = created_by[:_MAX].strip()
    marked = text.endswith(_BUILDKIT)
    text = text.removesuffix(_BUILDKIT).strip()
    shell = _SHELL.match(text)
    if shell and text[shell.end() :].startswith(_NOP):
        word = _WORD.match(text[shell.end() :].removeprefix(_NOP).strip())
        return Instruction(word[1], word[2].strip(), {}) if word else Instruction("", text, {})
    word = _WORD.match(text)
    if word and word[1] != RUN:
        return Instruction(word[1], word[2].strip(), {})
    named = word is not None or marked
    text = word[2] if word else text
    while flag := _FLAG.match(text):
        text = text[flag.end() :]
    text, args = _build_arguments(text)
    shell = _SHELL.match(text)
    if shell:
        return Instruction(RUN, text[shell.end() :].strip(), args)
    if named and text.startswith("[") and (words := _json_words(text)):
        return Instruction(RUN, text, args, words)
    return Instruction(RUN if named or args else "", text.strip(), args)


def _build_arguments(text: str) -> tuple[str, dict[str, str]]:
    """Take `|2 A=1 B=two words /bin/sh -c ...` apart.

    Values are not quoted, so one ends where the next name or the shell begins.
    """
    count = _COUNT.match(text)
    if count is None:
        return text, {}
    rest, args = text[count.end() :], {}
    for left in range(int(count[1]), 0, -1):
        name = _NAME.match(rest)
        if name is None:
            break
        rest = rest[name.end() :]
        ends = r"\s+(?=[A-Za-z_]\w*=)" if left > 1 else r"\s+(?=(?:/usr)?/bin/|\[)"
        end = re.search(ends, rest)
        cut = end or re.search(r"\s+", rest)
        args[name[1]] = rest[: cut.start()] if cut else rest
        rest = rest[cut.end() :] if cut else ""
    return rest, args


def _json_words(text: str) -> tuple[str, ...]:
    """Return the words of a JSON list; none where it is no list of strings."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return tuple(value)
    return ()


def run_commands(instruction: Instruction, env: Mapping[str, str]) -> Iterator[Command]:
    """Yield the simple commands that an instruction ran; `env` are the image's variables.

    Text that names no instruction is taken for a command: buildah and kaniko write it so.
    """
    if instruction.kind not in {RUN, ""}:
        return
    known = {**env, **instruction.args}
    if instruction.exec_form:
        yield from from_words(list(instruction.exec_form), known)
    else:
        yield from commands(instruction.text, known)


# ---------------------------------------------------------------------------- for people

_MASK = "***"
_LONGEST = 200
_GUARDED = r"[\w-]*(?:passw(?:or)?d|secret|token|api[_-]?key|credentials?|auth(?!or))[\w-]*"
_SECRETS = (
    (re.compile(r"://[^\s/@'\"]+@"), f"://{_MASK}@"),
    (re.compile(r"(?i)(\bauthorization:\s*\w+\s+)[^\s'\"]+"), rf"\1{_MASK}"),
    (
        re.compile(
            rf"(?i)((?:\b{_GUARDED}=|--{_GUARDED}[ =]))(?:'[^']*'|\"[^\"]*\"|[^\s$&;|'\"]+)"
        ),
        rf"\1{_MASK}",
    ),
)
"""What must not stand in a report -> what stands there instead."""
_CONTENT = re.compile(r"\b(file|dir|multi):[0-9a-f]{64} in ")


def short(created_by: str) -> str:
    """Return an instruction on one line for people: as a Dockerfile has it, secrets masked."""
    instruction = parse(created_by)
    text = _CONTENT.sub(r"\1 in ", f"{instruction.kind} {instruction.text}")
    text = masked(" ".join(text.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def masked(text: str) -> str:
    """Return a text without the passwords and tokens that commands carry."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text
