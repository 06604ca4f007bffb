"""Images that cannot answer for themselves are audited from their bytes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from sample_locks.fetch import LOCKS, SAMPLES, Target, fetch, requirement_lines, wanted
from sample_locks.interpreter import package_database
from sample_locks.layout import Config, Layer, files_below, write
from tests.builders.audits import check, do, due
from tests.real.conftest import RUN, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.network]

AGENT_PROXY = SAMPLES / "agent-proxy" / LOCKS["agent-proxy"]


def test_without_pip(derived: Callable[..., str]) -> None:
    lock = SAMPLES / "pusher" / LOCKS["pusher"]
    tag = derived("without-pip", "pusher", "RUN pip uninstall --yes pip setuptools")

    audit = check(f"docker:{tag}", lock)

    audit.assert_consistent()
    assert "pip" in audit.found("LI904")["message"]
    assert audit.degrees == due(lock, audit)


def test_without_a_shell(derived: Callable[..., str]) -> None:
    tag = derived(
        "without-shell",
        "agent-proxy",
        "RUN rm /bin/sh /bin/bash /bin/dash /bin/rbash",
    )

    audit = check(f"docker:{tag}", AGENT_PROXY)

    audit.assert_consistent("proven")


@pytest.fixture(scope="module")
def arm64_layout(installers: Path, once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """An OCI layout with Debian's python3 for arm64 and the lock's wheels for it; never run."""
    return once("arm64", lambda folder: _make_arm64_layout(folder, installers)) / "image"


def _make_arm64_layout(folder: Path, installers: Path) -> None:
    rootfs, site = folder / "rootfs", folder / "site"
    bootstrap = ["mmdebstrap", "--quiet", "--architectures=arm64", "--variant=extract"]
    do(*bootstrap, "--include=python3.11-minimal", "bookworm", rootfs)
    target = Target.glibc(machine="aarch64")
    with one_at_a_time("fetch-agent-proxy"):
        wheels = fetch("agent-proxy", target)
    requirements = folder / "requirements.txt"
    requirements.write_text(requirement_lines(wanted(AGENT_PROXY, target)))
    uv = [installers / "uv", "pip", "install", "--no-index", "--no-deps", "--require-hashes"]
    uv += ["--python-version=3.11", "--python-platform=aarch64-manylinux_2_36"]
    do(*uv, f"--find-links={wheels}", f"--requirement={requirements}", f"--target={site}")
    venv = "/opt/venv"
    files = files_below(site, f"{venv}/lib/python3.11/site-packages")
    settings = b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n"
    installed: dict[str, Path | str | bytes | None] = {
        **files,
        f"{venv}/pyvenv.cfg": settings,
        f"{venv}/bin/python": "/usr/bin/python3.11",
    }
    system = files_below(rootfs)
    layers = [
        Layer("ADD rootfs.tar.gz /", {**system, **package_database("debian", system)}),
        Layer("COPY --from=builder /opt/venv /opt/venv", installed),
    ]
    config = Config("arm64", {"PATH": f"{venv}/bin:/usr/bin:/bin"}, (f"{venv}/bin/python",))
    write(folder / "image", "arm64", layers, config)


def test_for_another_architecture(arm64_layout: Path) -> None:
    audit = check(f"oci:{arm64_layout}:arm64", AGENT_PROXY)

    audit.assert_consistent("proven")
    assert audit.report["image"]["platform"].startswith("linux/arm64")


def test_for_another_architecture_in_the_engine(arm64_layout: Path) -> None:
    tag = f"auditor-test/arm64:{RUN}"
    do("skopeo", "copy", f"oci:{arm64_layout}:arm64", f"docker-daemon:{tag}")
    try:
        audit = check(f"docker:{tag}", AGENT_PROXY)
    finally:
        subprocess.run(["docker", "image", "rm", "--force", tag], capture_output=True, check=True)

    audit.assert_consistent()
    assert "arm64" in audit.found("LI904")["message"]


def test_a_lock_for_another_platform(arm64_layout: Path) -> None:
    # The backend's lock holds wheels for x86_64 only.
    lock = SAMPLES / "backend" / LOCKS["backend"]
    audit = check(f"oci:{arm64_layout}:arm64", lock)

    assert audit.code == 1
    assert {code for code, _ in audit.findings} >= {"LI002"}
    # A lock for another platform says nothing about what belongs in this image.
    assert not {code for code, _ in audit.findings if code[:3] in {"LI1", "LI2"}}
