"""`auditor render`: a report that was written as JSON, in other formats."""

from __future__ import annotations

import sys

import click

from auditor.cli.outputs import (
    FILE_OPTION,
    FORMAT_OPTION,
    OrderedCommand,
    deliver,
    requested_outputs,
)
from auditor.errors import UsageError
from auditor.report import Report
from auditor.report.json_form import LONGEST

_STDIN = "-"
_HINT = "name a file that `auditor check --format json` wrote, or - for standard input"


@click.command(
    cls=OrderedCommand,
    context_settings={"auto_envvar_prefix": "AUDITOR"},
    epilog="Exit code: 0 whatever the report says, 2 where it cannot be read.",
)
@click.argument("report", type=click.Path(allow_dash=True))
@FORMAT_OPTION
@FILE_OPTION
@click.pass_context
def render(ctx: click.Context, /, report: str, **_: object) -> None:
    """Render the report of an earlier audit in other formats.

    REPORT is a file that `auditor check --format json` wrote, or - for standard input. Nothing
    is audited again: the text is the one that the audit itself would have given.
    """
    outputs = requested_outputs(ctx)
    name = "standard input" if report == _STDIN else report
    deliver(Report.from_json(_text(report, name), name), outputs)


def _text(report: str, name: str) -> str:
    """Return the document, of which no more is read than a report may be long."""
    try:
        if report == _STDIN:
            content = b"" if sys.stdin is None else sys.stdin.buffer.read(LONGEST + 1)
        else:
            with open(report, "rb") as file:
                content = file.read(LONGEST + 1)
        return content.decode()
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror or error}", _HINT) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8", _HINT) from error
