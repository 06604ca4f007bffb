"""What should be there: a `pylock.toml` (PEP 751) and what it selects for one environment."""

from auditor.lock.artifacts import locked_hashes
from auditor.lock.document import Lock, read_lock
from auditor.lock.files import find_lock, python_version_file
from auditor.lock.selection import select

__all__ = ["Lock", "find_lock", "locked_hashes", "python_version_file", "read_lock", "select"]
