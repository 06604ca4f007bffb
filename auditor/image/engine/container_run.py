"""One command run inside an image, in a container that can do next to nothing.

The image is hostile: its command gets no network, a read-only root, no capabilities, little
memory, few processes, no file to write and a time limit, and whatever happens the container
is removed. What it prints is handed on as bytes; that it could not run is a clause, no error.
"""

from __future__ import annotations

import re
import struct
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from docker.errors import APIError, NotFound, create_api_error_from_http_exception

from auditor.errors import EngineError
from auditor.image.engine.connection import ANSWER_SECONDS, CONNECT_SECONDS, TROUBLE, engine_error
from auditor.image.engine.container_config import Command, RunLimits, container_config
from auditor.image.engine.interrupts import Interrupts
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from docker.api.client import APIClient

_CHUNK = 64 << 10
"""Bytes of output read at once; the last ones come at the end anyway."""

_HEADER = struct.Struct(">B3xL")
"""What stands before every piece of an attached stream."""

_NOT_STARTED = re.compile(
    "(exec format error|no such file or directory|permission denied)", re.IGNORECASE
)
"""Why the kernel refuses a program, in the words of every runtime."""

_COMPLAINT = re.compile(r'(standard_init_linux\.go:\d+: |\{"msg":")?exec [^\n]*\Z')
"""How a runtime's complaint about that begins, its only line: runc, old runc, crun."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command in an image did."""

    exit_code: int | None
    """None where it did not start or did not end by itself; 128 + N where signal N ended it."""
    stdout: bytes
    stderr: bytes
    failure: str | None = None
    """Why it did not run to its end, as a clause; None where it did."""


class LeftBehindError(EngineError):
    """A container that the engine does not remove; whoever runs the audit has to."""


class _Output:
    """What a container prints, taken up by a thread of its own."""

    def __init__(self, response: requests.Response, limit: int, wake: threading.Event) -> None:
        self._response = response
        self._limit = limit
        self._wake = wake
        self._raw = bytearray()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._ended = False
        self.over = False

    def _take(self) -> None:
        # Over the limit it hangs up at once: an engine that cannot get rid of the output
        # cannot get rid of the container. A stream that breaks has ended too: the exit code,
        # or its absence, tells the rest.
        with suppress(*TROUBLE), self._response:
            for chunk in self._response.iter_content(_CHUNK):
                self._raw += chunk
                if len(self._raw) > self._limit:
                    self.over = True
                    break
        self._ended = True
        self._wake.set()

    def ends_within(self, seconds: float) -> bool:
        """Read until the end or the limit, but no longer than this; tell whether it ended."""
        self._thread.start()
        self._wake.wait(seconds)
        return self._ended

    def completed(self, exit_code: int | None, failure: str | None = None) -> Completed:
        """Return what was printed, with how it ended."""
        return Completed(exit_code, *demultiplexed(bytes(self._raw)), failure)

    def close(self) -> None:
        """Let go of the connection; the container is gone, so it has ended or never began."""
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


def run_container(  # noqa: PLR0913 - two have a default, and are given by name
    api: APIClient,
    image: Mapping[str, Any],
    command: Command,
    limits: RunLimits,
    *,
    wake: threading.Event | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Completed:
    """Run a command in a new container of the inspected `image`, and remove the container.

    It ends early once another thread sets `wake`; `meanwhile` is called once it runs. Raises
    `EngineError` where the engine itself fails.
    """
    # The name is ours and known before the request: a creation that is cut off halfway can
    # still be undone.
    name = f"auditor-{uuid.uuid4().hex}"
    config = container_config(image, command, limits, can_unset=not _is_podman(api))
    with Interrupts() as interrupts:
        output = None
        try:
            api.create_container_from_config(config, name=name)  # type: ignore[no-untyped-call]
            output = _Output(_attach(api, name), limits.output, wake or threading.Event())
            with interrupts.allowed():
                return _judged(_ran(api, output, name, limits, meanwhile), command.argv)
        except APIError as error:
            return Completed(None, b"", b"", _refusal(error, command.argv))
        finally:
            remove_container(api, name)
            if output is not None:
                output.close()


def _is_podman(api: APIClient) -> bool:
    components: Iterable[Mapping[str, Any]] = api.version().get("Components") or ()
    return any("podman" in str(component.get("Name")).lower() for component in components)


def _ran(
    api: APIClient,
    output: _Output,
    name: str,
    limits: RunLimits,
    meanwhile: Callable[[], None] | None,
) -> Completed:
    """Start the container and wait for its end, or for one of the limits."""
    api.start(name)
    if meanwhile is not None:
        meanwhile()
    ended = output.ends_within(limits.seconds)
    if output.over:
        return output.completed(None, f"its output went over {limits.output:,} bytes")
    if not ended:
        return output.completed(None, f"it did not end within {limits.seconds:g} seconds")
    code = int(api.wait(name, timeout=ANSWER_SECONDS)["StatusCode"])
    if api.inspect_container(name)["State"].get("OOMKilled"):
        return output.completed(code, f"it needed more than {limits.memory:,} bytes of memory")
    return output.completed(code)


def _attach(api: APIClient, name: str) -> requests.Response:
    """Ask for both output streams of a container that has not started yet.

    The SDK's own `attach` gives them too, but cannot let go of the connection again.
    """
    response = api.post(
        f"{api.base_url}/v{api.api_version}/containers/{name}/attach",
        params={"stdout": "1", "stderr": "1", "stream": "1"},
        stream=True,
        timeout=(CONNECT_SECONDS, None),
    )
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        with response:
            create_api_error_from_http_exception(error)
    return response


def _refusal(error: APIError, argv: Sequence[str]) -> str:
    """Say why the engine did not create or start the container."""
    said = str(error.explanation or error)
    refused = _NOT_STARTED.search(said)
    if refused and argv[0] in said:
        return _cannot_start(argv, refused[1])
    return f"the container engine refused: {one_line(said)}"


def _judged(completed: Completed, argv: Sequence[str]) -> Completed:
    """Tell a program that the kernel refused from one that failed.

    For the runtime the container has started by then, so it can only print its complaint.
    """
    said = completed.stderr.decode(errors="replace").strip()
    refused = _NOT_STARTED.search(said)
    if completed.exit_code and refused and _COMPLAINT.match(said) and not completed.stdout:
        return Completed(None, b"", completed.stderr, _cannot_start(argv, refused[1]))
    return completed


def _cannot_start(argv: Sequence[str], why: str) -> str:
    return f"{one_line(argv[0])} cannot be started in a container: {why.lower()}"


def remove_container(api: APIClient, name: str) -> None:
    """Remove the container, running or not, and its anonymous volumes.

    Raises `LeftBehindError` where the engine does not do so: nothing stays in silence.
    """
    try:
        api.remove_container(name, force=True, v=True)
    except NotFound:
        return
    except TROUBLE as error:
        raise LeftBehindError(
            f"the container {name} could not be removed: {engine_error(error).message}",
            f"remove it by hand: docker rm --force --volumes {name}",
        ) from error
