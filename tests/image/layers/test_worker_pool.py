"""Layers read by several processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from auditor.errors import ImageError
from auditor.image.codec.stream import FileRange
from auditor.image.layers import worker_pool
from auditor.image.layers.layer_request import LayerRequest
from auditor.image.layers.worker_pool import LayerWorkers, index_layers
from tests.builders import layer_tar
from tests.builders.images import sha256


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def requests(path: Path, count: int = 4) -> list[LayerRequest]:
    """Layers of different sizes, one behind the other in one file."""
    file = path / "layers"
    found = []
    with file.open("wb") as out:
        for number in range(count):
            data = layer_tar({f"f{number}": b"x" * (number % 3) * 5_000_000, "d/x.pth": "kept"})
            place = FileRange(str(file), out.tell(), len(data))
            found.append(LayerRequest(place, sha256(data), by_diff_id=True))
            out.write(data)
    return found


def processes(field: int, value: int) -> set[int]:
    """Return the running processes with this number behind their names in `/proc/PID/stat`."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[field]) == value and fields[0] != "Z":
                found.add(int(stat.parent.name))
    return found


def children() -> set[int]:
    return processes(1, os.getpid())


def in_session(session: int) -> set[int]:
    return processes(3, session)


def test_same_as_in_one_process(tmp_path: Path) -> None:
    asked = requests(tmp_path)
    before = children()
    seen: list[int] = []
    indexes = index_layers(
        asked, lambda _, done, total: seen.append(done * 1000 // (total or 1)), worth=0
    )
    assert indexes == index_layers(asked)
    assert [index.digest for index in indexes] == [request.digest for request in asked]
    assert seen == sorted(seen)
    assert seen
    assert children() <= before


def test_few_bytes_need_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    asked = requests(tmp_path)
    seen: list[tuple[str, int, int | None]] = []
    assert len(index_layers(asked, lambda *now: seen.append(now))) == 4
    total = sum(request.place.size for request in asked)
    assert seen[-1] == ("layers", total, total)
    assert index_layers([]) == []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert len(index_layers(asked, worth=0)) == 4


def test_repeated_layer_is_read_once(tmp_path: Path) -> None:
    asked = requests(tmp_path, 1) * 3
    seen: list[int] = []
    indexes = index_layers(asked, lambda _, done, total: seen.append(total or done), worth=0)
    assert len(indexes) == 3
    assert set(seen) == {asked[0].place.size}


def test_workers_are_shared_and_end_with_their_owner(tmp_path: Path) -> None:
    asked = requests(tmp_path)
    before = children()
    expected = index_layers(asked)
    with closing(LayerWorkers()) as workers:
        assert children() <= before, "started when needed"
        with ThreadPoolExecutor(4) as threads:
            runs = [threads.submit(index_layers, asked, None, workers, worth=0) for _ in range(4)]
            assert all(run.result(60) == expected for run in runs)
        running = children() - before
        assert 1 <= len(running) <= 2
        assert index_layers(asked, None, workers, worth=0) == expected
        assert children() - before == running
        os.kill(min(running), signal.SIGKILL)
        while min(running) in children():
            time.sleep(0.01)
        assert index_layers(asked, None, workers, worth=0) == expected
        asked[1] = asked[1]._replace(digest=sha256(b"other"))
        with pytest.raises(ImageError, match="has other bytes"):
            index_layers(asked, None, workers, worth=0)
        assert len(index_layers(asked[2:], None, workers, worth=0)) == 2
    assert children() <= before
    with pytest.raises(ImageError, match="have ended"):
        index_layers(asked, None, workers, worth=0)
    assert children() <= before


def test_workers_that_are_closed_while_they_read(tmp_path: Path) -> None:
    before = children()
    workers = LayerWorkers()
    with ThreadPoolExecutor(3) as threads:
        runs = [
            threads.submit(index_layers, stuck_requests(tmp_path), None, workers, worth=0)
            for _ in range(3)
        ]
        deadline = time.monotonic() + 20
        while len(children() - before) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        workers.close()
        for run in runs:
            with pytest.raises(ImageError, match=r"process that read it died|have ended"):
                run.result(20)
    assert children() <= before


def stuck_requests(path: Path) -> list[LayerRequest]:
    """Layers that lie in a pipe to which nobody writes."""
    pipe = path / "stuck"
    with suppress(FileExistsError):
        os.mkfifo(pipe)
    return [LayerRequest(FileRange(str(pipe), 0, size), "sha256:0", True) for size in (8, 9)]


@pytest.mark.parametrize("worth", [0, 1 << 40], ids=["processes", "here"])
def test_bad_layer_is_named(tmp_path: Path, worth: int) -> None:
    asked = requests(tmp_path)
    asked[1] = asked[1]._replace(digest=sha256(b"other"))
    before = children()
    with pytest.raises(ImageError, match=f"layer {asked[1].digest} has other bytes") as caught:
        index_layers(asked, worth=worth)
    assert caught.value.hint
    assert children() <= before


@pytest.mark.parametrize("worth", [0, 1 << 40], ids=["processes", "here"])
def test_file_that_is_gone(tmp_path: Path, worth: int) -> None:
    asked = requests(tmp_path)
    (tmp_path / "layers").unlink()
    with pytest.raises(ImageError, match=r"layer sha256:\w+ .*[Nn]o such file"):
        index_layers(asked, worth=worth)


class Closed(Connection):
    def send(self, obj: object) -> None:
        raise BrokenPipeError(obj)


@pytest.mark.parametrize("connection", [Connection, Closed], ids=["asked", "before-it-is-asked"])
def test_worker_that_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, connection: type[Connection]
) -> None:
    monkeypatch.setattr(worker_pool, "_START", "import os; os._exit(1) # {path!r} {fd}")
    monkeypatch.setattr(worker_pool, "Connection", connection)
    with pytest.raises(ImageError, match="the process that read it died"):
        index_layers(requests(tmp_path), worth=0)


def test_what_a_worker_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_REPORT", 1 << 20)
    asked = requests(tmp_path)
    ours, theirs = socket.socketpair()
    worker = threading.Thread(target=worker_pool.work, args=(theirs.detach(),))
    worker.start()
    with Connection(ours.detach()) as connection:
        connection.send(asked[1])
        told = 0
        while isinstance(answer := connection.recv(), int):
            told += answer
        assert 0 < told <= asked[1].place.size
        assert answer.digest == asked[1].digest
        connection.send(asked[0]._replace(digest="sha256:0"))
        message, hint = connection.recv()
        assert message.startswith("layer sha256:0 has other bytes")
        assert hint
    worker.join(10)
    assert not worker.is_alive()


SCRIPT = """
import sys
sys.path[:] = {path!r}
from auditor.image.layers.worker_pool import LayerWorkers, index_layers
from auditor.image.codec.stream import FileRange
from auditor.image.layers.layer_request import LayerRequest
places = [FileRange({pipe!r}, 0, size) for size in (1 << 30, 1 << 29)]
requests = [LayerRequest(place, "sha256:0", True) for place in places]
try:
    index_layers(requests, worth=0)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    stuck = tmp_path / "stuck"
    os.mkfifo(stuck)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(path=sys.path, pipe=str(stuck))],
        start_new_session=True,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while len(in_session(process.pid)) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (130, b"")
    assert in_session(process.pid) == set()
