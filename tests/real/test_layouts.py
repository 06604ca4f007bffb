"""Real images written without an engine: as a layout, an archive of it, and a directory."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from sample_locks import interpreter
from sample_locks.demo.__main__ import LOCK
from sample_locks.layout import copy_to, files_below
from tests.builders.audits import LAYERS_ONLY, Audit, check

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.network


def test_the_image_as_locked_is_consistent(demo_folder: Path) -> None:
    audit = check(f"oci:{demo_folder / 'image'}:locked", LOCK)
    audit.assert_consistent("proven")


def test_the_drifted_image_is_told_with_its_layer(demo_folder: Path) -> None:
    audit = check(f"oci:{demo_folder / 'image'}:drifted", LOCK)

    assert audit.code == 1
    assert {
        (found["code"], found["subject"], found["layer"]["created_by"])
        for found in audit.report["findings"]
        if found["code"][:3] in {"LI1", "LI2"}
    } == {
        ("LI102", "humanize", "RUN pip install --upgrade requests humanize"),
        ("LI103", "requests", "RUN pip install --upgrade requests humanize"),
        ("LI201", "jinja2", "RUN pip install --upgrade requests humanize"),
    }


def _comparable(audit: Audit) -> dict[str, Any]:
    findings = [
        {**found, "layer": None}
        for found in audit.report["findings"]
        if found["code"] not in LAYERS_ONLY
    ]
    return {
        "verdict": audit.report["verdict"],
        "packages": audit.report["packages"],
        "findings": findings,
        "exit": audit.code,
    }


@pytest.mark.parametrize("tag", ["locked", "drifted"])
def test_every_way_to_the_bytes_gives_the_same_answer(
    tag: str, demo_folder: Path, tmp_path: Path
) -> None:
    layout = demo_folder / "image"
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(layout, arcname=".")
    rootfs = tmp_path / "rootfs"
    python = interpreter.interpreter()
    base = {**interpreter.files(python), **interpreter.system_libraries(python.executable)}
    copy_to(rootfs, {**base, **files_below(demo_folder / tag)})

    from_layout = check(f"oci:{layout}:{tag}", LOCK)
    from_archive = check(f"oci-archive:{archive}:{tag}", LOCK)
    from_directory = check(f"dir:{rootfs}", LOCK, "--python", "/opt/venv/bin/python")

    assert _comparable(from_archive) == _comparable(from_layout)
    assert from_archive.report["image"]["digest"] == from_layout.report["image"]["digest"]
    assert _comparable(from_directory) == _comparable(from_layout)
    # Which layer brought it cannot be told from a directory, and is said.
    assert "layers" in {row["what"] for row in from_directory.report["not_checked"]}
