"""The options about locked artifacts: who is asked for them, what is kept."""

from __future__ import annotations

import click

ARTIFACT, INDEX = "artifact", "index"

ARTIFACT_OPTIONS = (
    click.option(
        "--evidence",
        type=click.Choice([ARTIFACT, INDEX]),
        default=ARTIFACT,
        show_default=True,
        help="Compare with whole, verified artifacts, or with what wheels say of themselves.",
    ),
    click.option(
        "--offline", is_flag=True, help="Fetch no artifact: use what is cached or on this machine."
    ),
    click.option(
        "--wheelhouse",
        metavar="DIR",
        type=click.Path(),
        multiple=True,
        help="Folder with artifacts, found by file name; repeatable.",
    ),
    click.option(
        "--mirror",
        metavar="FROM=TO",
        multiple=True,
        help="Replace the beginning FROM of URLs in the lock by TO; repeatable.",
    ),
    click.option(
        "--index-url",
        metavar="URL",
        multiple=True,
        help="Package index to find artifacts in (simple API); repeatable.",
    ),
    click.option(
        "--attestations",
        is_flag=True,
        help="Verify that the identities in the lock attested the installed artifacts.",
    ),
    click.option(
        "--manifests",
        metavar="PLACE",
        help="Folder or bucket URL of manifests that machines share.",
    ),
)
