"""The search for the lock file, and the `.python-version` beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.pylock import is_valid_pylock_path

from auditor.errors import LockError
from auditor.lock.other_formats import BY_NAME
from auditor.wording import and_more

if TYPE_CHECKING:
    from pathlib import Path

MAX_LISTED = 8
"""Names that an error message lists; the others are counted."""

_VERSION_FILE_LIMIT = 64 * 1024  # bytes; a real one has less than a hundred

_PYTHON_REQUEST = re.compile(
    r"""
    (?:(?:cpython|python|pypy|cp)[-@]?)?       # pyenv's and uv's spellings of an interpreter
    (?P<version>\d+(?:\.\d+(?:\.\d+(?:(?:a|b|rc)\d+)?)?)?)
    (?:t|-dev|\+[a-z]+)?                       # free-threaded, development branch, uv's variants
    (?:-.*)?                                   # platform, or the implementation's own version
    """,
    re.VERBOSE | re.IGNORECASE,
)


def find_lock(directory: Path) -> Path:
    """Return the one `pylock.toml` or `pylock.<name>.toml` in `directory`.

    Raises `LockError` where there is none or more than one; it lists what was found.
    """
    try:
        names = sorted(path.name for path in directory.iterdir() if path.is_file())
    except OSError as error:
        raise LockError(
            f"{directory}: {error.strerror or error}", "name the lock with `--lock PATH`"
        ) from error
    locks = [name for name in names if is_valid_pylock_path(directory / name)]
    if len(locks) == 1:
        return directory / locks[0]
    if locks:
        raise LockError(
            f"{directory}: {len(locks)} locks to choose from: {_listed(locks)}",
            "name one with `--lock PATH`",
        )
    raise _none_found(directory, names)


def python_version_file(lock_path: Path) -> tuple[str, str] | None:
    """Return the `.python-version` beside a lock: its path as shown and the version it names.

    The version is `3`, `3.11`, `3.11.7` or `3.14.0rc1`, without the interpreter, platform or
    free-threaded build that may be written around it. None where there is no such file or it
    names no version (`system`, a virtual environment, a range, a path).
    """
    path = lock_path.with_name(".python-version")
    try:
        with path.open("rb") as stream:
            text = stream.read(_VERSION_FILE_LIMIT).decode()
    except (OSError, UnicodeDecodeError):
        return None
    for line in text.splitlines():
        request = line.partition("#")[0].strip()
        if request:
            match = _PYTHON_REQUEST.fullmatch(request)
            return (str(path), match["version"]) if match else None
    return None


def _none_found(directory: Path, names: list[str]) -> LockError:
    similar = [name for name in names if name.lower().startswith("pylock")]
    others = [name for name in BY_NAME if name in names]
    message = f"{directory}: no pylock.toml or pylock.<name>.toml"
    if similar or others:
        message += f"; found {_listed([*similar, *others])}"
    if similar:
        return LockError(
            message, "rename it: only pylock.toml and pylock.<name without dots>.toml are valid"
        )
    if others:
        return LockError(message, BY_NAME[others[0]].hint)
    return LockError(message, "name the lock with `--lock PATH`")


def _listed(names: list[str]) -> str:
    # A name may hold anything but `/`: repr keeps control characters off the terminal.
    return and_more((name if name.isprintable() else repr(name) for name in names), MAX_LISTED)
