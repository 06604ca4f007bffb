"""Locked artifacts behind a line of a known width, and what fetching them alone takes.

`python -m benchmarks.artifacts serve DIRECTORY` prints its address and serves the files there,
all answers together at `RATE`; `... fetch URL...` gets them, eight at a time, and throws them
away.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any, BinaryIO

RATE = 50_000_000
"""Bytes in a second: a line of 400 Mbit/s."""

_PIECE = 64 * 1024
_AT_ONCE = 8


class Line:
    """What all answers share."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free = 0.0
        """When the line is free again, by the monotonic clock."""

    def carry(self, size: int) -> None:
        """Wait as long as `size` bytes take when their turn comes."""
        with self._lock:
            self._free = max(self._free, time.monotonic()) + size / self._rate
            wait = self._free - time.monotonic()
        time.sleep(max(wait, 0.0))


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, line: Line, **named: Any) -> None:  # noqa: ANN401
        self._line = line
        super().__init__(*arguments, **named)

    def copyfile(self, source: IO[bytes], outputfile: BinaryIO) -> None:  # type: ignore[override]
        while piece := source.read(_PIECE):
            self._line.carry(len(piece))
            outputfile.write(piece)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        """Say nothing."""


def serve(folder: str) -> None:
    """Serve a folder until the process is ended."""
    handler = partial(_Handler, directory=folder, line=Line(RATE))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


def fetch(url: str) -> None:
    """Get one file and throw it away."""
    with urllib.request.urlopen(url) as answer, open("/dev/null", "wb") as nowhere:  # noqa: S310
        shutil.copyfileobj(answer, nowhere, _PIECE)


def main() -> None:
    """Do what the command line says."""
    what, *names = sys.argv[1:]
    if what == "serve":
        serve(*names)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(fetch, names):
            pass


if __name__ == "__main__":
    main()
