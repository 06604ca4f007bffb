"""What the project decided: its configuration file, and the parts of it that stages ask."""

from auditor.policy.config import Config, Setting, find_config, read_config
from auditor.policy.declared_libraries import absent, declared
from auditor.policy.own_names import strange_names
from auditor.policy.required_evidence import idle_requirements, required_degrees

__all__ = [
    "Config",
    "Setting",
    "absent",
    "declared",
    "find_config",
    "idle_requirements",
    "read_config",
    "required_degrees",
    "strange_names",
]
