from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from auditor.cli import run
from auditor.cli.program import VERBOSE, Program
from auditor.version import __version__

if TYPE_CHECKING:
    from tests.cli.conftest import Invoke


def test_version(invoke: Invoke) -> None:
    result = invoke("--version")
    assert (result.exit_code, result.stdout) == (0, f"auditor, version {__version__}\n")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_command(invoke: Invoke, flag: str) -> None:
    result = invoke(flag)
    assert result.exit_code == 0
    assert "\n  check    Compare IMAGE with its lock file.\n" in result.stdout
    assert "\n  explain  " in result.stdout


def test_version_and_help_import_nothing_heavy() -> None:
    heavy = ("docker", "packaging", "rich", "tabulate", "importlib.metadata", "auditor.image")
    code = (
        "import sys; from auditor.cli import run\n"
        "assert run(['--version']) == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        pytest.param([], "Missing command", "see `auditor --help`", id="nothing"),
        pytest.param(["chek"], "No such command 'chek'", "see `auditor --help`", id="command"),
        pytest.param(
            ["check"], "Missing argument 'IMAGE'", "see `auditor check --help`", id="argument"
        ),
        pytest.param(
            ["check", "x", "--fail-on", "all"],
            "Invalid value for '--fail-on': 'all' is not one of 'error', 'warning', 'note', "
            "'never'",
            "see `auditor check --help`",
            id="choice",
        ),
    ],
)
def test_usage_errors_are_one_line_and_a_hint(
    invoke: Invoke, arguments: list[str], message: str, hint: str
) -> None:
    first, second = invoke(*arguments).error(2)
    assert first.startswith(message)
    assert second == hint


class Broken(Program):
    """A program whose one command fails in the way given."""

    def __init__(self, error: BaseException, *, verbose: bool) -> None:
        super().__init__("broken")
        self.error = error
        self.verbose = verbose

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        def fail() -> None:
            ctx.meta[VERBOSE] = self.verbose
            raise self.error

        return click.Command(cmd_name, callback=fail)


@pytest.mark.parametrize("verbose", [False, True])
def test_a_mistake_of_ours_is_no_pass(capsys: pytest.CaptureFixture[str], verbose: bool) -> None:
    program = Broken(ZeroDivisionError("a\nb"), verbose=verbose)
    assert program.main(["x"], standalone_mode=False) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert ("Traceback" in err) is verbose
    assert err.endswith(
        "auditor: error: unexpected ZeroDivisionError: a\\nb\n"
        "hint: this is a bug in auditor: run again with -v and report what it prints\n"
    )


def test_a_broken_pipe_inside_an_audit_is_no_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    program = Broken(BrokenPipeError(32, "Broken pipe"), verbose=False)
    assert program.main(["x"], standalone_mode=False) == 3
    assert "BrokenPipeError" in capsys.readouterr().err


def test_an_interrupt_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert Broken(KeyboardInterrupt(), verbose=True).main(["x"], standalone_mode=False) == 130
    assert capsys.readouterr() == ("", "auditor: interrupted\n")


def test_an_interrupt_before_any_command_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupting:
        """Standard output at the moment of Ctrl-C."""

        def write(self, text: str) -> int:
            raise KeyboardInterrupt

        def flush(self) -> None:
            """Nothing to flush."""

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Interrupting())
        code = run(["--version"])
    assert code == 130
    assert capsys.readouterr().err.strip() == "auditor: interrupted"
