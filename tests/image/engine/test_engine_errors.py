"""What an engine may do to us, told in one line each; a real HTTP server plays the engine."""

from __future__ import annotations

import hashlib
import socket
from typing import TYPE_CHECKING

import pytest

from auditor.errors import EngineError, ExitCode, ImageError
from auditor.image.engine import connection
from auditor.image.engine.container import Command
from auditor.image.engine.image_command import run_in_image
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.model import Platform
from tests.builders import docker_archive, layer_tar
from tests.builders.fake_engine import (
    ATTACH,
    CREATE,
    FACTS,
    FINE,
    INSPECT,
    REMOVE,
    SAVE,
    SAVED,
    START,
    STATE,
    THING,
    VERSION,
    WAIT,
    cut,
    fake_engine,
    saved_facts,
    status,
    stream,
    value,
)
from tests.builders.host_files import as_nobody

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.builders.fake_engine import Answer

CONTAINER = "GET /containers/thing/json"
CLOSED = "the container engine closed the connection"


def refusal(text: str = "docker:thing", platform: str | None = None) -> EngineError:
    with pytest.raises(EngineError) as caught:
        open_image(text, platform)
    error = caught.value
    assert error.exit_code == ExitCode.INCOMPLETE
    assert "\n" not in error.message + error.hint
    assert error.hint
    return error


@pytest.mark.parametrize("stale", [False, True], ids=["no-socket", "nobody-listens"])
def test_no_engine(engine_socket: Path, *, stale: bool) -> None:
    if stale:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(engine_socket))
    error = refusal()
    assert error.message == f"the container engine at unix://{engine_socket} cannot be reached"
    assert "docker-archive:FILE" in error.hint


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
    monkeypatch: pytest.MonkeyPatch, engine_socket: Path, name: str, setting: str, message: str
) -> None:
    for variable in ("HOME", "DOCKER_CONFIG"):
        monkeypatch.setenv(variable, str(engine_socket.parent))
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


REFUSALS = {
    "no-image": (
        {INSPECT: status(404, "No such image")},
        "the container engine has no image thing",
    ),
    "server-error": (
        {INSPECT: status(500, "layer does not\nexist \x1b[31m")},
        "the container engine refused: layer does not exist \\x1b[31m",
    ),
    "api-too-old": (
        {INSPECT: status(400, "client version 1.41 is too old. Minimum is 1.44")},
        "this client share no API version: client version 1.41 is too old. Minimum is 1.44",
    ),
    "cut-at-once": ({INSPECT: cut()}, CLOSED),
    "no-api-version": (
        {"GET /version": value({})},
        "is unusable: Invalid response from docker daemon",
    ),
    "ancient": ({"GET /version": value({"ApiVersion": "1.12"})}, "is unusable: API versions below"),
    "no-object": ({"GET /version": value([])}, "is unusable: Error while fetching server API"),
    "no-save": ({SAVE: status(404, "gone")}, "the container engine refused: gone"),
    "cut-before-save": ({SAVE: cut()}, CLOSED),
    "cut-in-save": ({SAVE: stream(SAVED[:40000], whole=False)}, CLOSED),
    "error-in-save": (
        {SAVE: stream(SAVED[:1024] + b'{"errorDetail":{},"error":"no space\\nleft"}\r\n')},
        "the container engine stopped halfway: no space left",
    ),
    "other-image": (
        {SAVE: stream(docker_archive({"/etc/a": "other"}))},
        f"the container engine saved another image than {FACTS['Id']}",
    ),
}


@pytest.mark.parametrize(("answers", "message"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(engine_socket: Path, answers: Mapping[str, Answer], message: str) -> None:
    with fake_engine(engine_socket, {INSPECT: value(FACTS), **answers}):
        assert message in refusal().message


@pytest.mark.parametrize(
    "end",
    [b"", b"x" * 700, b'{"errorDetail":{"message":1}}', b'{"errorDetail":'],
    ids=["nothing", "garbage", "no-error", "half-an-error"],
)
def test_damaged_save_is_the_images_fault(engine_socket: Path, end: bytes) -> None:
    answers = {INSPECT: value(FACTS), SAVE: stream(SAVED[:1024] + end)}
    with fake_engine(engine_socket, answers), pytest.raises(ImageError) as caught:
        open_image("docker:thing")
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


HERE, MIRROR = ["thing@sha256:a"], "mirror:5000/thing"
DIGESTS: dict[str, tuple[str, list[str], str | None]] = {
    "never-pushed": ("thing", [], None),
    "one": ("thing", HERE, "sha256:a"),
    "twice-the-same": ("thing:1", [*HERE, f"{MIRROR}@sha256:a"], "sha256:a"),
    "own-repository": ("thing:1", [*HERE, f"{MIRROR}@sha256:b"], "sha256:a"),
    "registry-with-port": (MIRROR, [*HERE, f"{MIRROR}@sha256:b"], "sha256:b"),
    "port-and-tag": (f"{MIRROR}:1", [*HERE, f"{MIRROR}@sha256:b"], "sha256:b"),
    "by-id": ("0123", [*HERE, f"{MIRROR}@sha256:b"], None),
    "pushed-twice": ("thing", [*HERE, "thing@sha256:b"], None),
    "by-digest": ("thing@sha256:b", [*HERE, "thing@sha256:b"], "sha256:b"),
}


@pytest.mark.parametrize(("name", "digests", "expected"), DIGESTS.values(), ids=DIGESTS)
def test_manifest_digest(
    engine_socket: Path, name: str, digests: list[str], expected: str | None
) -> None:
    answers = {
        f"GET /images/{name}/json": value(FACTS | {"RepoDigests": digests}),
        SAVE: stream(SAVED),
    }
    with fake_engine(engine_socket, answers):
        assert open_image(f"docker:{name}").manifest_digest == expected


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
            assert open_image("docker:thing").digest == FACTS["Id"]
        else:
            assert "another image" in refusal().message


@pytest.mark.parametrize("asked", ["linux/amd64", "linux/x86_64", None])
def test_platform_that_is_held(engine_socket: Path, asked: str | None) -> None:
    with fake_engine(engine_socket, {INSPECT: value(FACTS), SAVE: stream(SAVED)}):
        assert open_image("docker:thing", platform=asked).config.platform == Platform(
            "linux", "amd64"
        )


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
        assert open_image("docker:thing", platform="linux/arm64").config.platform == Platform(
            "linux", "arm64"
        )


# ----------------------------------------------------------------------------- containers


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
        EXPORT: stream(layer_tar({"etc/changed": b"new"})),
    }
    with fake_engine(engine_socket, answers):
        image = open_image("container:thing")
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
    answers = {CONTAINER: value(CONTAINER_FACTS), EXPORT: stream(layer_tar({"a": b""}))}
    with fake_engine(engine_socket, answers):
        image = open_image("container:thing")
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
                EXPORT: stream(layer_tar({"a": b"x" * 99999})[:50000], whole=False),
            },
            None,
            CLOSED,
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

COMMAND = Command(["/p"])


RUNS = {
    "fine": ({}, None),
    "no-image": ({INSPECT: status(404, "gone")}, "the container engine has no image thing"),
    "no-create": (
        {CREATE: status(404, "No such image")},
        "the container engine refused: No such image",
    ),
    "no-attach": ({ATTACH: status(409, "busy")}, "the container engine refused: busy"),
    "cut-attach": ({ATTACH: cut()}, CLOSED),
    "no-program": (
        {START: status(400, 'exec: "/p": stat /p: no such file or directory: unknown')},
        "/p cannot be started in a container: no such file or directory",
    ),
    "engine-trouble": (
        {START: status(500, "mkdir /var/x: permission denied")},
        "the container engine refused: mkdir /var/x: permission denied",
    ),
    "cut-wait": ({WAIT: cut()}, CLOSED),
    "vanished": ({STATE: status(404, "gone")}, "the container engine refused: gone"),
}


@pytest.mark.parametrize(("changes", "failure"), RUNS.values(), ids=RUNS)
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


COMPLAINTS = {
    "runc": ("exec /p: exec format error", "exec format error"),
    "old-runc": (
        "standard_init_linux.go:228: exec user process caused: no such file or directory",
        "no such file or directory",
    ),
    "crun": (
        '{"msg":"exec container process `/p`: Exec format error","level":"error"}',
        "exec format error",
    ),
    "own-trouble": ("/p: cannot open /x: no such file or directory", None),
    "more-lines": ("exec /p: no such file or directory\nand more", None),
    "other-words": ("exec went wrong", None),
}


@pytest.mark.parametrize(("complaint", "failure"), COMPLAINTS.values(), ids=COMPLAINTS)
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
        image = open_image("docker:thing")
    engine_socket.unlink()
    with fake_engine(engine_socket, FINE | {INSPECT: value(saved_facts(moved))}) as calls:
        assert run_in_image(THING, COMMAND, image).failure == failure
    assert (CREATE in calls) == (failure is None)
