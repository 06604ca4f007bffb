"""A `pylock.toml` (PEP 751) and what it selects for one environment."""

from auditor.lock.find_lock import find_lock, python_version_file
from auditor.lock.lock_artifacts import every_artifact, locked_hashes, prefetchable_artifacts
from auditor.lock.lock_file import MAX_BYTES, Lock, parse_lock, read_lock
from auditor.lock.selection import select

__all__ = [
    "MAX_BYTES",
    "Lock",
    "every_artifact",
    "find_lock",
    "locked_hashes",
    "parse_lock",
    "prefetchable_artifacts",
    "python_version_file",
    "read_lock",
    "select",
]
