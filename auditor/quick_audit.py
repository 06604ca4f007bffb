"""The quick audit: what the image's interpreter says, against the lock.

No layer is read. Everything here is testimony, which a hostile image can make up; what was not
looked at is listed in every report, and never taken for absent.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.audit import conclude, expect_digest, expectation_of
from auditor.evidence import installations
from auditor.evidence.installations import same_version
from auditor.image.tree.partial_tree import NotReadError
from auditor.inventory.distributions.bootstrap_tools import BOOTSTRAP
from auditor.inventory.ownership.file_ownership import FileOwnership
from auditor.lock import locked_hashes, python_version_file
from auditor.model import Degree, Proof
from auditor.policy import idle_requirements, required_degrees, strange_names
from auditor.report.build import RuleResults
from auditor.rules import LEFT, Facts, observe
from auditor.rules.attestation_rules import attestations_not_checked

if TYPE_CHECKING:
    from typing import NoReturn

    from auditor.audit import Options
    from auditor.evidence import Installation
    from auditor.inventory.query.probed_inventory import ProbedInventory
    from auditor.lock import Lock
    from auditor.model import Expectation, Image, Report


def quick_check(image: Image, probed: ProbedInventory, lock: Lock, options: Options) -> Report:
    """Compare what the image's interpreter says with a lock.

    `image.rootfs` is the statement's. Raises `UsageError` for a choice that the lock does not
    have, `ImageError` where the image is another one than `options.expect_digest` names.
    """
    expect_digest(image, options.expect_digest)
    expectation = expectation_of(lock, probed.inventory, options)
    runtime = probed.inventory.runtime
    installed = installations(runtime, expectation) if runtime else {}
    facts = Facts(
        lock_path=lock.path,
        image=image,
        inventory=probed.inventory,
        expectation=expectation,
        installed=installed,
        proofs={name: _word(each, expectation) for name, each in installed.items()},
        required=required_degrees(options.policy, options.require, expectation.packages),
        ownership=_NoOwnership(),
        pip_list=probed.pip_list,
        python_version_file=python_version_file(Path(lock.path)),
        own=frozenset(canonicalize_name(name) for name in options.own),
        policy=options.policy,
        locked_hashes=locked_hashes(lock.pylock),
    )
    notes = (
        *strange_names(facts.own, facts.inventory, facts.expectation),
        *idle_requirements(facts.policy, facts.expectation.packages),
    )
    left = (*LEFT, *attestations_not_checked(facts))
    judged = RuleResults(observe(facts, quick=True), left, notes, mode="quick")
    return conclude(facts, judged, lock, options)


def known_names(lock: Lock) -> frozenset[str]:
    """Return the normalised names that need no look at the package databases."""
    return BOOTSTRAP.union(package.name for package in lock.pylock.packages)


def _word(found: Installation, expectation: Expectation) -> Proof:
    """Return the evidence that a name and a version are, and no more."""
    locked = expectation.packages.get(found.chosen.name)
    same = locked is not None and (
        locked.version is None or same_version(found.chosen.version, locked.version)
    )
    return Proof(found.chosen, Degree.VERSION if same else Degree.NONE, against="its metadata")


class _NoOwnership(FileOwnership):
    """Nobody has looked whose the files are."""

    def __init__(self) -> None:
        """Enter nothing."""

    def owner(self, path: str) -> NoReturn:
        """Raise `NotReadError`."""
        raise NotReadError(path)
