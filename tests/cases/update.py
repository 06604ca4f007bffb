"""Write into each case what its audit finds now: `python -m tests.cases.update`.

For a change of messages; read every line of the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from pathlib import Path

from tests.builders.cases import CASES, audit, shown

_EXPECT = re.compile(r"^expect = \[(?:[^\n]*|\n.*?^)\]$", re.MULTILINE | re.DOTALL)


def expectation(findings: list[str]) -> str:
    """Return the assignment in TOML, one finding a line."""
    texts = [json.dumps(each, ensure_ascii=False) for each in findings]
    if len(texts) < 2:
        return f"expect = [{''.join(texts)}]"
    return "\n".join(["expect = [", *(f"  {text}," for text in texts), "]"])


def main() -> None:
    """Rewrite all cases."""
    for path in CASES:
        text = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            report = audit(tomllib.loads(text), Path(folder))
        found = sorted(shown(finding) for finding in report.findings)
        new, count = _EXPECT.subn(lambda _, found=found: expectation(found), text, count=1)  # type: ignore[misc]
        assert count == 1, path
        path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
