"""What the project decided: its configuration file, and the parts of it that stages ask."""

from auditor.policy.config import Config, Setting, find_config, read_config
from auditor.policy.decisions import declared, required_degrees
from auditor.policy.notes import notes_on_files, notes_on_names

__all__ = [
    "Config",
    "Setting",
    "declared",
    "find_config",
    "notes_on_files",
    "notes_on_names",
    "read_config",
    "required_degrees",
]
