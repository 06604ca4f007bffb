"""`auditor check`: the main job."""

from __future__ import annotations

from typing import Unpack

import click

from auditor.cli.argument_checks import check_arguments
from auditor.cli.arguments import CheckArguments, image_options, request_of, resources_of
from auditor.cli.configuration import config_of
from auditor.cli.outputs import OrderedCommand, deliver, requested_outputs
from auditor.cli.program import VERBOSE
from auditor.cli.progress_bar import progress
from auditor.cli.terminal import logged, say
from auditor.report.formats.sentences import headline, summary


@click.command(
    cls=OrderedCommand,
    context_settings={"auto_envvar_prefix": "AUDITOR"},
    epilog="Every option can be set in the environment too: --fail-on is AUDITOR_FAIL_ON. "
    "Exit code: 0 consistent, 1 drift, 2 the command or the lock is wrong, 3 the audit is "
    "incomplete or did not happen.",
)
@click.argument("image")
@image_options
def check(**given: Unpack[CheckArguments]) -> int | None:
    """Compare IMAGE with its lock file.

    IMAGE is docker:NAME (or just NAME), container:ID, registry:HOST/REPO:TAG (or @DIGEST),
    docker-archive:FILE, oci:DIR[:TAG], oci-archive:FILE, dir:ROOTFS or env:PREFIX; an existing
    path is recognised by its content.
    """
    ctx = click.get_current_context()
    ctx.meta[VERBOSE] = given["verbose"]
    config = config_of(ctx)
    check_arguments(ctx, given)
    outputs = requested_outputs(ctx)
    request = request_of(given, config)
    from auditor.session import Session  # noqa: PLC0415 -- `--help` needs none of it

    with (
        logged(quiet=given["quiet"], verbose=given["verbose"]),
        progress(False if given["quiet"] else given["progress"]) as show,
        Session(resources_of(given)) as session,
    ):
        report = session.audit(request, show)
    deliver(report, outputs)
    if not given["quiet"] and all(output.file for output in outputs):
        say(headline(report))
        say(summary(report))
    return report.exit_code
