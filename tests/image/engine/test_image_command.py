"""A command that runs while the image is being read; a real HTTP server plays the engine."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from auditor.errors import ImageError
from auditor.image.engine.container import Command
from auditor.image.engine.container_thread import LeftBehindError, end_container_threads
from auditor.image.engine.image_command import BackgroundCommand, run_in_image
from auditor.image.open import open_image
from auditor.model import UnreadableError
from tests.builders import docker_archive
from tests.builders.container_archive import files_of
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
    THING,
    WAIT,
    cut,
    fake_engine,
    saved_facts,
    status,
    stream,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from auditor.image.engine.container_run import Completed
    from auditor.image.engine.image_command import Find
    from auditor.model import Image, ImageConfig, Rootfs
    from tests.builders.fake_engine import Answer, Call

HOLDING: dict[str, Answer] = {**FINE, SAVE: stream(SAVED), **files_of({"/bin/python": "binary"})}
LEFT = LeftBehindError
MAIN = threading.main_thread().ident or 0


def find(rootfs: Rootfs, config: ImageConfig) -> tuple[str, ...] | None:
    assert config.platform.os == "linux"
    return ("/bin/python", "-m", "x") if rootfs.stat("/bin/python") else None


def nothing(_rootfs: Rootfs, _config: ImageConfig) -> None:
    return None


def refusing(_rootfs: Rootfs, _config: ImageConfig) -> None:
    raise UnreadableError("/bin", "whatever")


def read() -> Image:
    return open_image(THING)


def answered(
    socket: Path, changes: Mapping[str, Answer], *argv: str
) -> tuple[Completed | None, list[str]]:
    with (
        fake_engine(socket, {**HOLDING, **changes}) as calls,
        BackgroundCommand(THING, find, {"A": "1"}).running() as command,
    ):
        return command.answer(argv, read()), calls


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
        with BackgroundCommand(THING, finding, {}).running() as command:
            assert command.answer(("/bin/python",), read()) is None
        assert (calls.count(CREATE), calls.count(START), calls.count(REMOVE)) == (1, 0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {INSPECT: status(404, "gone")},
        {CREATE: status(500, "no space")},
        {"HEAD /containers/NAME/archive": cut()},
        {WAIT: cut()},
    ],
    ids=["no-image", "no-container", "cut", "cut-at-the-end"],
)
def test_trouble_is_left_to_who_asks_later(
    engine_socket: Path, changes: Mapping[str, Answer]
) -> None:
    with fake_engine(engine_socket, HOLDING | {INSPECT: value(FACTS)}):
        image = read()
    engine_socket.unlink()
    with fake_engine(engine_socket, {**HOLDING, **changes}) as calls:
        with BackgroundCommand(THING, find, {}).running() as command:
            assert command.answer(("/bin/python", "-m", "x"), image) is None
        assert calls.count(CREATE) == calls.count(REMOVE)


def test_no_engine(engine_socket: Path) -> None:
    assert not engine_socket.exists()
    with BackgroundCommand(THING, find, {}).running() as command:
        pass
    assert command is not None


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
        with BackgroundCommand(THING, find, {}).running():
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
        with BackgroundCommand(THING, find, {}).running() as command:
            command.answer(("/bin/python", "-m", "x"), read())

    with fake_engine(engine_socket, HOLDING | {REMOVE: remove}), pytest.raises(LEFT) as caught:
        body()
    assert caught.value.hint.startswith("remove it by hand: docker rm --force --volumes auditor-")


def test_signal_while_the_answer_is_awaited(
    engine_socket: Path, endless: tuple[dict[str, Answer], threading.Event]
) -> None:
    changes, attached = endless

    def interrupt() -> None:
        attached.wait(30)
        signal.pthread_kill(MAIN, signal.SIGINT)

    def body() -> None:
        with BackgroundCommand(THING, find, {}).running() as command:
            command.outcome()

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
        ({}, nothing, "no command was run in the image"),
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
        BackgroundCommand(THING, finding, {}).running() as command,
    ):
        command.wait_until_started()
        with pytest.raises(ImageError, match=message):
            command.outcome()


def test_outcome(engine_socket: Path) -> None:
    with (
        fake_engine(engine_socket, HOLDING) as calls,
        BackgroundCommand(THING, find, {}).running() as command,
    ):
        command.wait_until_started()
        assert START in calls
        facts, completed = command.outcome()
    assert facts["Id"] == FACTS["Id"]
    assert completed.stdout == b"ok"


def test_audits_in_several_threads(engine_socket: Path) -> None:
    """Each has containers of its own, and the handlers of signals stay the caller's."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def audit(_: int) -> tuple[bytes, bytes]:
        with BackgroundCommand(THING, find, {}).running() as command:
            assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
            now = run_in_image(THING, Command(("/bin/python",)))
            assert now.failure is None
            return command.outcome()[1].stdout, now.stdout

    with fake_engine(engine_socket, HOLDING) as calls, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(audit, range(8))) == [(b"ok", b"ok")] * 8
        assert calls.count(CREATE) == calls.count(REMOVE) == 24


def test_commands_of_other_threads_are_ended_from_outside(
    engine_socket: Path, endless: tuple[dict[str, Answer], threading.Event]
) -> None:
    changes, attached = endless

    def audit() -> Completed:
        return run_in_image(THING, Command(("/bin/python",)))

    with fake_engine(engine_socket, HOLDING | changes) as calls, ThreadPoolExecutor(1) as pool:
        running = pool.submit(audit)
        assert attached.wait(30)
        end_container_threads()
        assert calls.count(CREATE) == calls.count(REMOVE) == 1
        assert running.result(30).exit_code is None


def test_interrupts_do_not_cut_the_removal_short(
    engine_socket: Path, endless: tuple[dict[str, Answer], threading.Event]
) -> None:
    changes, attached = endless
    removed: list[str] = []

    def removing(call: Call) -> None:
        """Interrupt whoever waits for the removal."""
        for _ in range(2):
            signal.pthread_kill(MAIN, signal.SIGINT)
            time.sleep(0.05)
        removed.append(call.path)
        changes[REMOVE](call)

    def body() -> None:
        with BackgroundCommand(THING, find, {}).running():
            assert attached.wait(30)
            raise ValueError

    with fake_engine(engine_socket, HOLDING | changes | {REMOVE: removing}):
        with pytest.raises(KeyboardInterrupt):
            body()
        assert len(removed) == 2
