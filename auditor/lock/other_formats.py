"""Lock files of other formats, recognised by their names and by their content.

Each comes with the command that makes a `pylock.toml` of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCK_HINT = "lock again, for instance with `uv export --format pylock.toml -o pylock.toml`"
"""The hint for a document that may be a lock, but cannot be read as one."""


class OtherFormat(NamedTuple):
    """A file that is not a pylock.toml, and how to get one."""

    what: str
    """After "is": `uv's own lock`."""
    hint: str


_UV = OtherFormat("uv's own lock", "export it: `uv export --format pylock.toml -o pylock.toml`")
_POETRY = OtherFormat(
    "Poetry's own lock",
    "export it: `poetry export --format pylock.toml -o pylock.toml` (poetry-plugin-export)",
)
_PDM = OtherFormat("PDM's own lock", "export it: `pdm export --format pylock -o pylock.toml`")
_PIPENV = OtherFormat(
    "Pipenv's own lock",
    "convert it: `pipenv requirements > requirements.txt`, then "
    "`uv pip compile requirements.txt --format pylock.toml -o pylock.toml`",
)
_PROJECT = OtherFormat(
    "a project file", "lock it: `uv export --format pylock.toml -o pylock.toml`, or `pip lock .`"
)
_REQUIREMENTS = OtherFormat(
    "a requirements file",
    "lock it: `uv pip compile requirements.txt --format pylock.toml -o pylock.toml`",
)
_DRAFT = OtherFormat(
    "a lock of an early draft of PEP 751", "lock again with a tool that writes lock-version 1.0"
)

BY_NAME: dict[str, OtherFormat] = {
    "uv.lock": _UV,
    "poetry.lock": _POETRY,
    "pdm.lock": _PDM,
    "Pipfile.lock": _PIPENV,
    "requirements.txt": _REQUIREMENTS,
    "requirements.in": _REQUIREMENTS,
    "pyproject.toml": _PROJECT,
}
"""Files that are often found beside a pylock.toml, the best source of one first."""

_DRAFT_KEYS = {"hash-algorithm", "locker", "groups", "file-lock", "file-locks", "package-lock"}


def recognised_format(data: Mapping[str, object]) -> OtherFormat | None:
    """Return the other format that a TOML document without a `lock-version` is in, if any."""
    metadata = data.get("metadata")
    if isinstance(metadata, dict) and "package" in data:
        if "content-hash" in metadata:
            return _POETRY
        if "lock_version" in metadata or "content_hash" in metadata:
            return _PDM
    if "package" in data and isinstance(data.get("version"), int):
        return _UV
    if "project" in data or "build-system" in data:
        return _PROJECT
    if "packages" in data and ("version" in data or _DRAFT_KEYS & data.keys()):
        return _DRAFT
    return None
