"""`auditor render`: the same text as the audit's own, at any later time."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from auditor.report.formats import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Invoke, Project


@pytest.fixture
def saved(invoke: Invoke, project: Project) -> tuple[str, dict[str, str]]:
    """An image, and what `check` says of it in every format, with its JSON in `report.json`."""
    project.install("six", "1.17.0")
    image = project.image
    shown = {name: invoke("check", image, "--format", name).stdout for name in FORMATS}
    (project.root / "report.json").write_text(shown["json"])
    return image, shown


def test_every_format_is_what_the_audit_gave(
    invoke: Invoke, project: Project, saved: tuple[str, dict[str, str]]
) -> None:
    image, shown = saved
    for name, text in shown.items():
        result = invoke("render", "report.json", "--format", name)
        assert (result.exit_code, result.stdout, result.stderr) == (0, text, "")
    assert invoke("render", "report.json").stdout == shown["table"]
    assert shown["table"].endswith("(exit 1)\n")
    result = invoke("check", image, "--fail-on", "never", "--format", "json", "-o", "never.json")
    assert result.exit_code == 0
    assert invoke("render", "never.json").stdout.endswith("(exit 0)\n")


def test_several_formats_each_to_its_place(
    invoke: Invoke, project: Project, saved: tuple[str, dict[str, str]]
) -> None:
    _, shown = saved
    order = ("--format", "github", "-o", "a.txt", "--format", "table", "-o", "-")
    result = invoke("render", *order, "report.json")
    assert (result.exit_code, result.stdout, result.stderr) == (0, shown["table"], "")
    assert (project.root / "a.txt").read_text() == shown["github"]
    invoke("render", "report.json", "-o", "b.txt", "-o", "c.txt").error(2)


def test_standard_input(
    invoke: Invoke, saved: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, shown = saved
    stdin = io.TextIOWrapper(io.BytesIO(shown["json"].encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert invoke("render", "-").stdout == shown["table"]
    for closed in (stdin, None):  # read to its end, and `<&-`
        monkeypatch.setattr(sys, "stdin", closed)
        assert invoke("render", "-").error(2)[0].startswith("standard input: not JSON: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"caf\xe9", "report.json: not UTF-8", id="bytes"),
        pytest.param(b"{}", "report.json: not a report that auditor wrote", id="other"),
        pytest.param(None, "report.json: cannot be read: No such file or directory", id="absent"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line_and_costs_no_file(
    invoke: Invoke,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes | None,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "report.json").write_bytes(content)
    (tmp_path / "table.txt").write_text("before")
    assert invoke("render", "report.json", "-o", "table.txt").error(2)[0] == message
    assert (tmp_path / "table.txt").read_text() == "before"
