"""Scripts as installers write them: generated ones, and those whose first line they replace.

What pip, uv, installer and distlib write was compared. A script is judged by all of its text,
since anything else in it would run: the line that names the interpreter too.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCRIPT_LINES = re.compile(
    r"""(?x)
    \s* (?:\#.*)?
    | import\ (?:re|sys)
    | from\ (?P<module>[\w.]+)\ import\ (?P<name>\w+)
    | if\ __name__\ ==\ ["']__main__["']:
    | \s+ if\ sys\.argv\[0\]\.endswith\(["'](?:-script\.pyw|\.exe)["']\):
    | \s+ elif\ sys\.argv\[0\]\.endswith\(["'](?:-script\.pyw|\.exe)["']\):
    | \s+ sys\.argv\[0\]\ =\ (?:
          sys\.argv\[0\]\[:-\d+\]
        | sys\.argv\[0\]\.removesuffix\(["']\.exe["']\)
        | re\.sub\(r["'][^"']*["'],\ ["']{2},\ sys\.argv\[0\]\)
      )
    | \s* (?:raise\ SystemExit|sys\.exit)\((?P<call>[\w.]+)\(\)\)
    """
)

_OPTIONS = r"(?:[ ]-[A-Za-z]+)*"
_OPENING = re.compile(
    rf"""(?x)
    \#!(?:
        /bin/sh\n'{{3}}exec'[ ]
        (?:
            '(?P<single>/[^'\n]+)' | "(?P<double>/[^"$`\\\n]+)" | (?P<bare>/[\w./+@~:,%=-]+)
            | "\$\(dirname[ ](?:--[ ])?"(?:\$0|\$\(realpath[ ](?:--[ ])?"\$0"\))"\)"
              /'?(?P<beside>[\w.-]+)'?
        )
        {_OPTIONS}[ ]"\$0"[ ]"\$@"\n'[ ]'{{3}}
        | /usr/bin/env[ ](?:-S[ ])?(?P<found>[\w.-]+){_OPTIONS}
        | [ ]?(?P<line>/\S+){_OPTIONS}
    )[ \t]*(?:\r?\n|\Z)
    """
)
"""The first line, or what stands for it where the interpreter's path is long, relative or has
blanks: a shell that starts the interpreter, in a text that is nothing to Python."""

_CODING = re.compile(r"#.*?coding[:=][ \t]*([-\w.]+)")
"""A source's encoding (PEP 263): any but this one could make code of a comment."""


class Opening(NamedTuple):
    """How a script starts its interpreter."""

    interpreter: str
    """Absolute, or a name beside the script; empty where PATH finds it."""
    end: int
    """Where the rest of the text begins."""


def opening_of(text: str) -> Opening | None:
    """Give how a script starts a Python; None where it starts anything else."""
    match = _OPENING.match(text)
    if match is None:
        return None
    named = next(name for name in match.groups() if name)
    if not posixpath.basename(named).startswith(("python", "pypy")):
        return None
    return Opening("" if match["found"] else named, match.end())


def is_console_script(text: str, targets: Iterable[str]) -> bool:
    """Tell whether a script does nothing but call one of the entry points `module:name`.

    It may be what pip, uv, installer or distlib write: known lines in any order, one import
    and one call of what was imported.
    """
    opening = opening_of(text)
    if opening is None:
        return False
    imported: list[tuple[str, str]] = []
    called: list[str] = []
    for line in text[opening.end :].splitlines():
        match = _SCRIPT_LINES.fullmatch(line)
        coding = _CODING.search(line)
        if match is None or (coding and coding[1].lower() not in {"utf-8", "utf8"}):
            return False
        if match["module"]:
            imported.append((match["module"], match["name"]))
        if match["call"]:
            called.append(match["call"])
    if len(imported) != 1 or len(called) != 1:
        return False
    module, name = imported[0]
    return called[0].partition(".")[0] == name and f"{module}:{called[0]}" in set(targets)
