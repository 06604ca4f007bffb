"""Family 4, first part: what the interpreter says against what the files say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.evidence.installed import same_version
from auditor.model import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.rules.facts import Facts

_NEVER_LISTED = frozenset({"python", "argparse", "wsgiref"})
"""Names that `pip list` leaves out, as parts of the standard library."""


def pip_list_disagrees(facts: Facts) -> Iterator[Observation]:
    """LI401: `pip list` names other distributions or versions than the import path holds."""
    if facts.testimony is None or facts.testimony.failure is not None:
        return
    said = {each.name: each.version for each in facts.testimony.packages}
    unreadable = {problem.subject for problem in facts.runtime.problems} if facts.runtime else set()
    for name in sorted({*said, *facts.installed} - _NEVER_LISTED - unreadable):
        found = facts.installed.get(name)
        versions = [each.version for each in (found.chosen, *found.duplicates)] if found else []
        if name in said and any(same_version(version, said[name]) for version in versions):
            continue
        files, words = " and ".join(sorted(versions)) or None, said.get(name)
        yield Observation(
            subject=name,
            message=(
                f"pip list says {words or 'nothing of it'}, "
                f"the files say {files or 'it is not there'}"
            ),
            path=found.chosen.metadata_path if found else None,
            environment=facts.prefix,
            expected=files,
            actual=words,
        )
