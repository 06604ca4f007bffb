from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from auditor.errors import AuditorError, ImageError, UsageError
from auditor.image.reference import Reference, Transport, parse_reference, split_tag
from tests.builders import docker_archive, layer_tar, oci_layout
from tests.builders.host_files import write_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "transport", "value"),
    [
        ("python", Transport.DOCKER, "python"),
        ("python:3.11", Transport.DOCKER, "python:3.11"),
        ("host:5000/team/app:1@sha256:00", Transport.DOCKER, "host:5000/team/app:1@sha256:00"),
        ("docker:python:3.11", Transport.DOCKER, "python:3.11"),
        ("docker:docker", Transport.DOCKER, "docker"),
        ("docker", Transport.DOCKER, "docker"),
        ("dokcer:x", Transport.DOCKER, "dokcer:x"),
        ("f5809ed26140", Transport.DOCKER, "f5809ed26140"),
        ("container:web_1", Transport.CONTAINER, "web_1"),
        ("docker-archive:/a/b.tar", Transport.DOCKER_ARCHIVE, "/a/b.tar"),
        ("oci:/a:tag", Transport.OCI, "/a:tag"),
        ("oci-archive:a.tar", Transport.OCI_ARCHIVE, "a.tar"),
        ("dir:/", Transport.DIR, "/"),
        ("env:.venv", Transport.ENV, ".venv"),
    ],
)
def test_references(
    text: str, transport: Transport, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_reference(text) == Reference(transport, value, text)


@pytest.mark.parametrize(
    ("text", "error", "why", "hint"),
    [
        ("", UsageError, "is not an image name", "docker images"),
        ("a b", UsageError, "is not an image name", "docker images"),
        ("docker:", UsageError, "does not name an image", "docker:NAME"),
        ("docker:a b", UsageError, "is not an image name", "docker images"),
        ("docker:-rm", UsageError, "is not an image name", "docker images"),
        ("docker://python", UsageError, "slashes after docker:", "docker:python"),
        ("registry:", UsageError, "does not name an image", "registry:NAME"),
        ("registry://host/x", UsageError, "slashes after registry:", "registry:host/x"),
        ("dokcer:./x", UsageError, "'dokcer' is not a transport", "did you mean docker:./x?"),
        ("dri:/", UsageError, "'dri' is not a transport", "did you mean dir:/?"),
        ("oci-arhive:here", UsageError, "'oci-arhive' is no", "did you mean oci-archive:here?"),
        ("/nothing/here", ImageError, "does not exist", "path"),
        ("./nothing", ImageError, "does not exist", "path"),
        ("image.tar", ImageError, "does not exist", "path"),
        ("./here", ImageError, "is not an image", "docker save"),
        ("file", ImageError, "is not an image", "docker save"),
    ],
)
def test_no_reference(
    *,
    text: str,
    error: type[AuditorError],
    why: str,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_files(tmp_path, {"here/src/x": "", "file": "text"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=why) as caught:
        parse_reference(text)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("files", "transport"),
    [
        pytest.param({"oci-layout": "{}"}, Transport.OCI, id="oci"),
        pytest.param({"index.json": "{}", "blobs/x": ""}, Transport.OCI, id="oci-without-marker"),
        pytest.param({"pyvenv.cfg": "", "bin/python": "", "lib/x": ""}, Transport.ENV, id="venv"),
        pytest.param({"bin/python3": "", "lib/x": ""}, Transport.ENV, id="interpreter"),
        pytest.param({"usr/bin/python3": "", "bin/python3": ""}, Transport.DIR, id="rootfs"),
        pytest.param({"bin/busybox": ""}, Transport.DIR, id="busybox"),
        pytest.param({"lib/x": ""}, Transport.DIR, id="libraries"),
        pytest.param({"src/x": "", "Dockerfile": ""}, Transport.DOCKER, id="project"),
        pytest.param({}, Transport.DOCKER, id="empty"),
    ],
)
def test_directories_by_content(
    files: dict[str, str], transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "backend").mkdir()
    write_files(tmp_path / "backend", files)
    monkeypatch.chdir(tmp_path)
    assert parse_reference("backend") == Reference(transport, "backend", "backend")


@pytest.mark.parametrize(
    ("data", "transport"),
    [
        pytest.param(docker_archive({"a": ""}), Transport.DOCKER_ARCHIVE, id="legacy"),
        pytest.param(
            gzip.compress(docker_archive({"a": ""})), Transport.DOCKER_ARCHIVE, id="packed"
        ),
        pytest.param(docker_archive(legacy=False), Transport.OCI_ARCHIVE, id="since-25"),
        pytest.param(
            layer_tar({"manifest.json": b""}), Transport.DOCKER_ARCHIVE, id="manifest-first"
        ),
        pytest.param(layer_tar({"./index.json": b""}), Transport.OCI_ARCHIVE, id="index-first"),
        pytest.param(layer_tar({"c.json": b"{}"}), Transport.DOCKER_ARCHIVE, id="any-name-first"),
        pytest.param(layer_tar({"etc/passwd": ""}), Transport.DOCKER_ARCHIVE, id="rootfs"),
    ],
)
def test_archives_by_content(data: bytes, transport: Transport, tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(data)
    assert parse_reference(str(file)).transport is transport


@pytest.mark.parametrize(
    "data",
    [bytes(1024), b"", b"text", gzip.compress(b"text"), gzip.compress(layer_tar({"a": ""}))[:30]],
    ids=["zeros", "empty", "text", "packed-text", "cut"],
)
def test_files_that_are_no_image(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(data)
    with pytest.raises(ImageError, match="is not an image"):
        parse_reference(str(file))


def test_paths_with_a_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    oci_layout(tmp_path / "layout", {})
    (tmp_path / "image.tar").write_bytes(docker_archive({"a": ""}))
    write_files(tmp_path, {"rootfs/usr/x": ""})
    for text, transport in (
        ("./layout:latest", Transport.OCI),
        ("image.tar:example:latest", Transport.DOCKER_ARCHIVE),
        ("layout:latest", Transport.DOCKER),
    ):
        assert parse_reference(text) == Reference(transport, text, text)
    with pytest.raises(ImageError, match="does not exist"):
        parse_reference("./rootfs:tag")


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    oci_layout(tmp_path / "image", {})
    assert parse_reference("~/image") == Reference(Transport.OCI, f"{tmp_path}/image", "~/image")
    assert parse_reference("dir:~/image").value == f"{tmp_path}/image"
    with pytest.raises(ImageError, match="does not exist"):
        parse_reference("~/other")


def test_tags_of_paths(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    (tmp_path / "a").mkdir()
    for text, path, tag in (
        ("a", "a", None),
        ("a:b", "a:b", None),
        ("a:b:c", "a:b", "c"),
        ("a:c", "a", "c"),
        ("a:host:5000/c:1", "a", "host:5000/c:1"),
        ("a@sha256:00", "a", "sha256:00"),
        ("x:c:d", "x", "c:d"),
        ("x", "x", None),
    ):
        assert split_tag(f"{tmp_path}/{text}") == (tmp_path / path, tag)


def test_what_cannot_be_looked_at_is_a_name() -> None:
    assert parse_reference("x" * 300).transport is Transport.DOCKER
    with pytest.raises(ImageError, match="does not exist"):
        parse_reference("~nobody-of-this-name/x")
