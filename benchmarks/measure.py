"""Whole commands, timed from outside: seconds, and the memory of all their processes.

Seconds by the wall decide, and depend on what else the machine does; those of the processors that
the command and its children used depend on that much less, and leave out what a daemon does.
Memory is the largest sum of the proportional set sizes (PSS) of the command and its children,
sampled while it runs: pages that several processes share count once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_EVERY = 0.05
"""Seconds between two looks at the memory."""

_NO_BYTECODE = ("PYTHONDONTWRITEBYTECODE",)


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to measure."""

    name: str
    argv: Sequence[str]
    ends: Sequence[int] = (0,)
    """Exit codes that mean that it did its work."""
    before: Callable[[], None] | None = None
    """What puts everything back to the start, not timed."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    seconds: float
    processors: float
    """Seconds of all processors together, of the command and the children it waited for."""
    peak: int
    """Bytes of PSS, all processes together."""


def run(command: Command, environment: Mapping[str, str] | None = None) -> Run:
    """Run a command once; raises `SystemExit` with its last words where it failed."""
    if command.before:
        command.before()
    start = time.perf_counter()
    with subprocess.Popen(
        command.argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(environment or {}),
    ) as process:
        peak = _Peak(process.pid)
        peak.start()
        errors = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        code = process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        peak.stop()
    if code not in command.ends:
        sys.exit(f"{' '.join(command.argv)} ended with {code}:\n{errors.decode(errors='replace')}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, peak.bytes)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command: Python may keep bytecode, as when installed."""
    known = {name: value for name, value in os.environ.items() if name not in _NO_BYTECODE}
    return {**known, **more}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two commands, run in turn."""

    first: list[Run]
    second: list[Run]

    @property
    def ratio(self) -> float:
        """The median of the ratios, pair by pair."""
        return statistics.median(
            one.seconds / other.seconds for one, other in zip(self.first, self.second, strict=True)
        )


def alternate(first: Command, second: Command, pairs: int) -> Comparison:
    """Run two commands A B A B ..., after one uncounted run of each."""
    run(first)
    run(second)
    both = [(run(first), run(second)) for _ in range(pairs)]
    return Comparison([one for one, _ in both], [other for _, other in both])


def median_seconds(runs: Sequence[Run]) -> float:
    """Return the median wall time in seconds."""
    return statistics.median(each.seconds for each in runs)


def median_processors(runs: Sequence[Run]) -> float:
    """Return the median of the processors' time in seconds."""
    return statistics.median(each.processors for each in runs)


def peak_megabytes(runs: Sequence[Run]) -> float:
    """Return the largest memory of any of the runs, in megabytes."""
    return max(each.peak for each in runs) / 1e6


class _Peak(threading.Thread):
    """Watches the memory of a process and of all below it."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._pid = pid
        self._over = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self._over.wait(_EVERY):
            self.bytes = max(self.bytes, sum(map(_pss, _family(self._pid))))

    def stop(self) -> None:
        """End the watch."""
        self._over.set()
        self.join()


def _family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _pss(pid: int) -> int:
    """Return the proportional set size of a process in bytes; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
