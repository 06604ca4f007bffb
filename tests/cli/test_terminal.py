from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from auditor.cli.terminal import print_error, print_line, write
from auditor.errors import EngineError, LockError, UsageError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain", "plain\n", id="plain"),
        pytest.param("a\n::error::b\x1b[2J", "a\\n::error::b\\x1b[2J\n", id="escaped"),
        pytest.param("::error::b", ":\\x3aerror::b\n", id="no-command"),
        pytest.param("caf\udce9", "caf\\xe9\n", id="undecodable"),
    ],
)
def test_print_line(capsys: pytest.CaptureFixture[str], text: str, shown: str) -> None:
    print_line(text)
    assert capsys.readouterr() == ("", shown)


class Closed(io.StringIO):
    """A stream that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(len(text))


def test_print_line_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Closed()
    monkeypatch.setattr(sys, "stderr", closed)
    print_line("lost")
    assert closed.getvalue() == ""


@pytest.mark.parametrize(
    ("error", "shown", "code"),
    [
        (LockError("no lock"), "auditor: error: no lock\n", 2),
        (EngineError("no engine", "start it"), "auditor: error: no engine\nhint: start it\n", 3),
    ],
    ids=["no-hint", "hint"],
)
def test_print_error(
    capsys: pytest.CaptureFixture[str], error: LockError | EngineError, shown: str, code: int
) -> None:
    assert print_error(error) == code
    assert capsys.readouterr() == ("", shown)


def test_write_to_a_reader_that_left(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        write("lost\n" * 100_000)
        write("and nothing breaks afterwards\n")


def test_write_to_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(UsageError, match="standard output: No space left on device"):
            write("text\n")
