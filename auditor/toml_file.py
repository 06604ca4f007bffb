"""TOML as people save it: what is wrong with a file, in one line with the place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomli

from auditor.wording import one_line

if TYPE_CHECKING:
    from auditor.errors import AuditorError


def read_toml(
    content: bytes, shown: str, error: type[AuditorError], hint: str
) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML document and what it holds.

    Raises `error` where it is none: with the place, in a file called `shown`, and with `hint`.
    """
    try:
        # A byte order mark is no TOML, but editors leave one, and so does PowerShell's `>`.
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise error(
            f"{shown}:{line}: not UTF-8: byte 0x{content[fault.start]:02x}",
            "TOML is UTF-8: save the file in that encoding",
        ) from fault
    try:
        return text, tomli.loads(text)
    except tomli.TOMLDecodeError as fault:
        place = f"{shown}:{fault.lineno}:{fault.colno}"
        raise error(f"{place}: not valid TOML: {one_line(fault.msg)}", hint) from fault
    except (ValueError, RecursionError) as fault:
        # Integers of thousands of digits, and nesting beyond the parser's limit.
        raise error(f"{shown}: TOML that cannot be read: {one_line(str(fault))}", hint) from fault
