"""The process in which untrusted code objects are read: one request at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from auditor.evidence.code_digest import HEADER

if TYPE_CHECKING:
    from types import TracebackType

_SCRIPT = Path(__file__).with_name("code_digest.py")
_COMMAND = (sys.executable, "-I", "-S", "-B", "-W", "ignore", str(_SCRIPT))
_SECONDS = 60.0
"""Wall time after which a request counts as hopeless."""
_DEATHS = 5
"""Processes that may die of their input before nobody is asked any more."""


class ExhaustedError(Exception):
    """Too many processes died of what they were given."""


class CodeProcess:
    """Asks for digests of code; starts a new process where one has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        """Processes that died of what they were given."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def ask(self, kind: bytes, optimize: int, data: bytes) -> list[str]:
        """Give the words of the answer; none where there is no code to be had.

        Raises `ExhaustedError` where this has killed too many processes.
        """
        if self.deaths >= _DEATHS:
            raise ExhaustedError
        process = self._process = self._process or _started()
        if process.stdin is None or process.stdout is None:
            raise ExhaustedError
        watch = threading.Timer(_SECONDS, process.kill)
        watch.start()
        line = b""
        try:
            with suppress(OSError):
                process.stdin.write(HEADER.pack(kind, optimize, len(data)) + data)
                process.stdin.flush()
                line = process.stdout.readline(256)
        finally:
            watch.cancel()
        if not line.endswith(b"\n"):
            self.deaths += 1
            self._end()
            return []
        words = line.decode("ascii", "replace").split()
        return [] if words == ["-"] else words

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            with suppress(OSError):
                self._process.communicate()
            self._process = None


def _started() -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and our own script
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
    )
