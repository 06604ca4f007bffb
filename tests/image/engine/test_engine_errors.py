"""What an engine may do to us, told in one line each; a real HTTP server plays the engine."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from auditor.errors import EngineError, ExitCode, ImageError
from auditor.image.engine import connection
from auditor.image.engine.container import Command
from auditor.image.engine.image_command import run_in_image
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Reference, Transport
from auditor.model import Platform
from tests.builders.fake_engine import VERSION, cut, fake_engine, status, stream, value
from tests.builders.images import docker_archive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from auditor.model import Image
    from tests.builders.fake_engine import Answer

SAVED = docker_archive([{"/etc/a": "a"}, {"/etc/b": "b"}])


def saved_facts(saved: bytes = SAVED, **changes: object) -> dict[str, object]:
    """Return what an engine that saves this archive tells about the image."""
    with tarfile.open(fileobj=io.BytesIO(saved)) as archive:
        names = archive.getnames()
        name = next(name for name in names if name.endswith(".json") and len(name) == 69)
        file = archive.extractfile(name)
        assert file is not None
        config = json.load(file)
    return {
        "Id": f"sha256:{name.removesuffix('.json')}",
        "RepoDigests": [],
        "Config": config["config"],
        "Architecture": config["architecture"],
        "Os": config["os"],
        "RootFS": {"Layers": config["rootfs"]["diff_ids"]},
        **changes,
    }


FACTS = saved_facts()
SAVE = f"GET /images/{FACTS['Id']}/get"
INSPECT = "GET /images/thing/json"
CONTAINER = "GET /containers/thing/json"


@pytest.fixture(autouse=True)
def _no_other_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)


def opened(text: str = "docker:thing", platform: str | None = None) -> Image:
    return open_image(text, platform)


def refusal(text: str = "docker:thing", platform: str | None = None) -> EngineError:
    with pytest.raises(EngineError) as caught:
        opened(text, platform)
    error = caught.value
    assert error.exit_code == ExitCode.INCOMPLETE
    assert "\n" not in error.message + error.hint
    assert error.hint
    return error


def test_no_socket(engine_socket: Path) -> None:
    error = refusal()
    assert error.message == f"the container engine at unix://{engine_socket} cannot be reached"
    assert "docker-archive:FILE" in error.hint


def test_nobody_listens_on_the_socket(engine_socket: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(engine_socket))
    assert refusal().message == (
        f"the container engine at unix://{engine_socket} cannot be reached"
    )


@contextmanager
def as_nobody() -> Iterator[None]:
    """Take on another user for a while: root may use every socket."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_no_permission_on_the_socket(engine_socket: Path) -> None:
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(engine_socket))
        engine.listen()
        engine_socket.chmod(0)
        with as_nobody():
            error = refusal()
    assert error.message == f"permission denied on the container engine at unix://{engine_socket}"
    assert "group `docker`" in error.hint


@pytest.mark.parametrize(
    ("name", "setting", "message"),
    [
        ("DOCKER_HOST", "bogus://x", "at bogus://x is unusable: Invalid bind address protocol"),
        ("DOCKER_HOST", "tcp://127.0.0.1:1", "at tcp://127.0.0.1:1 cannot be reached"),
        ("DOCKER_CONTEXT", "no-such\ncontext", "there is no docker context no-such context"),
        ("DOCKER_TLS_VERIFY", "1", "is unusable: Path to a certificate"),
    ],
    ids=["protocol", "port", "context", "tls"],
)
def test_bad_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, setting: str, message: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv(name, setting)
    assert message in refusal().message


def test_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Contexts are the SDK's business; its answer is what a message names."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert connection.engine_address() == "unix:///var/run/docker.sock"


def test_engine_that_does_not_answer(engine_socket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(engine_socket))
        silent.listen()
        assert refusal().message.endswith("did not answer in time")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {INSPECT: status(404, "No such image: thing:latest")},
            "the container engine has no image thing",
        ),
        (
            {INSPECT: status(500, "layer does not\nexist \x1b[31m")},
            "the container engine refused: layer does not exist \\x1b[31m",
        ),
        (
            {INSPECT: status(400, "client version 1.41 is too old. Minimum is 1.44")},
            "this client share no API version: client version 1.41 is too old. Minimum is 1.44",
        ),
        ({INSPECT: cut()}, "the container engine closed the connection"),
        ({"GET /version": value({})}, "is unusable: Invalid response from docker daemon"),
        ({"GET /version": value({"ApiVersion": "1.12"})}, "is unusable: API versions below"),
        ({"GET /version": value([])}, "is unusable: Error while fetching server API version"),
        ({INSPECT: value(FACTS), SAVE: status(404, "gone")}, "the container engine refused: gone"),
        ({INSPECT: value(FACTS), SAVE: cut()}, "the container engine closed the connection"),
        (
            {INSPECT: value(FACTS), SAVE: stream(SAVED[:40000], whole=False)},
            "the container engine closed the connection",
        ),
        (
            {
                INSPECT: value(FACTS),
                SAVE: stream(
                    SAVED[:1024]
                    + b'{"errorDetail":{"message":"no space"},"error":"no space\\nleft"}\r\n'
                ),
            },
            "the container engine stopped halfway: no space left",
        ),
        (
            {INSPECT: value(FACTS), SAVE: stream(docker_archive({"/etc/a": "other"}))},
            f"the container engine saved another image than {FACTS['Id']}",
        ),
    ],
    ids=[
        "no-image",
        "server-error",
        "api-too-old",
        "cut-at-once",
        "no-api-version",
        "ancient",
        "no-object",
        "no-save",
        "cut-before-save",
        "cut-in-save",
        "error-in-save",
        "other-image",
    ],
)
def test_refusals(engine_socket: Path, answers: Mapping[str, Answer], message: str) -> None:
    with fake_engine(engine_socket, answers):
        assert message in refusal().message


@pytest.mark.parametrize(
    "end",
    [b"", b"x" * 700, b'{"errorDetail":{"message":1}}', b'{"errorDetail":'],
    ids=["nothing", "garbage", "no-error", "half-an-error"],
)
def test_damaged_save_is_the_images_fault(engine_socket: Path, end: bytes) -> None:
    answers = {INSPECT: value(FACTS), SAVE: stream(SAVED[:1024] + end)}
    with fake_engine(engine_socket, answers), pytest.raises(ImageError) as caught:
        opened()
    assert not isinstance(caught.value, EngineError)


def test_image_is_saved_by_its_id(engine_socket: Path) -> None:
    seen_progress: list[int] = []
    with fake_engine(engine_socket, {INSPECT: value(FACTS), SAVE: stream(SAVED)}) as calls:
        image = open_image(
            "docker:thing",
            options=ReadOptions(lambda _what, done, _total: seen_progress.append(done)),
        )
        assert image.rootfs.read("/etc/b") == b"b"
    assert [call for call in calls if call != "GET /version"] == [INSPECT, SAVE, SAVE]
    assert image.reference == "docker:thing"
    assert image.digest == FACTS["Id"]
    assert [layer.digest for layer in image.layers] == saved_facts()["RootFS"]["Layers"]  # type: ignore[index]
    assert seen_progress[-1] == len(SAVED)


@pytest.mark.parametrize(
    ("name", "digests", "expected"),
    [
        ("thing", [], None),
        ("thing", ["thing@sha256:a"], "sha256:a"),
        ("thing:1", ["thing@sha256:a", "mirror:5000/thing@sha256:a"], "sha256:a"),
        ("thing:1", ["thing@sha256:a", "mirror:5000/thing@sha256:b"], "sha256:a"),
        ("mirror:5000/thing", ["thing@sha256:a", "mirror:5000/thing@sha256:b"], "sha256:b"),
        ("mirror:5000/thing:1", ["thing@sha256:a", "mirror:5000/thing@sha256:b"], "sha256:b"),
        ("0123", ["thing@sha256:a", "mirror:5000/thing@sha256:b"], None),
        ("thing", ["thing@sha256:a", "thing@sha256:b"], None),
        ("thing@sha256:b", ["thing@sha256:a", "thing@sha256:b"], "sha256:b"),
    ],
    ids=[
        "never-pushed",
        "one",
        "twice-the-same",
        "own-repository",
        "registry-with-port",
        "port-and-tag",
        "by-id",
        "pushed-twice",
        "by-digest",
    ],
)
def test_manifest_digest(
    engine_socket: Path, name: str, digests: list[str], expected: str | None
) -> None:
    answers = {
        f"GET /images/{name}/json": value(FACTS | {"RepoDigests": digests}),
        SAVE: stream(SAVED),
    }
    with fake_engine(engine_socket, answers):
        assert opened(f"docker:{name}").manifest_digest == expected


INDEX_ID = f"sha256:{hashlib.sha256(b'an index').hexdigest()}"
INDEX_SAVE = f"GET /images/{INDEX_ID}/get"


@pytest.mark.parametrize(
    ("changes", "saved", "right"),
    [
        ({"Id": INDEX_ID}, SAVED, True),
        ({"Id": INDEX_ID}, docker_archive([{"/etc/a": "a"}, {"/etc/b": "x"}]), False),
        ({"Id": INDEX_ID}, docker_archive([{"/etc/a": "a"}, {"/etc/b": "b"}], user="7"), False),
        ({"Id": INDEX_ID, "RootFS": None}, SAVED, False),
    ],
    ids=["index", "other-layer", "other-configuration", "no-layers-told"],
)
def test_id_that_is_no_configurations_digest(
    engine_socket: Path, changes: Mapping[str, object], saved: bytes, *, right: bool
) -> None:
    """Where containerd keeps the images, an id is the digest of a manifest or an index."""
    answers = {INSPECT: value({**FACTS, **changes}), INDEX_SAVE: stream(saved)}
    with fake_engine(engine_socket, answers):
        if right:
            assert opened().digest == FACTS["Id"]
        else:
            assert "another image" in refusal().message


@pytest.mark.parametrize("asked", ["linux/amd64", "linux/x86_64", None])
def test_platform_that_is_held(engine_socket: Path, asked: str | None) -> None:
    with fake_engine(engine_socket, {INSPECT: value(FACTS), SAVE: stream(SAVED)}):
        assert opened(platform=asked).config.platform == Platform("linux", "amd64")


def test_platform_that_is_not_held(engine_socket: Path) -> None:
    with fake_engine(engine_socket, {INSPECT: value(FACTS)}):
        error = refusal(platform="linux/arm64")
    assert error.message == "docker:thing is for linux/amd64, not for linux/arm64"
    assert "docker pull --platform linux/arm64" in error.hint


def test_store_with_several_platforms(engine_socket: Path) -> None:
    """It shows one of them; the archive holds the other as well."""
    arm = docker_archive({"/etc/a": "a"}, legacy=False, architecture="arm64")
    facts = FACTS | {"Id": INDEX_ID, "Descriptor": {"digest": INDEX_ID}}
    answers = {INSPECT: value(facts), INDEX_SAVE: stream(arm)}
    with fake_engine(engine_socket, answers):
        assert opened(platform="linux/arm64").config.platform == Platform("linux", "arm64")


# ----------------------------------------------------------------------------- containers


def exported(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


CONTAINER_FACTS = {
    "Id": "c0ffee",
    "Image": FACTS["Id"],
    "Config": {"Env": ["A=1=2", "B"], "Cmd": ["run"], "WorkingDir": "/srv", "User": "me"},
}
EXPORT = "GET /containers/c0ffee/export"
IMAGE_OF_CONTAINER = f"GET /images/{FACTS['Id']}/json"


def test_container(engine_socket: Path) -> None:
    mounts = [{"Destination": "/var/data"}, {"Destination": "/cache"}]
    answers = {
        CONTAINER: value(CONTAINER_FACTS | {"Mounts": mounts}),
        IMAGE_OF_CONTAINER: value(FACTS),
        EXPORT: stream(exported({"etc/changed": b"new"})),
    }
    with fake_engine(engine_socket, answers):
        image = opened("container:thing")
        assert image.rootfs.read("/etc/changed") == b"new"
    assert image.digest is None
    assert image.config.platform == Platform("linux", "amd64")
    assert image.config.env == {"A": "1=2", "B": ""}
    assert (image.config.cmd, image.config.working_dir, image.config.user) == (
        ("run",),
        "/srv",
        "me",
    )
    unchecked = {item.what: item.why for item in image.not_checked}
    assert set(unchecked) == {"layers", "image digest", "mounts"}
    assert "/cache, /var/data" in unchecked["mounts"]
    assert str(FACTS["Id"]) in unchecked["image digest"]


def test_container_whose_image_is_gone(engine_socket: Path) -> None:
    answers = {CONTAINER: value(CONTAINER_FACTS), EXPORT: stream(exported({"a": b""}))}
    with fake_engine(engine_socket, answers):
        image = opened("container:thing")
    assert image.config.platform == Platform(VERSION["Os"], VERSION["Arch"])  # type: ignore[arg-type]
    assert "mounts" not in {item.what for item in image.not_checked}


@pytest.mark.parametrize(
    ("answers", "platform", "message"),
    [
        ({}, None, "the container engine has no container thing"),
        (
            {CONTAINER: value(CONTAINER_FACTS), IMAGE_OF_CONTAINER: value(FACTS)},
            "linux/arm64",
            "container:thing is for linux/amd64, not for linux/arm64",
        ),
        (
            {
                CONTAINER: value(CONTAINER_FACTS),
                EXPORT: stream(exported({"a": b"x" * 99999})[:50000], whole=False),
            },
            None,
            "the container engine closed the connection",
        ),
    ],
    ids=["unknown", "platform", "cut"],
)
def test_container_refusals(
    engine_socket: Path, answers: Mapping[str, Answer], platform: str | None, message: str
) -> None:
    with fake_engine(engine_socket, answers):
        assert refusal("container:thing", platform).message == message


# ------------------------------------------------------------------------------- running

CREATE = "POST /containers/create"
ATTACH = "POST /containers/NAME/attach"
START = "POST /containers/NAME/start"
WAIT = "POST /containers/NAME/wait"
STATE = "GET /containers/NAME/json"
REMOVE = "DELETE /containers/NAME"
FINE: dict[str, Answer] = {
    INSPECT: value(FACTS),
    CREATE: value({"Id": "c0ffee"}),
    ATTACH: lambda call: call.send(b"\1\0\0\0\0\0\0\2ok\2\0\0\0\0\0\0\3bad"),
    START: lambda call: call.send(b"", 204),
    WAIT: value({"StatusCode": 0}),
    STATE: value({"State": {}}),
    REMOVE: lambda call: call.send(b"", 204),
}
THING = Reference(Transport.DOCKER, "thing", "thing")
COMMAND = Command(["/p"])


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({}, None),
        ({INSPECT: status(404, "gone")}, "the container engine has no image thing"),
        ({CREATE: status(404, "No such image")}, "the container engine refused: No such image"),
        ({ATTACH: status(409, "busy")}, "the container engine refused: busy"),
        ({ATTACH: cut()}, "the container engine closed the connection"),
        (
            {START: status(400, 'exec: "/p": stat /p: no such file or directory: unknown')},
            "/p cannot be started in a container: no such file or directory",
        ),
        (
            {START: status(500, "mkdir /var/x: permission denied")},
            "the container engine refused: mkdir /var/x: permission denied",
        ),
        ({WAIT: cut()}, "the container engine closed the connection"),
        ({STATE: status(404, "gone")}, "the container engine refused: gone"),
    ],
    ids=[
        "fine",
        "no-image",
        "no-create",
        "no-attach",
        "cut-attach",
        "no-program",
        "engine-trouble",
        "cut-wait",
        "vanished",
    ],
)
def test_run_never_raises_and_always_removes(
    engine_socket: Path, changes: Mapping[str, Answer], failure: str | None
) -> None:
    with fake_engine(engine_socket, {**FINE, **changes}) as calls:
        completed = run_in_image(THING, COMMAND)
    assert completed.failure == failure
    assert (REMOVE in calls) == (INSPECT not in changes)
    if failure is None:
        assert (completed.stdout, completed.stderr, completed.exit_code) == (b"ok", b"bad", 0)


def test_container_that_is_gone_already_is_fine(engine_socket: Path) -> None:
    with fake_engine(engine_socket, FINE | {REMOVE: status(404, "gone")}):
        assert run_in_image(THING, COMMAND).failure is None


def test_container_that_stays_is_told(engine_socket: Path) -> None:
    with fake_engine(engine_socket, FINE | {REMOVE: status(500, "device or resource busy")}):
        failure = run_in_image(THING, COMMAND).failure
    assert failure is not None
    assert failure.startswith("the container auditor-")
    assert failure.endswith(
        "could not be removed: the container engine refused: device or resource busy"
    )


def test_run_without_an_engine(engine_socket: Path) -> None:
    assert not engine_socket.exists()
    failure = run_in_image(THING, COMMAND).failure
    assert failure == f"the container engine at unix://{engine_socket} cannot be reached"


@pytest.mark.parametrize(
    ("complaint", "failure"),
    [
        ("exec /p: exec format error", "exec format error"),
        (
            "standard_init_linux.go:228: exec user process caused: no such file or directory",
            "no such file or directory",
        ),
        (
            '{"msg":"exec container process `/p`: Exec format error","level":"error"}',
            "exec format error",
        ),
        ("/p: cannot open /x: no such file or directory", None),
        ("exec /p: no such file or directory\nand more", None),
        ("exec went wrong", None),
    ],
    ids=["runc", "old-runc", "crun", "own-trouble", "more-lines", "other-words"],
)
def test_complaint_of_a_runtime(engine_socket: Path, complaint: str, failure: str | None) -> None:
    said = complaint.encode() + b"\n"
    frame = b"\2\0\0\0" + len(said).to_bytes(4, "big") + said
    changes = {ATTACH: lambda call: call.send(frame), WAIT: value({"StatusCode": 1})}
    with fake_engine(engine_socket, {**FINE, **changes}):
        completed = run_in_image(THING, COMMAND)
    assert completed.stderr == said
    if failure is None:
        assert (completed.exit_code, completed.failure) == (1, None)
    else:
        assert completed.exit_code is None
        assert completed.failure == f"/p cannot be started in a container: {failure}"


@pytest.mark.parametrize(
    ("moved", "failure"),
    [
        (docker_archive({"/etc/a": "other"}), "the tag points to another image by now"),
        (SAVED, None),
    ],
    ids=["moved", "same"],
)
def test_tag_that_moves_after_the_files_were_read(
    engine_socket: Path, moved: bytes, failure: str | None
) -> None:
    with fake_engine(engine_socket, FINE | {SAVE: stream(SAVED)}):
        image = opened()
    engine_socket.unlink()
    with fake_engine(engine_socket, FINE | {INSPECT: value(saved_facts(moved))}) as calls:
        assert run_in_image(THING, COMMAND, image).failure == failure
    assert (CREATE in calls) == (failure is None)
