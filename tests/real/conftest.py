"""Installers, sample images and layouts, each made once for all the processes of a run."""

from __future__ import annotations

import fcntl
import os
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import pytest

from sample_locks.build import RECIPES
from sample_locks.build import build as build_sample
from sample_locks.demo.__main__ import build as build_demo
from sample_locks.fetch import Target, fetch
from tests.builders.audits import PROJECT, do

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CACHE = PROJECT / ".cache"
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))[:8]
"""Tells this run's images from those of another one on the same engine."""


@contextmanager
def one_at_a_time(what: str) -> Iterator[IO[str]]:
    """Hold a lock that the other processes of this run wait for; give the file that is locked."""
    locks = CACHE / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / what).open("a+") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        yield stream


@pytest.fixture(scope="session")
def fetched() -> Callable[[str], Path]:
    """Fetch the files of a sample lock for the running Python; give the sample's folder."""

    def get(name: str) -> Path:
        with one_at_a_time(f"fetch-{name}"):
            return fetch(name, Target.running()).parent

    return get


@pytest.fixture(scope="session")
def installers(fetched: Callable[[str], Path]) -> Path:
    """Folder with the `pip` and the `uv` that the sample lock `tools` names."""
    tools = fetched("tools")
    venv = CACHE / f"installers-{sys.version_info[0]}.{sys.version_info[1]}"
    with one_at_a_time("installers"):
        if not (venv / "done").exists():
            do(sys.executable, "-m", "venv", "--clear", venv)
            pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-index"]
            do(*pip, "--upgrade", f"--find-links={tools / 'wheels'}", "pip", "uv")
            (venv / "done").touch()
    return venv / "bin"


@pytest.fixture(scope="session")
def sample() -> Callable[[str], str]:
    """Build a sample image, once in a run, and give its tag."""

    def get(name: str) -> str:
        with one_at_a_time(f"build-{name}") as done_by:
            if done_by.read() != RUN:
                with one_at_a_time("build"):
                    build_sample(name)
                done_by.truncate(0)
                done_by.write(RUN)
        return RECIPES[name].tag

    return get


@pytest.fixture(scope="session")
def derived(
    sample: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., str]]:
    """Build an image from a sample image and further instructions; removed afterwards."""
    made: list[str] = []
    process = f"{RUN}-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"

    def get(name: str, base: str, *instructions: str, context: Path | None = None) -> str:
        dockerfile = tmp_path_factory.mktemp(name) / "Dockerfile"
        dockerfile.write_text("\n".join((f"FROM {sample(base)}", *instructions, "")))
        tag = f"auditor-test/{name}:{process}"
        made.append(tag)
        build = ["docker", "build", "--quiet", "--force-rm", f"--tag={tag}", f"--file={dockerfile}"]
        do(*build, context or dockerfile.parent)
        return tag

    yield get
    if made:
        do("docker", "image", "rm", "--force", *made)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Have a folder filled by the first process of a run that asks for it."""
    temporary = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        temporary = temporary.parent  # each process has its own below this run's

    def get(name: str, fill: Callable[[Path], None]) -> Path:
        folder = temporary / f"once-{name}"
        with one_at_a_time(f"once-{name}"):
            if not (folder / "filled").exists():
                folder.mkdir()
                fill(folder)
                (folder / "filled").touch()
        return folder

    return get


@pytest.fixture(scope="session")
def demo_folder(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """The demo's images: an OCI layout `image` and the trees it was made from."""
    return once("demo", build_demo)
