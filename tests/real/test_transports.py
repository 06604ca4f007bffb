"""One image, reached in every way: the same packages, findings and fingerprints."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from sample_locks.fetch import LOCKS, SAMPLES, fetch
from tests.builders.audits import LAYERS_ONLY, Audit, check, do

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.network]

LOCK = SAMPLES / "pusher" / LOCKS["pusher"]
SITE = "/usr/local/lib/python3.11/site-packages"


@dataclass(frozen=True, slots=True)
class Drifted:
    """The pusher's image with every sort of drift, and what `docker save` gives of it."""

    tag: str
    archive: Path
    audit: Audit
    """Through the engine."""


@pytest.fixture(scope="module")
def drifted(derived: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Drifted:
    fetch("drift")
    tag = derived(
        "transports",
        "pusher",
        "COPY wheels /tmp/drift",
        "RUN pip install --no-index --no-deps --find-links=/tmp/drift --upgrade requests humanize",
        "RUN pip uninstall --yes tzdata redis",
        f"RUN rm {SITE}/starlette/status.py && echo >> {SITE}/h11/_util.py",
        context=SAMPLES / "drift",
    )
    archive = tmp_path_factory.mktemp("saved") / "image.tar"
    do("docker", "save", f"--output={archive}", tag)
    return Drifted(tag, archive, check(f"docker:{tag}", LOCK))


def _findings(audit: Audit, *, layers: bool = True) -> list[dict[str, Any]]:
    """Findings of families 0-6; what pip said about itself depends on whether it was asked."""
    shown = [found for found in audit.report["findings"] if not found["code"].startswith("LI9")]
    if layers:
        return shown
    return [{**found, "layer": None} for found in shown if found["code"] not in LAYERS_ONLY]


def _packages(audit: Audit) -> list[dict[str, Any]]:
    """Packages, but for the bytecode: which of it is compared depends on the layers."""
    return [{**row, "bytecode": None} for row in audit.report["packages"]]


def test_through_the_engine_everything_is_told(drifted: Drifted) -> None:
    assert drifted.audit.code == 1
    assert drifted.audit.findings >= {
        ("LI101", "redis"),
        ("LI102", "humanize"),
        ("LI201", "h11"),
        ("LI202", "starlette"),
    }


def test_a_saved_archive_gives_the_same(drifted: Drifted) -> None:
    audit = check(f"docker-archive:{drifted.archive}", LOCK)

    assert _findings(audit) == _findings(drifted.audit)
    assert audit.report["packages"] == drifted.audit.report["packages"]
    assert audit.report["image"]["digest"] == drifted.audit.report["image"]["digest"]
    assert audit.report["image"]["layers"] == drifted.audit.report["image"]["layers"]
    assert "pip list" in {row["what"] for row in audit.report["not_checked"]}


def test_a_layout_copied_by_skopeo_gives_the_same(drifted: Drifted, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    do("skopeo", "copy", f"docker-archive:{drifted.archive}", f"oci:{layout}:drifted")

    audit = check(f"oci:{layout}:drifted", LOCK)

    assert _findings(audit) == _findings(drifted.audit)
    assert audit.report["packages"] == drifted.audit.report["packages"]
    assert [layer["digest"] for layer in audit.report["image"]["layers"]] == [
        layer["digest"] for layer in drifted.audit.report["image"]["layers"]
    ]


def test_an_exported_directory_gives_the_same(drifted: Drifted, tmp_path: Path) -> None:
    rootfs = tmp_path / "rootfs"
    rootfs.mkdir()
    container = do("docker", "create", drifted.tag).strip()
    try:
        do("docker", "export", f"--output={tmp_path / 'flat.tar'}", container)
    finally:
        do("docker", "rm", container)
    do("tar", "-xf", tmp_path / "flat.tar", "-C", rootfs)

    audit = check(f"dir:{rootfs}", LOCK, "--python", "/usr/local/bin/python3")

    assert _findings(audit, layers=False) == _findings(drifted.audit, layers=False)
    assert _packages(audit) == _packages(drifted.audit)
    assert {"layers", "pip list"} <= {row["what"] for row in audit.report["not_checked"]}


def test_a_container_gives_the_same(drifted: Drifted) -> None:
    container = do("docker", "create", drifted.tag).strip()
    try:
        audit = check(f"container:{container}", LOCK)
    finally:
        do("docker", "rm", container)

    assert _findings(audit, layers=False) == _findings(drifted.audit, layers=False)
    assert _packages(audit) == _packages(drifted.audit)


@pytest.mark.podman
def test_podmans_service_gives_the_same(drifted: Drifted, podman_host: str) -> None:
    env = {"DOCKER_HOST": podman_host}
    do("docker", "load", f"--input={drifted.archive}", env={**os.environ, **env})

    audit = check(f"docker:{drifted.tag}", LOCK, env=env)

    assert _findings(audit) == _findings(drifted.audit)
    assert audit.report["packages"] == drifted.audit.report["packages"]
