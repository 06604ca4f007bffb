"""Errors that end an audit: one clear line, a hint and an exit code.

An `AuditorError` is raised where the whole audit cannot go on. One bad thing inside an
otherwise readable input is never an exception: it is a finding of family 9.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller; the same in every format."""

    CONSISTENT = 0
    DRIFT = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERRUPTED = 130


class AuditorError(Exception):
    """An input that stops the audit.

    `message` is one line that names the thing at fault; `hint` is one line that says what
    to do about it, in lower case and without a full stop, as it goes on from the message.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AuditorError):
    """The command line or the configuration cannot be followed."""


class LockError(AuditorError):
    """The lock file is missing, ambiguous, unreadable or no valid pylock.toml."""


class ImageError(AuditorError):
    """The image does not exist, cannot be read, or its bytes are not those it names."""

    exit_code = ExitCode.INCOMPLETE


class EngineError(ImageError):
    """The container engine is not there or refused."""


def unexpected(error: Exception) -> ImageError:
    """Return the error for one that nobody foresaw: a bug, told in one line."""
    return ImageError(
        f"unexpected {type(error).__name__}: {error}",
        "this is a bug in auditor: run again with -v and report what it prints",
    )
