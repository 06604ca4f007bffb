"""The command line: the only part that prints, exits and reads the environment."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click

from auditor.cli.program import program
from auditor.cli.terminal import complain, interrupted
from auditor.errors import AuditorError, ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "run"]

_GARBAGE = 100_000
"""Objects between two looks for cycles: a tenth of a warm audit went there."""


def main() -> NoReturn:
    """Run the command line of this process, and end it."""
    # An audit makes hundreds of thousands of small tuples and no cycles worth looking for.
    gc.set_threshold(_GARBAGE)
    # Python gives a process that was started with a closed stream (`>&-`) none at all.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    # A container that the audit started must go whoever ends the audit, so all of these end it
    # in the same way; one that is ignored (nohup) stays ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    code = run(sys.argv[1:])
    if code == ExitCode.INTERRUPTED:
        # At once: a thread may wait for ever for a lock that the interrupted one had taken.
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code; whatever goes wrong is told in one line."""
    try:
        code = program.main(list(arguments), prog_name="auditor", standalone_mode=False)
    except click.ClickException as error:
        return complain(_usage_error(error))
    except AuditorError as error:
        return complain(error)
    except (click.Abort, KeyboardInterrupt):
        return interrupted()
    except SystemExit:
        # click's way out when nobody reads its `--help` to the end.
        return ExitCode.CONSISTENT
    return int(code or ExitCode.CONSISTENT)


def _usage_error(error: click.ClickException) -> UsageError:
    """Return an error of click's own in our words' shape."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    return UsageError(message, f"see `{context.command_path if context else 'auditor'} --help`")
