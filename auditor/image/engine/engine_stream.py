"""The long answers of a container engine, `save` and `export`, read as they arrive."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from auditor.errors import EngineError, ImageError
from auditor.image.engine.connection import connected, engine_errors
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from docker.api.client import APIClient

    from auditor.model import Image

CHUNK = 1 << 20
"""Bytes to ask for at once; an engine sends 32 KiB."""


class EngineStream:
    """What an engine streams, read like a file, with the connection that it comes over.

    Raises `EngineError`, here and while reading, where the engine refuses or stops halfway.
    """

    def __init__(self, request: Callable[[APIClient], Generator[bytes, None, None]]) -> None:
        with ExitStack() as stack:
            api = stack.enter_context(connected(answer_seconds=None))
            self._chunks = request(api)
            stack.callback(self._chunks.close)
            # A refusal comes in the place of the first bytes: raise it at once.
            self._rest = memoryview(next(self._chunks, b""))
            self._connection = stack.pop_all()
        self._last = self._rest

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        while not self._rest:
            with engine_errors():
                chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = self._last = memoryview(chunk)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)

    def failure(self) -> str | None:
        """Return the error with which the engine ended the stream, if any (API 1.41)."""
        _, mark, message = bytes(self._last).rpartition(b'{"errorDetail":')
        try:
            return str(json.loads(mark + message)["error"]) if mark else None
        except (ValueError, KeyError):
            return None

    def close(self) -> None:
        """Close the connection, whether or not all was read."""
        self._connection.close()


def read_stream(opened: Callable[[], EngineStream], read: Callable[[EngineStream], Image]) -> Image:
    """Read an image from what the engine streams."""
    with closing(opened()) as stream:
        try:
            return read(stream)
        except ImageError as error:
            message = stream.failure()
            if message is None:
                raise
            raise EngineError(
                f"the container engine stopped halfway: {one_line(message)}",
                "see the engine's log; its store may be damaged or its disk full",
            ) from error
