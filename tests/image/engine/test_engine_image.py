"""Images and containers as real engines hand them out."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from typing import TYPE_CHECKING, NamedTuple

import docker
import pytest

from auditor.errors import EngineError
from auditor.image.base import read_base
from auditor.image.engine.container import Command
from auditor.image.engine.image_command import run_in_image
from auditor.image.engine.inspection import layers_by_digest
from auditor.image.layout.archive import read_archive_stream
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.open import open_image
from auditor.image.reference import parse_reference
from tests.builders import File, layer_tar
from tests.builders.engine_images import FOREIGN, NATIVE, loaded_image, probe_program, saved_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient


class Held(NamedTuple):
    """An image in an engine, and the archive that it was loaded from."""

    client: DockerClient
    name: str
    saved: bytes


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("docker", marks=pytest.mark.engine),
        pytest.param("podman", marks=pytest.mark.podman),
    ],
)
def held(request: pytest.FixtureRequest) -> Iterator[Held]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "podman":
            patch.setenv("DOCKER_HOST", request.getfixturevalue("podman_host"))
        client = docker.from_env(timeout=300)
        name = f"localhost/auditor-test-open:{uuid.uuid4().hex}"
        files = {"probe": File(probe_program(), 0o755), "etc/motd": File(b"hello")}
        config = {"Env": ["A=b"], "Cmd": ["/probe"], "Labels": {"test": name}}
        saved = saved_image(name, files, config)
        with loaded_image(client, name, saved):
            yield Held(client, name, saved)
        client.close()


def test_same_as_the_archive_it_came_from(held: Held) -> None:
    image = open_image(f"docker:{held.name}")
    archive = read_archive_stream(io.BytesIO(held.saved), ImageQuery("x"))
    assert image.digest == archive.digest
    assert image.layers == archive.layers
    assert image.config == archive.config
    assert list(image.rootfs.walk()) == list(archive.rootfs.walk())
    assert image.history == archive.history
    assert (image.files, image.bytes_read) == (archive.files, archive.bytes_read)
    assert (image.not_checked, image.problems) == (archive.not_checked, archive.problems)


def test_layers_of_a_base_are_told_without_reading_it(held: Held) -> None:
    archive = read_archive_stream(io.BytesIO(held.saved), ImageQuery("x"))
    base = read_base(f"docker:{held.name}")
    assert base.diff_ids == tuple(layer.digest for layer in archive.layers)
    with pytest.raises(EngineError, match="has no image"):
        read_base("docker:localhost/auditor-test-none")


def test_layers_of_a_base_are_found_by_its_digest(held: Held) -> None:
    known = str(held.client.images.get(held.name).id)
    assert layers_by_digest(known) == read_base(f"docker:{held.name}").diff_ids
    with pytest.raises(EngineError, match="has no image"):
        layers_by_digest(f"sha256:{'0' * 64}")


def test_every_way_to_name_it(held: Held) -> None:
    image_id = str(held.client.images.get(held.name).id)
    digest = image_id.removeprefix("sha256:")
    for name in (held.name, image_id, digest, digest[:12]):
        assert open_image(f"docker:{name}").digest == image_id


def test_name_with_digest(held: Held) -> None:
    known = held.client.images.get(held.name).attrs["RepoDigests"]
    if known:  # Docker knows digests of pushed and pulled images alone, podman of all
        image = open_image(f"docker:{known[0]}")
        assert image.manifest_digest == known[0].partition("@")[2]
    else:
        assert open_image(f"docker:{held.name}").manifest_digest is None


def test_content_that_was_not_kept_is_read_again(held: Held) -> None:
    image = open_image(f"docker:{held.name}")
    assert image.rootfs.read("/probe") == probe_program()
    sha512 = image.rootfs.digests(["/probe"], "sha512")
    assert sha512 == {"/probe": hashlib.sha512(probe_program()).digest()}


def test_container(held: Held) -> None:
    container = held.client.containers.create(held.name, volumes=["/mounted"])
    try:
        container.put_archive("/", layer_tar({"etc/motd": "changed"}))
        image = open_image(f"container:{container.name}")
        assert image.rootfs.read("/etc/motd") == b"changed"
        assert image.rootfs.read("/probe") == probe_program()
    finally:
        container.remove(v=True)
    assert image.digest is None
    assert image.layers == ()
    assert image.config.cmd == ("/probe",)
    assert image.config.env["A"] == "b"
    assert image.config.platform == open_image(f"docker:{held.name}").config.platform
    assert {item.what for item in image.not_checked} == {"layers", "image digest", "mounts"}


@pytest.mark.parametrize("text", ["docker:no-such-image-here:1", "container:no-such-container"])
def test_unknown(held: Held, text: str) -> None:
    assert held.client.ping()
    with pytest.raises(EngineError, match="the container engine has no"):
        open_image(text)


def test_image_for_another_architecture(held: Held) -> None:
    """It is read like any other, and asking for ours is refused."""
    name = f"localhost/auditor-test-other:{uuid.uuid4().hex}"
    saved = saved_image(name, {"probe": File(b"\x7fELF of another kind", 0o755)}, {}, FOREIGN)
    with loaded_image(held.client, name, saved):
        reference = parse_reference(f"docker:{name}")
        assert str(open_image(reference).config.platform) == f"linux/{FOREIGN}"
        with pytest.raises(EngineError, match=f"is for linux/{FOREIGN}, not for linux/{NATIVE}"):
            open_image(reference, f"linux/{NATIVE}")
        completed = run_in_image(reference, Command(["/probe"]))
    assert completed.failure is not None
    assert "exec format error" in completed.failure


def test_tag_that_moves(held: Held) -> None:
    """What is run is the image that was read, or nothing."""
    name = f"localhost/auditor-test-moving:{uuid.uuid4().hex}"
    program = {"probe": File(probe_program(), 0o755)}
    reference = parse_reference(f"docker:{name}")
    with loaded_image(held.client, name, saved_image(name, program, {"Env": ["N=1"]})) as first:
        image = open_image(f"docker:{name}")
        assert run_in_image(reference, Command(["/probe"]), image).stdout == (
            json.dumps([{"name": "Probe_Lies", "version": "1"}]).encode() + b"\n"
        )
        with loaded_image(held.client, name, saved_image(name, program, {"Env": ["N=2"]})):
            completed = run_in_image(reference, Command(["/probe"]), image)
        held.client.images.remove(first, force=True)
    assert completed.failure == "the tag points to another image by now"
