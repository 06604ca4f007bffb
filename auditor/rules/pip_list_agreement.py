"""What `pip list` in the image says against what its files say (LI401)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.evidence.installations import same_version
from auditor.model import Observation, PathOrigin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.rules.facts import Facts

_NEVER_LISTED = frozenset({"python", "argparse", "wsgiref"})
"""Names that `pip list` leaves out, as parts of the standard library."""

_OF_THE_COMMAND = frozenset({PathOrigin.SCRIPT, PathOrigin.WORKING_DIRECTORY})


def pip_list_disagrees(facts: Facts) -> Iterator[Observation]:
    """LI401: `pip list` names other distributions or versions than the import path holds."""
    if facts.pip_list is None or facts.pip_list.failure is not None:
        return
    listed = {each.name: each.version for each in facts.pip_list.packages}
    for name in sorted({*listed, *facts.installed} - _NEVER_LISTED - _unlisted(facts)):
        found = facts.installed.get(name)
        versions = [each.version for each in (found.chosen, *found.duplicates)] if found else []
        if name in listed and any(same_version(version, listed[name]) for version in versions):
            continue
        files, answer = " and ".join(sorted(versions)) or None, listed.get(name)
        message = (
            f"pip list {f'says {answer}' if answer else 'does not list it'}, "
            f"the files {f'say {files}' if files else 'do not contain it'}"
        )
        path = found.chosen.metadata_path if found else None
        yield Observation(name, message, path, facts.prefix, files, answer)


def _unlisted(facts: Facts) -> set[str]:
    """Return the names that pip cannot list: unreadable, or beside the image's own script.

    The application's directory is on the path of its command alone, not on pip's.
    """
    if facts.runtime is None:
        return set()
    own = {entry.path for entry in facts.runtime.sys_path if entry.origin in _OF_THE_COMMAND}
    return {problem.subject for problem in facts.runtime.problems} | {
        name for name, found in facts.installed.items() if found.chosen.location in own
    }
