"""Commands that run in a container of an image: now, or while the image's bytes are read.

What a command in the background has to run is found in a container that is created and never
started. Its answer is testimony like any other, and used only where the bytes then lead to the
same command and the same image.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from auditor.errors import AuditorError, EngineError, ImageError
from auditor.image.engine.container import Command
from auditor.image.engine.container_files import container_filesystem
from auditor.image.engine.container_run import Completed, run_container
from auditor.image.engine.container_thread import ContainerThread, Latch
from auditor.image.engine.inspection import config_of, is_image
from auditor.model import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from docker.api.client import APIClient

    from auditor.image.engine.inspection import Inspected
    from auditor.image.reference import Reference
    from auditor.model import Image, ImageConfig, Rootfs

    Find = Callable[[Rootfs, ImageConfig], Sequence[str] | None]
    """Returns the command to run, None for none."""


def run_in_image(reference: Reference, command: Command, image: Image | None = None) -> Completed:
    """Run one command in a locked-down container of an image that the engine holds.

    `image` is the one whose bytes were read: if the reference names another one by now, nothing
    is run. No error is raised: a command that could not run says so in `failure`.
    """

    def run(api: APIClient, facts: Inspected, stop: Latch) -> Completed:
        if image is not None and not is_image(image, facts):
            return Completed(None, b"", b"", "the tag points to another image by now")
        return run_container(api, facts, command, stop)

    try:
        with ContainerThread(reference.value, run).running() as thread:
            return thread.result()
    except EngineError as error:
        return Completed(None, b"", b"", error.message)


class BackgroundCommand(ContainerThread["tuple[Inspected, Completed] | None"]):
    """The command that `find` returns, run in another thread with `env` added.

    Its errors are raised when the outcome is asked for.
    """

    def __init__(self, reference: Reference, find: Find, env: Mapping[str, str]) -> None:
        super().__init__(reference.value, self._find_and_run)
        self._find = find
        self._env = env
        self._argv: tuple[str, ...] | None = None
        self._command_started = Latch()

    def run(self) -> None:
        """Do the work; afterwards the command does not start any more."""
        try:
            super().run()
        finally:
            self._command_started.set()

    def answer(self, argv: Sequence[str], image: Image) -> Completed | None:
        """Return what this command did in this image; None where another one was run, or none."""
        self._command_started.wait()
        if self._argv != tuple(argv):
            return None
        try:
            facts, completed = self.outcome()
        except AuditorError:
            return None
        return completed if is_image(image, facts) else None

    def wait_until_started(self) -> None:
        """Wait until the command runs, or never will; work in Python meanwhile would delay it."""
        self._command_started.wait()

    def outcome(self) -> tuple[Inspected, Completed]:
        """Return what the engine says of the image and what the command did, once it has ended.

        Raises the `AuditorError` that kept it from running.
        """
        try:
            outcome = self.result()
        except UnreadableError as error:
            raise ImageError(str(error)) from error
        if outcome is None:
            raise EngineError("no command was run in the image")
        return outcome

    def _find_and_run(
        self, api: APIClient, facts: Inspected, stop: Latch
    ) -> tuple[Inspected, Completed] | None:
        with ExitStack() as files:
            rootfs = files.enter_context(container_filesystem(api, facts))
            argv = self._find(rootfs, config_of(facts))
            if argv is None or stop.is_set:
                return None
            self._argv = tuple(argv)

            def on_start() -> None:
                """Remove the other container, which takes a while, once this one runs."""
                self._command_started.set()
                files.close()

            return facts, run_container(api, facts, Command(argv, self._env), stop, on_start)
