"""Code that runs whenever Python starts (LI206), and compiled code (LI207)."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.evidence.installations import has_locked_version
from auditor.inventory.ownership.by_products import SITE, only_joins_namespaces
from auditor.inventory.paths import text_of
from auditor.model import FileState, Observation, OwnerKind
from auditor.rules.files import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.inventory.python.startup_files import StartupCode
    from auditor.rules.facts import Facts

_LONGEST_LINE = 80
"""Characters of an executed line that are shown."""
_TEXT_LIMIT = 64 * 1024
"""Bytes of a .pth file that may be a tool's own."""
_CHANGED = frozenset({FileState.MODIFIED, FileState.UNLISTED})


def start_code(facts: Facts) -> Iterator[Observation]:
    """LI206: a .pth line, sitecustomize or usercustomize that does not come from the lock.

    What a locked distribution records is judged by LI201, unless only its build made it; what
    installers write is known by its content, and so is the module that it imports.
    """
    digests = facts.image.rootfs.digests([code.path for code in facts.start.code])
    added = {check.path for _, check in faults(facts, FileState.ADDED)}
    added |= set(_built(facts))
    for code in facts.start.code:
        name = posixpath.basename(code.path)
        if code.path not in added and _is_accounted_for(facts, code.path):
            continue
        if digests.get(code.path, b"").hex() in SITE.get(name, ()):
            yield from _imported(facts, code.path)
            continue
        yield facts.about(code.path, f"{_what(code)}{_whose(facts, code.path)}", code.path)


def _built(facts: Facts) -> Iterator[str]:
    """Yield the start-up code that builds made, but for .pth files that join namespaces."""
    rootfs = facts.image.rootfs
    starting = {code.path for code in facts.start.code}
    for _, check in faults(facts, FileState.BUILT):
        if check.path in starting and not only_joins_namespaces(
            text_of(rootfs, check.path, _TEXT_LIMIT)
        ):
            yield check.path


def foreign_bytecode(facts: Facts) -> Iterator[Observation]:
    """LI207: a compiled file that Python loads although it is not what its source says."""
    for fault in facts.bytecode.faults:
        owner = facts.ownership.owner(fault.source)
        known = owner is not None and owner.kind is OwnerKind.DISTRIBUTION
        subject = owner.name if owner is not None and known else fault.path
        yield Observation(subject, f"{fault.path} {fault.why}", fault.path, facts.prefix)


def _what(code: StartupCode) -> str:
    if not code.path.endswith(".pth"):
        if code.shadowed_by:
            return f"{code.what} would run at every start of Python without {code.shadowed_by}"
        return f"{code.what} runs at every start of Python"
    line = code.what if len(code.what) <= _LONGEST_LINE else f"{code.what[:_LONGEST_LINE]}..."
    return f"runs at every start of Python: {line}"


def _whose(facts: Facts, path: str) -> str:
    owner = facts.ownership.owner(path)
    if owner is None or owner.kind is not OwnerKind.DISTRIBUTION:
        return ""
    why = "which is not locked"
    if _is_of_locked_version(facts, owner.name):
        why = "whose locked artifact does not contain it"
    elif owner.name in facts.expectation.packages:
        why = "which is not of the locked version"
    return f" (of {owner.name}, {why})"


def _is_of_locked_version(facts: Facts, name: str) -> bool:
    package, found = facts.expectation.packages.get(name), facts.installed.get(name)
    return bool(package and found and has_locked_version(found.chosen, package))


def _is_accounted_for(facts: Facts, path: str) -> bool:
    """Return whether a file comes from the lock, the project or the operating system.

    No interpreter comes with code of this kind, so its layout owns none.
    """
    owner = facts.ownership.import_owner(path)
    if owner is None or owner.kind is OwnerKind.OS_PACKAGE:
        return owner is not None
    locked = _is_of_locked_version(facts, owner.name) and owner.prefix == facts.prefix
    return owner.kind is OwnerKind.DISTRIBUTION and (locked or owner.name in facts.own)


def _imported(facts: Facts, pth: str) -> Iterator[Observation]:
    """Check the module that a known .pth file imports: its own text is harmless."""
    folder, name = posixpath.split(pth)
    if name == "_virtualenv.pth":
        path = f"{folder}/_virtualenv.py"
        digest = facts.image.rootfs.digests([path]).get(path)
        changed = digest is not None and digest.hex() not in SITE["_virtualenv.py"]
    else:
        path = f"{folder}/_distutils_hack/__init__.py"
        changed = any(
            check.path == path and check.state in _CHANGED
            for proof in facts.proofs.values()
            for check in proof.files
        )
    if changed:
        message = f"runs at every start of Python, imported by {name}, and was changed"
        yield facts.about(path, message, path)
