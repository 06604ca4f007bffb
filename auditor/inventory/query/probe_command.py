"""The command that probes an image: its interpreter, running `probe_script.py`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

from auditor.errors import ImageError, UsageError
from auditor.inventory.commands.python_options import command_line
from auditor.inventory.paths import is_directory
from auditor.inventory.python.runtime import Runtime, configured_runtime, named_runtime
from auditor.inventory.python.sys_path import command_entries, real_entries
from auditor.inventory.query.pip_list import PIP

if TYPE_CHECKING:
    from auditor.model import ImageConfig, PathEntry, Rootfs

HINT = "leave out --quick: the full audit reads the image's files instead"


class ProbeCommand:
    """Finds the command from a few files of the image, and keeps which interpreter it runs."""

    def __init__(self, reference: str, python: str | None = None) -> None:
        """Probe the image `reference`; `python` names the interpreter or its prefix."""
        self.reference = reference
        self._python = python
        self._runtime: Runtime | None = None
        self.command_entries: tuple[PathEntry, ...] = ()
        """Directories that the image's own command has on its path, and the probe has not."""

    def __call__(self, rootfs: Rootfs, config: ImageConfig) -> tuple[str, ...]:
        """Return the command, whose output `probed_inventory` reads.

        Raises `UsageError` where the image has no such `python`, `ImageError` where nothing leads
        to an interpreter.
        """
        runtime = self._find(rootfs, config)
        if rootfs.stat(runtime.executable) is None:
            raise ImageError(f"{self.reference}: {runtime.executable} is a broken link", HINT)
        command = command_line(runtime.arguments or ())
        entries = command_entries(rootfs, config, runtime.arguments)
        there = [each for each in entries if is_directory(rootfs, each.path)]
        self._runtime, self.command_entries = runtime, real_entries(rootfs, there)
        return (
            runtime.executable,
            *(("-E",) if command.ignores_environment else ()),
            *(() if command.allows_user_site(config) else ("-s",)),
            "-c",
            files("auditor.inventory.query").joinpath("probe_script.py").read_text("utf-8"),
            json.dumps([entry.path for entry in self.command_entries]),
            *PIP,
        )

    @property
    def runtime(self) -> Runtime:
        """The interpreter that the command runs; raises `ImageError` before there is one."""
        if self._runtime is None:
            raise ImageError(f"{self.reference}: no interpreter was run", HINT)
        return self._runtime

    def _find(self, rootfs: Rootfs, config: ImageConfig) -> Runtime:
        if self._python is not None:
            named = named_runtime(rootfs, self._python)
            if named is None:
                raise UsageError(
                    f"--python {self._python}: {self.reference} has no such interpreter",
                    "give the path of an interpreter, or the prefix of its environment",
                )
            return named
        found = configured_runtime(rootfs, config, ())
        if found is None:
            raise ImageError(
                f"{self.reference}: neither its command nor VIRTUAL_ENV nor PATH leads to a Python",
                "name it with --python, or leave out --quick: the full audit searches the image",
            )
        return found
