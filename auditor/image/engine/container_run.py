"""One command run inside an image, in a container that can do next to nothing.

The image is hostile: its command gets no network, a read-only root, no capabilities, little
memory, few processes, no file to write and a time limit, and whatever happens the container
is removed. What it prints is returned as bytes; why it could not run is a clause, not an error.
"""

from __future__ import annotations

import re
import struct
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docker.errors import APIError

from auditor.image.engine.connection import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    ENGINE_ERRORS,
    raise_for_status,
)
from auditor.image.engine.container import Command, RunLimits, new_container
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import requests
    from docker.api.client import APIClient

    from auditor.image.engine.container_thread import Latch
    from auditor.image.engine.inspection import Inspected

_CHUNK = 64 << 10
"""Bytes of output to read at once."""

_HEADER = struct.Struct(">B3xL")
"""The head of each frame of an attached stream."""

_NOT_STARTED = re.compile(
    "(exec format error|no such file or directory|permission denied)", re.IGNORECASE
)
"""Why the kernel refuses a program, in the words of every runtime."""

_RUNTIME_ERROR = re.compile(r'(standard_init_linux\.go:\d+: |\{"msg":")?exec [^\n]*\Z')
"""The only line that a runtime prints then: runc, old runc, crun."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command in an image did."""

    exit_code: int | None
    """None where it did not start or did not end by itself; 128 + N where signal N ended it."""
    stdout: bytes
    stderr: bytes
    failure: str | None = None
    """Why it did not run to its end, as a clause; None where it did."""


class _Output:
    """What a container prints, read by a thread of its own."""

    def __init__(self, response: requests.Response, limit: int, stop: Latch) -> None:
        self._response = response
        self._limit = limit
        self._stop = stop
        self._raw = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._ended = False
        self.exceeded = False

    def _read(self) -> None:
        # Over the limit it hangs up at once: an engine that cannot get rid of the output
        # cannot get rid of the container. A stream that breaks has ended too: the exit code,
        # or its absence, shows the rest.
        with suppress(*ENGINE_ERRORS), self._response:
            for chunk in self._response.iter_content(_CHUNK):
                self._raw += chunk
                if len(self._raw) > self._limit:
                    self.exceeded = True
                    break
        self._ended = True
        self._stop.set()

    def ends_within(self, seconds: float) -> bool:
        """Read until the end or the limit, but no longer than this; return whether it ended."""
        self._thread.start()
        self._stop.wait(seconds)
        return self._ended

    def completed(self, exit_code: int | None, failure: str | None = None) -> Completed:
        """Return what was printed, with how it ended."""
        return Completed(exit_code, *demultiplexed(bytes(self._raw)), failure)

    def close(self) -> None:
        """Close the connection of a container that is removed: it has ended, or never began."""
        if self._thread.ident is None:
            self._response.close()
        else:
            self._thread.join(CONNECT_SECONDS)


def demultiplexed(raw: bytes) -> tuple[bytes, bytes]:
    """Split an attached stream into standard output and standard error.

    Engine API, "Attach to a container": frames of a stream's number, three zero bytes, a
    length (32 bits, big-endian) and that many bytes. A frame cut short counts as far as it goes.
    """
    streams = (bytearray(), bytearray(), bytearray())
    at = 0
    while at + _HEADER.size <= len(raw):
        number, length = _HEADER.unpack_from(raw, at)
        at += _HEADER.size
        streams[min(number, 2)].extend(raw[at : at + length])
        at += length
    return bytes(streams[1]), bytes(streams[2])


def run_container(
    api: APIClient,
    image: Inspected,
    command: Command,
    stop: Latch,
    on_start: Callable[[], None] = lambda: None,
) -> Completed:
    """Run a command in a new container of the inspected `image`, and remove the container.

    It ends early once `stop` is set, which its own end sets too; `on_start` is called once it
    runs. Raises `EngineError` where the engine itself fails.
    """
    with ExitStack() as stack:
        try:
            with new_container(api, image, command) as name:
                output = _Output(_attach(api, name), command.limits.output, stop)
                stack.callback(output.close)
                api.start(name)
                on_start()
                return _start_failure(_ended(api, output, name, command.limits), command.argv)
        except APIError as error:
            return Completed(None, b"", b"", _refusal(error, command.argv))


def _ended(api: APIClient, output: _Output, name: str, limits: RunLimits) -> Completed:
    ended = output.ends_within(limits.seconds)
    if output.exceeded:
        return output.completed(None, f"its output went over {limits.output:,} bytes")
    if not ended:
        return output.completed(None, f"it did not end within {limits.seconds:g} seconds")
    code = int(api.wait(name, timeout=ANSWER_SECONDS)["StatusCode"])
    if api.inspect_container(name)["State"].get("OOMKilled"):
        return output.completed(code, f"it needed more than {limits.memory:,} bytes of memory")
    return output.completed(code)


def _attach(api: APIClient, name: str) -> requests.Response:
    """Ask for both output streams of a container that has not started yet.

    The SDK's own `attach` returns them too, but cannot close the connection.
    """
    response = api.post(
        f"{api.base_url}/v{api.api_version}/containers/{name}/attach",
        params={"stdout": "1", "stderr": "1", "stream": "1"},
        stream=True,
        timeout=(CONNECT_SECONDS, None),
    )
    raise_for_status(response)
    return response


def _refusal(error: APIError, argv: Sequence[str]) -> str:
    message = str(error.explanation or error)
    cause = _NOT_STARTED.search(message)
    if cause and argv[0] in message:
        return _cannot_start(argv, cause[1])
    return f"the container engine refused: {one_line(message)}"


def _start_failure(completed: Completed, argv: Sequence[str]) -> Completed:
    """Return a program that the kernel refused as one that did not start, others as they are.

    For the runtime the container has started by then, so it can only print its error.
    """
    message = completed.stderr.decode(errors="replace").strip()
    cause = _NOT_STARTED.search(message)
    if completed.exit_code and cause and _RUNTIME_ERROR.match(message) and not completed.stdout:
        return Completed(None, b"", completed.stderr, _cannot_start(argv, cause[1]))
    return completed


def _cannot_start(argv: Sequence[str], why: str) -> str:
    return f"{one_line(argv[0])} cannot be started in a container: {why.lower()}"
