"""Installations of idna 3.10, and what is proven of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from packaging.version import Version

from auditor.evidence import ProofContext, installations, prove
from auditor.inventory.distributions.installed import read_distributions
from auditor.model import Artifact, ArtifactKind, Environment, Expectation, LockedPackage
from tests.builders import rootfs_of

if TYPE_CHECKING:
    from auditor.model import Proof, Vcs
    from tests.builders import Files


def artifact(filename: str) -> Artifact:
    kind = ArtifactKind.WHEEL if filename.endswith(".whl") else ArtifactKind.SDIST
    return Artifact(kind, filename, {"sha256": hashlib.sha256(filename.encode()).hexdigest()})


def proof_of(
    files: Files,
    site: str,
    *locked: str,
    version: str = "3.10",
    vcs: Vcs | None = None,
    context: ProofContext = ProofContext(),  # noqa: B008 -- immutable
) -> Proof:
    """Return the proof of what is installed in `site`, by a lock of these artifacts."""
    rootfs = rootfs_of(files)
    found, problems = read_distributions(rootfs, site, {})
    assert not problems
    environment = Environment("/", None, None, (site,), True, "named", tuple(found))
    package = LockedPackage("idna", Version(version), 1, tuple(map(artifact, locked)), vcs)
    expectation = Expectation({"idna": package})
    found_at = installations(environment, expectation)
    return prove(rootfs, found_at, expectation, context).proofs["idna"]
