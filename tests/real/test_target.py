"""The same lock installed with `--target` into a directory that PYTHONPATH names."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest

from sample_locks import interpreter
from sample_locks.fetch import LOCKS
from sample_locks.layout import ARCHITECTURES, Config, Layer, files_below, write
from tests.builders.audits import check, do

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.network

SAMPLE = "agent-proxy"

INSTALLS = {
    "pip": ("pip", "install", "--no-index", "--no-deps", "--no-compile", "--requirement"),
    "pip-bytecode": ("pip", "install", "--no-index", "--no-deps", "--compile", "--requirement"),
    "uv-pip-sync": ("uv", "pip", "sync", "--no-index"),
    "uv-pip-sync-bytecode": ("uv", "pip", "sync", "--no-index", "--compile-bytecode"),
}


@pytest.mark.parametrize("installer", INSTALLS)
def test_a_target_on_pythonpath_is_consistent(
    installer: str, installers: Path, fetched: Callable[[str], Path], tmp_path: Path
) -> None:
    lock = fetched(SAMPLE) / LOCKS[SAMPLE]
    target = tmp_path / "target"
    tool, *arguments = INSTALLS[installer]
    do(installers / tool, *arguments, lock, f"--target={target}")
    python = interpreter.interpreter()
    base = {**interpreter.files(python), **interpreter.system_libraries(python.executable)}
    layers = [
        Layer("COPY python /usr/local", base),
        Layer("COPY libraries /app/libraries", files_below(target, "/app/libraries")),
    ]
    machine = platform.machine()
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": "/app/libraries"}
    config = Config(ARCHITECTURES.get(machine, machine), environment, ("python", "-m", "app"))
    write(tmp_path / "image", "target", layers, config)

    audit = check(f"oci:{tmp_path / 'image'}:target", lock)

    audit.assert_consistent("proven")
    assert {row["unproven_files"] for row in audit.report["packages"]} == {0}
    assert bool(list(target.glob("aiohttp/__pycache__"))) == installer.endswith("bytecode")
