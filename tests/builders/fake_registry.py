"""A registry in this process that answers as a test says: for what real ones do on bad days."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from auditor.http.retries import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from ssl import SSLContext

SOON = RetryPolicy(connect=2, read=0.3, tries=3, pause=0.01, longest=1)
"""Patience with servers of this process."""


class Answer(NamedTuple):
    """What the registry says to one question."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    """Empty ones are left out."""
    cut: int | None = None
    """Close the connection after so many bytes of the body."""
    stall: bool = False
    """Then say nothing more."""


class Asked(NamedTuple):
    """One question that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Script = dict[str, list[Answer]]
"""Path without the query -> its answers in turn; the last one is given for ever."""


class FakeRegistry:
    """Its address, its script, and what it was asked."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.script: Script = {}
        self.asked: list[Asked] = []
        self.rule: Callable[[Asked], Answer | None] = lambda _: None
        """Asked before the script."""
        self.over = threading.Event()
        self.connections = 0
        """TCP connections that were accepted."""

    def blob(self, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        self.script[f"/v2/app/blobs/sha256:{digest}"] = [Answer(body=content)]

    def manifest(self, content: bytes, *names: str) -> None:
        for name in (*names, f"sha256:{hashlib.sha256(content).hexdigest()}"):
            self.script[f"/v2/app/manifests/{name}"] = [Answer(body=content)]

    def image(self, members: Mapping[str, bytes], tag: str = "latest") -> None:
        """Hold every blob of a layout, and its one image under a tag."""
        for name, content in members.items():
            if name.startswith("blobs/"):
                self.blob(content)
                self.manifest(content)
        (listed,) = json.loads(members["index.json"])["manifests"]
        self.manifest(members["blobs/" + listed["digest"].replace(":", "/")], tag)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        path = asked.path.partition("?")[0]
        given = self.rule(asked)
        if given is None:
            answers = self.script.get(path)
            if answers is None:
                return Answer(404)
            given = answers[0] if len(answers) == 1 else answers.pop(0)
        wanted = asked.headers.get("Range", "").removeprefix("bytes=")
        if wanted and given.status == 200 and given.headers.get("Accept-Ranges") != "none":
            first, _, last = wanted.partition("-")
            size = len(given.body)
            at = int(first) if first else max(size - int(last), 0)
            end = min(int(last) + 1, size) if first and last else size
            said = {"Content-Range": f"bytes {at}-{end - 1}/{size}", **given.headers}
            return given._replace(status=206, body=given.body[at:end], headers=said)
        return given


@contextmanager
def fake_registry(tls: SSLContext | None = None) -> Iterator[FakeRegistry]:
    """Serve on a free port of this machine, without TLS unless told how."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            registry.connections += 1

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = dict(self.headers.items())
            asked = Asked(self.command, self.path, headers, self.rfile.read(length))
            answer = registry.answer(asked)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut])
            if answer.stall:
                self.wfile.flush()
                registry.over.wait(30)
            self.close_connection = answer.stall or answer.cut is not None

        do_POST = do_GET  # noqa: N815 -- the name that http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    registry = FakeRegistry(f"127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield registry
    finally:
        registry.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
