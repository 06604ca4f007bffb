"""What the process says: reports on standard output, everything else on standard error."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def say(text: str) -> None:
    """Print one line on standard error; nobody reading it is no error."""
    from auditor.report.escape import escape, guard  # noqa: PLC0415 -- not for --version

    with suppress(OSError):
        print(guard(escape(text)), file=sys.stderr, flush=True)


def complain(error: AuditorError) -> ExitCode:
    """Print an error and its hint; give the exit code that it asks for."""
    say(f"auditor: error: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")
    return error.exit_code


class _Stderr(logging.Handler):
    """Shows what the library logs as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        label = "warning: " if record.levelno >= logging.WARNING else ""
        say(f"auditor: {label}{record.getMessage()}")


@contextmanager
def logged(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """Show what the library logs while the body runs: warnings, and with `verbose` all."""
    logger, handler = logging.getLogger("auditor"), _Stderr()
    level = logging.INFO if verbose else logging.WARNING
    logger.setLevel(logging.CRITICAL if quiet else level)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def interrupted() -> ExitCode:
    """Say that the audit was broken off from outside."""
    say("auditor: interrupted")
    return ExitCode.INTERRUPTED


def width() -> int:
    """Return the terminal's columns: COLUMNS, else the terminal's own word, else 80."""
    return shutil.get_terminal_size((80, 24)).columns


def color() -> bool:
    """Return whether standard output wants colour: a terminal, and no NO_COLOR (no-color.org)."""
    environ = os.environ
    return sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def write(text: str) -> None:
    """Write a whole text to standard output.

    A reader that has gone away is its own business. Raises `UsageError` where the output
    cannot be written otherwise.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal or log in another encoding gets escapes, not an error.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer would fail again at the interpreter's end.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UsageError(
            f"standard output: {error.strerror or error}", "write the report to a file with -o"
        ) from error
