"""The configuration: `auditor.toml`, or `[tool.auditor]` in a `pyproject.toml`.

Looked for in the working directory and then in its parents up to the root of the repository
(the first directory with a `.git`); without a repository, in the working directory alone, so
that nothing from outside the project decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from auditor.errors import UsageError
from auditor.model import Policy
from auditor.policy.config_file import OWN, SHARED, kind_of, read_document
from auditor.policy.entries import (
    IGNORE,
    NATIVE,
    REQUIRE,
    SEVERITY,
    ignores,
    known_codes,
    natives,
    requirements,
    severities,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from auditor.lock.toml_lines import KeyPath
    from auditor.policy.config_file import Document

    Value = str | bool | list[str]


class Setting(NamedTuple):
    """What values a command-line option takes, and so its default in the file."""

    many: bool = False
    """A list of strings; a single one needs no brackets."""
    flag: bool = False
    choices: tuple[str, ...] = ()
    path: bool = False
    """A path on this machine, relative to the configuration file."""
    codes: bool = False
    """Prefixes of codes, separated by blanks or commas."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file says."""

    policy: Policy = field(default_factory=Policy)
    defaults: Mapping[str, Value] = field(default_factory=dict)
    """Option -> its value where neither the command line nor the environment gives one."""


def find_config(directory: Path) -> Path | None:
    """Return the configuration that applies to `directory`, as a path relative to it.

    Raises `UsageError` where one directory has two, or a file on the way cannot be read.
    """
    absolute = directory.absolute()
    up = [absolute, *absolute.parents]
    root = next((number for number, each in enumerate(up) if (each / ".git").exists()), 0)
    for number in range(root + 1):
        folder = Path(*[".."] * number)
        found = [
            folder / name
            for name in (OWN, SHARED)
            if _is_config(up[number] / name, str(folder / name))
        ]
        if len(found) > 1:
            raise UsageError(
                f"two configurations: {found[0]}, and [tool.auditor] in {found[1]}",
                "keep one, or name one with `--config PATH`",
            )
        if found:
            return found[0]
    return None


def _is_config(path: Path, shown: str) -> bool:
    return path.exists() and (path.name == OWN or read_document(path, shown) is not None)


def read_config(path: Path, settings: Mapping[str, Setting], today: date) -> Config:
    """Read and check a configuration file.

    `settings` are the options for which it may have a default. Raises `UsageError` for the
    first mistake.
    """
    document = read_document(path, str(path))
    if document is None:
        raise UsageError(
            f"{path}: has no [tool.auditor]", "add the table, or name another file with `--config`"
        )
    document.check_keys((), document.table, (*settings, IGNORE, NATIVE, REQUIRE, SEVERITY))
    policy = Policy(
        ignores=tuple(ignores(document)),
        natives=tuple(natives(document)),
        severities=severities(document),
        requirements=requirements(document),
        today=today,
        path=str(path),
    )
    defaults = {
        name: _default(document, (name,), document.table[name], setting, path.parent)
        for name, setting in settings.items()
        # `[require]` is for packages, a string in its place is the default of the option.
        if name in document.table
        and not (name == REQUIRE and isinstance(document.table[name], dict))
    }
    return Config(policy, defaults)


def _default(
    document: Document, key: KeyPath, value: object, setting: Setting, folder: Path
) -> Value:
    if setting.flag:
        if not isinstance(value, bool):
            raise document.error(key, f"{kind_of(value)}, not a boolean", "write true or false")
        return value
    if not setting.many:
        return _text(document, key, value, setting, folder)
    values = value if isinstance(value, list) else [value]
    return [
        _text(document, (*key, index) if value is values else key, each, setting, folder)
        for index, each in enumerate(values)
    ]


def _text(document: Document, key: KeyPath, value: object, setting: Setting, folder: Path) -> str:
    text = document.text_at(key, value)
    if setting.choices and text not in setting.choices:
        raise document.error(key, f"{text!r} is not valid", f"use {', '.join(setting.choices)}")
    if setting.codes:
        for word in re.split(r"[,\s]+", text.strip(", ")):
            known_codes(document, key, word)
    return str(folder / text) if setting.path and text != "-" else text
