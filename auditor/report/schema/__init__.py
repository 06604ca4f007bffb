"""The JSON Schema of the report: what `--format json` promises.

Within a version keys are only ever added, so the schema allows keys that it does not name:
a consumer written for this version reads every later report of it.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

_FILE = "report-v1.json"


def schema_text() -> str:
    """Return the schema of version 1 as it is shipped: JSON Schema, draft 2020-12."""
    return files(__name__).joinpath(_FILE).read_text(encoding="utf-8")


def schema() -> dict[str, Any]:
    """Return the schema of version 1, parsed."""
    parsed: dict[str, Any] = json.loads(schema_text())
    return parsed
