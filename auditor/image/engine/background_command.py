"""A command that runs in a container of an image while the image's bytes are still being read.

What to run is found in a container that is created and never started. The answer is testimony
like any other, and used only where the bytes then lead to the same command and the same image.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from auditor.errors import AuditorError, EngineError, ImageError
from auditor.image.engine.connection import connected
from auditor.image.engine.container_config import Command, RunLimits
from auditor.image.engine.container_files import container_filesystem
from auditor.image.engine.container_run import LeftBehindError, run_container
from auditor.image.engine.inspection import config_of, inspected_image, is_image
from auditor.image.engine.interrupts import Interrupts
from auditor.model import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from docker.api.client import APIClient

    from auditor.image.engine.container_run import Completed
    from auditor.image.reference import Reference
    from auditor.model import Image, ImageConfig, Rootfs

    Find = Callable[[Rootfs, ImageConfig], Sequence[str] | None]
    """Gives the command to run, None for none."""

_PATIENCE = 0.5
"""Seconds that an engine gets to answer although nothing is to be removed from it."""


@contextmanager
def run_in_background(
    reference: Reference, find: Find, env: Mapping[str, str]
) -> Iterator[BackgroundCommand]:
    """Run what `find` finds, with `env` added, while the body does something else.

    No container of it is left after the body, however that ends; one that the engine keeps is
    a `LeftBehindError`. Else nothing is raised for it before somebody asks for the outcome.
    """
    with Interrupts() as interrupts:
        beside = BackgroundCommand(reference, find, env)
        try:
            with interrupts.allowed():
                yield beside
        finally:
            beside.end()


class BackgroundCommand:
    """A command under way in another thread."""

    def __init__(self, reference: Reference, find: Find, env: Mapping[str, str]) -> None:
        self._reference = reference
        self._find = find
        self._env = env
        self._argv: tuple[str, ...] | None = None
        # Not the thread's own end: a `join` that a signal interrupts takes it for ended (3.11).
        self._done = threading.Event()
        self._found = threading.Event()
        self._begun = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._busy = False
        self._over = False
        self._facts: Mapping[str, Any] = {}
        self._completed: Completed | None = None
        self._error: AuditorError | None = None
        # It must not keep a process alive that an engine does not answer.
        threading.Thread(target=self._work, daemon=True).start()

    def answer(self, argv: Sequence[str], image: Image) -> Completed | None:
        """Return what this command did in this image; None where another one was run, or none."""
        self._found.wait()
        if self._argv != tuple(argv):
            return None
        self._done.wait()
        return self._completed if is_image(image, self._facts) else None

    def begun(self) -> None:
        """Wait until the command runs, or will not run any more.

        Until then this thread had better be idle: work in Python holds up the questions that
        find the command.
        """
        self._begun.wait()

    def outcome(self) -> tuple[Mapping[str, Any], Completed]:
        """Return what the engine says of the image and what the command did, once it has ended.

        Raises the `AuditorError` that kept it from running.
        """
        self._done.wait()
        if self._error is not None:
            raise self._error
        if self._completed is None:
            raise EngineError("nothing was run in the image")
        return self._facts, self._completed

    def end(self) -> None:
        """Call the command off, and wait until its containers are removed.

        Raises `LeftBehindError` where one stays.
        """
        with self._lock:
            self._over = True
            busy = self._busy
        self._wake.set()
        self._done.wait(None if busy else _PATIENCE)
        if isinstance(self._error, LeftBehindError):
            raise self._error

    def _work(self) -> None:
        try:
            with connected() as api:
                facts = inspected_image(api, self._reference.value)
                if self._may_begin():
                    self._run(api, facts)
        except AuditorError as error:
            self._error = error
        except UnreadableError as error:
            self._error = ImageError(str(error))
        finally:
            self._found.set()
            self._begun.set()
            self._done.set()

    def _may_begin(self) -> bool:
        """Return whether containers may still be made; from then on `end` waits for them."""
        with self._lock:
            self._busy = not self._over
            return self._busy

    def _run(self, api: APIClient, facts: Mapping[str, Any]) -> None:
        with ExitStack() as stack:
            rootfs = stack.enter_context(container_filesystem(api, facts))
            argv = self._find(rootfs, config_of(facts))
            if argv is None or self._wake.is_set():
                return
            self._argv = tuple(argv)
            self._found.set()
            command = Command(self._argv, self._env)

            def meanwhile() -> None:
                """Remove the other container, which takes a while, once this one runs."""
                self._begun.set()
                stack.close()

            completed = run_container(
                api, facts, command, RunLimits(), wake=self._wake, meanwhile=meanwhile
            )
            self._facts, self._completed = facts, completed
