"""Live environments, made from a lock by each installer, are what the lock says."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from sample_locks.fetch import LOCKS, SAMPLES, Target, requirement_lines, wanted
from tests.builders.audits import check, do

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.network

SAMPLE = "agent-proxy"

PYPROJECT = """\
[project]
name = "own-project"
version = "2.1.0"
requires-python = ">=3.11"
dependencies = ["requests"]
[dependency-groups]
dev = ["iniconfig"]
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
"""


def _uv_sync(bin_folder: Path, venv: Path, sample: Path, *, bytecode: bool) -> None:
    compiling = ["--compile-bytecode"] if bytecode else []
    uv = [bin_folder / "uv", "pip", "sync", f"--python={venv}", "--no-index", *compiling]
    do(*uv, sample / LOCKS[sample.name])


def _pip(bin_folder: Path, venv: Path, requirement: Path, *options: str) -> None:
    pip = [bin_folder / "pip", f"--python={venv / 'bin' / 'python'}", "install", "--no-index"]
    do(*pip, *options, f"--requirement={requirement}")


def _pip_hashes(bin_folder: Path, venv: Path, sample: Path, *, bytecode: bool) -> None:
    requirements = venv.with_suffix(".txt")
    files = wanted(sample / LOCKS[sample.name], Target.running())
    requirements.write_text(requirement_lines(files))
    compiling = "--compile" if bytecode else "--no-compile"
    find = f"--find-links={sample / 'wheels'}"
    _pip(bin_folder, venv, requirements, "--require-hashes", compiling, find)


def _pip_lock(bin_folder: Path, venv: Path, sample: Path, *, bytecode: bool) -> None:
    compiling = "--compile" if bytecode else "--no-compile"
    _pip(bin_folder, venv, sample / LOCKS[sample.name], compiling)


@pytest.mark.parametrize("bytecode", [False, True], ids=["sources", "bytecode"])
@pytest.mark.parametrize(
    "install",
    [_uv_sync, _pip_hashes, _pip_lock],
    ids=["uv-pip-sync", "pip-require-hashes", "pip-pylock"],
)
def test_an_environment_made_from_the_lock_is_consistent(
    install: Callable[..., None],
    bytecode: bool,
    installers: Path,
    fetched: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    sample = fetched(SAMPLE)
    venv = tmp_path / "venv"
    do(sys.executable, "-m", "venv", "--without-pip", venv)

    install(installers, venv, sample, bytecode=bytecode)
    audit = check(f"env:{venv}", SAMPLES / SAMPLE / LOCKS[SAMPLE])

    audit.assert_consistent("proven")
    assert bool(list(venv.glob("lib/*/site-packages/aiohttp/__pycache__"))) == bytecode


@pytest.mark.parametrize("bytecode", [False, True], ids=["sources", "bytecode"])
def test_a_project_synced_by_uv_is_what_it_exports(
    bytecode: bool, installers: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "src" / "own_project").mkdir(parents=True)
    (project / "src" / "own_project" / "__init__.py").touch()
    (project / "pyproject.toml").write_text(PYPROJECT)
    uv = [installers / "uv", "--quiet", f"--project={project}"]
    env = {**os.environ, "UV_PYTHON": sys.executable}
    compiling = ["--compile-bytecode"] if bytecode else []

    do(*uv, "sync", *compiling, env=env)
    lock = project / "pylock.toml"
    do(*uv, "export", "--format=pylock.toml", f"--output-file={lock}", env=env)
    audit = check(f"env:{project / '.venv'}", lock)

    # An editable install is what the lock asks for here, and its source is in place.
    audit.assert_consistent()
    degrees = audit.degrees
    assert degrees.pop("own-project") == "recorded"  # from a directory: no hash is locked
    assert {"requests", "iniconfig"} <= degrees.keys()
    assert set(degrees.values()) == {"proven"}


def test_what_was_added_changed_and_removed_is_named(
    installers: Path, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    sample = fetched(SAMPLE)
    drift = fetched("drift")
    venv = tmp_path / "venv"
    do(sys.executable, "-m", "venv", "--without-pip", venv)
    _uv_sync(installers, venv, sample, bytecode=False)
    uv = [installers / "uv", "pip"]
    wheels = f"--find-links={drift / 'wheels'}"
    do(*uv, "install", f"--python={venv}", "--no-index", wheels, "humanize")
    do(*uv, "uninstall", f"--python={venv}", "markupsafe")
    (edited,) = venv.glob("lib/*/site-packages/requests/api.py")
    source = edited.read_text()
    edited.unlink()  # uv links files to its cache, which has to stay as it is
    edited.write_text(source + "# edited\n")

    audit = check(f"env:{venv}", SAMPLES / SAMPLE / LOCKS[SAMPLE])

    assert audit.code == 1
    assert audit.findings >= {
        ("LI102", "humanize"),
        ("LI101", "markupsafe"),
        ("LI201", "requests"),
    }
    assert audit.found("LI201")["path"].endswith("/requests/api.py")
