"""A hostile image's command against real engines: what it may do, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING

import docker
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.image.engine.container import LABEL, Command, RunLimits, container_config
from auditor.image.engine.container_run import demultiplexed
from auditor.image.engine.image_command import run_in_image
from auditor.image.reference import Reference, Transport
from tests.builders import Directory, File, Files
from tests.builders.engine_images import loaded_image, probe_program, saved_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient
    from docker.models.containers import Container

    from auditor.image.engine.container_run import Completed

SHARED_MEMORY = "/dev/shm/x"  # noqa: S108 - in a container

ENGINES = [
    pytest.param("docker", marks=pytest.mark.engine),
    pytest.param("podman", marks=pytest.mark.podman),
]


@pytest.fixture(scope="module", params=ENGINES)
def client(request: pytest.FixtureRequest) -> Iterator[DockerClient]:
    """The engine that the code under test talks to as well."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "podman":
            patch.setenv("DOCKER_HOST", request.getfixturevalue("podman_host"))
        client = docker.from_env(timeout=300)
        yield client
        client.close()


@pytest.fixture(scope="module")
def probe(client: DockerClient) -> Iterator[Reference]:
    """An image in which everything that may be overridden is set to something else."""
    name = f"auditor-test-probe:{uuid.uuid4().hex}"
    files: Files = {
        "probe": File(probe_program(), 0o755),
        "broken": File(b"no program", 0o755),
        "private": Directory(0o700, uid=7),
        "private/file": File(b"read by root", 0o600, uid=7),
        "data/file": File(b"in a volume"),
    }
    config = {
        "Env": [
            "PATH=/bin",
            "PIP_FORMAT=columns",
            "PIP_CONFIG_FILE=/x",
            "AUDITOR_LOCK=/y",
            "KEPT=1",
        ],
        "User": "1000:1001",
        "Entrypoint": ["/probe", "exit", "77"],
        "Cmd": ["ignored"],
        "WorkingDir": "/data",
        "Volumes": {"/data": {}},
        "Labels": {"test": name},  # a digest of its own, whoever else runs these tests
        "Healthcheck": {"Test": ["CMD", "/probe", "exit", "1"], "Interval": 1_000_000_000},
    }
    with loaded_image(client, name, saved_image(name, files, config)) as image_id:
        yield Reference(Transport.DOCKER, image_id, name)


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test with an engine, no container of the image is there."""
    yield
    if "probe" in request.fixturenames:
        image = request.getfixturevalue("probe").value
        assert containers(request.getfixturevalue("client"), image) == []


def containers(client: DockerClient, image: str) -> list[Container]:
    """Return the containers of this image alone: other runs have theirs, which come and go."""
    ours = client.containers.list(all=True, ignore_removed=True, filters={"label": LABEL})
    return [item for item in ours if item.attrs["Image"] == image]


def run(image: Reference, *argv: str, user: str = "", **limits: int) -> Completed:
    env = {"PYTHONSAFEPATH": "1"}
    return run_in_image(image, Command(argv, env, user, RunLimits(**limits)))


def printed(completed: Completed) -> str:
    assert completed.failure is None
    assert completed.exit_code == 0
    assert completed.stderr == b""
    return completed.stdout.decode()


def test_environment(probe: Reference) -> None:
    """The image's own variables stay, but for those that pip or this tool would read."""
    lines = printed(run(probe, "/probe", "env")).splitlines()
    variables = dict(line.split("=", 1) for line in lines)
    assert variables["PATH"] == "/bin"
    assert variables["KEPT"] == "1"
    assert variables["PYTHONSAFEPATH"] == "1"
    emptied = ("PIP_FORMAT", "PIP_CONFIG_FILE", "AUDITOR_LOCK")
    assert [variables[name] for name in emptied] == [""] * 3


@pytest.mark.parametrize(
    ("user", "ids"), [("", "1000 1001"), ("0", "0 0"), ("5:6", "5 6")], ids=["own", "root", "other"]
)
def test_user_directory_and_input(probe: Reference, user: str, ids: str) -> None:
    """The last number is what reading standard input gives: nothing."""
    assert printed(run(probe, "/probe", "id", user=user)) == f"{ids} / 0\n"


def test_nothing_can_be_written(probe: Reference) -> None:
    lines = printed(run(probe, "/probe", "write", "/x", "/data/x", SHARED_MEMORY, user="0"))
    assert lines.splitlines() == [
        "/x: Read-only file system",
        "/data/x: File too large",
        f"{SHARED_MEMORY}: File too large",
    ]


@pytest.mark.parametrize(
    ("user", "capabilities", "private"),
    [
        ("", 0, "/private/file: Permission denied\n"),
        ("0", 1 << 2, "read by root"),  # CAP_DAC_READ_SEARCH
    ],
    ids=["user", "root"],
)
def test_capabilities(probe: Reference, user: str, capabilities: int, private: str) -> None:
    text = printed(run(probe, "/probe", "print", "/private/file", "/proc/self/status", user=user))
    assert text.startswith(private)
    status = dict(line.split(":\t") for line in text.splitlines() if line.count(":\t") == 1)
    held = [int(status[f"Cap{kind}"], 16) for kind in ("Prm", "Eff", "Bnd", "Inh", "Amb")]
    assert held == [capabilities, capabilities, capabilities, 0, 0]
    assert status["NoNewPrivs"] == "1"


def test_no_network(probe: Reference) -> None:
    lines = printed(run(probe, "/probe", "print", "/proc/net/dev")).splitlines()
    assert [line.split(":")[0].strip() for line in lines[2:]] == ["lo"]


def test_volume_of_the_image_is_filled(probe: Reference) -> None:
    """An environment may lie in one."""
    assert printed(run(probe, "/probe", "print", "/data/file")) == "in a volume"


def test_exit_code(probe: Reference) -> None:
    completed = run(probe, "/probe", "exit", "3")
    assert (completed.exit_code, completed.failure) == (3, None)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("/broken", "exec format error"),
        ("/no/such", "no such file or directory"),
        ("/data", "permission denied"),
    ],
)
def test_program_that_cannot_start(probe: Reference, program: str, why: str) -> None:
    completed = run(probe, program, "x")
    assert completed.failure == f"{program} cannot be started in a container: {why}"
    assert completed.exit_code is None


def test_both_streams_at_once(probe: Reference) -> None:
    """Megabytes on standard error while standard output waits, and the other way round."""
    words = ["2", "5000000", "1", "3000000", "2", "1000000", "1", "1000000"]
    completed = run(probe, "/probe", "spew", *words)
    assert (completed.exit_code, completed.failure) == (0, None)
    assert (len(completed.stdout), len(completed.stderr)) == (4_000_000, 6_000_000)


def test_flood(probe: Reference) -> None:
    completed = run(probe, "/probe", "spew", "1", str(10**12), output=1_000_000)
    assert completed.failure == "its output went over 1,000,000 bytes"
    assert len(completed.stdout) < 2_000_000


@pytest.mark.parametrize("misdeed", ["hang", "fork"])
def test_time_limit(probe: Reference, misdeed: str) -> None:
    started = time.monotonic()
    completed = run(probe, "/probe", misdeed, seconds=2)
    assert completed.failure == "it did not end within 2 seconds"
    assert completed.exit_code is None
    assert time.monotonic() - started < 30


def test_memory_limit(probe: Reference) -> None:
    completed = run(probe, "/probe", "eat", memory=32 << 20)
    assert completed.exit_code == 137
    # podman tells the signal only.
    assert completed.failure in {None, "it needed more than 33,554,432 bytes of memory"}


RUN_AND_HANG = """
import sys
from auditor import cli
from auditor.image.engine.container import Command
from auditor.image.engine.image_command import run_in_image
from auditor.image.reference import Reference, Transport

def run(arguments):
    run_in_image(Reference(Transport.DOCKER, sys.argv[1], ""), Command(["/probe", "hang"]))

cli.run = run
"""
"""The body of the command line and of a script that uses the library."""
INT, TERM = signal.SIGINT, signal.SIGTERM


@pytest.mark.parametrize(
    ("last_line", "signals", "status"),
    [
        ("run([])", [INT], -INT),
        ("run([])", [INT, INT, INT], -INT),
        ("cli.main()", [INT], 130),
        ("cli.main()", [TERM], 130),
        ("cli.main()", [INT, INT, TERM], 130),
    ],
    ids=["library", "library-impatient", "ctrl-c", "terminated", "impatient"],
)
def test_interrupted(
    client: DockerClient,
    probe: Reference,
    last_line: str,
    signals: list[signal.Signals],
    status: int,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RUN_AND_HANG + last_line, probe.value],
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        for _ in range(300):
            if running := containers(client, probe.value):
                break
            time.sleep(0.1)
        else:
            pytest.fail("no container appeared")
        volumes = {mount["Name"] for mount in running[0].attrs["Mounts"]}
        for number in signals:
            process.send_signal(number)
            time.sleep(0.02)
        assert process.wait(timeout=60) == status
    assert len(volumes) == 1
    assert not volumes & {volume.id for volume in client.volumes.list()}


# ---------------------------------------------------------------------------- without one


def test_container_is_locked_down() -> None:
    image = {"Id": "sha256:1", "Config": {"User": "app", "Env": ["PIP_A=1", "B=2", "AUDITOR_C"]}}
    command = Command(["/p", "x"], {"AUDITOR_C": "ours", "D": ""})
    config = container_config(image, command)
    assert config["Image"] == "sha256:1"
    assert (config["Entrypoint"], config["Cmd"]) == (["/p", "x"], [])
    assert (config["User"], config["WorkingDir"]) == ("app", "/")
    assert config["Env"] == ["AUDITOR_C=ours", "D=", "PIP_A="]
    host = config["HostConfig"]
    assert host["CapAdd"] == []
    assert host["Memory"] == host["MemorySwap"] == 512 << 20
    assert not {"Binds", "Mounts", "VolumesFrom", "Devices"} & set(host)


@pytest.mark.parametrize(
    ("user", "root"),
    [
        ("", True),
        ("0", True),
        ("0:5", True),
        ("root", True),
        ("root:staff", True),
        ("1", False),
        ("rooted", False),
        ("10:0", False),
        ("toor", False),
    ],
)
def test_only_root_keeps_a_capability(user: str, *, root: bool) -> None:
    image = {"Id": "x", "Config": {"User": user}}
    host = container_config(image, Command(["/p"]))["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] == (["DAC_READ_SEARCH"] if root else [])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", (b"", b"")),
        (b"\1\0\0\0\0\0\0\2ab", (b"ab", b"")),
        (b"\2\0\0\0\0\0\0\2ab\1\0\0\0\0\0\0\1c\2\0\0\0\0\0\0\1d", (b"c", b"abd")),
        (b"\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1c", (b"c", b"")),
        (b"\1\0\0\0\0\0\0\7cut", (b"cut", b"")),
        (b"\1\0\0\0\0\0\0\1a\1\0\0", (b"a", b"")),
        (b"\0\0\0\0\0\0\0\1i\1\0\0\0\0\0\0\1o", (b"o", b"")),
        (b"\xff\0\0\0\0\0\0\1x", (b"", b"x")),
    ],
    ids=["nothing", "one", "both", "empty", "cut", "half-a-header", "input", "unknown"],
)
def test_demultiplexed(raw: bytes, expected: tuple[bytes, bytes]) -> None:
    assert demultiplexed(raw) == expected


@given(st.binary(max_size=200))
def test_demultiplexed_takes_anything(raw: bytes) -> None:
    stdout, stderr = demultiplexed(raw)
    assert len(stdout) + len(stderr) <= len(raw)
