"""`auditor check`: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import click

from auditor.cli.argument_checks import check_arguments
from auditor.cli.arguments import (
    ORDER,
    CheckArguments,
    OrderedCommand,
    image_options,
    request_of,
    resources_of,
)
from auditor.cli.configuration import config_of
from auditor.cli.outputs import check_writable, outputs_of, write_files
from auditor.cli.program import VERBOSE
from auditor.cli.progress_bar import progress
from auditor.cli.terminal import color, logged, say, width, write
from auditor.report.formats import FORMATS, View
from auditor.report.formats.sentences import headline, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.cli.outputs import Output
    from auditor.errors import ExitCode
    from auditor.model import Report


@click.command(
    cls=OrderedCommand,
    context_settings={"auto_envvar_prefix": "AUDITOR"},
    epilog="Every option can be set in the environment too: --fail-on is AUDITOR_FAIL_ON. "
    "Exit code: 0 consistent, 1 drift, 2 the command or the lock is wrong, 3 the audit is "
    "incomplete or did not happen.",
)
@click.argument("image")
@image_options
def check(**given: Unpack[CheckArguments]) -> int:
    """Compare IMAGE with its lock file.

    IMAGE is docker:NAME (or just NAME), container:ID, registry:HOST/REPO:TAG (or @DIGEST),
    docker-archive:FILE, oci:DIR[:TAG], oci-archive:FILE, dir:ROOTFS or env:PREFIX; an existing
    path is recognised by its content.
    """
    ctx = click.get_current_context()
    ctx.meta[VERBOSE] = given["verbose"]
    config = config_of(ctx)
    check_arguments(ctx, given)
    outputs = outputs_of(ctx.meta[ORDER], given["format"], given["output"])
    for output in outputs:
        if output.file is not None:
            check_writable(output.file)
    request = request_of(given, config)
    from auditor.session import Session  # noqa: PLC0415 -- `--help` needs none of it

    with (
        logged(quiet=given["quiet"], verbose=given["verbose"]),
        progress(False if given["quiet"] else given["progress"]) as show,
        Session(resources_of(given)) as session,
    ):
        report = session.audit(request, show)
    from auditor.audit_stages import exit_code  # noqa: PLC0415 -- loaded by now

    code = exit_code(report, request.fail_on)
    _deliver(report, outputs, code, quiet=given["quiet"])
    return code


def _deliver(report: Report, outputs: Sequence[Output], code: ExitCode, *, quiet: bool) -> None:
    """Write the files, then standard output: a pipe that closes early costs no file."""
    file_view = View(exit_code=code)
    write_files(
        {
            output.file: FORMATS[output.format](report, file_view)
            for output in outputs
            if output.file is not None
        }
    )
    for output in outputs:
        if output.file is None:
            view = View(width=width(), color=color(), exit_code=code)
            write(FORMATS[output.format](report, view))
            return
    if not quiet:
        say(headline(report))
        say(summary(report))
