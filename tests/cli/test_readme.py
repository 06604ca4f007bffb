from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.catalogue import KINDS
from auditor.errors import ExitCode
from auditor.image.reference import Transport

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Project, Result

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_help_block_is_the_real_one(invoke: Callable[..., Result]) -> None:
    result = invoke("check", "--help")
    assert result.exit_code == 0
    assert f"\n```\n$ auditor check --help\n{result.stdout}```\n" in README


def test_the_finding_table_is_the_catalogue() -> None:
    rows = [line for line in README.splitlines() if line.startswith("| LI")]
    assert rows == [
        f"| {kind.code} | {kind.name} | {kind.severity} | {kind.title} |" for kind in KINDS.values()
    ]


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_told(code: ExitCode) -> None:
    assert f"\n| {code.value} | " in README


@pytest.mark.parametrize("transport", Transport)
def test_every_transport_is_told(transport: Transport) -> None:
    assert f"`{transport}:" in README


def test_the_configuration_is_a_valid_one(
    invoke: Callable[..., Result], project: Project, tmp_path: Path
) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    config = tmp_path / "auditor.toml"
    config.write_text(text, encoding="utf-8")
    result = invoke("check", project.image, "--config", config, "--lock", "pylock.toml")
    assert (result.exit_code, result.stderr) == (0, "")
