"""The question of a quick audit, asked before all else: the answer takes longest.

While the container runs, the rest of the program is imported and the lock is read.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.image.engine.background_command import run_in_background
from auditor.image.engine.inspection import require_platform
from auditor.image.reference import Transport, parse_reference
from auditor.inventory.query.pip_list import ENVIRONMENT
from auditor.inventory.query.probe_command import ProbeCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.cli.check import CheckArguments
    from auditor.image.engine.background_command import BackgroundCommand
    from auditor.model import ImageConfig, Rootfs


@contextmanager
def asking(given: CheckArguments) -> Iterator[tuple[ProbeCommand, BackgroundCommand]]:
    """Ask the image's interpreter while the body runs; raises `UsageError` without an engine."""
    reference = parse_reference(given["image"])
    if reference.transport is not Transport.DOCKER:
        raise UsageError(
            f"--quick asks an image that an engine holds, and {reference.text} is not one",
            "name it docker:NAME, or leave out --quick",
        )
    probe = ProbeCommand(reference.text, given["python"])

    def find(rootfs: Rootfs, config: ImageConfig) -> tuple[str, ...]:
        require_platform(reference, config.platform, given["platform"])
        return probe(rootfs, config)

    with run_in_background(reference, find, ENVIRONMENT) as beside:
        yield probe, beside
