"""Scripts as installers write them: generated ones, and those whose first line they replace.

The patterns match what pip, uv, installer and distlib write. All of a script's text has to match,
the line that names the interpreter too, since anything else in it would run.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.model import Rootfs

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

_OPTIONS = r"(?:[ ]-[BEIPsu]+)*"
"""Python's options that take no argument and run nothing: `-m` and `-c` name code."""
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
"""The first line, or what replaces it where the interpreter's path is long, relative or has
blanks: a shell command that starts the interpreter, which Python reads as a string."""

_CODING = re.compile(r"#.*?coding[:=][ \t]*([-\w.]+)")
"""A source's encoding (PEP 263), which its first line may name too: any but UTF-8 could turn a
comment into code."""

_MOUNTED = ("/dev", "/proc", "/run", "/sys")
"""Directories that a running container mounts. Not /tmp: builders have interpreters there."""
_LINKS = 40
"""Links that a path may lead through, as in Linux."""


class Opening(NamedTuple):
    """How a script starts its interpreter."""

    interpreter: str
    """An absolute path, or the name of a file beside the script; empty for a search of PATH."""
    end: int
    """Offset of the rest of the text."""


def opening_of(text: str) -> Opening | None:
    """Return how a script starts a Python; None where it does not start one."""
    match = _OPENING.match(text)
    if match is None or not _is_utf8(match[0]):
        return None
    named = next(name for name in match.groups() if name)
    if not posixpath.basename(named).startswith(("python", "pypy")):
        return None
    return Opening("" if match["found"] else named, match.end())


def _is_utf8(line: str) -> bool:
    """Return whether a line names no encoding but UTF-8."""
    coding = _CODING.search(line)
    return coding is None or coding[1].lower() in {"utf-8", "utf8"}


def interpreter_of(script: str, text: str) -> str:
    """Return the path of the interpreter that the script at a path names.

    Empty where PATH is searched for it, or where the text does not start a Python.
    """
    opening = opening_of(text)
    named = opening.interpreter if opening is not None else ""
    return posixpath.join(posixpath.dirname(script), named) if named else ""


def may_appear(rootfs: Rootfs, path: str) -> bool:
    """Return whether a running container may have a file at a path where the image has none.

    True as well where links make that impossible to say.
    """
    for _ in range(_LINKS):
        if ".." in path.split("/"):
            return True
        folder, rest = path, ""
        while rootfs.lstat(folder) is None and folder != "/":
            folder, name = posixpath.split(folder)
            rest = posixpath.join(name, rest) if rest else name
        real = rootfs.resolve(folder)
        if real is not None:
            target = posixpath.join(real, rest)
            return any(target.startswith(f"{mounted}/") for mounted in _MOUNTED)
        entry = rootfs.lstat(folder)
        above = rootfs.resolve(posixpath.dirname(folder)) or "/"
        path = posixpath.join(above, entry.target if entry else "", rest)
    return True


def is_console_script(text: str, targets: Iterable[str]) -> bool:
    """Return whether a script does nothing but call one of the entry points `module:name`.

    True for what pip, uv, installer and distlib write: known lines in any order, one import and
    one call of what was imported.
    """
    opening = opening_of(text)
    if opening is None:
        return False
    imported: list[tuple[str, str]] = []
    called: list[str] = []
    for line in text[opening.end :].splitlines():
        match = _SCRIPT_LINES.fullmatch(line)
        if match is None or not _is_utf8(line):
            return False
        if match["module"]:
            imported.append((match["module"], match["name"]))
        if match["call"]:
            called.append(match["call"])
    if len(imported) != 1 or len(called) != 1:
        return False
    module, name = imported[0]
    return called[0].partition(".")[0] == name and f"{module}:{called[0]}" in set(targets)
