"""What an audit may cost."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sample_locks.fetch import LOCKS, SAMPLES
from tests.builders.audits import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEGABYTE = 1024  # in the kB of /proc


def test_the_version_comes_at_once() -> None:
    argv = [sys.executable, "-m", "auditor", "--version"]
    took = []
    for _ in range(5):
        # Time on a processor, not on the clock: other tests run beside this one.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, cwd=PROJECT, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(took) < 0.150


def _family(process: int) -> Iterator[int]:
    yield process
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(int(child))


def _proportional_memory(process: int) -> int:
    """Return the PSS of a process and all its children, in kB."""
    total = 0
    with suppress(OSError):  # one of them has just ended
        for pid in _family(process):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_production_shaped_image_fits_in_300_megabytes(sample: Callable[[str], str]) -> None:
    lock = SAMPLES / "backend" / LOCKS["backend"]
    argv = [sys.executable, "-m", "auditor", "check", f"docker:{sample('backend-clean')}"]
    argv += ["--lock", str(lock), "--format", "json"]
    peak = 0

    with subprocess.Popen(argv, cwd=PROJECT, stdout=subprocess.DEVNULL) as audit:
        while audit.poll() is None:
            peak = max(peak, _proportional_memory(audit.pid))
            time.sleep(0.05)

    assert audit.returncode == 0
    assert 10 * MEGABYTE < peak < 300 * MEGABYTE
