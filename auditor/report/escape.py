"""What an image says, made safe to print.

Names and texts inside an image are hostile input: they may hold terminal sequences, line
breaks that fake a line of the report, characters that reverse the reading direction, bytes
that are no text at all, or commands for the CI runner that reads the log.
"""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")
_ELLIPSIS = "..."


def escape(text: str) -> str:
    r"""Return `text` on one line, every character of it visible.

    Control, format and separator characters become `\n`, `\x1b`, `\u202e`; bytes that were
    not UTF-8 (surrogate escapes) become `\xff`. A backslash stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def decodable(text: str) -> str:
    r"""Return `text` with only the bytes that were not UTF-8 escaped, as `\xff`.

    For formats that have an escape of their own for everything else.
    """
    return text if text.isascii() else _SURROGATE.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # one undecodable byte: PEP 383
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def clip(text: str, limit: int) -> str:
    """Return `text` escaped, and cut with an ellipsis where it is longer than `limit`."""
    # Cut before escaping as well: an escape is never shorter than what it stands for.
    text = escape(text[: limit + 1])
    return text if len(text) <= limit else text[: limit - len(_ELLIPSIS)] + _ELLIPSIS


def guard(line: str) -> str:
    r"""Return an output line that no CI runner takes for a command.

    GitHub's runner obeys lines that start with `::`, after blanks too, and `##[` anywhere in
    a line; others `##vso[` and `##teamcity[`.
    """
    line = line.replace("##", "#\\x23")
    if line.lstrip().startswith("::"):
        line = line.replace("::", ":\\x3a", 1)
    return line
