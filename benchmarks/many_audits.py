"""Many audits in one process: `python -m benchmarks.many_audits [--small N] [--rounds N]`.

One session audits the sample images that the engine has and small OCI layouts, all different,
in each round once in a loop and once in four threads. Every report has to be the first one's.
Printed for each round: seconds, and the memory, files, threads and children that the process holds;
in the end, what is left once the session is closed. Exits 1 where anything is.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditor import FailedAudit, Request, Resources, Session
from auditor.image.engine.connection import connected
from auditor.report.formats import FORMATS
from sample_locks.build import RECIPES
from tests.builders import interpreter, oci_layout

if TYPE_CHECKING:
    from collections.abc import Sequence

_THREADS = 4
_FLAT = 1.03
"""How much the memory of the last round may be above that of the third one."""


def small_requests(folder: Path, count: int) -> list[Request]:
    """Write images of one locked module each, no two alike, and a lock for all of them."""
    lock = folder / "pylock.toml"
    lock.write_text('lock-version = "1.0"\ncreated-by = "benchmark"\npackages = []\n')
    site = "/usr/local/lib/python3.11/site-packages"
    requests = []
    for number in range(count):
        info = f"{site}/demo{number}-1.0.dist-info"
        files = {
            f"{site}/demo{number}.py": f"number = {number}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: demo{number}\nVersion: 1.0\n",
            f"{info}/RECORD": f"demo{number}.py,,\ndemo{number}-1.0.dist-info/METADATA,,\n",
        }
        layout = oci_layout(folder / f"image{number}", [interpreter(), files])
        requests.append(Request(f"oci:{layout}", lock=lock))
    return requests


def sample_requests() -> list[Request]:
    """Return the audits of the sample images that the engine has."""
    with connected() as api:
        held = {tag for image in api.images() for tag in image.get("RepoTags") or ()}
    return [
        Request(f"docker:{recipe.tag}", lock=recipe.lock)
        for recipe in RECIPES.values()
        if recipe.tag in held
    ]


def outcome(session: Session, request: Request) -> str:
    """Return the report of one audit as JSON, or why there is none."""
    result = session.try_audit(request)
    return result.error if isinstance(result, FailedAudit) else FORMATS["json"](result)


def children() -> int:
    """Count the processes that this one has started and that have not ended."""
    listed = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "comm="],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    return len([name for name in listed if name != "ps"])


def held() -> tuple[int, int, int, int]:
    """Return kB of resident memory, open files, threads and children of this process."""
    status = Path("/proc/self/status").read_text()
    resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return (
        int(resident),
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        children(),
    )


def measured(
    requests: Sequence[Request], rounds: int, resources: Resources
) -> tuple[list[tuple[int, int, int, int]], bool]:
    """Audit everything `rounds` times; return what was held after each, and if all is alike."""
    print(f"{len(requests)} images; before: {held()} (kB, files, threads, children)")
    figures, same, first = [], True, None
    with Session(resources) as session, ThreadPoolExecutor(_THREADS) as pool:
        once = partial(outcome, session)
        for number in range(1, rounds + 1):
            started = time.monotonic()
            for found in ([once(request) for request in requests], [*pool.map(once, requests)]):
                first = first or found
                same = same and found == first
            figures.append(held())
            print(f"round {number}: {time.monotonic() - started:.1f} s, {figures[-1]}")
    return figures, same


def main() -> int:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=6)
    chosen = parser.parse_args()
    _, files, running, _ = held()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        requests = [*sample_requests(), *small_requests(folder, chosen.small)]
        resources = Resources(cache=folder / "cache", pip_cache=Resources.of_user().pip_cache)
        figures, same = measured(requests, chosen.rounds, resources)
    print(f"closed: {held()}; reports the same: {same}")
    after = held()
    left = after[1] > files or after[2] > running or after[3] > 0
    flat = figures[-1][0] <= figures[2][0] * _FLAT
    print(f"memory flat after the third round: {flat}; files, threads or children left: {left}")
    return int(left or not flat or not same)


if __name__ == "__main__":
    sys.exit(main())
