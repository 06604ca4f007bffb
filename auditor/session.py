"""What outlives one audit, and the audits that share it.

A `Session` makes caches, connections and worker processes when the first audit needs them,
shares them between audits that may run at the same time in several threads, and closes them
once. Imports that only some audits need are made late: a quick audit starts its container
before most of the program is loaded.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from auditor.errors import AuditorError, ExitCode, UsageError, unexpected
from auditor.image.reference import Transport, parse_reference
from auditor.request import Request, Resources

if TYPE_CHECKING:
    from auditor.image.reference import Reference
    from auditor.model import ImageConfig, Rootfs
    from auditor.progress import Progress
    from auditor.report import Report
    from auditor.run_audit import Shared

__all__ = ["FailedAudit", "Request", "Resources", "Session"]

_LOG = logging.getLogger("auditor")


@dataclass(frozen=True, slots=True)
class FailedAudit:
    """An audit that could not be made: the image, and the error that says why."""

    image: str
    """As in the request."""
    error: str
    """One line."""
    hint: str
    """What to do about it; may be empty."""
    exit_code: ExitCode


class Session:
    """Audits that share caches, connections and worker processes; safe to use from threads.

    Use it as a context manager, or call `close` when the last audit has ended.
    """

    def __init__(self, resources: Resources | None = None) -> None:
        """Share `resources`; by default the user's own cache directories."""
        self.resources = resources or Resources.of_user()
        self._lock = threading.Lock()
        self._shared: Shared | None = None
        self._closed = False

    def audit(self, request: Request, progress: Progress | None = None) -> Report:
        """Make one audit; `progress` is called while bytes are read.

        Raises `AuditorError` where there can be no report: `UsageError` for a request that
        cannot be followed, `LockError`, `ImageError` (`EngineError`) for an image that cannot
        be read.
        """
        self._refuse_if_closed()
        reference = parse_reference(request.image)
        if request.quick:
            return self._audit_statement(request, reference)
        from auditor.run_audit import audit_files  # noqa: PLC0415 -- see above

        return audit_files(request, reference, self._share(), progress)

    def try_audit(self, request: Request, progress: Progress | None = None) -> Report | FailedAudit:
        """Make one audit; where there can be no report, return why instead of raising.

        Nothing that an image holds ends a loop over many: a bug of ours is a failed audit too,
        with its traceback in the log.
        """
        self._refuse_if_closed()
        try:
            return self.audit(request, progress)
        except AuditorError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 -- logged, and told
            _LOG.exception("%s: %s", request.image, type(error).__name__)
            failure = unexpected(error)
        return FailedAudit(request.image, failure.message, failure.hint, failure.exit_code)

    def close(self) -> None:
        """Close connections and end processes; the session makes no further audit."""
        with self._lock:
            shared, self._shared, self._closed = self._shared, None, True
        if shared is not None:
            shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise RuntimeError("the session is closed")

    def _share(self) -> Shared:
        """Return what the audits share, made by the first that needs it."""
        from auditor.run_audit import Shared  # noqa: PLC0415 -- see above

        with self._lock:
            self._refuse_if_closed()
            self._shared = self._shared or Shared(self.resources)
            return self._shared

    def _audit_statement(self, request: Request, reference: Reference) -> Report:
        """Ask the image's interpreter in a container, and load the rest meanwhile."""
        if reference.transport is not Transport.DOCKER:
            raise UsageError(
                f"--quick asks an image that an engine holds, and {reference.text} is not one",
                "name it docker:NAME, or leave out --quick",
            )
        from auditor.image.engine.image_command import BackgroundCommand  # noqa: PLC0415
        from auditor.image.engine.inspection import require_platform  # noqa: PLC0415
        from auditor.inventory.query.pip_list import ENVIRONMENT  # noqa: PLC0415
        from auditor.inventory.query.probe_command import ProbeCommand  # noqa: PLC0415

        probe = ProbeCommand(reference.text, request.python)

        def find(rootfs: Rootfs, config: ImageConfig) -> tuple[str, ...]:
            require_platform(reference, config.platform, request.platform)
            return probe(rootfs, config)

        with BackgroundCommand(reference, find, ENVIRONMENT).running() as command:
            command.wait_until_started()
            from auditor.run_audit import audit_answer  # noqa: PLC0415 -- the container runs now

            return audit_answer(request, reference, probe, command)
