"""Every Python environment of an image: the one it runs, and all others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.errors import UsageError
from auditor.inventory.ownership.conda import conda_files
from auditor.inventory.ownership.os_packages import metadata_owners, read_os_packages
from auditor.inventory.python.discovery import discover, target_directories
from auditor.inventory.python.environment import (
    other_environment,
    runtime_environment,
    with_distributions,
)
from auditor.inventory.python.interpreter import read_interpreter
from auditor.inventory.python.runtime import Runtime, configured_runtime, named_runtime
from auditor.model import Environment, Inventory, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditor.inventory.python.discovery import Discovery
    from auditor.model import Image, Interpreter

_NOT_A_PROGRAM = "the runtime interpreter is not a program that has its version in its bytes"


def collect_inventory(image: Image, python: str | None = None) -> Inventory:
    """Return every environment of the image with its distributions, the runtime one marked.

    `python` names the runtime environment by the path of its interpreter or by its prefix;
    raises `UsageError` where the image has nothing there. What is unreadable in the image is a
    problem, never an error.
    """
    found = discover(image.rootfs, image.prefix or "/")
    runtime = _runtime(image, python, sorted(found.venvs))
    os_packages = read_os_packages(image.rootfs)
    owners = metadata_owners(os_packages)
    if image.prefix is None:  # a live environment is audited without the system around it
        found.problems.extend(os_packages.problems)
    environments: list[Environment] = []
    interpreter: Interpreter | None = None
    if runtime is not None:
        interpreter = read_interpreter(image.rootfs, runtime.executable, image.config.platform)
        environment = runtime_environment(image, runtime, interpreter, owners)
        if interpreter is None and not environment.unusable_reason:
            found.problems.append(Problem(runtime.executable, _NOT_A_PROGRAM, runtime.executable))
        environments.append(environment)
    known = {path for environment in environments for path in environment.import_paths}
    environments += _other_environments(image, found, owners, known)
    candidates = () if runtime else tuple(each.prefix for each in environments)
    prefixes = found.prefixes | ({interpreter.prefix} if interpreter else set())
    conda, unread = conda_files(image.rootfs, prefixes)
    problems = (*found.problems, *unread)
    return Inventory(tuple(environments), interpreter, candidates, problems, os_packages, conda)


def _runtime(image: Image, python: str | None, venvs: list[str]) -> Runtime | None:
    """Return the interpreter that is named or else found; raises `UsageError` for a wrong name."""
    if python is not None:
        named = named_runtime(image.rootfs, python)
        if named is None:
            hint = "leave out --python to let the interpreter be found"
            if venvs:
                hint = f"the image's virtual environments are {', '.join(venvs)}"
            raise UsageError(f"--python {python}: {image.reference} has no such interpreter", hint)
        return named
    if image.prefix is not None:
        named = named_runtime(image.rootfs, image.prefix)
        return named and Runtime(named.executable, f"the audited environment {image.prefix}")
    return configured_runtime(image.rootfs, image.config, venvs)


def _other_environments(
    image: Image, found: Discovery, owners: Mapping[str, str], known: set[str]
) -> Iterator[Environment]:
    """Yield the environments that the image does not run, by prefix.

    Directories that were filled with `pip install --target` come last.
    """
    for prefix in sorted(found.prefixes | set(found.venvs)):
        environment = other_environment(image, prefix, found.venvs.get(prefix), known, owners)
        if not environment.import_paths:
            continue
        known.update(environment.import_paths)
        if prefix not in found.venvs and not _has_installations(environment):
            environment = replace(environment, unusable_reason="")
        if environment.interpreter or environment.distributions:
            yield environment
    for path in target_directories(image.rootfs, found, known):
        directory = Environment(path, import_paths=(path,))
        environment = with_distributions(image.rootfs, directory, owners)
        if _has_installations(environment):
            yield environment


def _has_installations(environment: Environment) -> bool:
    """Return whether it has any distribution but those of the operating system's packages."""
    return any(each.os_package is None for each in environment.distributions)
