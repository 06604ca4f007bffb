"""The documents say what is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.catalogue import KINDS
from auditor.cli.check import check
from auditor.cli.program import COMMANDS
from auditor.errors import ExitCode
from auditor.image.reference import Transport
from auditor.model import Degree
from tests.builders import interpreter, oci_layout

if TYPE_CHECKING:
    from tests.cli.conftest import Invoke, Project

ROOT = Path(__file__).parents[2]
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
}
README, USAGE = DOCUMENTS["README.md"], DOCUMENTS["docs/usage.md"]
OPTIONS = {option for param in check.params for option in (*param.opts, *param.secondary_opts)}


def test_the_help_block_is_the_real_one(invoke: Invoke) -> None:
    result = invoke("check", "--help")
    assert result.exit_code == 0
    assert f"\n```\n$ auditor check --help\n{result.stdout}```\n" in USAGE


def test_the_finding_table_is_the_catalogue() -> None:
    rows = [line for line in DOCUMENTS["docs/findings.md"].splitlines() if line.startswith("| LI")]
    assert rows == [
        f"| {kind.code} | {kind.name} | {kind.severity} | {kind.title} |" for kind in KINDS.values()
    ]


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_is_told(code: ExitCode) -> None:
    assert f"\n| {code.value} | " in README


@pytest.mark.parametrize("transport", Transport)
def test_every_transport_is_told(transport: Transport) -> None:
    assert re.search(rf"\n\| [^|]*`{transport}:", USAGE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told(command: str) -> None:
    assert f"`auditor {command}" in USAGE


def test_the_degrees_are_in_their_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", DOCUMENTS["docs/evidence.md"], re.MULTILINE)
    assert rows == list(Degree)


def test_the_configuration_is_a_valid_one(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", DOCUMENTS["docs/configuration.md"], re.DOTALL)
    config = tmp_path / "auditor.toml"
    config.write_text(text, encoding="utf-8")
    result = invoke("check", project.image, "--config", config, "--lock", "pylock.toml")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("name", ["README.md", "docs/python-api.md"])
def test_the_python_blocks_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small image and its lock stand for those that the blocks name."""
    blocks = re.findall(
        r"<!-- example: python -->\n```python\n(.*?)```", DOCUMENTS[name], re.DOTALL
    )
    assert len(blocks) == DOCUMENTS[name].count("```python\n")
    metadata = "/usr/local/lib/python3.11/site-packages/six-1.0.dist-info/METADATA"
    oci_layout(tmp_path / "build/image", [interpreter(), {metadata: "Name: six\nVersion: 1.0\n"}])
    lock = 'lock-version = "1.0"\ncreated-by = "test"\npackages = []\n'
    (tmp_path / "pylock.toml").write_text(lock, encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    exec(re.sub(r"docker:shop/\w+", "oci:build/image", "".join(blocks)), {})  # noqa: S102
    assert "LI102 six six 1.0 is installed but not locked\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", DOCUMENTS)
def test_examples_have_real_options_and_short_lines(name: str) -> None:
    text = DOCUMENTS[name]
    assert max(map(len, text.splitlines())) <= 120
    joined = re.sub(r"\n +(?=--)", " ", text)
    for line in re.findall(r"^(?:\$ )?( *auditor check .*)$", joined, re.MULTILINE):
        words = shlex.split(line, comments=True)
        given = {word for word in words if word.startswith("-")}
        assert given <= OPTIONS | {"--help"}, line


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]*)\)", DOCUMENTS[name]):
        path, _, anchor = target.partition("#")
        found = (ROOT / name).parent / path if path else ROOT / name
        assert found.is_file(), target
        heads = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
        assert not anchor or anchor in anchors, target


def test_the_first_run_comes_first() -> None:
    lines = README.splitlines()
    assert lines.index("## Install and the first run") < 60
    assert len(lines) <= 200
