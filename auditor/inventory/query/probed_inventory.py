"""The inventory of a quick audit: what a probe read, by the same code that reads files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.inventory.ownership.os_packages import metadata_owners, read_os_packages
from auditor.inventory.python.environment import with_distributions
from auditor.inventory.query.pip_list import pip_list_result, run_failure
from auditor.inventory.query.probe_command import HINT
from auditor.inventory.query.probe_result import ProbeResult, read_probe_result
from auditor.model import Environment, Inventory, OsPackages
from auditor.pyvenv_cfg import read_venv

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from auditor.image.engine.container_run import Completed
    from auditor.inventory.query.probe_command import ProbeCommand
    from auditor.model import ImageConfig, PipListResult, Rootfs

_SYSTEM = ("/usr/lib", "/lib")
"""Where package managers install Python code: `/usr/lib64` and `/lib/python3` too."""


@dataclass(frozen=True, slots=True)
class ProbedInventory:
    """What the image's interpreter says is installed."""

    inventory: Inventory
    rootfs: Rootfs
    """The files that the probe read; asking for anything else is an error."""
    pip_list: PipListResult


def probed_inventory(
    probe: ProbeCommand,
    completed: Completed,
    config: ImageConfig,
    read_files: Callable[[Callable[[Rootfs], OsPackages]], OsPackages],
    known: Collection[str] = (),
) -> ProbedInventory:
    """Return what the probe printed, and what `pip list` printed after it.

    `read_files` applies a function to the image's files, for the package databases: they are only
    read where there is a distribution in a directory of the operating system, or one whose name
    is none of the `known`.
    Raises `ImageError` where the probe failed.
    """
    runtime = probe.runtime
    result, rest = read_probe_result(completed.stdout)
    if result is None:
        why = run_failure(completed, config, runtime.executable) or "its output is not understood"
        raise ImageError(f"{probe.reference}: {runtime.executable} did not answer: {why}", HINT)
    bare = _environment(probe, result)
    packages = OsPackages()
    environment = with_distributions(result.rootfs, bare, {})
    found = environment.distributions
    if any(each.location.startswith(_SYSTEM) or each.name not in known for each in found):
        packages = read_files(partial(read_os_packages, holding="-info"))
        environment = with_distributions(result.rootfs, bare, metadata_owners(packages))
    inventory = Inventory(
        (environment,), result.interpreter, problems=packages.problems, os_packages=packages
    )
    pip_list = pip_list_result(replace(completed, stdout=rest), config, result.prefix)
    return ProbedInventory(inventory, result.rootfs, pip_list)


def _environment(probe: ProbeCommand, result: ProbeResult) -> Environment:
    """Return the environment without its distributions."""
    venv = read_venv(result.rootfs, result.prefix)
    return Environment(
        prefix=result.prefix,
        interpreter=probe.runtime.executable,
        python_version=result.interpreter.full_version,
        import_paths=result.paths,
        runtime=True,
        runtime_reason=probe.runtime.reason,
        has_seed_packages=venv is not None and venv.seed_packages,
        sys_path=probe.command_entries,
    )
