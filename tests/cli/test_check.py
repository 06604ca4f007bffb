from __future__ import annotations

import os
import venv
from typing import TYPE_CHECKING

import pytest

from tests.builders.host_files import write_files
from tests.cli.conftest import document

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Invoke, Project


def test_consistent(invoke: Invoke, project: Project) -> None:
    result = invoke("check", project.image)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"consistent: {project.image} {project.digest}"
    assert "  idna     3.10    3.10       proven" in lines
    assert lines[-1].endswith("(exit 0)")
    assert result.stderr == ""


def test_a_live_environment_and_what_was_put_into_it(invoke: Invoke, project: Project) -> None:
    project.lock("idna==3.10")
    prefix = project.root / "venv"
    venv.create(prefix, symlinks=True, with_pip=False)
    assert invoke("check", f"env:{prefix}", "--format", "json").codes == ["LI101"]
    (prefix / "bin/curl").write_text("#!/bin/sh\n")
    (prefix / "bin/curl").chmod(0o755)
    (prefix / "bin/notes.txt").write_text("no program")
    result = invoke("check", f"env:{prefix}", "--format", "json")
    _, found = result.report["findings"]
    assert (found["code"], found["path"]) == ("LI305", f"{prefix}/bin/curl")
    result = invoke("check", f"env:{prefix}/bin/python")
    assert result.stderr.endswith(
        "bin/python is a file, not a directory\nhint: name the environment's prefix\n"
    )


@pytest.mark.parametrize("columns", ["20", "40", "200"])
def test_drift(
    invoke: Invoke, project: Project, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    project.lock("idna==3.11")
    result = invoke("check", project.image)
    assert result.exit_code == 1
    assert result.stdout.startswith("drift: ")
    assert "\n  LI103 idna: " in result.stdout
    assert "expected   3.11 -> 3.10" in result.stdout
    assert result.stdout.endswith("(exit 1)\n")
    titles = next(line for line in result.stdout.splitlines() if line.startswith("  package"))
    assert titles.split()[:4] == ["package", "locked", "installed", "evidence"]


def test_incomplete(invoke: Invoke, project: Project) -> None:
    empty = project.root / "rootfs"
    (empty / "etc").mkdir(parents=True)
    result = invoke("check", f"dir:{empty}")
    assert result.exit_code == 3
    assert result.stdout.startswith("incomplete: ")
    assert "LI905" in result.stdout


def test_github(invoke: Invoke, project: Project) -> None:
    project.lock("idna==3.11")
    result = invoke("check", project.image, "--format", "github")
    assert result.exit_code == 1
    start = "\n::error file=pylock.toml,line=4,title=LI103 version-differs%3A idna::"
    assert start in result.stdout


def test_several_formats_each_to_its_place(invoke: Invoke, project: Project) -> None:
    first, second = project.root / "a.json", project.root / "b.txt"
    result = invoke(
        "check",
        project.image,
        *("--format", "json", "-o", first),
        *("--format", "github"),
        *("--format", "table", "-o", second),
    )
    assert result.exit_code == 0
    assert result.stdout.startswith("consistent: ")
    assert "exit" not in result.stdout
    assert document(first.read_text())["verdict"] == "consistent"
    assert second.read_text().splitlines()[-1].endswith("(exit 0)")


def test_with_every_report_in_a_file_the_verdict_is_on_stderr(
    invoke: Invoke, project: Project
) -> None:
    target = project.root / "report.json"
    result = invoke("check", project.image, "--format", "json", "-o", target)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[0] == f"consistent: {project.image} {project.digest}"
    result = invoke("check", project.image, "--format", "json", "-o", target, "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("quiet", [(), ("--quiet",)], ids=["loud", "quiet"])
def test_fatal_errors_leave_files_untouched(
    invoke: Invoke, project: Project, quiet: tuple[str, ...]
) -> None:
    target = project.root / "report.json"
    target.write_text("before")
    result = invoke("check", "dir:absent", "--format", "json", "-o", target, *quiet)
    result.error(3)
    assert target.read_text() == "before"
    assert sorted(path.name for path in project.root.iterdir()) == ["pylock.toml", "report.json"]


def test_an_unwritable_file_is_told_before_the_audit(invoke: Invoke, project: Project) -> None:
    result = invoke("check", "dir:absent", "--format", "json", "-o", "no/such/file")
    assert result.error(2)[0] == "no/such/file: cannot be written: No such file or directory"
    assert project.root.is_dir()


@pytest.mark.parametrize(
    ("arguments", "code", "verdict"),
    [
        pytest.param((), 1, "drift", id="default"),
        pytest.param(("--fail-on", "error"), 1, "drift", id="error"),
        pytest.param(("--fail-on", "never"), 0, "drift", id="never"),
        pytest.param(("--ignore", "LI103"), 0, "consistent", id="ignored"),
        pytest.param(("--ignore", "li1,LI2"), 0, "consistent", id="ignored-prefixes"),
        pytest.param(("--ignore", "LI2 LI9"), 1, "drift", id="others-ignored"),
        pytest.param(("--select", "LI2"), 0, "consistent", id="not-selected"),
        pytest.param(("--select", "LI2", "--select", "LI103"), 1, "drift", id="selected"),
    ],
)
def test_what_counts(
    invoke: Invoke, project: Project, arguments: tuple[str, ...], code: int, verdict: str
) -> None:
    project.lock("idna==3.11")
    result = invoke("check", project.image, "--format", "json", *arguments)
    assert (result.exit_code, result.report["verdict"]) == (code, verdict)
    assert "LI103" in [finding["code"] for finding in result.report["findings"]]


@pytest.mark.parametrize("level", ["error", "warning", "note"])
def test_fail_on_note_counts_notes(invoke: Invoke, project: Project, level: str) -> None:
    project.install("pip", "24.0")
    result = invoke("check", project.image, "--format", "json", "--fail-on", level)
    assert result.codes == ["LI108"]
    assert result.exit_code == (1 if level == "note" else 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--select", "LI8"), "--select LI8: unknown finding code", id="select"),
        pytest.param(("--ignore", "x"), "--ignore X: unknown finding code", id="ignore"),
        pytest.param(("--expect-digest", "abc"), "--expect-digest abc: not a digest", id="digest"),
        pytest.param(("--group", "dev"), "pylock.toml: no group 'dev'", id="group"),
        pytest.param(("--extra", "gpu"), "pylock.toml: no extra 'gpu'", id="extra"),
        pytest.param(("--lock", "other.toml"), "other.toml: No such file or directory", id="lock"),
        pytest.param(
            ("--lock", "auditor.lock"), "auditor.lock: not the name of a lock", id="lock-name"
        ),
        pytest.param(
            ("--lock", "pylock.toml", "--lock=pylock.toml"), "--lock is given 2 times", id="locks"
        ),
        pytest.param(("--plain-http",), "--plain-http is about a registry", id="plain-http"),
        pytest.param(("--tls-ca", "ca"), "--tls-ca is about a registry", id="tls-ca"),
        pytest.param(
            ("--cache-dir", "auditor.lock/a/b"), "--cache-dir auditor.lock/a/b: ", id="cache-dir"
        ),
        pytest.param(
            ("--format", "json", "--format", "table"), "two reports would go to", id="formats"
        ),
    ],
)
def test_usage_errors(
    invoke: Invoke, project: Project, arguments: tuple[str, ...], message: str
) -> None:
    (project.root / "auditor.lock").touch()
    result = invoke("check", project.image, *arguments)
    assert result.error(2)[0].startswith(message)


def test_what_is_for_registries_may_be_a_default(
    invoke: Invoke, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_PLAIN_HTTP", "1")
    assert invoke("check", project.image).exit_code == 0
    result = invoke("check", project.image, "--base", "registry:localhost:1/x", "--plain-http")
    assert "localhost:1 cannot be reached" in result.stderr


def test_flags_may_be_repeated(invoke: Invoke, project: Project) -> None:
    assert invoke("check", project.image, "--no-run", "--no-run").exit_code == 0


def test_a_cache_that_may_only_be_read(
    invoke: Invoke, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "cache").mkdir()
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK and access(path, mode))
    result = invoke("check", project.image, "--cache-dir", "cache")
    assert result.exit_code == 0
    assert result.stderr == (
        "auditor: warning: --cache-dir cache is not writable: nothing is kept\n"
    )
    assert invoke("check", project.image, "--cache-dir", "cache", "--quiet").stderr == ""
    result = invoke("check", project.image, "--cache-dir", "cache/below")
    assert f"{project.root}/cache may not be written to" in result.error(2)[0]


def test_no_lock(invoke: Invoke, project: Project) -> None:
    (project.root / "pylock.toml").unlink()
    invoke("check", project.image).error(2)


def test_another_digest_is_another_image(invoke: Invoke, project: Project) -> None:
    result = invoke("check", project.image, "--expect-digest", f"sha256:{'0' * 64}")
    assert "not sha256:000" in result.error(3)[0]


GROUPS = 'dependency-groups = ["dev"]\ndefault-groups = ["main"]'
GROUPED = ("idna==3.10;'main' in dependency_groups", "six==1.0;'dev' in dependency_groups")


@pytest.mark.parametrize(
    ("arguments", "installed", "found"),
    [
        pytest.param((), ("idna",), [], id="default"),
        pytest.param((), ("idna", "six"), ["LI109"], id="dev-is-too-much"),
        pytest.param(("--group", "dev"), ("idna", "six"), [], id="dev-as-well"),
        pytest.param(("--group", "dev"), ("idna",), ["LI101"], id="dev-missing"),
        pytest.param(
            ("--no-default-groups", "--group", "dev"), ("idna", "six"), ["LI109"], id="dev-alone"
        ),
        pytest.param(("--no-default-groups",), ("idna",), ["LI109"], id="none-at-all"),
    ],
)
def test_groups(
    invoke: Invoke,
    project: Project,
    arguments: tuple[str, ...],
    installed: tuple[str, ...],
    found: list[str],
) -> None:
    project.lock(*GROUPED, top=GROUPS)
    if "six" in installed:
        project.install("six", "1.0")
    result = invoke("check", project.image, "--format", "json", *arguments)
    assert result.codes == found
    assert result.exit_code == (1 if found else 0)


def test_own_distribution(invoke: Invoke, project: Project) -> None:
    project.install("Shop_Backend", "1.0")
    assert invoke("check", project.image).exit_code == 1
    result = invoke("check", project.image, "--own", "shop.backend")
    assert result.exit_code == 0
    assert "Policy entries" not in result.stdout
    result = invoke("check", project.image, "--own", "shop.backed", "--own", "x")
    assert result.exit_code == 1
    assert "--own shop-backed: no distribution has this name; did you mean shop-backend?" in (
        result.stdout
    )
    assert "--own x: no distribution has this name\n" in result.stdout


def test_base_image(invoke: Invoke, project: Project) -> None:
    project.install("six", "1.0")
    result = invoke("check", project.image, "--base", project.image)
    assert result.exit_code == 1
    assert "(from the base image)" in result.stdout
    assert "(base image)" in result.stdout


def test_options_from_the_environment(
    invoke: Invoke, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = project.lock("idna==3.11", file="pylock.other.toml")
    target = tmp_path / "out.json"
    for name, value in {
        "AUDITOR_LOCK": str(lock),
        "AUDITOR_FORMAT": "json",
        "AUDITOR_OUTPUT": str(target),
        "AUDITOR_FAIL_ON": "never",
        "AUDITOR_IGNORE": "LI2 LI9",
        "AUDITOR_NO_RUN": "1",
        "AUDITOR_QUIET": "1",
    }.items():
        monkeypatch.setenv(name, value)
    result = invoke("check", project.image)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    report = document(target.read_text())
    assert report["verdict"] == "drift"
    assert report["lock"]["path"] == str(lock)


def test_verbose_says_what_is_done(invoke: Invoke, project: Project) -> None:
    result = invoke("check", project.image, "--verbose")
    assert result.exit_code == 0
    assert result.stderr.startswith(f"auditor: pylock.toml, {project.image}: ")


def test_warnings_about_the_lock_are_on_stderr(invoke: Invoke, project: Project) -> None:
    path = project.root / "pylock.toml"
    path.write_text(path.read_text().replace('"1.0"', '"1.9"').replace("created", "x = 1\ncreated"))
    result = invoke("check", project.image)
    assert result.exit_code == 0
    assert result.stderr.startswith("auditor: warning: ")
    assert invoke("check", project.image, "--quiet").stderr == ""


def test_what_was_audited_is_called_what_it_is(
    invoke: Invoke, project: Project, tmp_path: Path
) -> None:
    project.lock("idna==3.11")
    assert "drift, the image is not" in invoke("check", project.image).stdout
    root = tmp_path / "root"
    write_files(root, project.files)
    result = invoke("check", f"dir:{root}", "--python", "/usr/local")
    assert "drift, the file system is not" in " ".join(result.stdout.split())
    result = invoke("check", f"env:{root}/usr/local")
    assert "drift, the environment is not" in " ".join(result.stdout.split())


def test_the_same_input_gives_the_same_bytes(invoke: Invoke, project: Project) -> None:
    first, second = (invoke("check", project.image, "--format", "json") for _ in range(2))
    assert first.exit_code == second.exit_code == 0
    assert first.stdout == second.stdout
    assert first.report["verdict"] == "consistent"
    assert first.report["lock"]["path"] == "pylock.toml"
    assert first.report["image"]["reference"] == project.image
