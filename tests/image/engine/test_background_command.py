"""A command that runs while the image is being read; a real HTTP server plays the engine."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from auditor.errors import ImageError
from auditor.image.engine.background_command import run_in_background
from auditor.image.engine.container_run import LeftBehindError
from auditor.image.engine.engine_image import open_engine_image
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Reference, Transport
from auditor.model import UnreadableError
from tests.builders.container_archive import files_of
from tests.builders.fake_engine import cut, fake_engine, status, stream, value
from tests.builders.images import docker_archive
from tests.image.engine.test_engine_errors import (
    ATTACH,
    CREATE,
    FACTS,
    FINE,
    INSPECT,
    REMOVE,
    SAVE,
    SAVED,
    START,
    saved_facts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from auditor.image.engine.background_command import Find
    from auditor.image.engine.container_run import Completed
    from auditor.model import Image, ImageConfig, Rootfs
    from tests.builders.fake_engine import Answer, Call

THING = Reference(Transport.DOCKER, "thing", "thing")
HOLDING: dict[str, Answer] = {**FINE, SAVE: stream(SAVED), **files_of({"/bin/python": "binary"})}
LEFT = LeftBehindError


def find(rootfs: Rootfs, config: ImageConfig) -> tuple[str, ...] | None:
    assert config.platform.os == "linux"
    return ("/bin/python", "-m", "x") if rootfs.stat("/bin/python") else None


def nothing(_rootfs: Rootfs, _config: ImageConfig) -> None:
    return None


def refusing(_rootfs: Rootfs, _config: ImageConfig) -> None:
    raise UnreadableError("/bin", "whatever")


def read() -> Image:
    return open_engine_image(THING, None, ReadOptions())


def answered(
    socket: Path, changes: Mapping[str, Answer], *argv: str
) -> tuple[Completed | None, list[str]]:
    with (
        fake_engine(socket, {**HOLDING, **changes}) as calls,
        run_in_background(THING, find, {"A": "1"}) as beside,
    ):
        return beside.answer(argv, read()), calls


def test_answer_of_the_same_command(engine_socket: Path) -> None:
    completed, calls = answered(engine_socket, {}, "/bin/python", "-m", "x")
    assert completed is not None
    assert (completed.stdout, completed.exit_code) == (b"ok", 0)
    assert (calls.count(CREATE), calls.count(START), calls.count(REMOVE)) == (2, 1, 2)


def test_another_command_is_not_answered(engine_socket: Path) -> None:
    completed, calls = answered(engine_socket, {}, "/opt/venv/bin/python", "-m", "x")
    assert completed is None
    assert calls.count(CREATE) == calls.count(REMOVE)


def test_another_image_is_not_answered(engine_socket: Path) -> None:
    other = docker_archive({"/etc/a": "other"})
    facts = saved_facts(other)
    turns = iter([FACTS, facts])
    lock = threading.Lock()

    def moving(call: Call) -> None:
        """Return another image to whoever asks second: the order does not matter."""
        with lock:
            value(next(turns, facts))(call)

    changes = {INSPECT: moving, f"GET /images/{facts['Id']}/get": stream(other)}
    completed, calls = answered(engine_socket, changes, "/bin/python", "-m", "x")
    assert completed is None
    assert calls.count(CREATE) == calls.count(REMOVE) == 2


@pytest.mark.parametrize("finding", [nothing, refusing])
def test_nothing_to_run(engine_socket: Path, finding: type) -> None:
    with fake_engine(engine_socket, HOLDING) as calls:
        with run_in_background(THING, finding, {}) as beside:
            assert beside.answer(("/bin/python",), read()) is None
        assert (calls.count(CREATE), calls.count(START), calls.count(REMOVE)) == (1, 0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {INSPECT: status(404, "gone")},
        {CREATE: status(500, "no space")},
        {"HEAD /containers/NAME/archive": cut()},
    ],
    ids=["no-image", "no-container", "cut"],
)
def test_trouble_is_left_to_who_asks_later(
    engine_socket: Path, changes: Mapping[str, Answer]
) -> None:
    with fake_engine(engine_socket, HOLDING | {INSPECT: value(FACTS)}):
        image = read()
    engine_socket.unlink()
    with fake_engine(engine_socket, {**HOLDING, **changes}) as calls:
        with run_in_background(THING, find, {}) as beside:
            assert beside.answer(("/bin/python", "-m", "x"), image) is None
        assert calls.count(CREATE) == calls.count(REMOVE)


def test_no_engine(engine_socket: Path) -> None:
    assert not engine_socket.exists()
    with run_in_background(THING, find, {}) as beside:
        pass
    assert beside is not None


@pytest.fixture
def endless() -> Iterator[tuple[dict[str, Answer], threading.Event]]:
    """A container that prints nothing and ends when it is removed; tells when it is attached to."""
    attached, removed = threading.Event(), threading.Event()

    def remove(call: Call) -> None:
        if attached.is_set():
            removed.set()
        call.send(b"", 204)

    def wait(call: Call) -> None:
        call.send_response(200)
        call.end_headers()
        attached.set()
        removed.wait(30)
        call.close_connection = True

    yield {ATTACH: wait, REMOVE: remove}, attached
    removed.set()


@pytest.mark.parametrize("ending", [ValueError, KeyboardInterrupt, None])
def test_a_body_that_ends_ends_the_command(
    engine_socket: Path,
    endless: tuple[dict[str, Answer], threading.Event],
    ending: type[BaseException] | None,
) -> None:
    changes, attached = endless

    def body() -> None:
        with run_in_background(THING, find, {}):
            assert attached.wait(30)
            if ending is not None:
                raise ending

    with fake_engine(engine_socket, HOLDING | changes) as calls:
        if ending is None:
            body()
        else:
            with pytest.raises(ending):
                body()
        assert calls.count(CREATE) == calls.count(REMOVE) == 2


@pytest.mark.parametrize("failing", [1, 2], ids=["looked-into", "run"])
def test_container_that_stays_is_an_error(engine_socket: Path, failing: int) -> None:
    removals: list[str] = []

    def remove(call: Call) -> None:
        removals.append(call.path)
        status(500, "busy")(call) if len(removals) == failing else call.send(b"", 204)

    def body() -> None:
        with run_in_background(THING, find, {}) as beside:
            beside.answer(("/bin/python", "-m", "x"), read())

    with fake_engine(engine_socket, HOLDING | {REMOVE: remove}), pytest.raises(LEFT) as caught:
        body()
    assert caught.value.hint.startswith("remove it by hand: docker rm --force --volumes auditor-")


def test_signal_while_the_answer_is_awaited(
    engine_socket: Path, endless: tuple[dict[str, Answer], threading.Event]
) -> None:
    changes, attached = endless
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        attached.wait(30)
        signal.pthread_kill(main, signal.SIGINT)

    def body() -> None:
        with run_in_background(THING, find, {}) as beside:
            beside.outcome()

    thread = threading.Thread(target=interrupt)
    with fake_engine(engine_socket, HOLDING | changes) as calls:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            body()
        thread.join()
        assert calls.count(CREATE) == calls.count(REMOVE) == 2


@pytest.mark.parametrize(
    ("changes", "finding", "message"),
    [
        ({}, nothing, "nothing was run in the image"),
        ({}, refusing, "/bin: whatever"),
        ({INSPECT: status(404, "gone")}, find, "the container engine has no image thing"),
    ],
    ids=["nothing", "unreadable", "no-image"],
)
def test_no_outcome(
    engine_socket: Path, changes: Mapping[str, Answer], finding: Find, message: str
) -> None:
    with (
        fake_engine(engine_socket, {**HOLDING, **changes}),
        run_in_background(THING, finding, {}) as beside,
    ):
        beside.begun()
        with pytest.raises(ImageError, match=message):
            beside.outcome()


def test_outcome(engine_socket: Path) -> None:
    with fake_engine(engine_socket, HOLDING) as calls, run_in_background(THING, find, {}) as beside:
        beside.begun()
        assert START in calls
        facts, completed = beside.outcome()
    assert facts["Id"] == FACTS["Id"]
    assert completed.stdout == b"ok"
