"""The base image that an image's own label names: looked for where the image is, or nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from auditor.image.base import labelled_base
from auditor.image.base_layers import Base, mark_base_layers
from auditor.image.reference import Access
from tests.builders import image_of, layer_tar
from tests.builders.fake_engine import fake_engine, status, value
from tests.builders.fake_registry import fake_registry
from tests.builders.images import oci_members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from auditor.model import Image
    from tests.builders.fake_engine import Answer
    from tests.builders.fake_registry import FakeRegistry

NAME = "org.opencontainers.image.base.name"
DIGEST = "org.opencontainers.image.base.digest"
KNOWN, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
LOWER = {"/a": "1"}
PLAIN = Access(plain_http=True)


def labelled(reference: str, digest: str, name: str = "") -> Image:
    labels = {DIGEST: digest, **({NAME: name} if name else {})}
    return image_of([LOWER, {"/b": "2"}], reference=reference, labels=labels)


# -------------------------------------------------------------------------- from an engine

HELD = {"Id": OTHER, "RepoDigests": ["localhost/x@sha256:0", f"python@{KNOWN}"]}
FACTS = {"Id": OTHER, "RootFS": {"Layers": ["sha256:1", "sha256:2"]}}
LIST, INSPECT = "GET /images/json", f"GET /images/{OTHER}/json"


@pytest.mark.parametrize("digest", [KNOWN, OTHER], ids=["in-a-registry", "its-own"])
def test_the_engine_is_asked_for_the_digest(engine_socket: Path, digest: str) -> None:
    answers = {LIST: value([{"Id": "sha256:0", "RepoDigests": None}, HELD]), INSPECT: value(FACTS)}
    with fake_engine(engine_socket, answers):
        base = labelled_base(labelled("docker:app", digest, "python:3.11"))
    assert base == Base(f"python:3.11 {digest}", ("sha256:1", "sha256:2"), labelled=True)


@pytest.mark.parametrize(
    "answers",
    [
        {LIST: value([])},
        {LIST: status(500, "no")},
        {LIST: value([HELD]), INSPECT: status(404, "gone")},
    ],
    ids=["other-images", "trouble", "gone-meanwhile"],
)
def test_an_engine_without_it_leaves_it_unchecked(
    engine_socket: Path, answers: dict[str, Answer]
) -> None:
    image = labelled("docker:app", KNOWN)
    with fake_engine(engine_socket, answers):
        base = labelled_base(image)
    assert base is None
    (left,) = mark_base_layers(image, base).not_checked
    assert left.why == (
        f"the image names {KNOWN} as its base, which is not where the image is; "
        "pass the base with --base"
    )


def test_without_an_engine(engine_socket: Path) -> None:
    assert not engine_socket.exists()
    assert labelled_base(labelled("docker:app", KNOWN)) is None


# ------------------------------------------------------------------------ from a registry


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with fake_registry() as served:
        yield served


MEMBERS = oci_members({"latest": [([layer_tar(LOWER)], {})]})
MANIFEST = str(json.loads(MEMBERS["index.json"])["manifests"][0]["digest"])
LAYERS = [
    layer["digest"]
    for layer in json.loads(MEMBERS[f"blobs/{MANIFEST.replace(':', '/')}"])["layers"]
]


def held_base(registry: FakeRegistry) -> str:
    """Have the registry hold the base; give its digest."""
    registry.image(MEMBERS)
    return MANIFEST


def test_the_images_own_registry_is_asked_for_no_layer(registry: FakeRegistry) -> None:
    digest, name = held_base(registry), f"{registry.host}/app:3.11"
    image = labelled(f"registry:{registry.host}/team/shop:1.4", digest, name)
    base = labelled_base(image, PLAIN)
    assert base == Base(
        f"{name} {digest}", tuple(layer.digest for layer in image.layers[:1]), labelled=True
    )
    assert [layer.base for layer in mark_base_layers(image, base).layers] == [True, False]
    assert mark_base_layers(image, base).not_checked == ()
    layers = {f"/v2/app/blobs/{digest}" for digest in LAYERS}
    assert layers.isdisjoint(asked.path for asked in registry.asked)


@pytest.mark.parametrize(
    "name",
    ["", "python:3.11", "evil.example.org/app:3.11", "HOST.example.org/app", "HOST", "HOST/../x"],
)
def test_a_label_leads_nowhere_else(registry: FakeRegistry, name: str) -> None:
    digest = held_base(registry)
    named = name.replace("HOST", registry.host)
    image = labelled(f"registry:{registry.host}/team/shop:1.4", digest, named)
    assert labelled_base(image, PLAIN) is None
    assert registry.asked == []


def test_a_registry_without_it_leaves_it_unchecked(registry: FakeRegistry) -> None:
    image = labelled(f"registry:{registry.host}/shop", KNOWN, f"{registry.host}/app")
    assert labelled_base(image, PLAIN) is None
    assert len(mark_base_layers(image, None).not_checked) == 1


# -------------------------------------------------------------------------------- nowhere


@pytest.mark.parametrize("reference", ["oci:layout", "docker-archive:x.tar", "dir:/"])
def test_of_an_archive_nobody_is_asked(reference: str) -> None:
    assert labelled_base(labelled(reference, KNOWN, "python:3.11")) is None


@pytest.mark.parametrize("digest", ["", "latest", "sha256:1", f"{KNOWN}\n", KNOWN.upper()])
def test_what_is_no_digest_is_not_looked_for(digest: str) -> None:
    assert labelled_base(labelled("docker:app", digest, "python:3.11")) is None
