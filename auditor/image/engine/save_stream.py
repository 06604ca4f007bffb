"""The long answers of a container engine, `save` and `export`, read while they come."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from auditor.errors import EngineError, ImageError
from auditor.image.engine.connection import connected, refusals
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from docker.api.client import APIClient

    from auditor.model import Image

    Chunks = Generator[bytes, None, None]


class Answer:
    """An engine's streamed answer, read like a file, with the connection that it comes over.

    Raises `EngineError`, here and while reading, where the engine refuses or breaks off.
    """

    def __init__(self, ask: Callable[[APIClient], Chunks]) -> None:
        with ExitStack() as stack:
            api = stack.enter_context(connected(patient=True))
            chunks = ask(api)
            stack.callback(chunks.close)
            self._chunks = chunks
            # A refusal comes in the place of the first bytes: tell it at once.
            self._left = memoryview(next(chunks, b""))
            self._connection = stack.pop_all()
        self._last: bytes | memoryview = self._left

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""
        while not self._left:
            with refusals():
                chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._left = self._last = memoryview(chunk)
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)

    def failure(self) -> str | None:
        """Return what the engine said if it ended its answer with an error (API 1.41)."""
        _, mark, said = bytes(self._last).rpartition(b'{"errorDetail":')
        try:
            return str(json.loads(mark + said)["error"]) if mark else None
        except (ValueError, KeyError):
            return None

    def close(self) -> None:
        """Hang up, whether or not all was read."""
        self._connection.close()


def read_answer(opener: Callable[[], Answer], reader: Callable[[Answer], Image]) -> Image:
    """Read an image from the engine's answer, and hang up."""
    with closing(opener()) as answer:
        try:
            return reader(answer)
        except ImageError as error:
            said = answer.failure()
            if said is None:
                raise
            raise EngineError(
                f"the container engine broke off: {one_line(said)}",
                "see the engine's log; its store may be damaged or its disk full",
            ) from error
