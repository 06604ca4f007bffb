"""The options of `auditor check` about locked artifacts."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.image.fake_registry import Answer, fake_registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Project, Result

    Invoke = Callable[..., Result]

WHEEL = "idna-3.10-py3-none-any.whl"


def evidence(result: Result) -> str:
    (package,) = json.loads(result.stdout)["packages"]
    return str(package["evidence"])


def report(invoke: Invoke, project: Project, *options: str | Path) -> Result:
    return invoke("check", project.image, "--format", "json", *options)


def test_artifact_beside_the_lock_proves(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    lock = project.root / "pylock.toml"
    result = report(invoke, project, "--lock", lock, "--cache-dir", tmp_path / "cache")
    assert (result.exit_code, evidence(result)) == (0, "proven")
    shutil.rmtree(project.wheels)
    again = report(invoke, project, "--lock", lock, "--cache-dir", tmp_path / "cache")
    assert again.stdout == result.stdout
    result = report(invoke, project, "--no-cache")
    assert (result.exit_code, evidence(result)) == (3, "recorded")
    assert "LI903" in result.stdout


def test_offline_is_no_finding(invoke: Invoke, project: Project) -> None:
    shutil.rmtree(project.wheels)
    result = report(invoke, project, "--offline")
    assert (result.exit_code, evidence(result)) == (0, "recorded")
    assert json.loads(result.stdout)["findings"] == []
    assert "not cached" in result.stdout


def test_wheelhouse(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    project.wheels.rename(tmp_path / "house")
    result = report(invoke, project, "--wheelhouse", tmp_path / "house")
    assert (result.exit_code, evidence(result)) == (0, "proven")
    result = report(invoke, project, "--wheelhouse", tmp_path / "nowhere")
    assert result.exit_code == 2
    assert f"--wheelhouse {tmp_path}/nowhere: no such folder" in result.stderr


def test_quick_proof(invoke: Invoke, project: Project) -> None:
    result = report(invoke, project, "--evidence", "index")
    assert (result.exit_code, evidence(result)) == (0, "indexed")


def test_mirror_and_index(invoke: Invoke, project: Project) -> None:
    lock = project.root / "pylock.toml"
    path = f'path = "../wheels/{WHEEL}"'
    with fake_registry() as server:
        content = (project.wheels / WHEEL).read_bytes()
        server.script[f"/files/{WHEEL}"] = [Answer(body=content)]
        listing = f'<a href="../../files/{WHEEL}">'.encode()
        server.script["/simple/idna/"] = [Answer(body=listing)]
        there = f'url = "https://files.example.org/{WHEEL}"'
        lock.write_text(lock.read_text().replace(path, there))
        mirror = f"https://files.example.org/=http://{server.host}/files/"
        result = report(invoke, project, "--no-cache", "--mirror", mirror)
        assert (result.exit_code, evidence(result)) == (0, "proven")
        lock.write_text(lock.read_text().replace(there, f'name = "{WHEEL}", path = "gone.whl"'))
        result = report(invoke, project, "--index-url", f"http://{server.host}/simple/")
        assert (result.exit_code, evidence(result)) == (0, "proven")


def test_manifests_are_shared(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    shared = ("--manifests", f"file://{tmp_path}/shared")
    result = report(invoke, project, "--no-cache", *shared)
    assert evidence(result) == "proven"
    shutil.rmtree(project.wheels)
    assert evidence(report(invoke, project, "--no-cache", *shared)) == "proven"
    assert evidence(report(invoke, project, "--no-cache")) == "recorded"


def test_place_that_needs_an_extra(
    invoke: Invoke, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    result = report(invoke, project, "--manifests", "s3://bucket/manifests")
    assert result.exit_code == 2
    assert "pylock-auditor[bucket]" in result.stderr


def test_altered_hash_is_incomplete(invoke: Invoke, project: Project) -> None:
    lock = project.root / "pylock.toml"
    text = lock.read_text()
    at = text.index('sha256 = "') + len('sha256 = "')
    lock.write_text(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])
    result = report(invoke, project)
    assert result.exit_code == 3
    assert [each["code"] for each in json.loads(result.stdout)["findings"]] == ["LI907"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mirror", "https://user:hunter2@example.org/"], "--mirror: not FROM=TO"),
        (["--mirror", "https://a.example.org/=/srv/files"], "TO is no URL"),
        (["--index-url", "user:hunter2@example.org"], "--index-url: no http or https URL"),
        (["--offline", "--index-url", "https://example.org/simple/"], "contradict each other"),
        (["--manifests", "nowhere://user:hunter2@place"], "--manifests nowhere://... cannot"),
    ],
)
def test_options_that_cannot_be_followed(
    invoke: Invoke, project: Project, options: list[str], words: str
) -> None:
    result = report(invoke, project, *options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "hunter2" not in result.stderr


def test_offline_beside_a_default_index(invoke: Invoke, project: Project) -> None:
    (project.root / "auditor.toml").write_text(
        'index-url = ["https://example.org/simple/"]\nwheelhouse = ["../wheels"]\n'
    )
    result = report(invoke, project, "--offline")
    assert (result.exit_code, evidence(result)) == (0, "proven")


def test_pip_cache(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    from auditor.artifacts.local import in_pip_cache  # noqa: PLC0415 -- the one use of it

    url = f"https://example.org/{WHEEL}"
    lock = project.root / "pylock.toml"
    lock.write_text(lock.read_text().replace(f'path = "../wheels/{WHEEL}"', f'url = "{url}"'))
    path = in_pip_cache(url, tmp_path)
    path.parent.mkdir(parents=True)
    (project.wheels / WHEEL).rename(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_CACHE_DIR", str(tmp_path))
        assert evidence(report(invoke, project, "--offline", "--no-cache")) == "proven"
    assert evidence(report(invoke, project, "--offline", "--no-cache")) == "recorded"
