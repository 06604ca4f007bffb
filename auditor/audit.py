"""One audit, from an image and a lock to a report: the stages in their order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.errors import ExitCode, ImageError
from auditor.evidence import (
    ProofContext,
    attestations,
    check_bytecode,
    find_shadows,
    installations,
    prove,
)
from auditor.image.base import mark_base_layers
from auditor.inventory.collect import collect_inventory
from auditor.inventory.embedded_locks import embedded_locks
from auditor.inventory.native.libraries import native_libraries
from auditor.inventory.ownership.file_ownership import FileOwnership
from auditor.inventory.ownership.os_file_changes import compare_os_files
from auditor.inventory.ownership.unowned_files import unowned_code, unowned_programs
from auditor.inventory.python.startup_files import find_startup_code
from auditor.inventory.python.target import target_of
from auditor.inventory.query.pip_list import run_pip_list
from auditor.lock import locked_hashes, python_version_file, select
from auditor.model import (
    Degree,
    Expectation,
    Ignored,
    Inventory,
    LockSummary,
    OtherPlatform,
    OwnerKind,
    Policy,
    Severity,
    Verdict,
)
from auditor.policy import absent, idle_requirements, required_degrees, strange_names
from auditor.report.build import RuleResults, build_report, verdict
from auditor.report.not_checked import not_checked
from auditor.rules import Facts, observe, why_not_comparable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from auditor.evidence import Attestor, Manifests
    from auditor.evidence.bytecode_cache import DocumentCache
    from auditor.image.base import Base
    from auditor.image.engine.container_run import Completed
    from auditor.lock import Lock
    from auditor.model import Finding, Image, PipListResult, Platform, Problem, Report

    Runner = Callable[[Sequence[str], Mapping[str, str]], Completed]
    """Runs argv with additional environment variables in a container of the image."""


_ANSWERS_FOR_PYTHON = frozenset(
    {
        OwnerKind.INTERPRETER,
        OwnerKind.OS_PACKAGE,
        OwnerKind.CONDA_PACKAGE,
        OwnerKind.BASE,
        OwnerKind.BY_PRODUCT,
    }
)
"""Whose interpreters a script may start."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chooses about one audit."""

    python: str | None = None
    """The environment the lock is for: path of its interpreter, or its prefix."""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    """None: the lock's default groups."""
    own: tuple[str, ...] = ()
    """Names of the project's own distributions."""
    fail_on: Severity | None = Severity.WARNING
    """None: a verdict never fails the process."""
    select: tuple[str, ...] = ()
    """Prefixes of the codes that count; empty: all."""
    ignore: tuple[str, ...] = ()
    """Prefixes of the codes that do not count."""
    base: Base | None = None
    """The image that this one is built on."""
    bytecode: bool = False
    """Compare every compiled file with its source, not only those of other layers."""
    memory: DocumentCache | None = None
    """Where it is remembered how compiled files and their sources belong together."""
    expect_digest: str | None = None
    """Digest of the configuration or the manifest that the image must have."""
    manifests: Manifests | None = None
    """What the locked artifacts hold; None: files are compared with RECORD alone."""
    attestor: Attestor | None = None
    """Who verifies the attestations that the lock asks for; None: nobody."""
    require: Degree | None = None
    """The least evidence for every package that the policy does not name."""
    policy: Policy = field(default_factory=Policy)
    """What the project's configuration decides about findings."""


def check(
    image: Image,
    lock: Lock,
    options: Options,
    run: Runner | None = None,
    others: Sequence[OtherPlatform] | None = None,
) -> Report:
    """Compare an image with a lock, and with the `others` that are the same for other platforms.

    `run` runs a command inside the image; without it nobody asks `pip list`.
    Raises `UsageError` for a choice that the lock or the image does not have, `ImageError`
    where the image is another one than `expect_digest` names.
    """
    expect_digest(image, options.expect_digest)
    image = mark_base_layers(image, options.base)
    facts = _facts(image, lock, options, run)
    facts = replace(facts, others=None if others is None else tuple(others))
    return conclude(facts, _judge(facts), lock, options)


def conclude(facts: Facts, judged: RuleResults, lock: Lock, options: Options) -> Report:
    """Return the report of what was judged."""
    selected = len(facts.expectation.packages)
    summary = LockSummary(lock.path, lock.sha256, lock.created_by, selected)
    return _apply_choice(build_report(facts, judged, summary, options.fail_on), options)


def other_platform(platform: Platform, image: Image, lock: Lock, options: Options) -> OtherPlatform:
    """Return what is compared of the image for another platform; it need not stay open.

    Raises `UsageError` as `check` does.
    """
    inventory = collect_inventory(image, options.python)
    expectation = expectation_of(lock, inventory, options)
    problems = [*image.problems, *inventory.problems, *expectation.problems]
    if inventory.runtime is not None:
        problems += inventory.runtime.problems
    return OtherPlatform(platform, inventory, expectation, tuple(problems))


def unopened_platform(platform: Platform, problem: Problem) -> OtherPlatform:
    """Return what stands for the image for another platform that could not be opened."""
    return OtherPlatform(platform, Inventory((), None), Expectation({}), (problem,), opened=False)


def exit_code(report: Report, options: Options) -> ExitCode:
    """Return what the process ends with."""
    if options.fail_on is None:
        return ExitCode.CONSISTENT
    return {
        Verdict.CONSISTENT: ExitCode.CONSISTENT,
        Verdict.DRIFT: ExitCode.DRIFT,
        Verdict.INCOMPLETE: ExitCode.INCOMPLETE,
    }[report.verdict]


def expect_digest(image: Image, expected: str | None) -> None:
    """Raise `ImageError` where the image is another one than is expected."""
    known = [digest for digest in (image.digest, image.manifest_digest) if digest]
    if expected is not None and expected not in known:
        raise ImageError(
            f"{image.reference} is {' / '.join(known) or 'without a digest'}, not {expected}",
            "audit the image by its digest, or drop --expect-digest",
        )


def expectation_of(lock: Lock, inventory: Inventory, options: Options) -> Expectation:
    """Return what the lock selects for the image's own interpreter; raises `UsageError`."""
    if inventory.interpreter is None:
        return Expectation({})
    return select(
        lock, target_of(inventory.interpreter), extras=options.extras, groups=options.groups
    )


def _facts(image: Image, lock: Lock, options: Options, run: Runner | None) -> Facts:
    """Run the stages that only look."""
    inventory = collect_inventory(image, options.python)
    expectation = expectation_of(lock, inventory, options)
    runtime = inventory.runtime
    installed = installations(runtime, expectation) if runtime else {}
    # A label may tell where a layer is from. That its files are in order, only the caller says.
    answered_for = options.base is not None and not options.base.labelled
    base_layers = sum(layer.base for layer in image.layers) if answered_for else 0
    ownership = FileOwnership(image, inventory, base_layers)
    pip_list: PipListResult | None = None
    if runtime is not None and run is not None:
        pip_list = run_pip_list(image, runtime, run)
    means = _means(image, inventory, ownership, options)
    attestor = options.attestor
    if why_not_comparable(inventory, expectation):
        means, attestor = means._replace(manifests=None), None  # artifacts that nobody needs
    found = prove(image.rootfs, installed, expectation, means)
    return Facts(
        lock_path=lock.path,
        image=image,
        inventory=inventory,
        expectation=expectation,
        installed=installed,
        proofs=found.proofs,
        absent=found.absent,
        compared_artifacts=means.manifests is not None,
        required=required_degrees(options.policy, options.require, expectation.packages),
        attested=attestations(found.proofs, expectation, attestor) if attestor else None,
        ownership=ownership,
        natives=native_libraries(image, inventory, ownership.owner),
        bytecode=check_bytecode(
            image, inventory, everything=options.bytecode, memory=options.memory
        ),
        start=find_startup_code(image.rootfs, runtime),
        shadowing=find_shadows(image.rootfs, runtime, installed, expectation),
        unowned_code=unowned_code(image, runtime, ownership) if runtime else (),
        unowned_programs=unowned_programs(image, runtime, ownership) if runtime else (),
        os_comparison=compare_os_files(image, inventory.os_packages),
        pip_list=pip_list,
        python_version_file=python_version_file(Path(lock.path)),
        own=frozenset(canonicalize_name(name) for name in options.own),
        policy=options.policy,
        locked_hashes=locked_hashes(lock.pylock),
        embedded=embedded_locks(image.rootfs, lock),
        base_layers=base_layers,
    )


def _means(
    image: Image, inventory: Inventory, ownership: FileOwnership, options: Options
) -> ProofContext:
    """Return what installed files are compared with."""
    interpreter = inventory.interpreter
    tags = frozenset(target_of(interpreter).tags) if interpreter is not None else frozenset()
    known = {each.interpreter for each in inventory.environments if each.interpreter is not None}
    real = {image.rootfs.resolve(path) for path in known}

    def is_python(path: str) -> bool:
        owner = ownership.owner(path)
        return path in real or (owner is not None and owner.kind in _ANSWERS_FOR_PYTHON)

    return ProofContext(options.manifests, tags, is_python)


def _judge(facts: Facts) -> RuleResults:
    """Run every rule that has something to say, and note what was left out."""
    notes = [
        *absent(facts.policy, facts.image.rootfs),
        *strange_names(facts.own, facts.inventory, facts.expectation),
        *idle_requirements(facts.policy, facts.expectation.packages),
    ]
    return RuleResults(observe(facts), tuple(not_checked(facts)), tuple(notes))


def _apply_choice(report: Report, options: Options) -> Report:
    """Set aside the findings that `--select` and `--ignore` leave out; all stay in the report."""
    findings = tuple(_choose(finding, options) for finding in report.findings)
    return replace(
        report,
        findings=findings,
        verdict=verdict(findings, options.fail_on or Severity.WARNING),
    )


def _choose(finding: Finding, options: Options) -> Finding:
    if finding.ignored is not None:
        return finding
    if options.ignore and finding.code.startswith(options.ignore):
        return replace(finding, ignored=Ignored("--ignore"))
    if options.select and not finding.code.startswith(options.select):
        return replace(finding, ignored=Ignored("not in --select"))
    return finding
