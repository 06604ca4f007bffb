"""A lock file: `tomli` parses it, `packaging.pylock` validates it.

An invalid file is an error of one line that names file, line and key.
Follows https://packaging.python.org/specifications/pylock-toml/, lock-version 1.x.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packaging.pylock import Pylock, PylockValidationError, is_valid_pylock_path
from packaging.version import InvalidVersion, Version

from auditor.errors import LockError
from auditor.lock.checks import check_hashes, check_markers, check_tag_sets, unknown_keys
from auditor.lock.find_lock import MAX_LISTED
from auditor.lock.other_formats import BY_NAME, LOCK_HINT, recognised_format
from auditor.lock.toml_lines import key_path, line_of, package_lines, top_lines
from auditor.toml_file import read_file, read_toml
from auditor.wording import and_more, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES = 32 * 1024 * 1024
"""The largest lock that is read; a universal lock of 1,000 distributions has about 15 MB."""

_MAX_MESSAGE = 300  # characters of a message that quotes the file


@dataclass(frozen=True, slots=True)
class Lock:
    """A valid lock file."""

    path: str
    """As given on the command line."""
    sha256: str
    """Of the file's bytes, hexadecimal."""
    created_by: str
    pylock: Pylock
    lines: tuple[int | None, ...]
    """The line of each entry of `pylock.packages`, from 1; None where it is unknown."""
    keys: Mapping[str, int] = field(default_factory=dict)
    """The line of each top-level key."""
    warnings: tuple[str, ...] = ()
    """Parts of a newer format that were ignored; a line each."""


def read_lock(path: Path, shown: str, named_by: str = "`--lock PATH`") -> Lock:
    """Read and validate the lock at `path`, called `shown` in every message.

    `named_by` is the option that has the path, for a hint.
    Raises `LockError` for everything that is wrong with it.
    """
    content = read_file(path, shown, MAX_BYTES, LockError, f"check the path given with {named_by}")
    _check_name(path, shown)
    return parse_lock(content, shown)


def parse_lock(content: bytes, shown: str) -> Lock:
    """Validate a lock's bytes; raises `LockError` for everything that is wrong with them."""
    text, data = read_toml(content, shown, LockError, LOCK_HINT)
    warnings = _check_format(data, text, shown)
    pylock = _validate(data, text, shown)
    return Lock(
        path=shown,
        sha256=hashlib.sha256(content).hexdigest(),
        created_by=pylock.created_by,
        pylock=pylock,
        lines=package_lines(text, len(pylock.packages)),
        keys=top_lines(text),
        warnings=warnings,
    )


def _check_name(path: Path, shown: str) -> None:
    if is_valid_pylock_path(path):
        return
    if other := BY_NAME.get(path.name):
        raise LockError(f"{shown}: this is {other.what}, not a pylock.toml", other.hint)
    raise LockError(
        f"{shown}: not the name of a lock",
        "a lock is called pylock.toml or pylock.<name without dots>.toml",
    )


def _check_format(data: dict[str, Any], text: str, shown: str) -> tuple[str, ...]:
    """Refuse other formats and major versions; return the warnings about a newer minor version."""
    version = data.get("lock-version")
    if version is None and (other := recognised_format(data)):
        raise LockError(f"{shown}: this is {other.what}, not a pylock.toml", other.hint)
    if not isinstance(version, str):
        return ()  # the validation reports it
    try:
        number = Version(version)
    except InvalidVersion:
        return ()
    line = line_of(text, ("lock-version",)) or 1
    if number.major != 1:
        raise LockError(
            f"{shown}:{line}: lock-version: {number} is not supported, only 1.x",
            "update the auditor, or lock again with a tool that writes lock-version 1.0",
        )
    if number <= Version("1.0"):
        return ()
    newer = f"{shown}:{line}: lock-version {number} is newer than 1.0, the newest supported version"
    unknown = unknown_keys(data)
    if not unknown:
        return (newer,)
    keys = and_more(unknown, MAX_LISTED)
    return (f"{newer}; unknown keys were ignored: {keys}",)


def _validate(data: dict[str, Any], text: str, shown: str) -> Pylock:
    if isinstance(data.get("lock-version"), str) and data["lock-version"].startswith("1."):
        # `_check_format` warns about a newer minor version; packaging would log to stderr.
        data = {**data, "lock-version": "1.0"}
    try:
        check_tag_sets(data)
        pylock = Pylock.from_dict(data)
        check_hashes(pylock)
        check_markers(pylock)
    except PylockValidationError as error:
        raise _invalid(error, data, text, shown) from error
    return pylock


def _invalid(
    error: PylockValidationError, data: dict[str, Any], text: str, shown: str
) -> LockError:
    key = error.context or ""
    path = key_path(key)
    line = line_of(text, path) or 1
    name: object = None
    if len(path) > 1 and path[0] == "packages" and isinstance(path[1], int):
        entry = data["packages"][path[1]]
        name = entry.get("name") if isinstance(entry, dict) else None
    about = f" ({one_line(name)})" if isinstance(name, str) else ""
    where = f"{shown}:{line}:" + (f" {key}{about}:" if key else "")
    return LockError(f"{where} {single_line(error.message)}", LOCK_HINT)


def single_line(message: str) -> str:
    """Return a message that may quote the file as one printable line of bounded length.

    Lines that only point (`   ~~~^`) into the one above are left out.
    """
    lines = [line.strip() for line in message.splitlines() if line.strip(" ~^")]
    return one_line(": ".join(lines), _MAX_MESSAGE)
