"""The configuration file as the command line follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Invoke, Project

IGNORE = '[[ignore]]\ncode = "LI103"\nsubject = "idna"\nreason = "vendor fix"\n'


@pytest.fixture
def drifted(project: Project) -> Project:
    project.lock("idna==3.11")
    return project


def configure(project: Project, text: str, name: str = "auditor.toml") -> None:
    (project.root / name).write_text(text, encoding="utf-8")


def test_an_ignored_finding_stays_in_the_report(invoke: Invoke, drifted: Project) -> None:
    configure(drifted, IGNORE + "until = 9999-12-31\n")
    result = invoke("check", drifted.image, "--format", "json")
    assert result.exit_code == 0
    (finding,) = result.report["findings"]
    assert finding["ignored"] == {"reason": "vendor fix", "until": "9999-12-31"}
    assert result.report["summary"]["ignored"] == 1
    assert result.report["policy_notes"] == []
    table = invoke("check", drifted.image)
    assert "1 ignored" in table.stdout
    assert "vendor fix, until 9999-12-31" in table.stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(IGNORE + "until = 2000-01-01\n", "expired after 2000-01-01", id="expired"),
        pytest.param(IGNORE.replace("idna", "x*"), "no finding matches it", id="idle"),
    ],
)
def test_an_entry_without_effect_is_shown_in_every_format(
    invoke: Invoke, drifted: Project, text: str, why: str
) -> None:
    configure(drifted, text)
    table, github, document = (
        invoke("check", drifted.image, "--format", each) for each in ("table", "github", "json")
    )
    assert table.exit_code == github.exit_code == document.exit_code == 1
    assert "Policy entries without effect\n  auditor.toml:1: [[ignore]] LI103 " in table.stdout
    assert why in " ".join(table.stdout.split())
    place = "file=auditor.toml,line=1"
    start = f"\n::notice {place},title=policy entry without effect::[[ignore]] LI103"
    assert start in github.stdout
    (note,) = document.report["policy_notes"]
    assert (note["path"], note["line"]) == ("auditor.toml", 1)
    assert note["why"].startswith(why)


def test_severity_is_the_projects_to_say(invoke: Invoke, drifted: Project) -> None:
    configure(drifted, '[severity]\nLI103 = "note"\n')
    result = invoke("check", drifted.image, "--format", "json")
    assert result.exit_code == 0
    assert [each["severity"] for each in result.report["findings"]] == ["note"]


def test_a_declared_build_that_is_gone_is_noted(invoke: Invoke, project: Project) -> None:
    configure(
        project,
        f'[[native]]\npath = "/lib/x.so"\nsha256 = "{"0" * 64}"\nsource = "s"\nreason = "r"\n',
    )
    result = invoke("check", project.image, "--format", "json")
    assert result.exit_code == 0
    (note,) = result.report["policy_notes"]
    assert note["entry"] == "[[native]] /lib/x.so"


def test_defaults_of_options(
    invoke: Invoke, drifted: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(
        drifted, 'format = "json"\nfail-on = "never"\nignore-codes = ["LI2"]\nno-run = true\n'
    )
    result = invoke("check", drifted.image)
    assert (result.exit_code, result.report["verdict"]) == (0, "drift")
    monkeypatch.setenv("AUDITOR_FAIL_ON", "error")
    assert invoke("check", drifted.image).exit_code == 1
    assert invoke("check", drifted.image, "--fail-on", "never").exit_code == 0
    assert invoke("check", drifted.image, "--ignore", "LI1").exit_code == 0


def test_from_a_directory_below(
    invoke: Invoke, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / ".git").mkdir()
    (project.root / "pylock.toml").rename(project.root / "pylock.other.toml")
    configure(
        project, '[tool.auditor]\nlock = "pylock.other.toml"\nformat = "json"\n', "pyproject.toml"
    )
    below = project.root / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    result = invoke("check", project.image, "--verbose")
    assert result.exit_code == 0
    assert result.report["lock"]["path"] == "../../pylock.other.toml"
    assert result.stderr.startswith("auditor: ../../pylock.other.toml, ../../pyproject.toml, ")


def test_which_file(invoke: Invoke, drifted: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(drifted, IGNORE)
    configure(drifted, "", "other.toml")
    codes = [
        invoke("check", drifted.image, *arguments).exit_code
        for arguments in ((), ("--no-config",), ("--config", "other.toml"))
    ]
    assert codes == [0, 1, 1]
    both = ["--no-config", "--config=other.toml"]
    for arguments in (both, both[::-1]):
        assert "contradict" in invoke("check", drifted.image, *arguments).error(2)[0]
    monkeypatch.setenv("AUDITOR_NO_CONFIG", "1")
    assert invoke("check", drifted.image).exit_code == 1
    assert invoke("check", drifted.image, "--config", "auditor.toml").exit_code == 0
    monkeypatch.setenv("AUDITOR_CONFIG", "auditor.toml")
    assert invoke("check", drifted.image).exit_code == 1
    monkeypatch.delenv("AUDITOR_NO_CONFIG")
    assert invoke("check", drifted.image).exit_code == 0


def test_a_lock_that_the_file_names_and_nobody_made(invoke: Invoke, project: Project) -> None:
    image = project.image
    configure(project, 'lock = "pylock.gone.toml"\n')
    assert invoke("check", image).error(2) == (
        "pylock.gone.toml: No such file or directory",
        "check the path given with `lock` in auditor.toml",
    )
    assert invoke("check", image, "--lock", "pylock.toml").exit_code == 0


def test_a_mistake_is_one_line_and_a_hint(invoke: Invoke, project: Project) -> None:
    configure(project, "extras = ['gpu']\n")
    message, hint = invoke("check", project.image).error(2)
    assert (message, hint) == ("auditor.toml:1: extras: unknown key", "did you mean extra?")
    assert invoke("check", "--help").exit_code == 0


def test_a_name_is_as_good_as_a_code(invoke: Invoke, drifted: Project) -> None:
    assert invoke("check", drifted.image, "--ignore", "version-differs").exit_code == 0
