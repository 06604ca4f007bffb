"""Instructions: how each layer was made, by the history of an image.

`created_by` is free text that every builder spells in its own way. Docker's classic builder
writes `/bin/sh -c #(nop) COPY file:<digest> in /app`, BuildKit `COPY . /app # buildkit`, kaniko
and buildah the line of the Dockerfile or the command alone.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.commands.launchers import SHELL
from auditor.inventory.commands.secret_masking import excerpt
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
_SHELL = re.compile(rf"(?:/usr)?(?:/bin/)?{SHELL}(?:\s+-[a-z]+(?:\s+pipefail)?)*?\s+-[a-z]*c\s+")
_COUNT = re.compile(r"\|(\d{1,3})\s+")
_NAME = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)
_FLAG = re.compile(r"--(?:mount|network|security|device)=\S+\s+")
_CONTENT = re.compile(r"\b(file|dir|multi):[0-9a-f]{64} in ")
_MAX = 256 * 1024
_LONGEST = 200
"""Characters of an instruction in a report."""


def parse(created_by: str) -> Instruction:
    """Return the instruction in the `created_by` of an entry of the history."""
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
    """Split `|2 A=1 B=two words /bin/sh -c ...` into its text and the arguments before it.

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

    Text that names no instruction is a command: buildah and kaniko write it so.
    """
    if instruction.kind not in {RUN, ""}:
        return
    known = {**env, **instruction.args}
    if instruction.exec_form:
        yield from from_words(list(instruction.exec_form), known)
    else:
        yield from commands(instruction.text, known)


def shown_instruction(created_by: str) -> str:
    """Return an instruction on one line of a report: as a Dockerfile has it, secrets masked."""
    instruction = parse(created_by)
    text = _CONTENT.sub(r"\1 in ", instruction.text)
    return excerpt(instruction.kind, text, most=_LONGEST)
