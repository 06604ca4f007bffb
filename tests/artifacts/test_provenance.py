"""Who says to have attested an artifact: where that is looked for, and who verifies it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from auditor.artifacts import Absence, Absent
from auditor.artifacts import finder as finder_module
from auditor.artifacts import remote as remote_module
from auditor.artifacts.attestor import Attestor, TrustRoot
from auditor.model import Attestation, AttestationState
from tests.builders.attested import WHEEL, Published, published
from tests.builders.fake_registry import Answer
from tests.builders.wanted import (
    HERE,
    NAME,
    SHA256,
    Places,
    artifact,
    html,
    listed,
    page,
    places,
    store,
)

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.model import Artifact
    from tests.builders.fake_registry import FakeRegistry

DOCUMENT = b'{"version": 1, "attestation_bundles": []}'
GITHUB: dict[str, object] = {"kind": "GitHub", "repository": "a/b", "workflow": "release.yml"}
PAGE = "/simple/demo/"


@pytest.fixture(autouse=True)
def provenance(server: FakeRegistry) -> None:
    server.script["/provenance"] = [Answer(body=DOCUMENT)]


def found(wanted: Artifact, folder: Path = HERE, **options: Any) -> bytes | Absent:  # noqa: ANN401
    with store(places(folder, **options)) as manifests:
        (given,) = manifests.provenances([wanted])
    return given


def absent(wanted: Artifact, folder: Path = HERE, **options: Any) -> Absent:  # noqa: ANN401
    given = found(wanted, folder, **options)
    assert isinstance(given, Absent)
    return given


def json_page(**more: object) -> Answer:
    return page({"filename": NAME, "url": f"/{NAME}", "hashes": {"sha256": SHA256}, **more})


def html_page(attribute: str) -> Answer:
    return html(f'href="/{NAME}#sha256={SHA256}" {attribute}')


def test_beside_the_artifact(server: FakeRegistry, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.provenance").write_bytes(DOCUMENT)
    assert found(artifact(), tmp_path, offline=True) == DOCUMENT
    assert found(artifact(index=f"http://{server.host}/simple"), tmp_path) == DOCUMENT
    assert server.asked == []
    houses = (tmp_path / "empty", tmp_path)
    assert found(artifact(path="gone.whl"), wheelhouses=houses) == DOCUMENT
    url = f"https://example.org/{NAME}"
    mirrors = (("https://example.org/", f"{tmp_path.as_uri()}/"),)
    assert found(artifact(path=None, url=url), mirrors=mirrors, offline=True) == DOCUMENT


def test_nothing_beside_it(tmp_path: Path) -> None:
    given = absent(artifact(), tmp_path)
    assert given.absence is Absence.UNREACHABLE
    assert given.why == "no provenance is beside it, and no index is named"
    given = absent(artifact(index="https://example.org/simple"), tmp_path, offline=True)
    assert given.absence is Absence.OFFLINE
    assert given.why == "no provenance is beside it, and no server is asked (--offline)"
    os.mkfifo(tmp_path / f"{NAME}.provenance")
    assert "no regular file" in absent(artifact(), tmp_path).why


def test_more_than_the_limit(
    server: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (finder_module, remote_module):
        monkeypatch.setattr(module, "PROVENANCE_BYTES", len(DOCUMENT) - 1)
    (tmp_path / f"{NAME}.provenance").write_bytes(DOCUMENT)
    given = absent(artifact(), tmp_path)
    assert given.absence is Absence.LIMIT
    assert "more than" in given.why
    server.script[PAGE] = [json_page(provenance="/provenance")]
    assert "more than" in absent(artifact(index=f"http://{server.host}/simple")).why
    monkeypatch.setattr(finder_module, "PROVENANCE_BYTES", len(DOCUMENT))
    assert found(artifact(), tmp_path) == DOCUMENT


@pytest.mark.parametrize(
    "listing",
    [
        json_page(provenance="/provenance"),
        json_page(provenance="../../provenance"),
        html_page('data-provenance="/provenance"'),
    ],
)
def test_index_names_it(server: FakeRegistry, listing: Answer) -> None:
    """The page that listed the artifact is asked for once."""
    server.script[PAGE] = [listing]
    wanted = [listed(server)]
    with store(places()) as manifests:
        assert manifests.provenances(wanted) == [DOCUMENT]
        manifests.get(wanted)
    assert [asked.path for asked in server.asked] == [PAGE, "/provenance", f"/{NAME}"]
    assert "integrity.v1+json" in server.asked[1].headers["Accept"]


@pytest.mark.parametrize(
    ("listing", "why"),
    [
        (json_page(), "has no provenance of it"),
        (json_page(provenance=None), "has no provenance of it"),
        (json_page(provenance=7), "has no provenance of it"),
        (json_page(provenance="https://[::1"), "has no provenance of it"),
        (html_page('data-provenance=""'), "has no provenance of it"),
        (json_page(provenance="/gone"), "answers 404"),
        (json_page(provenance="http://example.org/provenance"), "does not use TLS"),
        (json_page(provenance="file:///etc/passwd"), "does not use TLS"),
        (json_page(hashes={"sha256": "0" * 64}, provenance="/provenance"), "the lock says sha256"),
        (Answer(404), "answers 404"),
    ],
)
def test_index_that_has_none(server: FakeRegistry, listing: Answer, why: str) -> None:
    server.script[PAGE] = [listing]
    assert why in absent(listed(server)).why
    assert len(server.asked) <= 2


def attested(where: Places, *claims: tuple[Artifact, dict[str, object]]) -> list[Attestation]:
    with store(where) as manifests:
        attestor = Attestor(manifests, TrustRoot(offline=True))
        return attestor.attest([(wanted, [identity]) for wanted, identity in claims])


def test_nobody_is_asked_about_nothing(tmp_path: Path) -> None:
    assert attested(places(tmp_path)) == []
    assert not (tmp_path / "home").exists()


def test_what_cannot_be_verified(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.provenance").write_bytes(DOCUMENT)
    claims = [artifact(), artifact(b"", "sha512"), artifact(path="gone.whl")]
    given = attested(places(tmp_path, offline=True), *((each, GITHUB) for each in claims))
    assert {each.attested for each in given} == {AttestationState.UNKNOWN}
    assert [each.why for each in given] == [
        "its provenance holds no attestation",
        "the lock lists no sha256 of it",
        "no provenance is beside it, and no server is asked (--offline)",
    ]


def test_no_root_of_trust(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.provenance").write_bytes(DOCUMENT)
    (tmp_path / "home").touch()
    (given,) = attested(places(tmp_path), (artifact(), GITHUB))
    assert given.attested is AttestationState.UNKNOWN
    assert "root of trust cannot be kept" in given.why


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published(WHEEL, tmp_path_factory.mktemp("attested"))


@pytest.mark.network
@pytest.mark.parametrize("by_them", [True, False])
def test_a_published_wheel_by_way_of_an_index(
    server: FakeRegistry, real: Published, by_them: bool
) -> None:
    bundle = json.loads(real.provenance)["attestation_bundles"][0]
    file = {"filename": WHEEL, "url": "x", "hashes": {}, "provenance": "/provenance"}
    server.script["/simple/circleci-sign-publish-example/"] = [page(file)]
    server.script["/provenance"] = [Answer(body=real.provenance)]
    index = f"http://{server.host}/simple"
    wanted = artifact(real.content, path=None, filename=WHEEL, index=index)
    identity = bundle["publisher"] if by_them else GITHUB
    (given,) = attested(places(), (wanted, identity))
    assert given.attested is (AttestationState.VERIFIED if by_them else AttestationState.REFUSED)
    assert (given.found or "").startswith("CircleCI ")
