"""From an interpreter's statement to an inventory, by the same code that reads files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.inventory.distributions.installed import read_all_distributions
from auditor.inventory.ownership.os_packages import metadata_owners, read_os_packages
from auditor.inventory.query.pip_list import failure_of, pip_list_result
from auditor.inventory.query.question import HINT
from auditor.inventory.query.statement import Statement, read_statement
from auditor.model import Environment, Inventory, OsPackages
from auditor.pyvenv_cfg import read_venv

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager

    from auditor.image.engine.container_run import Completed
    from auditor.inventory.query.question import Question
    from auditor.model import (
        Distribution,
        ImageConfig,
        PipListResult,
        Problem,
        Rootfs,
    )

_OF_THE_SYSTEM = ("/usr/lib", "/lib")
"""Where package managers install Python code: `/usr/lib64` and `/lib/python3` too."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What there is by the interpreter's word."""

    inventory: Inventory
    rootfs: Rootfs
    """The files that it stated; nothing else can be asked for."""
    pip_list: PipListResult


def stated_inventory(
    question: Question,
    completed: Completed,
    config: ImageConfig,
    single_files: Callable[[], AbstractContextManager[Rootfs]],
    known: Collection[str] = (),
) -> Stated:
    """Return what the interpreter answered to the question, and `pip list` after it.

    `single_files` gives the image's own files, for the package databases: they are only looked
    at where there is a distribution in a directory of the operating system, or one whose name
    is none of the `known`.
    Raises `ImageError` where there is no answer.
    """
    runtime = question.asked()
    statement, rest = read_statement(completed.stdout)
    if statement is None:
        why = failure_of(completed, config, runtime.executable) or "its answer is not understood"
        raise ImageError(f"{question.reference}: {runtime.executable} cannot be asked: {why}", HINT)
    found, problems = read_all_distributions(statement.rootfs, statement.paths, {})
    packages = OsPackages()
    if any(each.location.startswith(_OF_THE_SYSTEM) or each.name not in known for each in found):
        with single_files() as rootfs:
            packages = read_os_packages(rootfs, holding="-info")
        owners = metadata_owners(packages)
        found, problems = read_all_distributions(statement.rootfs, statement.paths, owners)
    inventory = Inventory(
        environments=(_environment(question, statement, found, problems),),
        interpreter=statement.interpreter,
        problems=packages.problems,
        os_packages=packages,
    )
    of_pip = replace(completed, stdout=rest)
    return Stated(inventory, statement.rootfs, pip_list_result(of_pip, config, statement.prefix))


def _environment(
    question: Question,
    statement: Statement,
    distributions: list[Distribution],
    problems: list[Problem],
) -> Environment:
    runtime = question.asked()
    venv = read_venv(statement.rootfs, statement.prefix)
    return Environment(
        prefix=statement.prefix,
        interpreter=runtime.executable,
        python_version=statement.interpreter.full_version,
        import_paths=statement.paths,
        runtime=True,
        runtime_reason=runtime.reason,
        distributions=tuple(distributions),
        has_seed_packages=venv is not None and venv.seed_packages,
        sys_path=question.beside,
        problems=tuple(problems),
    )
