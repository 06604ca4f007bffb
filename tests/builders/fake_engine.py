"""A server on a socket that speaks as much of the Engine API as a test tells it to."""

from __future__ import annotations

import io
import json
import re
import tarfile
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from auditor.image.reference import Reference, Transport
from tests.builders.images import docker_archive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

VERSION = {"ApiVersion": "1.41", "Os": "linux", "Arch": "arm64", "Components": []}


class Call(BaseHTTPRequestHandler):
    """One request; answers are chosen by `METHOD /path` without the API version."""

    protocol_version = "HTTP/1.1"
    answers: Mapping[str, Answer]
    seen: list[str]

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(re.sub(r"^/v[0-9.]+", "", self.path).partition("?")[0])
        call = f"{self.command} {re.sub('auditor-[0-9a-f]{32}', 'NAME', path)}"
        self.seen.append(call)
        self.answers.get(call, status(404, f"nothing at {call}"))(self)

    do_GET = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def send(self, content: bytes, code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def asked(self, name: str) -> str:
        """Return one parameter of the request."""
        return parse_qs(urlsplit(self.path).query)[name][0]

    def stream(self, content: bytes, *, whole: bool = True) -> None:
        """Send chunks, as an engine does; without the last one where the engine dies."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(content), 32768):
            chunk = content[at : at + 32768]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if whole:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True


Answer = Callable[[Call], None]


def status(code: int, message: str) -> Answer:
    return lambda call: call.send(json.dumps({"message": message}).encode(), code)


def value(content: object) -> Answer:
    return lambda call: call.send(json.dumps(content).encode())


def stream(content: bytes, *, whole: bool = True) -> Answer:
    return lambda call: call.stream(content, whole=whole)


def cut() -> Answer:
    def hang_up(call: Call) -> None:
        call.close_connection = True

    return hang_up


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up; a test sees what it was answered."""


@contextmanager
def fake_engine(socket: Path, answers: Mapping[str, Answer]) -> Iterator[list[str]]:
    """Serve these answers, and the API version; gives the calls made so far."""
    seen: list[str] = []
    told = {"GET /version": value(VERSION), **answers}
    handler = type("Handler", (Call,), {"answers": told, "seen": seen})
    with _Server(str(socket), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()


# ------------------------------------------------------- an image `thing` that an engine holds

THING = Reference(Transport.DOCKER, "thing", "thing")
SAVED = docker_archive([{"/etc/a": "a"}, {"/etc/b": "b"}])


def saved_facts(saved: bytes = SAVED, **changes: object) -> dict[str, object]:
    """Return what an engine that saves this archive says of the image."""
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
