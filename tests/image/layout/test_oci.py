"""OCI layouts: tags, platforms, nested indexes, and layouts that are damaged."""

from __future__ import annotations

import hashlib
import json
import platform as host
from typing import TYPE_CHECKING, Any

import pytest

from auditor.errors import ImageError, UsageError
from auditor.image import limits
from auditor.image.open import open_image
from auditor.image.platforms import host_platform
from auditor.model import Platform
from tests.builders import layer_tar, oci_layout
from tests.builders.images import (
    Config,
    changed_image,
    oci_blob,
    oci_index,
    oci_listing,
    oci_manifest,
    oci_members,
    write_members,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from auditor.model import Image

PLATFORMS = [("amd64", ""), ("arm64", "v8"), ("arm", "v7"), ("arm", "v6")]


def layer(name: str) -> list[bytes]:
    return [layer_tar({name: name})]


def several() -> dict[str, bytes]:
    """One tag for four platforms, each with a file of its name, and a tag for one."""
    return oci_members(
        {
            "example/many:1": [
                (layer(architecture + variant), {"architecture": architecture, "variant": variant})
                for architecture, variant in PLATFORMS
            ],
            "single": [(layer("single"), {"architecture": "s390x"})],
        }
    )


def opened(
    path: Path, members: Mapping[str, bytes], tag: str = "", platform: str | None = None
) -> Image:
    write_members(path, members)
    return open_image(f"oci:{path}{tag}", platform=platform)


def test_layout(tmp_path: Path) -> None:
    path = oci_layout(tmp_path / "image", {"a": "x" * 100_000}, env={"A": "b"})
    for reference in (f"oci:{path}", f"oci:{path}:latest", str(path)):
        image = open_image(reference)
        assert image.reference == reference
        assert image.rootfs.read("/a") == b"x" * 100_000
        assert image.config.env == {"A": "b"}
        assert image.config.platform == Platform("linux", "amd64")
        assert image.manifest_digest is not None
        index = json.loads((path / "index.json").read_bytes())
        assert image.manifest_digest == index["manifests"][0]["digest"]


@pytest.mark.parametrize(
    ("tag", "platform", "file"),
    [
        (":single", None, "single"),
        (":single", "linux/s390x", "single"),
        ("", "linux/s390x", "single"),
        (":example/many:1", "linux/amd64", "amd64"),
        (":many:1", "linux/x86_64", "amd64"),
        (":many:1", "linux/arm64", "arm64v8"),
        ("", "linux/arm64/v8", "arm64v8"),
        ("", "linux/aarch64", "arm64v8"),
        ("", "linux/arm/v6", "armv6"),
        ("", "linux/armv7l", "armv7"),
    ],
)
def test_choice(tag: str, platform: str | None, file: str, tmp_path: Path) -> None:
    assert opened(tmp_path, several(), tag, platform).rootfs.names("/") == [file]


def test_this_machine_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "machine", lambda: "aarch64")
    assert host_platform() == Platform("linux", "arm64")
    assert opened(tmp_path, several(), ":many:1").rootfs.names("/") == ["arm64v8"]
    monkeypatch.setattr(host, "machine", lambda: "riscv64")
    with pytest.raises(UsageError, match="no image for linux/riscv64") as caught:
        opened(tmp_path, several(), ":many:1")
    assert "linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64" in caught.value.hint


def test_choice_by_digest(tmp_path: Path) -> None:
    members = several()
    index = json.loads(members["index.json"])["manifests"]
    for sign in (":", "@"):
        image = opened(tmp_path, members, sign + index[1]["digest"])
        assert image.rootfs.names("/") == ["single"]
    image = opened(tmp_path, members, f"@{index[0]['digest']}", "linux/arm64")
    assert image.rootfs.names("/") == ["arm64v8"]


@pytest.mark.parametrize(
    ("tag", "platform", "error", "why", "hint"),
    [
        (":other", None, ImageError, "no image is called 'other'", "example/many:1, single"),
        (":single", "linux/amd64", UsageError, "no image for linux/amd64", "linux/s390x"),
        ("", "linux/arm", UsageError, "several images for one platform", "example/many:1"),
        ("", "linux//v7", UsageError, "is not a platform", "os/architecture"),
        ("", "a/b/c/d", UsageError, "is not a platform", "os/architecture"),
    ],
)
def test_no_such_choice(
    *,
    tag: str,
    platform: str | None,
    error: type[ImageError | UsageError],
    why: str,
    hint: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(error, match=why) as caught:
        opened(tmp_path, several(), tag, platform)
    assert hint in caught.value.hint


def manifests(**images: Config) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Return the blobs of images, each with one file of its name, and their descriptors."""
    members: dict[str, bytes] = {}
    return members, [oci_manifest(members, layer(name), images[name]) for name in images]


def test_attestations_are_no_images(tmp_path: Path) -> None:
    members, (image, claim) = manifests(image={}, claim={})
    for described in (
        {"platform": {"os": "unknown", "architecture": "unknown"}},
        {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
    ):
        found = opened(tmp_path, oci_listing(members, {**claim, **described}, image))
        assert found.rootfs.names("/") == ["image"]


def test_platform_of_the_configuration_where_the_index_has_none(tmp_path: Path) -> None:
    members, descriptors = manifests(amd64={}, arm64={"architecture": "arm64"})
    for found in descriptors:
        del found["platform"]
    image = opened(tmp_path, oci_listing(members, *descriptors), "", "linux/arm64")
    assert image.rootfs.names("/") == ["arm64"]


def test_nested_indexes(tmp_path: Path) -> None:
    members, (described,) = manifests(deep={})
    for _ in range(limits.INDEX_DEPTH):
        described = oci_index(members, [described])
    assert opened(tmp_path, oci_listing(members, described)).rootfs.names("/") == ["deep"]
    described = oci_index(members, [described])
    with pytest.raises(ImageError, match="nested too deeply"):
        opened(tmp_path, oci_listing(members, described))


def test_platforms_that_are_not_held_are_no_choice(tmp_path: Path) -> None:
    members, (image,) = manifests(image={})
    _, (absent,) = manifests(absent={"architecture": "arm64"})
    found = opened(tmp_path, oci_listing(members, absent, image))
    assert found.rootfs.names("/") == ["image"]


def test_same_image_under_two_tags(tmp_path: Path) -> None:
    members, (image,) = manifests(image={})
    name = "org.opencontainers.image.ref.name"
    twice = [{**image, "annotations": {name: tag}} for tag in ("a", "b")]
    for tag in ("", ":a", ":b"):
        assert opened(tmp_path, oci_listing(members, *twice), tag).rootfs.names("/") == ["image"]


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_other_digests(algorithm: str, tmp_path: Path) -> None:
    members, (described,) = manifests(image={})
    manifest = json.loads(members["blobs/" + described["digest"].replace(":", "/")])
    for descriptor in (*manifest["layers"], manifest["config"]):
        content = members["blobs/" + descriptor["digest"].replace(":", "/")]
        value = hashlib.new(algorithm, content).hexdigest()
        members[f"blobs/{algorithm}/{value}"] = content
        descriptor["digest"] = f"{algorithm}:{value}"
    described = oci_blob(members, json.dumps(manifest).encode(), "")
    assert opened(tmp_path, oci_listing(members, described)).rootfs.names("/") == ["image"]


HISTORIES: dict[str, tuple[object, list[str]]] = {
    "fits": ([{"created_by": "A"}, {"created_by": "B"}], ["A", "B"]),
    "empty-layers": (
        [{"created_by": "A"}, {"created_by": "ENV", "empty_layer": True}, {"created_by": "B"}],
        ["A", "B"],
    ),
    "without-instruction": ([{"created_by": "A"}, {"comment": "x"}], ["A", ""]),
    "short": ([{"created_by": "A"}], ["", ""]),
    "long": ([{"created_by": "A"}] * 3, ["", ""]),
    "odd-texts": ([{"created_by": 1}, {"created_by": "\ud800"}], ["", "?"]),
    "none": (None, ["", ""]),
    "no-list": ("x", ["", ""]),
}


@pytest.mark.parametrize(("entries", "made"), HISTORIES.values(), ids=HISTORIES)
def test_history(entries: object, made: list[str], tmp_path: Path) -> None:
    image = opened(tmp_path, changed_image(layer("a") + layer("b"), {"history": entries}))
    assert [layer.created_by for layer in image.layers] == made


def with_manifest(change: Mapping[str, object]) -> dict[str, bytes]:
    return changed_image(layer("image"), manifest=change)


ABSENT = "sha256:" + "0" * 64


DAMAGED = {
    "no-index": ({"oci-layout": b"{}"}, "has no index.json"),
    "index-no-json": ({"index.json": b"["}, "index.json is not JSON"),
    "index-no-object": ({"index.json": b"[]"}, "index.json is not a JSON object"),
    "index-empty": ({"index.json": b"{}"}, "holds no image manifest"),
    "manifest-missing": (oci_listing({}, {"digest": ABSENT}), "holds no image manifest"),
    "digest-with-a-path": (
        oci_listing({}, {"digest": "sha256:../../../etc/passwd"}),
        "does not name a digest that can be verified",
    ),
    "no-digest": (oci_listing({}, {}), "does not name a digest"),
    "manifest-altered": (
        oci_listing({f"blobs/{ABSENT.replace(':', '/')}": b"{}"}, {"digest": ABSENT}),
        "blob sha256:0+ has other bytes",
    ),
    "no-config": (with_manifest({"config": {}}), "does not name a digest"),
    "config-missing": (with_manifest({"config": {"digest": ABSENT}}), "blob .* is missing"),
    "fewer-layers": (with_manifest({"layers": []}), "lists 0 layers"),
    "layer": (with_manifest({"layers": [{"digest": ABSENT}]}), f"layer {ABSENT} is missing"),
}


@pytest.mark.parametrize(("members", "why"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_layouts(members: dict[str, bytes], why: str, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=why) as caught:
        opened(tmp_path, members)
    assert caught.value.hint


@pytest.mark.parametrize("kind", ["docker.image.rootfs.foreign.diff.tar", "nondistributable.v1"])
def test_layer_that_may_not_be_handed_on(kind: str, tmp_path: Path) -> None:
    members = with_manifest({"layers": [{"digest": ABSENT, "mediaType": f"application/{kind}"}]})
    with pytest.raises(ImageError, match="is missing") as caught:
        opened(tmp_path, members)
    assert "may not be redistributed" in caught.value.hint


def test_layer_altered_on_the_disk(tmp_path: Path) -> None:
    path = oci_layout(tmp_path, {"a": "x"})
    manifest = json.loads((path / "index.json").read_bytes())["manifests"][0]["digest"]
    blobs = path / "blobs/sha256"
    layers = json.loads((blobs / manifest.removeprefix("sha256:")).read_bytes())["layers"]
    blob = blobs / layers[0]["digest"].removeprefix("sha256:")
    data = blob.read_bytes()
    for altered, why in {data[:-10]: "ends early", data + bytes(9): "has other bytes"}.items():
        blob.write_bytes(altered)
        with pytest.raises(ImageError, match=f"layer {layers[0]['digest']} .*{why}"):
            open_image(f"oci:{path}")


def test_too_many_manifests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MANIFESTS", 2)
    with pytest.raises(ImageError, match="too many manifests"):
        opened(tmp_path, several())


def test_no_layout(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no directory"):
        open_image(f"oci:{tmp_path}/nothing:tag")
    (tmp_path / "index.json").mkdir()
    with pytest.raises(ImageError, match=r"has no index\.json"):
        open_image(f"oci:{tmp_path}")


def test_many_names_are_cut_in_the_hint(tmp_path: Path) -> None:
    members, (image,) = manifests(image={})
    name = "org.opencontainers.image.ref.name"
    tags = [{**image, "annotations": {name: f"tag{number:02}"}} for number in range(30)]
    with pytest.raises(ImageError) as caught:
        opened(tmp_path, oci_listing(members, *tags), ":x")
    assert caught.value.hint.endswith("tag19, ...")


def test_images_without_a_tag_are_named_by_digest(tmp_path: Path) -> None:
    members, images = manifests(a={}, b={})
    with pytest.raises(UsageError, match="several images") as caught:
        opened(tmp_path, oci_listing(members, *images), "", "linux/amd64")
    assert images[0]["digest"] in caught.value.hint


OTHERS = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64"]


@pytest.mark.parametrize(
    ("tag", "platform", "others"),
    [
        (":many:1", "linux/arm64", OTHERS[:3]),
        (":many:1", "linux/arm/v7", [OTHERS[0], OTHERS[1], OTHERS[3]]),
        ("", "linux/amd64", OTHERS[1:]),
        (":single", None, []),
        ("", "linux/s390x", []),
    ],
)
def test_other_platforms_of_the_same_image(
    tag: str, platform: str | None, others: list[str], tmp_path: Path
) -> None:
    image = opened(tmp_path, several(), tag, platform)
    assert [str(each) for each in image.other_platforms] == others


def test_one_manifest_by_its_digest_has_no_other_platforms(tmp_path: Path) -> None:
    members, images = manifests(amd64={}, x={"architecture": "x"})
    found = opened(tmp_path, oci_listing(members, *images), f"@{images[0]['digest']}")
    assert found.other_platforms == ()


def test_other_platforms_of_a_layout_without_tags(tmp_path: Path) -> None:
    members, (*images, claim) = manifests(
        amd64={},
        arm64={"architecture": "arm64"},
        windows={"os": "windows"},
        claim={"architecture": "s390x"},
    )
    claim["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    found = opened(tmp_path, oci_listing(members, *images, claim), "", "linux/amd64")
    assert found.other_platforms == (Platform("linux", "arm64"),)


def test_the_very_platform_before_its_variants(tmp_path: Path) -> None:
    members, images = manifests(v2={"variant": "v2"}, plain={}, v3={"variant": "v3"})
    found = opened(tmp_path, oci_listing(members, *images), "", "linux/amd64")
    assert found.rootfs.names("/") == ["plain"]
    assert [each.variant for each in found.other_platforms] == ["v2", "v3"]
