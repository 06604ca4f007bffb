"""Single files of an image, through a container that never starts."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import docker
import pytest

from auditor.errors import EngineError, ImageError
from auditor.image.engine import container_files
from auditor.image.engine.connection import connected
from auditor.image.engine.container_files import container_filesystem
from auditor.image.engine.container_thread import LeftBehindError
from auditor.image.tree.partial_tree import NotReadError
from auditor.model import Entry, FileType, UnreadableError
from tests.builders import Directory, File, Files
from tests.builders.container_archive import files_of
from tests.builders.engine_images import loaded_image, saved_image
from tests.builders.fake_engine import cut, fake_engine, status, stream, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from docker import DockerClient

    from auditor.model import Rootfs
    from tests.builders.fake_engine import Answer

    Look = Callable[..., AbstractContextManager[tuple[Rootfs, list[str]]]]

IMAGE = {"Id": "sha256:1", "Config": {}}
FILES = {
    "/usr/bin/python3.11": "binary",
    "/opt/venv/bin/python": "-> /usr/bin/python3.11",
    "/opt/gone": "-> /nowhere",
    "/opt/venv/pyvenv.cfg": "home = /usr/bin\n",
    "/db/info/a.list": "/a\n",
    "/db/info/deep/b": "b",
    "/db/info/c": "-> a.list",
}
HEAD, GET = "HEAD /containers/NAME/archive", "GET /containers/NAME/archive"
REMOVE = "DELETE /containers/NAME"


@pytest.fixture
def look(engine_socket: Path) -> Look:
    @contextmanager
    def looking(changes: Mapping[str, Answer] | None = None) -> Iterator[tuple[Rootfs, list[str]]]:
        answers = {
            "POST /containers/create": value({"Id": "c0ffee"}),
            REMOVE: lambda call: call.send(b"", 204),
            **files_of(FILES),
            **(changes or {}),
        }
        with (
            fake_engine(engine_socket, answers) as calls,
            connected() as api,
            container_filesystem(api, IMAGE) as rootfs,
        ):
            calls.clear()
            yield rootfs, calls
        engine_socket.unlink()

    return looking


def test_entries(look: Look) -> None:
    with look() as (rootfs, calls):
        link = Entry(FileType.SYMLINK, 0o755, 0, "/usr/bin/python3.11")
        assert rootfs.lstat("/opt/venv/bin/python") == link
        assert rootfs.resolve("/opt/venv/bin/python") == "/usr/bin/python3.11"
        assert rootfs.stat("/opt/venv/bin/python") == Entry(FileType.FILE, 0o755, 6)
        assert rootfs.stat("/opt/venv") == Entry(FileType.DIRECTORY, 0o755, 0)
        assert rootfs.lstat("/opt/venv/none") is None
        assert rootfs.stat("/opt/gone") is None
        before = len(calls)
        assert rootfs.stat("/opt/venv/bin/python") is not None
        assert len(calls) == before
    assert set(calls) == {HEAD, REMOVE}


def test_content(look: Look) -> None:
    with look() as (rootfs, calls):
        assert rootfs.read("/opt/venv/pyvenv.cfg") == b"home = /usr/bin\n"
        assert rootfs.read("/opt/venv/pyvenv.cfg") == b"home = /usr/bin\n"
        assert calls.count(GET) == 1
        with pytest.raises(UnreadableError, match="more than 3"):
            rootfs.read("/opt/venv/pyvenv.cfg", 3)
        with pytest.raises(UnreadableError, match="does not exist"):
            rootfs.read("/opt/none")


def test_directory_comes_with_all_below_it(look: Look) -> None:
    with look() as (rootfs, calls):
        assert rootfs.names("/db/info") == ["a.list", "c", "deep"]
        calls.clear()
        assert rootfs.read("/db/info/a.list") == b"/a\n"
        assert rootfs.read("/db/info/c") == b"/a\n"
        assert rootfs.names("/db/info/deep") == ["b"]
        assert rootfs.lstat("/db/info/none") is None
        assert rootfs.names("/none") == ()
        assert calls == [HEAD]


def test_large_directory_is_refused(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_files, "DIRECTORY_BYTES", 1024)
    with look() as (rootfs, _), pytest.raises(ImageError, match=r"/db/info: .* more than 1024"):
        rootfs.names("/db/info")


@pytest.mark.parametrize(
    "ask",
    [
        lambda rootfs: rootfs.facts("/usr/bin/python3.11"),
        lambda rootfs: rootfs.digests(["/usr/bin/python3.11"]),
        lambda rootfs: list(rootfs.contents(["/usr/bin/python3.11"], 9)),
        lambda rootfs: list(rootfs.walk("/db/info")),
    ],
    ids=["facts", "digests", "contents", "walk"],
)
def test_what_was_not_read_is_not_absent(look: Look, ask: Callable[[Rootfs], object]) -> None:
    with look() as (rootfs, _), pytest.raises(NotReadError):
        ask(rootfs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({HEAD: status(500, "broken")}, "the container engine refused: "),
        ({HEAD: cut()}, "the container engine closed the connection"),
        ({HEAD: value({})}, "the container engine describes /opt in an unknown way"),
        ({REMOVE: status(500, "busy")}, "the container auditor-[0-9a-f]+ could not be removed"),
    ],
    ids=["refused", "cut", "no-answer", "stays"],
)
def test_engine_trouble(look: Look, changes: Mapping[str, Answer], message: str) -> None:
    def all_of_it() -> None:
        with look(changes) as (rootfs, _):
            rootfs.stat("/opt")

    with pytest.raises(EngineError, match=message) as caught:
        all_of_it()
    assert isinstance(caught.value, LeftBehindError) == (REMOVE in changes)


def test_cut_archive(look: Look) -> None:
    broken = {GET: stream(b"\0" * 100)}
    with (
        look(broken) as (rootfs, _),
        pytest.raises(ImageError, match=r"the engine.s archive of it "),
    ):
        rootfs.read("/usr/bin/python3.11")


@pytest.fixture(
    params=[
        pytest.param("docker", marks=pytest.mark.engine),
        pytest.param("podman", marks=pytest.mark.podman),
    ]
)
def real(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerClient]:
    """The engine that the code under test talks to as well."""
    if request.param == "podman":
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("podman_host"))
    client = docker.from_env(timeout=300)
    yield client
    client.close()


def test_real_engine(real: DockerClient) -> None:
    name = f"auditor-test-files:{uuid.uuid4().hex}"
    files: Files = {
        "db": Directory(),
        "db/private": Directory(0o700, uid=7),
        "db/private/a": File(b"text", 0o600, uid=7),
        "db/b": File(b"", 0o755),
    }
    saved = saved_image(name, files, {"Volumes": {"/data": {}}})
    with (
        loaded_image(real, name, saved) as image_id,
        connected() as api,
        container_filesystem(api, {"Id": image_id}) as rootfs,
    ):
        assert rootfs.stat("/db/private") == Entry(FileType.DIRECTORY, 0o700, 0)
        assert rootfs.stat("/db/private/a") == Entry(FileType.FILE, 0o600, 4)
        assert rootfs.stat("/db/b/c") is None
        assert rootfs.stat("/none/a") is None
        assert rootfs.read("/db/private/a") == b"text"
        assert rootfs.names("/db") == ["b", "private"]
        assert rootfs.read("/db/private/a") == b"text"
