"""What only a process of its own shows: signals, pipes, terminals."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Project

ROOT = Path(__file__).parents[2]
AUDITOR = [sys.executable, "-m", "auditor"]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@contextmanager
def silent_engine(directory: Path) -> Iterator[tuple[str, threading.Event]]:
    """An engine that takes connections and never answers; tells when one has come."""
    address = directory / "engine.sock"
    came = threading.Event()
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(address))
        server.listen()

        def accept() -> None:
            connection, _ = server.accept()
            connection.recv(1)
            came.set()
            while connection.recv(4096):
                pass
            connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"unix://{address}", came
        thread.join(10)


@contextmanager
def ending(child: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a process that should have ended in the body."""
    try:
        yield
    finally:
        child.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_an_audit_in_one_line(
    project: Project, tmp_path: Path, number: signal.Signals
) -> None:
    with silent_engine(tmp_path) as (address, came):
        child = subprocess.Popen(
            [*AUDITOR, "check", "docker:some/image", "--format", "json", "-o", "report.json"],
            env={**os.environ, "DOCKER_HOST": address},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with child, ending(child):
            assert came.wait(30)
            child.send_signal(number)
            out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, "", "auditor: interrupted\n")
    assert [path.name for path in project.root.iterdir()] == ["pylock.toml"]


@pytest.mark.parametrize("version", ["3.10", "3.11"], ids=["consistent", "drift"])
def test_a_closed_pipe_costs_neither_the_exit_code_nor_a_file(
    project: Project, version: str
) -> None:
    project.lock(f"idna=={version}")
    target = project.root / "report.json"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*AUDITOR, "check", project.image, "--format", "json", "-o", target, "--format", "table"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0 if version == "3.10" else 1, b"")
    assert target.stat().st_size > 0


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["explain"]])
def test_help_to_a_closed_pipe(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*AUDITOR, *arguments], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_are_closed_from_the_start(project: Project, closed: str) -> None:
    command = f'exec {closed}; "$0" -m auditor check {project.image}'
    done = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_is_no_pass(project: Project) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*AUDITOR, "check", project.image],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "auditor: error: standard output: No space left on device",
        "hint: write the report to a file with -o",
    ]


def test_a_terminal_that_is_not_utf_8(project: Project) -> None:
    project.install("naïve", "1.0")
    done = subprocess.run(
        [*AUDITOR, "check", project.image],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode in (1, 3)
    assert done.stdout.isascii()
    assert b"na\\xefve" in done.stdout


def on_a_terminal(arguments: list[str], environ: dict[str, str]) -> tuple[int, str]:
    """Run with standard output and error on a terminal; give the exit code and what it shows."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "TERM": "xterm-256color", **environ}
    child = subprocess.Popen([*AUDITOR, *arguments], stdout=theirs, stderr=theirs, env=environ)
    os.close(theirs)
    shown = b""
    with child, open(ours, "rb", buffering=0, closefd=True) as screen:
        while True:
            try:
                chunk = screen.read(65536)
            except OSError:  # Linux: the other end is closed
                break
            if not chunk:
                break
            shown += chunk
        code = child.wait(60)
    return code, shown.decode()


def test_colour_and_progress_on_a_terminal(project: Project) -> None:
    code, shown = on_a_terminal(["check", project.image], {})
    assert code == 0
    assert "\x1b[1;32mconsistent: " in shown
    assert "comparing" in shown


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["asked", "dumb"])
def test_no_colour(project: Project, environ: dict[str, str]) -> None:
    code, shown = on_a_terminal(["check", project.image, "--no-progress"], environ)
    assert code == 0
    assert shown.startswith("consistent: ")
    assert "\x1b" not in shown
