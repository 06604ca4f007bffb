"""Reading a lock file: `tomli` parses it, `packaging.pylock` validates it.

Whatever is wrong with the file ends in one line that names file, line and key.
Follows https://packaging.python.org/specifications/pylock-toml/, lock-version 1.x.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packaging.pylock import Pylock, PylockValidationError, is_valid_pylock_path
from packaging.version import InvalidVersion, Version

from auditor.errors import LockError
from auditor.lock.checks import check_hashes, check_markers, check_tag_sets, unknown_keys
from auditor.lock.find_lock import MAX_LISTED
from auditor.lock.other_formats import BY_NAME, LOCK_HINT, recognise
from auditor.lock.toml_lines import key_path, line_of, package_lines, top_lines
from auditor.toml_file import read_toml
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
    """The line of each entry of `pylock.packages`, from 1; None where it could not be told."""
    keys: Mapping[str, int] = field(default_factory=dict)
    """The line of each top-level key."""
    warnings: tuple[str, ...] = ()
    """What the lock may mean and this auditor does not know; a line each."""


def read_lock(path: Path, shown: str, named_by: str = "`--lock PATH`") -> Lock:
    """Read and validate the lock at `path`, called `shown` in every message.

    `named_by` is what gave the path, for a hint.
    Raises `LockError` for everything that is wrong with it.
    """
    _check_file(path, shown, named_by)
    _check_name(path, shown)
    return parse_lock(_read(path, shown, named_by), shown)


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
    if foreign := BY_NAME.get(path.name):
        raise LockError(f"{shown}: this is {foreign.what}, not a pylock.toml", foreign.hint)
    raise LockError(
        f"{shown}: not the name of a lock",
        "a lock is called pylock.toml or pylock.<name without dots>.toml",
    )


def _check_file(path: Path, shown: str, named_by: str) -> None:
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        raise _unreadable(error, shown, named_by) from error
    if not regular:
        raise LockError(f"{shown}: not a regular file", f"name a pylock.toml with {named_by}")


def _read(path: Path, shown: str, named_by: str) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(error, shown, named_by) from error
    if len(content) > MAX_BYTES:
        raise LockError(
            f"{shown}: larger than {MAX_BYTES // 1024 // 1024} MiB, the largest lock that is read",
            "check that this is a lock, or lock for one platform alone",
        )
    return content


def _unreadable(error: OSError, shown: str, named_by: str) -> LockError:
    why = error.strerror or error
    return LockError(f"{shown}: {why}", f"check the path given with {named_by}")


def _check_format(data: dict[str, Any], text: str, shown: str) -> tuple[str, ...]:
    """Refuse other formats and majors; give the warnings that a newer minor deserves."""
    version = data.get("lock-version")
    if version is None and (foreign := recognise(data)):
        raise LockError(f"{shown}: this is {foreign.what}, not a pylock.toml", foreign.hint)
    if not isinstance(version, str):
        return ()  # the validation says what is wrong
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
    unknown = unknown_keys(data)
    if not unknown:
        return (f"{shown}:{line}: lock-version {number} is newer than the 1.0 known here",)
    warning = (
        f"{shown}:{line}: lock-version {number} is newer than the 1.0 known here; keys that "
        f"were not understood: {and_more(unknown, MAX_LISTED)}"
    )
    return (warning,)


def _validate(data: dict[str, Any], text: str, shown: str) -> Pylock:
    if isinstance(data.get("lock-version"), str) and data["lock-version"].startswith("1."):
        # The warning about a newer minor is ours; packaging would log its own to stderr.
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
    return LockError(f"{where} {without_pointers(error.message)}", LOCK_HINT)


def without_pointers(message: str) -> str:
    """Return a message that may quote the file as one printable line of bounded length.

    A line that only points (`   ~~~^`) into the one above says nothing on its own.
    """
    lines = [line.strip() for line in message.splitlines() if line.strip(" ~^")]
    return one_line(": ".join(lines), _MAX_MESSAGE)
