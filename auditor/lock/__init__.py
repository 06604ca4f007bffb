"""What should be there: a `pylock.toml` (PEP 751) and what it selects for one environment."""

from auditor.lock.artifacts import certain_artifacts, locked_hashes
from auditor.lock.document import MAX_BYTES, Lock, parse_lock, read_lock
from auditor.lock.files import find_lock, python_version_file
from auditor.lock.selection import select

__all__ = [
    "MAX_BYTES",
    "Lock",
    "certain_artifacts",
    "find_lock",
    "locked_hashes",
    "parse_lock",
    "python_version_file",
    "read_lock",
    "select",
]
