"""The command line: the only part that prints, exits, reads options and handles signals."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click

from auditor.cli.program import program
from auditor.cli.terminal import print_error, print_interrupted
from auditor.errors import AuditorError, ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["main", "run"]

_GARBAGE = 1_000_000
"""Objects between two searches for cycles: a tenth of a warm audit went there."""


def main() -> NoReturn:
    """Run the command line of this process, and end it."""
    # An audit makes hundreds of thousands of small tuples and no cycles worth looking for.
    gc.set_threshold(_GARBAGE)
    # Python gives a process that was started with a closed stream (`>&-`) none at all.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    # All of these end an audit in the same way, so that its containers are removed; one that
    # is ignored (nohup) stays ignored.
    interrupt = _InterruptOnce()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, interrupt)
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # in the last lines of `run`
        code = print_interrupted()
    if interrupt.received:
        _exit_interrupted()
    sys.exit(code)


class _InterruptOnce:
    """A signal handler that raises `KeyboardInterrupt` for the first signal alone.

    An impatient second Ctrl-C does not cut short what cleans up after the first one.
    """

    def __init__(self) -> None:
        self.received = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if not self.received:
            self.received = True
            raise KeyboardInterrupt


def _exit_interrupted() -> NoReturn:
    """End the process once its containers are removed, without waiting for other threads.

    One may wait for ever for a lock that the interrupted thread had taken.
    """
    from auditor.image.engine.container_thread import end_container_threads  # noqa: PLC0415

    try:
        end_container_threads()
    except AuditorError as error:
        print_error(error)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    os._exit(ExitCode.INTERRUPTED)


def run(arguments: Sequence[str]) -> int:
    """Run one command, print its error in one line if there is one, and return its exit code."""
    try:
        code = program.main(list(arguments), prog_name="auditor", standalone_mode=False)
    except click.ClickException as error:
        return print_error(_usage_error(error))
    except AuditorError as error:
        return print_error(error)
    except (click.Abort, KeyboardInterrupt):
        return print_interrupted()
    except SystemExit:
        # How click ends when `--help` is written to a closed pipe.
        return ExitCode.CONSISTENT
    return int(code or ExitCode.CONSISTENT)


def _usage_error(error: click.ClickException) -> UsageError:
    """Return an error of click's own in the form of ours."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return UsageError(message, f"see `{context.command_path if context else 'auditor'} --help`")
