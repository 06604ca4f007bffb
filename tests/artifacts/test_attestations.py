"""Signatures over artifacts: real ones, and what stands in their place."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, NamedTuple

import pytest

from auditor.artifacts import attestations
from auditor.artifacts.attestations import Attested, require_support, verify
from auditor.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

SIGNER = {
    "kind": "GitHub",
    "repository": "trailofbits/pypi-attestations",
    "workflow": "release.yml",
}
SHA256 = "ab" * 32


class Attestation(NamedTuple):
    filename: str
    sha256: str
    provenance: bytes


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Attestation:
    """A published archive and its provenance; the verifier's own source brings both along."""
    folder: Path = tmp_path_factory.mktemp("attested")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
    ]
    subprocess.run([*command, "--dest", folder, "pypi-attestations==0.0.30"], check=True)
    (source,) = folder.glob("*.tar.gz")
    name = "pypi_attestations-0.0.19.tar.gz"
    assets = "pypi_attestations-0.0.30/test/assets"
    with tarfile.open(source) as archive:
        content, provenance = (
            (archive.extractfile(f"{assets}/{each}") or io.BytesIO()).read()
            for each in (name, f"{name}.provenance")
        )
    return Attestation(name, hashlib.sha256(content).hexdigest(), provenance)


@pytest.mark.network
def test_signed_by_whom_the_lock_names(real: Attestation) -> None:
    found = verify(*real, [{"kind": "Unheard"}, SIGNER], offline=True)
    assert found == (
        Attested.VERIFIED,
        "GitHub trailofbits/pypi-attestations, release.yml",
    )


@pytest.mark.network
def test_without_a_newer_root_of_trust_the_shipped_one_decides(real: Attestation) -> None:
    assert verify(*real, [SIGNER], offline=False).attested is Attested.VERIFIED


@pytest.mark.network
@pytest.mark.parametrize(
    ("change", "identity"),
    [
        ({}, {**SIGNER, "repository": "example/other"}),
        ({}, {**SIGNER, "workflow": "other.yml"}),
        ({}, {"kind": "GitLab", "repository": "a/b", "workflow_filepath": ".gitlab-ci.yml"}),
        ({"sha256": SHA256}, SIGNER),
        ({"filename": "pypi_attestations-0.0.20.tar.gz"}, SIGNER),
    ],
    ids=["repository", "workflow", "publisher", "bytes", "file-name"],
)
def test_signed_by_others_or_for_other_bytes(
    real: Attestation, change: dict[str, str], identity: dict[str, object]
) -> None:
    name = change.get("filename", real.filename)
    sha256 = change.get("sha256", real.sha256)
    found = verify(name, sha256, real.provenance, [identity], offline=True)
    assert found.attested is Attested.REFUSED
    assert found.why
    assert "\n" not in found.why


@pytest.mark.network
def test_one_changed_byte_of_the_signature(real: Attestation) -> None:
    at = real.provenance.index(b'"signature":') + 20
    other = b"A" if real.provenance[at : at + 1] != b"A" else b"B"
    changed = real.provenance[:at] + other + real.provenance[at + 1 :]
    found = verify(*real._replace(provenance=changed), [SIGNER], offline=True)
    assert found.attested is Attested.REFUSED


@pytest.mark.parametrize(
    ("provenance", "identity", "why"),
    [
        (b"{", SIGNER, "cannot be read"),
        (b"\xff\x00", SIGNER, "cannot be read"),
        (b"[" * 100_000, SIGNER, "cannot be read"),
        (b'{"version": 2, "attestation_bundles": []}', SIGNER, "cannot be read"),
        (b'{"version": 1, "attestation_bundles": []}', SIGNER, "holds no attestation"),
        (b"{}", {"kind": "Unheard"}, "of kind Unheard"),
        (b"{}", {"repository": "a/b"}, "of kind None"),
    ],
)
def test_nothing_to_verify(provenance: bytes, identity: dict[str, object], why: str) -> None:
    found = verify("a-1.tar.gz", SHA256, provenance, [identity], offline=True)
    assert found.attested is Attested.UNKNOWN
    assert why in found.why


def test_a_file_name_that_is_none() -> None:
    found = verify(
        "a", SHA256, b'{"version": 1, "attestation_bundles": []}', [SIGNER], offline=True
    )
    assert found.attested is Attested.UNKNOWN


def test_without_the_extra_the_option_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_support()
    monkeypatch.setattr(attestations, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="--attestations"):
        require_support()
