"""What some tests need from the machine: without it they are skipped, each in one clear line.

Where a run must not pass for lack of it, `AUDITOR_REQUIRE_ENGINE=1`, `AUDITOR_REQUIRE_PODMAN=1`,
`AUDITOR_REQUIRE_REGISTRY=1`, `AUDITOR_REQUIRE_NETWORK=1` and `AUDITOR_REQUIRE_RPM=1` turn the
skip into a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import pytest
from hypothesis import settings

from auditor.errors import AuditorError, EngineError
from auditor.image.engine.connection import connected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient


# How long an example takes is the machine's business: a busy one would fail right code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def heedful() -> None:
    """Undo what a shell does to its background jobs: they and their children ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@cache
def _no_engine() -> str | None:
    try:
        with connected():
            return None
    except EngineError as error:
        return error.message


@cache
def _no_podman() -> str | None:
    if shutil.which("podman") is None:
        return "podman is not installed"
    return None if os.geteuid() == 0 else "podman is tested as root only"


@cache
def _no_registry() -> str | None:
    tools = ("docker-registry", "skopeo", "htpasswd", "openssl")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    return f"{', '.join(absent)} not installed" if absent else None


@cache
def _no_network() -> str | None:
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "--retries", "0", "index", "versions", "packaging"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return f"the package index cannot be asked: {asked.stderr}" if asked.returncode else None


@cache
def _no_rpm() -> str | None:
    missing = [name for name in ("rpm", "rpmbuild") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed" if missing else None


_NEEDS: dict[str, Callable[[], str | None]] = {
    "engine": _no_engine,
    "podman": _no_podman,
    "registry": _no_registry,
    "network": _no_network,
    "rpm": _no_rpm,
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, missing in _NEEDS.items():
        if item.get_closest_marker(mark) is None:
            continue
        reason = missing()
        if reason is None:
            continue
        reason = f"{mark}: {' '.join(reason.split())[:200]}"
        if os.environ.get(f"AUDITOR_REQUIRE_{mark.upper()}") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerClient]:
    """A client of the engine; its tests carry the mark `engine`."""
    client = docker.from_env(timeout=300)
    yield client
    client.close()


@pytest.fixture
def engine_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the engine is looked for, and no other one: a socket that a test may serve."""
    for name in ("DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    return path


@pytest.fixture(scope="session")
def podman_host() -> Iterator[str]:
    """A podman service with a store of its own, as DOCKER_HOST names it; mark `podman`."""
    # Not below pytest's own: podman takes no path of more than 50 characters.
    home = Path(tempfile.mkdtemp(prefix="podman-"))
    host = f"unix://{home}/socket"
    command = ["podman", f"--root={home}/root", f"--runroot={home}/run"]
    with (home / "log").open("wb") as log:
        # Its monitors leave a file `oom` where they started.
        service = subprocess.Popen(
            [*command, "system", "service", "--time=0", host], stdout=log, stderr=log, cwd=home
        )
        try:
            for _ in range(300):
                if (home / "socket").exists():
                    break
                time.sleep(0.1)
            else:
                pytest.fail(f"podman did not start: {(home / 'log').read_text()}")
            yield host
        finally:
            service.terminate()
            service.wait(timeout=30)
            # Its store is a mount of its own.
            subprocess.run(["umount", f"{home}/root/overlay"], capture_output=True, check=False)
            shutil.rmtree(home)


@pytest.fixture(scope="session", autouse=True)
def hints_go_on() -> Iterator[None]:
    """The hint of every error that a test meets goes on from it: lower case, no full stop."""
    initialise = AuditorError.__init__

    def checked(error: AuditorError, message: str, hint: str = "") -> None:
        initialise(error, message, hint)
        assert not re.match(r"[A-Z][a-z ]", hint), hint
        assert not hint.endswith(".") or hint.endswith("..."), hint

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AuditorError, "__init__", checked)
        yield


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test uses the developer's own cache, nor what another test left there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
