"""TOML files as people save them: an invalid one is an error of one line with the place."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import tomli

from auditor.wording import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.errors import AuditorError


def read_file(path: Path, shown: str, limit: int, error: type[AuditorError], hint: str) -> bytes:
    """Return the content of a regular file of at most `limit` bytes, called `shown` in messages.

    Raises `error` with `hint` for any other.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise error(f"{shown}: not a regular file", hint)
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as failure:
        raise error(f"{shown}: {failure.strerror or failure}", hint) from failure
    if len(content) > limit:
        raise error(f"{shown}: larger than {limit >> 20} MiB, the largest that is read", hint)
    return content


def read_toml(
    content: bytes, shown: str, error: type[AuditorError], hint: str
) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML document and its values.

    Raises `error` where it is not valid: with the place in a file called `shown`, and `hint`.
    """
    try:
        # A byte order mark is not valid TOML, but some editors write one, as PowerShell's `>` does.
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as failure:
        line = content.count(b"\n", 0, failure.start) + 1
        raise error(
            f"{shown}:{line}: not UTF-8: byte 0x{content[failure.start]:02x}",
            "TOML is UTF-8: save the file in that encoding",
        ) from failure
    try:
        return text, tomli.loads(text)
    except tomli.TOMLDecodeError as failure:
        place = f"{shown}:{failure.lineno}:{failure.colno}"
        raise error(f"{place}: not valid TOML: {one_line(failure.msg)}", hint) from failure
    except (ValueError, RecursionError) as failure:
        # Integers of thousands of digits, and nesting beyond the parser's limit.
        raise error(
            f"{shown}: TOML that cannot be read: {one_line(str(failure))}", hint
        ) from failure
