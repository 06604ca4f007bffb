"""Signatures over artifacts: real ones, and what stands in their place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from auditor.artifacts import attestations
from auditor.artifacts.attestations import require_support, shown_identity, trust, verify
from auditor.errors import UsageError
from auditor.model import Attestation, AttestationState
from tests.builders.attested import SDIST, Published, published

if TYPE_CHECKING:
    from pathlib import Path

SIGNER: dict[str, object] = {
    "kind": "GitHub",
    "repository": "trailofbits/pypi-attestations",
    "workflow": "release.yml",
}
OTHER: dict[str, object] = {**SIGNER, "repository": "example/other"}
SHOWN = "GitHub trailofbits/pypi-attestations, release.yml"
SHA256 = "ab" * 32
EMPTY = b'{"version": 1, "attestation_bundles": []}'


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published(SDIST, tmp_path_factory.mktemp("attested"))


def verified(real: Published, *identities: dict[str, object], **change: str) -> Attestation:
    name, sha256 = change.get("filename", real.filename), change.get("sha256", real.sha256)
    return verify(name, sha256, real.provenance, identities)


@pytest.mark.network
def test_attested_by_whom_the_lock_names(real: Published) -> None:
    found = Attestation(AttestationState.VERIFIED, found=SHOWN)
    assert verified(real, SIGNER) == found
    assert verified(real, {"kind": "Unheard"}, OTHER, SIGNER) == found
    assert verified(real, {**SIGNER, "environment": "release"}) == found


@pytest.mark.network
@pytest.mark.parametrize(
    "identity",
    [
        OTHER,
        {**SIGNER, "workflow": "other.yml"},
        {"kind": "GitLab", "repository": "a/b", "workflow_filepath": ".gitlab-ci.yml"},
        {"kind": "Google", "email": "a@example.org"},
    ],
    ids=["repository", "workflow", "publisher", "person"],
)
def test_attested_by_others(real: Published, identity: dict[str, object]) -> None:
    found = verified(real, identity)
    assert found == Attestation(AttestationState.REFUSED, "they are by others", SHOWN)


@pytest.mark.network
@pytest.mark.parametrize(
    ("change", "why"),
    [({"sha256": SHA256}, "digest"), ({"filename": "pypi_attestations-0.0.20.tar.gz"}, "name")],
    ids=["bytes", "file-name"],
)
def test_attested_for_something_else(real: Published, change: dict[str, str], why: str) -> None:
    found = verified(real, SIGNER, **change)
    words = f"no signature holds: subject does not match distribution {why}"
    assert (found.attested, found.found) == (AttestationState.REFUSED, None)
    assert found.why.startswith(words)
    assert "\n" not in found.why


@pytest.mark.network
@pytest.mark.parametrize(
    "identity", [{"kind": "Unheard"}, {**SIGNER, "branch": "main"}], ids=["kind", "more"]
)
def test_one_of_the_identities_cannot_be_verified(
    real: Published, identity: dict[str, object]
) -> None:
    """It may be the one that attested: nobody can tell."""
    found = verified(real, OTHER, identity)
    assert found.attested is AttestationState.UNKNOWN
    assert found.why.startswith("they are by others, and attestations by ")


@pytest.mark.network
@pytest.mark.parametrize("field", ["signature", "statement", "certificate"])
@pytest.mark.parametrize("junk", ["", "AAAA", "////", "MIAwgDCA" * 99, None])
def test_damaged_attestation(real: Published, field: str, junk: str | None) -> None:
    document = json.loads(real.provenance)
    for bundle in document["attestation_bundles"]:
        for each in bundle["attestations"]:
            held = each["verification_material" if field == "certificate" else "envelope"]
            before, one, behind = held[field][:20], held[field][20], held[field][21:]
            held[field] = f"{before}{'A' if one != 'A' else 'B'}{behind}" if junk is None else junk
    found = verified(real._replace(provenance=json.dumps(document).encode()), SIGNER)
    assert found.attested is AttestationState.REFUSED
    assert found.why.startswith("no signature holds: ")


@pytest.mark.parametrize(
    ("provenance", "identity", "why"),
    [
        (b"{", SIGNER, "cannot be read"),
        (b"\xff\x00", SIGNER, "cannot be read"),
        (b"[" * 100_000, SIGNER, "cannot be read"),
        (b'{"version": 2, "attestation_bundles": []}', SIGNER, "cannot be read"),
        (EMPTY, SIGNER, "holds no attestation"),
        (b"{}", {"kind": "Unheard"}, "attestations by Unheard cannot be verified"),
        (b"{}", {**SIGNER, "branch": "main"}, f"by {SHOWN}, main cannot"),
        (b"{}", {"repository": "a/b"}, "by publisher of no kind a/b cannot"),
    ],
)
def test_nothing_to_verify(provenance: bytes, identity: dict[str, object], why: str) -> None:
    found = verify("a-1.tar.gz", SHA256, provenance, [identity])
    assert found.attested is AttestationState.UNKNOWN
    assert why in found.why


def test_a_file_name_that_is_none() -> None:
    assert verify("a", SHA256, EMPTY, [SIGNER]).attested is AttestationState.UNKNOWN


def test_identities_are_shown_on_one_line() -> None:
    assert shown_identity({**SIGNER, "environment": "release"}) == SHOWN
    assert shown_identity({"kind": "New", "name": "a\nb\x1b"}) == "New a b\\x1b"


def test_root_of_trust_without_a_place(home: Path) -> None:
    home.touch()
    assert trust(offline=True) == "Sigstore's root of trust cannot be kept: Not a directory"


def test_root_of_trust_that_is_damaged(home: Path) -> None:
    assert trust(offline=True) == ""
    (kept,) = home.glob("**/trusted_root.json")
    kept.write_bytes(b"{")
    assert trust(offline=True).startswith("Sigstore's root of trust cannot be read: ")


@pytest.mark.network
def test_root_of_trust_is_renewed_where_it_can_be() -> None:
    assert trust(offline=False) == ""


def test_without_the_extra_the_option_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_support()
    monkeypatch.setattr(attestations, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="--attestations"):
        require_support()
