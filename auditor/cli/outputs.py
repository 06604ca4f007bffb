"""The options of every command that writes reports, and where each report goes.

`-o FILE` belongs to the `--format` before it.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.terminal import color, width, write
from auditor.errors import UsageError
from auditor.report.formats import FORMATS, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from auditor.report import Report

FORMAT, FILE = "format", "output"
"""The parameters whose order on the command line counts."""

_ORDER = "auditor.order"
"""Key in the context's `meta`: how the two followed each other."""

_STDOUT = "-"
_HINT = "give every --format but one its own -o FILE right after it"


FORMAT_OPTION = click.option(
    "--format",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    default=["table"],
    show_default=True,
    help="How to report; repeatable.",
)
FILE_OPTION = click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    multiple=True,
    help="File for the --format before it.",
)


class OrderedCommand(click.Command):
    """Keeps the order of `--format` and `-o`, and refuses an option given twice."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as every command does, and note the order of the two.

        Raises `UsageError` where an option that has one value is given twice.
        """
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        for param, times in Counter(order).items():
            if (
                times > 1
                and isinstance(param, click.Option)
                and not (param.multiple or param.is_flag)
            ):
                name = max(param.opts, key=len)
                raise UsageError(f"{name} is given {times} times", "give it once")
        ctx.meta[_ORDER] = [param.name for param in order if param.name in (FORMAT, FILE)]
        return super().parse_args(ctx, args)


@dataclass(frozen=True, slots=True)
class Output:
    """One report to be written."""

    format: str
    file: Path | None
    """None: standard output."""


def requested_outputs(ctx: click.Context) -> tuple[Output, ...]:
    """Return where the command's reports go; raises `UsageError` where that is not possible."""
    outputs = outputs_of(ctx.meta[_ORDER], ctx.params[FORMAT], ctx.params[FILE])
    for output in outputs:
        if output.file is not None:
            check_writable(output.file)
    return outputs


def deliver(report: Report, outputs: Sequence[Output]) -> None:
    """Write the files, then standard output: a pipe that closes early costs no file."""
    write_files(
        {
            output.file: FORMATS[output.format](report)
            for output in outputs
            if output.file is not None
        }
    )
    for output in outputs:
        if output.file is None:
            write(FORMATS[output.format](report, View(width(), color())))


def outputs_of(
    order: Sequence[str], formats: Sequence[str], files: Sequence[str]
) -> tuple[Output, ...]:
    """Pair formats with files.

    `order` is how the two parameters followed each other on the command line. What is not
    from there, but from the environment or the default, is paired in its own order.
    Raises `UsageError` where a file has no format, a format two files, or two formats go to
    one place.
    """
    if not (FORMAT in order and FILE in order):
        order = _alternating(len(formats), len(files))
    pairs: list[tuple[str, str | None]] = []
    names, targets = iter(formats), iter(files)
    for parameter in order:
        if parameter == FORMAT:
            pairs.append((next(names), None))
            continue
        target = next(targets)
        if not pairs:
            raise UsageError(f"-o {target} comes before any --format", _HINT)
        if pairs[-1][1] is not None:
            raise UsageError(f"--format {pairs[-1][0]} has two files: -o {target}", _HINT)
        pairs[-1] = (pairs[-1][0], target)
    outputs = tuple(
        Output(name, None if target is None or target == _STDOUT else Path(target))
        for name, target in pairs
    )
    _check_distinct(outputs)
    return outputs


def _alternating(formats: int, files: int) -> list[str]:
    paired = min(formats, files)
    return [FORMAT, FILE] * paired + [FORMAT] * (formats - paired) + [FILE] * (files - paired)


def _check_distinct(outputs: Sequence[Output]) -> None:
    seen = set[Path | None]()
    for output in outputs:
        place = None if output.file is None else output.file.resolve()
        if place in seen:
            where = "standard output" if output.file is None else str(output.file)
            raise UsageError(f"two reports would go to {where}", _HINT)
        seen.add(place)


def check_writable(file: Path) -> None:
    """Raise `UsageError` where `file` could not be written; leaves nothing behind."""
    with _file_errors(file):
        target = file.resolve()
        if target.is_dir():
            raise IsADirectoryError(0, "is a directory")
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(0, "no permission to write it")
        if _is_replaced(target):
            temporary = _temporary(target)
            temporary.touch(exist_ok=False)
            temporary.unlink()


def write_files(texts: Mapping[Path, str]) -> None:
    """Write every file whole, or none: each beside its place first, then all moved there.

    What is no regular file (a pipe, `/dev/stderr`) is written to directly.
    Raises `UsageError` where that fails.
    """
    waiting: dict[Path, Path] = {}
    try:
        for file, text in texts.items():
            with _file_errors(file):
                target = file.resolve()  # what a symbolic link leads to is replaced, not the link
                place = _temporary(target) if _is_replaced(target) else target
                if place != target:
                    waiting[target] = place
                place.write_text(text, encoding="utf-8", errors="backslashreplace")
        for target, temporary in waiting.items():
            with _file_errors(target):
                if target.exists():
                    temporary.chmod(target.stat().st_mode & 0o777)
                temporary.replace(target)
    finally:
        for temporary in waiting.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def _file_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{file}: cannot be written: {error.strerror or error}",
            "name a file in a directory that exists and that you may write to",
        ) from error


def _is_replaced(target: Path) -> bool:
    return target.is_file() or not target.exists()


def _temporary(target: Path) -> Path:
    return target.with_name(f".auditor-{uuid.uuid4().hex}.tmp")
