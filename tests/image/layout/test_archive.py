"""Archives in every layout, read by offsets and in one pass, whole and broken."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.layout.archive import read_archive_stream, read_export_stream
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.model import ImageConfig, NotChecked, Platform, UnreadableError
from tests.builders import File, Files, Hardlink, Symlink, Whiteout, docker_archive, layer_tar
from tests.builders.images import legacy_members, oci_members, sha256, write_members

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.model import Image
    from tests.builders.files import Content

LAYERS: list[Files] = [
    {"usr/bin/tool": File("tool", 0o755), "bin": Symlink("usr/bin"), "big": b"x" * 100_000},
    {"gone": "x", "hard": Hardlink("big")},
    {"gone": Whiteout(), "x.dist-info/METADATA": "Name: x"},
]
PLAIN = [layer_tar(layer) for layer in LAYERS]


def by_offset(data: bytes, path: Path, tag: str = "", platform: str | None = None) -> Image:
    file = path / "image.tar"
    file.write_bytes(data)
    return open_image(f"docker-archive:{file}{tag}", platform=platform)


def one_pass(data: bytes, path: Path, tag: str = "", platform: str | None = None) -> Image:
    file = path / "image.tar.gz"
    file.write_bytes(gzip.compress(data))
    return open_image(f"oci-archive:{file}{tag}", platform=platform)


def streamed(data: bytes, path: Path, tag: str = "", platform: str | None = None) -> Image:
    del path, tag
    return read_archive_stream(
        io.BytesIO(data), ImageQuery("docker:x", None, platform), lambda: io.BytesIO(data)
    )


WAYS = pytest.mark.parametrize("read", [by_offset, one_pass], ids=["by-offset", "one-pass"])


def legacy_with_links() -> bytes:
    """An archive from before Docker 25 in which a repeated layer is a link to the first."""
    members: dict[str, Content] = {**legacy_members([PLAIN[0], PLAIN[0]])}
    first, second = (name for name in members if name.endswith("/layer.tar"))
    members[second] = Symlink(f"../{first}")
    return layer_tar(members)


def podman_like() -> bytes:
    """Layers as `<sha>.tar` beside a manifest that comes last."""
    members = legacy_members(PLAIN)
    manifest = json.loads(members.pop("manifest.json"))
    for number, name in enumerate(manifest[0]["Layers"]):
        manifest[0]["Layers"][number] = name.replace("/layer.tar", ".tar")
        members[manifest[0]["Layers"][number]] = members.pop(name)
    members["manifest.json"] = json.dumps(manifest).encode()
    return layer_tar(members)


def packed_legacy() -> bytes:
    """Layers packed with gzip under a legacy name: only the DiffID can verify them."""
    members = legacy_members(PLAIN)
    for name in members:
        if name.endswith("/layer.tar"):
            members[name] = gzip.compress(members[name])
    return layer_tar(members)


def with_index(index: object) -> bytes:
    """An index.json that leads to no image beside a good manifest.json."""
    return layer_tar({**legacy_members(PLAIN), "index.json": json.dumps(index).encode()})


LAYOUTS = {
    "legacy": docker_archive(LAYERS),
    "since-25": docker_archive(LAYERS, legacy=False),
    "containerd-store": docker_archive(LAYERS, legacy=False, compress=True),
    "podman": podman_like(),
    "packed-legacy": packed_legacy(),
    "empty-index": with_index({"schemaVersion": 2, "manifests": None}),  # engines have written it
    "index-of-nothing-held": with_index({"manifests": [{"digest": f"sha256:{'0' * 64}"}]}),
    "oci-archive": layer_tar(oci_members({"latest": [(PLAIN, {})]})),
    "manifest-first": layer_tar(dict(reversed(legacy_members(PLAIN).items()))),
    "dot-slash": layer_tar({f"./{name}": data for name, data in legacy_members(PLAIN).items()}),
}


@pytest.mark.parametrize("read", [by_offset, one_pass, streamed])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(read: Callable[..., Image], layout: str, tmp_path: Path) -> None:
    image = read(LAYOUTS[layout], tmp_path)
    rootfs = image.rootfs
    assert " ".join(path for path, _ in rootfs.walk()) == (
        "/big /bin /hard /usr /usr/bin /usr/bin/tool /x.dist-info /x.dist-info/METADATA"
    )
    assert rootfs.read("/bin/tool") == b"tool"
    assert rootfs.read("/hard") == b"x" * 100_000
    assert rootfs.digests(["/hard", "/bin/tool"], "sha512").keys() == {"/hard", "/bin/tool"}
    assert [layer.digest for layer in image.layers] == [sha256(layer) for layer in PLAIN]
    assert [layer.size for layer in image.layers] == [len(layer) for layer in PLAIN]
    assert [layer.created_by for layer in image.layers] == ["layer 0", "layer 1", "layer 2"]
    assert image.digest is not None
    assert (image.manifest_digest is not None) is (
        layout in {"since-25", "containerd-store", "oci-archive"}
    )
    assert (image.files, image.bytes_read) == (4, 100_000 + 4 + 1 + 7)
    assert image.problems == ()
    assert image.not_checked == ()


@WAYS
def test_repeated_layer_is_a_link(read: Callable[..., Image], tmp_path: Path) -> None:
    image = read(legacy_with_links(), tmp_path)
    assert len(image.layers) == 2
    entry = image.rootfs.lstat("/usr/bin/tool")
    assert entry is not None
    assert (entry.layer, entry.written) == (0, 1)


def test_digests_are_the_same_through_every_layout(tmp_path: Path) -> None:
    digests = {by_offset(data, tmp_path).digest for data in LAYOUTS.values()}
    assert len(digests) == 1


def test_config(tmp_path: Path) -> None:
    data = docker_archive(
        {},
        env={"PATH": "/bin", "X": "a=b"},
        entrypoint=["python", "-m", "x"],
        cmd=["y"],
        user="1000",
        working_dir="/app",
        labels={"k": "v"},
        architecture="arm",
        variant="v7",
    )
    assert by_offset(data, tmp_path).config == ImageConfig(
        Platform("linux", "arm", "v7"),
        {"PATH": "/bin", "X": "a=b"},
        ("python", "-m", "x"),
        ("y",),
        "/app",
        "1000",
        {"k": "v"},
    )


def test_without_reopen_only_kept_content_is_there() -> None:
    image = read_archive_stream(io.BytesIO(LAYOUTS["legacy"]), ImageQuery("x"))
    assert image.rootfs.read("/x.dist-info/METADATA") == b"Name: x"
    with pytest.raises(UnreadableError, match="came in a stream"):
        image.rootfs.read("/big")


def test_stream_that_changes_is_told() -> None:
    data = LAYOUTS["legacy"]
    image = read_archive_stream(
        io.BytesIO(data), ImageQuery("x"), lambda: io.BytesIO(layer_tar({"other": b""}))
    )
    with pytest.raises(UnreadableError, match="gone from the stream"):
        image.rootfs.read("/big")


def test_packed_layer_is_not_read_over_and_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PASSES", 2)
    packed = by_offset(LAYOUTS["containerd-store"], tmp_path).rootfs
    for _ in range(2):
        packed.read("/big")
    with pytest.raises(UnreadableError, match=r"was read \d times"):
        packed.read("/big")
    plain = by_offset(LAYOUTS["legacy"], tmp_path).rootfs
    for _ in range(9):
        plain.read("/big")


def test_stream_is_not_asked_for_over_and_over() -> None:
    rootfs = streamed(LAYOUTS["legacy"], Path()).rootfs
    for _ in range(limits.STREAM_PASSES):
        rootfs.read("/big")
    with pytest.raises(UnreadableError, match=r"was read \d times"):
        rootfs.read("/big")


@WAYS
def test_layers_share_one_budget(
    read: Callable[..., Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = docker_archive([{"a.pth": "12345"}, {"b.pth": "67890"}])
    monkeypatch.setattr(limits, "KEPT_IMAGE", 8)
    assert read(data, tmp_path).rootfs.read("/b.pth") == b"67890"
    without = read_archive_stream(io.BytesIO(data), ImageQuery("x")).rootfs
    assert without.read("/a.pth") == b"12345"
    with pytest.raises(UnreadableError, match="was not kept"):
        without.read("/b.pth")
    monkeypatch.setattr(limits, "IMAGE_ENTRIES", 1)
    with pytest.raises(ImageError, match=r"layer sha256:\w+ and those below it hold more files"):
        read(data, tmp_path)


def test_archive_gone_since_is_unreadable(tmp_path: Path) -> None:
    rootfs = by_offset(LAYOUTS["legacy"], tmp_path).rootfs
    (tmp_path / "image.tar").unlink()
    with pytest.raises(UnreadableError):
        rootfs.read("/big")


# ------------------------------------------------------------------------------ broken ones


def changed(**members: bytes | None) -> bytes:
    """A legacy archive with other members: `config`, `layer`, `manifest`; None for absent."""
    given = legacy_members(PLAIN[:1])
    names = dict(zip(("layer", "config", "manifest"), given, strict=True))
    for what, content in members.items():
        if content is None:
            del given[names[what]]
        else:
            given[names[what]] = content
    return layer_tar(given)


def manifest(**keys: object) -> bytes:
    content = json.loads(legacy_members(PLAIN[:1])["manifest.json"])
    content[0].update(keys)
    return json.dumps(content).encode()


def described(configuration: object) -> bytes:
    """A legacy archive with this configuration, under a name that tells no digest."""
    members = legacy_members(PLAIN[:1])
    content = json.loads(members["manifest.json"])
    del members[content[0]["Config"]]
    content[0]["Config"] = "config.json"
    return layer_tar(
        {
            **members,
            "config.json": json.dumps(configuration).encode(),
            "manifest.json": json.dumps(content).encode(),
        }
    )


BROKEN = {
    "other-layer": (changed(layer=PLAIN[1]), "has other bytes: their digest is sha256:"),
    "layer-missing": (changed(layer=None), "layer sha256:.* is missing"),
    "layer-no-tar": (changed(layer=gzip.compress(b"no tar" * 200)), "layer sha256:.* not a tar"),
    "layer-bad-gzip": (
        changed(layer=gzip.compress(PLAIN[0])[:-9] + bytes(9)),
        "layer sha256:.* is damaged gzip data",
    ),
    "layer-cut": (changed(layer=PLAIN[0][:2000]), "layer sha256:.* ends early"),
    "config-missing": (changed(config=None), "configuration '.*' is missing"),
    "config-altered": (changed(config=b"{}"), "configuration .* has other bytes"),
    "manifest-no-json": (changed(manifest=b"no json"), "manifest.json is not JSON"),
    "manifest-deep": (changed(manifest=b"[" * 200_000), "manifest.json is not JSON"),
    "manifest-empty": (changed(manifest=b"[]"), "lists no image"),
    "manifest-missing": (changed(manifest=None), "holds no image: neither index.json"),
    "manifest-of-fewer-layers": (changed(manifest=manifest(Layers=[])), "lists 0 layers, the"),
    "manifest-names-outside": (
        changed(manifest=manifest(Layers=["../../etc/passwd"])),
        "layer sha256:.* is missing",
    ),
    "config-no-object": (described([]), "is not a JSON object"),
    "config-without-rootfs": (described({}), "is not an image configuration"),
    "config-rootfs-odd": (described({"rootfs": {"diff_ids": 5}}), "is not an image configuration"),
    "config-diff-ids-odd": (described({"rootfs": {"diff_ids": ["md5:0"]}}), "not name a digest"),
    "config-many-layers": (
        described({"rootfs": {"diff_ids": [sha256(b"")] * 2049}}),
        "lists 2049 layers",
    ),
    "flat-tree": (layer_tar({"etc/passwd": "x"}), "holds no image"),
    "empty": (b"", "ends early"),
    "text": (b"no archive at all" * 100, "is not a tar archive"),
    "cut": (LAYOUTS["legacy"][:20_000], "ends early"),
}


@WAYS
@pytest.mark.parametrize("case", BROKEN)
def test_broken_archives(read: Callable[..., Image], case: str, tmp_path: Path) -> None:
    data, why = BROKEN[case]
    with pytest.raises(ImageError, match=why) as caught:
        read(data, tmp_path)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


@WAYS
def test_every_cut_is_told(read: Callable[..., Image], tmp_path: Path) -> None:
    data = docker_archive({"f": "x" * 600, "x.dist-info/METADATA": "Name: x"})
    end = len(data.rstrip(b"\0")) + 511
    for cut in range(0, end, 512):
        with pytest.raises(ImageError):
            read(data[:cut], tmp_path)


def test_packed_archive_cut_or_damaged(tmp_path: Path) -> None:
    file = tmp_path / "image.tar.gz"
    data = gzip.compress(LAYOUTS["legacy"])
    for broken in (data[:-100], data[:200] + b"\xff" * 300 + data[500:]):
        file.write_bytes(broken)
        with pytest.raises(ImageError):
            open_image(f"docker-archive:{file}")


@WAYS
def test_large_documents_are_refused(
    read: Callable[..., Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JSON_BYTES", 100)
    with pytest.raises(ImageError, match=r"manifest\.json has \d+ bytes, more than"):
        read(LAYOUTS["legacy"], tmp_path)


@WAYS
def test_many_members_are_refused(
    read: Callable[..., Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ARCHIVE_MEMBERS", 3)
    with pytest.raises(ImageError, match="more members"):
        read(LAYOUTS["legacy"], tmp_path)


@WAYS
def test_tree_over_the_limit(
    read: Callable[..., Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TREE_BYTES", 60)
    with pytest.raises(ImageError, match="more files than the auditor reads"):
        read(docker_archive([{"a" * 20: ""}, {"b" * 20: ""}, {"c" * 30: ""}]), tmp_path)


@WAYS
def test_members_that_the_image_does_not_name_do_no_harm(
    read: Callable[..., Image], tmp_path: Path
) -> None:
    members = legacy_members(PLAIN)
    odd = {
        "note.txt": b"x",
        "blobs/sha256/aa": b"{}",
        "a.tar.gz": b"\x1f\x8b" + bytes(99),
        "e": b"",
    }
    assert read(layer_tar({**odd, **members}), tmp_path).problems == ()


# ------------------------------------------------------------------------- several in one file


def several() -> bytes:
    """Two images in one archive, and one of them for two platforms."""
    one = legacy_members([PLAIN[0]], ["example/one:1.0"])
    two = legacy_members([PLAIN[1]], ["two:latest"], architecture="arm64")
    listed = json.loads(one.pop("manifest.json")) + json.loads(two.pop("manifest.json"))
    return layer_tar({**one, **two, "manifest.json": json.dumps(listed).encode()})


@WAYS
@pytest.mark.parametrize(
    ("tag", "platform", "file"),
    [
        (":example/one:1.0", None, "/big"),
        (":one:1.0", None, "/big"),
        (":two:latest", None, "/gone"),
        (":two", None, "/gone"),
        ("", "linux/arm64", "/gone"),
        ("", "linux/amd64", "/big"),
        (":two", "linux/aarch64", "/gone"),
    ],
)
def test_choice_of_an_image(
    read: Callable[..., Image], tag: str, platform: str | None, file: str, tmp_path: Path
) -> None:
    assert read(several(), tmp_path, tag, platform).rootfs.lstat(file)


@WAYS
def test_no_such_choice(read: Callable[..., Image], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no image is called 'three'") as caught:
        read(several(), tmp_path, ":three")
    assert "example/one:1.0, two:latest" in caught.value.hint


# ------------------------------------------------------------------------------- flat trees


def test_flat_tree() -> None:
    data = layer_tar({"a/.wh.b": "x", "c": Symlink("a"), "big": b"y" * 300_000})
    config = ImageConfig(Platform("linux", "amd64"))
    seen: list[int] = []
    image = read_export_stream(
        io.BytesIO(data),
        "container:x",
        config,
        lambda: io.BytesIO(data),
        lambda what, done, total: seen.append(done if total is None else len(what)),
    )
    assert image.rootfs.read("/c/.wh.b") == b"x"
    assert image.rootfs.read("/big") == b"y" * 300_000
    assert image.layers == ()
    assert image.not_checked == (NotChecked("layers", "the files came as one flat tree"),)
    assert (image.config, image.digest, image.files) == (config, None, 2)
    assert seen == sorted(seen)
    assert seen[-1] == len(data)


def test_flat_tree_that_is_cut() -> None:
    data = layer_tar({"a": "x"})
    for cut in (0, 512, 700, 1024):
        with pytest.raises(ImageError, match=r"container:x .*ends early"):
            read_export_stream(
                io.BytesIO(data[:cut]),
                "container:x",
                ImageConfig(Platform("linux", "")),
                io.BytesIO,
            )


def test_progress_of_a_stream() -> None:
    seen: list[tuple[str, int, int | None]] = []
    data = LAYOUTS["legacy"]
    read_archive_stream(
        io.BytesIO(data), ImageQuery("x"), reading=ReadOptions(lambda *now: seen.append(now))
    )
    assert seen[-1] == ("image", len(data), None)


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no file"):
        open_image(f"docker-archive:{tmp_path}/nothing.tar")
    write_members(tmp_path, {"x": b""})
    with pytest.raises(ImageError, match="there is no file"):
        open_image(f"oci-archive:{tmp_path}")
