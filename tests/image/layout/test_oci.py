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
from tests.builders.images import oci_blob, oci_index, oci_manifest, oci_members, write_members

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


def listing(members: dict[str, bytes], *descriptors: Mapping[str, Any]) -> dict[str, bytes]:
    return {**members, "index.json": json.dumps({"manifests": descriptors}).encode()}


def test_attestations_are_no_images(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    image = oci_manifest(members, layer("image"), {})
    claim = oci_manifest(members, layer("claim"), {})
    for described in (
        {"platform": {"os": "unknown", "architecture": "unknown"}},
        {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
    ):
        found = opened(tmp_path, listing(members, {**claim, **described}, image))
        assert found.rootfs.names("/") == ["image"]


def test_platform_of_the_configuration_where_the_index_has_none(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    descriptors = []
    for architecture in ("amd64", "arm64"):
        found = oci_manifest(members, layer(architecture), {"architecture": architecture})
        del found["platform"]
        descriptors.append(found)
    image = opened(tmp_path, listing(members, *descriptors), "", "linux/arm64")
    assert image.rootfs.names("/") == ["arm64"]


def test_nested_indexes(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    described = oci_manifest(members, layer("deep"), {})
    for _ in range(limits.INDEX_DEPTH):
        described = oci_index(members, [described])
    assert opened(tmp_path, listing(members, described)).rootfs.names("/") == ["deep"]
    described = oci_index(members, [described])
    with pytest.raises(ImageError, match="nested too deeply"):
        opened(tmp_path, listing(members, described))


def test_platforms_that_are_not_held_are_no_choice(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    image = oci_manifest(members, layer("image"), {})
    absent = oci_manifest({}, layer("absent"), {"architecture": "arm64"})
    found = opened(tmp_path, listing(members, absent, image))
    assert found.rootfs.names("/") == ["image"]


def test_same_image_under_two_tags(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    image = oci_manifest(members, layer("image"), {})
    name = "org.opencontainers.image.ref.name"
    twice = [{**image, "annotations": {name: tag}} for tag in ("a", "b")]
    for tag in ("", ":a", ":b"):
        assert opened(tmp_path, listing(members, *twice), tag).rootfs.names("/") == ["image"]


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_other_digests(algorithm: str, tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    described = oci_manifest(members, layer("image"), {})
    manifest = json.loads(members["blobs/" + described["digest"].replace(":", "/")])
    for descriptor in (*manifest["layers"], manifest["config"]):
        content = members["blobs/" + descriptor["digest"].replace(":", "/")]
        value = hashlib.new(algorithm, content).hexdigest()
        members[f"blobs/{algorithm}/{value}"] = content
        descriptor["digest"] = f"{algorithm}:{value}"
    described = oci_blob(members, json.dumps(manifest).encode(), "")
    assert opened(tmp_path, listing(members, described)).rootfs.names("/") == ["image"]


def history(entries: object) -> dict[str, bytes]:
    """An image of two layers with this history."""
    members: dict[str, bytes] = {}
    described = oci_manifest(members, layer("a") + layer("b"), {})
    manifest = json.loads(members["blobs/" + described["digest"].replace(":", "/")])
    name = "blobs/" + manifest["config"]["digest"].replace(":", "/")
    config = {**json.loads(members[name]), "history": entries}
    manifest["config"] = oci_blob(members, json.dumps(config).encode(), "")
    return listing(members, oci_blob(members, json.dumps(manifest).encode(), ""))


@pytest.mark.parametrize(
    ("entries", "made"),
    [
        pytest.param([{"created_by": "A"}, {"created_by": "B"}], ["A", "B"], id="fits"),
        pytest.param(
            [{"created_by": "A"}, {"created_by": "ENV", "empty_layer": True}, {"created_by": "B"}],
            ["A", "B"],
            id="empty-layers",
        ),
        pytest.param([{"created_by": "A"}, {"comment": "x"}], ["A", ""], id="without-instruction"),
        pytest.param([{"created_by": "A"}], ["", ""], id="short"),
        pytest.param([{"created_by": "A"}] * 3, ["", ""], id="long"),
        pytest.param([{"created_by": 1}, {"created_by": "\ud800"}], ["", "?"], id="odd-texts"),
        pytest.param(None, ["", ""], id="none"),
        pytest.param("x", ["", ""], id="no-list"),
    ],
)
def test_history(entries: object, made: list[str], tmp_path: Path) -> None:
    image = opened(tmp_path, history(entries))
    assert [layer.created_by for layer in image.layers] == made


def with_manifest(change: Mapping[str, object]) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    described = oci_manifest(members, layer("image"), {})
    manifest = json.loads(members["blobs/" + described["digest"].replace(":", "/")])
    content = json.dumps({**manifest, **change}).encode()
    return listing(members, oci_blob(members, content, ""))


ABSENT = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("members", "why"),
    [
        pytest.param({"oci-layout": b"{}"}, "has no index.json", id="no-index"),
        pytest.param({"index.json": b"["}, "index.json is not JSON", id="index-no-json"),
        pytest.param(
            {"index.json": b"[]"}, "index.json is not a JSON object", id="index-no-object"
        ),
        pytest.param({"index.json": b"{}"}, "holds no image manifest", id="index-empty"),
        pytest.param(
            listing({}, {"digest": ABSENT}), "holds no image manifest", id="manifest-missing"
        ),
        pytest.param(
            listing({}, {"digest": "sha256:../../../etc/passwd"}),
            "does not name a digest that can be verified",
            id="digest-with-a-path",
        ),
        pytest.param(listing({}, {}), "does not name a digest", id="no-digest"),
        pytest.param(
            listing({f"blobs/{ABSENT.replace(':', '/')}": b"{}"}, {"digest": ABSENT}),
            "blob sha256:0+ has other bytes",
            id="manifest-altered",
        ),
        pytest.param(with_manifest({"config": {}}), "does not name a digest", id="no-config"),
        pytest.param(
            with_manifest({"config": {"digest": ABSENT}}), "blob .* is missing", id="config-missing"
        ),
        pytest.param(with_manifest({"layers": []}), "lists 0 layers", id="fewer-layers"),
        pytest.param(
            with_manifest({"layers": [{"digest": ABSENT}]}),
            f"layer {ABSENT} is missing",
            id="layer",
        ),
    ],
)
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
    members: dict[str, bytes] = {}
    image = oci_manifest(members, layer("image"), {})
    name = "org.opencontainers.image.ref.name"
    tags = [{**image, "annotations": {name: f"tag{number:02}"}} for number in range(30)]
    with pytest.raises(ImageError) as caught:
        opened(tmp_path, listing(members, *tags), ":x")
    assert caught.value.hint.endswith("tag19, ...")


def test_images_without_a_tag_are_named_by_digest(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    images = [oci_manifest(members, layer(name), {}) for name in "ab"]
    with pytest.raises(UsageError, match="several images") as caught:
        opened(tmp_path, listing(members, *images), "", "linux/amd64")
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
    members: dict[str, bytes] = {}
    images = [oci_manifest(members, layer(name), {"architecture": name}) for name in ("amd64", "x")]
    found = opened(tmp_path, listing(members, *images), f"@{images[0]['digest']}")
    assert found.other_platforms == ()


def test_other_platforms_of_a_layout_without_tags(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    platforms = [("amd64", "linux"), ("arm64", "linux"), ("amd64", "windows")]
    images = [
        oci_manifest(members, layer(os + name), {"architecture": name, "os": os})
        for name, os in platforms
    ]
    claim = oci_manifest(members, layer("claim"), {"architecture": "s390x"})
    claim["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    found = opened(tmp_path, listing(members, *images, claim), "", "linux/amd64")
    assert found.other_platforms == (Platform("linux", "arm64"),)


def test_the_very_platform_before_its_variants(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    images = [
        oci_manifest(members, layer(f"amd64{variant}"), {"variant": variant})
        for variant in ("v2", "", "v3")
    ]
    found = opened(tmp_path, listing(members, *images), "", "linux/amd64")
    assert found.rootfs.names("/") == ["amd64"]
    assert [each.variant for each in found.other_platforms] == ["v2", "v3"]
