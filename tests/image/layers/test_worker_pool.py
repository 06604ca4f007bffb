"""Layers read by several processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from auditor.errors import ImageError
from auditor.image.layers import worker_pool
from auditor.image.layers.layer_request import LayerRequest, Span
from auditor.image.layers.worker_pool import index_spans
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
            span = Span(str(file), out.tell(), len(data))
            found.append(LayerRequest(span, sha256(data), by_diff_id=True))
            out.write(data)
    return found


def children() -> set[int]:
    """Processes that have this one as their parent."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


def test_same_as_in_one_process(tmp_path: Path) -> None:
    asked = requests(tmp_path)
    before = children()
    seen: list[int] = []
    indexes = index_spans(
        asked, lambda _, done, total: seen.append(done * 1000 // (total or 1)), worth=0
    )
    assert indexes == index_spans(asked)
    assert [index.digest for index in indexes] == [request.digest for request in asked]
    assert seen == sorted(seen)
    assert seen
    assert children() <= before


def test_few_bytes_need_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    asked = requests(tmp_path)
    seen: list[tuple[str, int, int | None]] = []
    assert len(index_spans(asked, lambda *now: seen.append(now))) == 4
    total = sum(request.span.size for request in asked)
    assert seen[-1] == ("layers", total, total)
    assert index_spans([]) == []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert len(index_spans(asked, worth=0)) == 4


def test_repeated_layer_is_read_once(tmp_path: Path) -> None:
    asked = requests(tmp_path, 1) * 3
    seen: list[int] = []
    indexes = index_spans(asked, lambda _, done, total: seen.append(total or done), worth=0)
    assert len(indexes) == 3
    assert set(seen) == {asked[0].span.size}


@pytest.mark.parametrize("worth", [0, 1 << 40], ids=["processes", "here"])
def test_bad_layer_is_named(tmp_path: Path, worth: int) -> None:
    asked = requests(tmp_path)
    asked[1] = asked[1]._replace(digest=sha256(b"other"))
    before = children()
    with pytest.raises(ImageError, match=f"layer {asked[1].digest} has other bytes") as caught:
        index_spans(asked, worth=worth)
    assert caught.value.hint
    assert children() <= before


@pytest.mark.parametrize("worth", [0, 1 << 40], ids=["processes", "here"])
def test_file_that_is_gone(tmp_path: Path, worth: int) -> None:
    asked = requests(tmp_path)
    (tmp_path / "layers").unlink()
    with pytest.raises(ImageError, match=r"layer sha256:\w+ .*[Nn]o such file"):
        index_spans(asked, worth=worth)


def test_worker_that_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_START", "import os; os._exit(1) # {path!r} {fd}")
    with pytest.raises(ImageError, match="the process that read it died"):
        index_spans(requests(tmp_path), worth=0)


def test_worker_that_dies_before_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(Connection):
        def send(self, obj: object) -> None:
            raise BrokenPipeError(obj)

    monkeypatch.setattr(worker_pool, "_START", "import os; os._exit(1) # {path!r} {fd}")
    monkeypatch.setattr(worker_pool, "Connection", Closed)
    with pytest.raises(ImageError, match="the process that read it died"):
        index_spans(requests(tmp_path), worth=0)


def test_what_a_worker_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "_TELL", 1 << 20)
    asked = requests(tmp_path)
    ours, theirs = socket.socketpair()
    worker = threading.Thread(target=worker_pool.work, args=(theirs.detach(),))
    worker.start()
    with Connection(ours.detach()) as connection:
        connection.send(asked[1])
        told = 0
        while isinstance(answer := connection.recv(), int):
            told += answer
        assert 0 < told <= asked[1].span.size
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
from auditor.image.layers.worker_pool import index_spans
from auditor.image.layers.layer_request import LayerRequest, Span
span = Span({pipe!r}, 0, 1 << 30)
requests = [LayerRequest(span._replace(size=size), "sha256:0", True) for size in (1 << 30, 1 << 29)]
try:
    index_spans(requests, worth=0)
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


def in_session(session: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found
