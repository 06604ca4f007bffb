"""`--all-platforms` on a layout of two platforms."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.builders import interpreter, layer_tar
from tests.builders.images import Config, oci_members, write_members
from tests.cli.conftest import SITE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.files import Content
    from tests.cli.conftest import Invoke, Project, Result


@pytest.fixture
def layout(project: Project, tmp_path: Path) -> Path:
    """The project for amd64; for arm64 with another idna, and a six that no lock names."""
    images = {"amd64": dict(project.files)}
    project.files.clear()
    project.files.update(interpreter("aarch64"))
    project.install("idna", "3.9")
    project.install("six", "1.0")
    images["arm64"] = dict(project.files)
    return written(tmp_path / "layout", images)


def written(path: Path, images: dict[str, dict[str, Content]]) -> Path:
    platforms: list[tuple[list[bytes], Config]] = [
        ([layer_tar(files)], {"architecture": name, "cmd": ["python", "-m", "app"]})
        for name, files in images.items()
    ]
    write_members(path, oci_members({"app:1": platforms}))
    return path


def check(invoke: Invoke, layout: Path, *options: str) -> Result:
    return invoke("check", f"oci:{layout}:app:1", "--platform", "linux/amd64", *options)


def test_without_the_option_the_others_are_named(invoke: Invoke, layout: Path) -> None:
    result = check(invoke, layout)
    assert result.exit_code == 0
    assert "other platforms: linux/arm64: audit them with --platform, or compare" in result.stdout


def test_all_platforms(invoke: Invoke, layout: Path) -> None:
    result = check(invoke, layout, "--all-platforms", "--format", "json")
    assert result.exit_code == 1
    found = [(each["code"], each["subject"], each["message"]) for each in result.report["findings"]]
    idna = "linux/amd64 has 3.10, linux/arm64 has 3.9; the lock selects 3.10 for both"
    six = "linux/amd64 has none, linux/arm64 has 1.0; the lock selects it for neither"
    assert found == [("LI410", "idna", idna), ("LI410", "six", six)]
    assert not [each for each in result.report["not_checked"] if "platform" in each["what"]]


def test_an_image_of_one_platform(invoke: Invoke, project: Project) -> None:
    result = invoke("check", project.image, "--all-platforms")
    assert result.exit_code == 0
    assert "the image is for no other platform" in result.stdout


def test_platforms_that_are_too_many_are_named(
    invoke: Invoke, layout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.run_audit.PLATFORMS", 0)
    result = check(invoke, layout, "--all-platforms")
    assert result.exit_code == 0
    assert "other platforms: linux/arm64:" in result.stdout


def test_a_platform_whose_layer_is_gone(invoke: Invoke, layout: Path) -> None:
    def blob(descriptor: dict[str, str]) -> Path:
        return layout / "blobs" / descriptor["digest"].replace(":", "/")

    (index,) = json.loads((layout / "index.json").read_bytes())["manifests"]
    _, arm64 = json.loads(blob(index).read_bytes())["manifests"]
    (layer,) = json.loads(blob(arm64).read_bytes())["layers"]
    blob(layer).unlink()
    assert check(invoke, layout).exit_code == 0
    message, _ = check(invoke, layout, "--all-platforms", "--no-cache").error(3)
    assert message.startswith(f"linux/arm64: layer {layer['digest']}")


def test_a_platform_that_is_there_twice(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    platforms: list[tuple[list[bytes], Config]] = [
        ([layer_tar({**project.files, "/which": str(number)})], {"architecture": name})
        for number, name in enumerate(("amd64", "arm64", "arm64"))
    ]
    write_members(tmp_path / "layout", oci_members({"app:1": platforms}))
    result = check(invoke, tmp_path / "layout", "--all-platforms", "--python", "/usr/local")
    assert result.exit_code == 3
    told = f"linux/arm64: oci:{tmp_path}/layout:app:1 holds several images for one platform"
    shown = " ".join(result.stdout.split())
    assert f"LI901 {told}" in shown
    assert "LI905" not in shown


def test_what_is_not_compared_there_is_told(
    invoke: Invoke, project: Project, tmp_path: Path
) -> None:
    audited = dict(project.files)
    damaged = f"{SITE}/idna-3.10.dist-info/METADATA"
    images = {"amd64": audited, "arm64": {**audited, damaged: b"\xff"}}
    result = check(invoke, written(tmp_path / "damaged", images), "--all-platforms")
    assert "platform linux/arm64: " in result.stdout
    lock = project.lock("idna==3.10", top='requires-python = ">=3.12"')
    result = check(invoke, tmp_path / "damaged", "--all-platforms", "--lock", str(lock))
    assert result.exit_code == 1
    assert "platform linux/arm64: the lock is not for this platform or Python" in result.stdout
