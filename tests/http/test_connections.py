"""What the requests of a session share."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.exceptions import ProtocolError

from auditor.http.client import HttpClient
from auditor.http.connections import HttpConnections, shut_down
from auditor.http.keyed_cache import KeyedCache
from auditor.http.origin import is_loopback
from tests.builders.fake_registry import SOON, Answer, fake_registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders.fake_registry import Asked, FakeRegistry


class FailedError(Exception):
    pass


def client(connections: HttpConnections) -> HttpClient:
    return HttpClient(connections, lambda failure: FailedError(failure.message), lambda _: True)


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    with fake_registry() as served:
        served.script["/"] = [Answer(body=b"x")]
        yield served


def test_a_server_gets_so_many_requests_at_a_time(server: FakeRegistry) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def rule(_: Asked) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.02)
        with lock:
            now[0] -= 1

    server.rule = rule
    connections = HttpConnections(SOON, 2)
    clients = [client(connections) for _ in range(2)]

    def read(number: int) -> bytes:
        with clients[number % 2].response(f"http://{server.host}/", {}) as response:
            return clients[number % 2].body(response, 10)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(12))) == [b"x"] * 12
    assert (most[0], server.connections) == (2, 2)
    connections.close()


def test_a_request_that_waits_for_its_turn_is_interrupted(server: FakeRegistry) -> None:
    connections = HttpConnections(SOON, 1)
    first, second = client(connections), client(connections)
    url = f"http://{server.host}/"
    with ThreadPoolExecutor(1) as pool, first.response(url, {}):
        waiting = pool.submit(lambda: second.response(url, {}).__enter__())
        while not waiting.running():
            time.sleep(0.001)
        second.close()
        with pytest.raises(FailedError, match="interrupted"):
            waiting.result(timeout=10)
    with first.response(url, {}) as response:  # another client goes on
        assert response.status_code == 200
    connections.close()
    with pytest.raises(FailedError, match="interrupted"):
        first.rest(60)


def test_a_form_is_not_sent_elsewhere(server: FakeRegistry) -> None:
    server.script["/token"] = [Answer(307, headers={"Location": "/"})]
    http = client(HttpConnections(SOON))
    with http.response(f"http://{server.host}/token", {}, form={"secret": "x"}) as response:
        assert response.status_code == 307
    assert len(server.asked) == 1


def test_short_responses_leave_their_connection(server: FakeRegistry) -> None:
    server.script["/old"] = [Answer(503, b"later"), Answer(302, b"there", {"Location": "/"})]
    http = client(HttpConnections(SOON))
    with http.response(f"http://{server.host}/old", {}) as response:
        assert http.body(response, 10) == b"x"
    assert (len(server.asked), server.connections) == (3, 1)


def test_values_are_made_once_and_forgotten_in_order() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key.upper()

    cache: KeyedCache[str, str] = KeyedCache(limit=2)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: cache.get("a", lambda: make("a")), range(20))) == {"A"}
    assert (made, cache.known("a"), cache.known("b")) == (["a"], "A", None)
    assert cache.get("a", lambda: "new", refused="A") == "new"
    assert cache.get("a", lambda: "newer", refused="A") == "new"  # another thread was first
    cache.get("b", lambda: "B")
    cache.get("a", lambda: "")
    cache.get("c", lambda: "C")
    assert [cache.known(key) for key in "abc"] == ["new", None, "C"]
    old: KeyedCache[str, str] = KeyedCache(seconds=-1)
    assert [old.get("a", lambda: make("x")) for _ in range(2)] == ["X", "X"]
    assert made == ["a", "x", "x"]


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("a.b", False)],
)
def test_which_hosts_are_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here


def test_a_response_that_ends_meanwhile_keeps_no_other_open() -> None:
    asked: list[Exception | None] = []

    def response(error: Exception | None) -> Any:  # noqa: ANN401 -- a response's only part
        def shutdown() -> None:
            asked.append(error)
            if error is not None:
                raise error

        return SimpleNamespace(raw=SimpleNamespace(shutdown=shutdown))

    ended = [RuntimeError(), ValueError(), TypeError(), OSError(), ProtocolError("cut"), None]
    shut_down(list(map(response, ended)))
    assert asked == ended
