"""A configuration file as it is read, with the line of every key for messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auditor.errors import UsageError
from auditor.lock.toml_lines import line_of
from auditor.toml_file import read_file, read_toml
from auditor.wording import did_you_mean, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from auditor.lock.toml_lines import KeyPath

OWN, SHARED = "auditor.toml", "pyproject.toml"
"""The file that is only for the auditor, and the one in which it has a table."""

TABLE = ("tool", "auditor")
"""The auditor's table in `SHARED`."""

MAX_BYTES = 4 * 1024 * 1024
"""The largest configuration file that is read."""


@dataclass(frozen=True, slots=True)
class Document:
    """The auditor's part of one configuration file."""

    path: str
    """As shown in messages."""
    text: str
    table: Mapping[str, Any]
    prefix: KeyPath = ()
    """The keys of `table` in the file."""

    def line(self, key: KeyPath) -> int | None:
        """Return the line of a key of `table`, or of what is around it."""
        return line_of(self.text, (*self.prefix, *key))

    def error(self, key: KeyPath, message: str, hint: str) -> UsageError:
        """Return the error for the value at a key of `table`."""
        line = self.line(key)
        place = self.path if line is None else f"{self.path}:{line}"
        return UsageError(f"{place}: {_shown(key)}: {one_line(message)}", hint)

    def check_keys(self, key: KeyPath, table: Mapping[str, Any], known: Iterable[str]) -> None:
        """Raise `UsageError` for the first unknown key of the table at `key`."""
        known = list(known)
        for name in table:
            if name not in known:
                hint = did_you_mean(name, known) or f"known keys: {', '.join(known)}"
                raise self.error((*key, name), "unknown key", hint)

    def text_at(self, key: KeyPath, value: object) -> str:
        """Return the string at a key; raises `UsageError` where it is none or empty."""
        if not isinstance(value, str):
            raise self.error(key, f"{kind_of(value)}, not a string", 'write it as "text"')
        if not value.strip():
            raise self.error(key, "is empty", "give a value, or leave the key out")
        return value


def read_document(path: Path, shown: str) -> Document | None:
    """Read a configuration file; None for a `pyproject.toml` without the auditor's table.

    Raises `UsageError` for a file that cannot be read or is no TOML.
    """
    hint = "correct the file; `--no-config` audits without it"
    content = read_file(
        path, shown, MAX_BYTES, UsageError, "name another file with `--config PATH`"
    )
    text, data = read_toml(content, shown, UsageError, hint)
    if path.name != SHARED:
        return Document(shown, text, data)
    table: object = data
    for name in TABLE:
        table = table.get(name) if isinstance(table, dict) else None
    if table is None:
        return None
    document = Document(shown, text, {}, TABLE)
    if not isinstance(table, dict):
        raise document.error((), f"{kind_of(table)}, not a table", "write it as [tool.auditor]")
    return Document(shown, text, table, TABLE)


def kind_of(value: object) -> str:
    """Return what a TOML value is, with its article."""
    names: dict[type, str] = {
        bool: "a boolean",
        str: "a string",
        int: "a number",
        float: "a number",
        list: "an array",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")


def _shown(key: KeyPath) -> str:
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key)
    return shown.removeprefix(".") or "[tool.auditor]"
