"""One audit of an opened image: the stages in their order.

Nothing here opens an image, asks a server, draws or reads a clock. What an audit needs from
outside the image is handed in as `Inputs`; `session.py` makes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.catalogue import QUICK_NOT_CHECKED, codes_hint, codes_of
from auditor.errors import ImageError, UsageError
from auditor.evidence import (
    ProofContext,
    attestations,
    check_bytecode,
    find_shadows,
    installations,
    prove,
)
from auditor.evidence.installations import same_version
from auditor.image.base_layers import mark_base_layers
from auditor.image.tree.partial_tree import NotReadError
from auditor.inventory.collect import collect_inventory
from auditor.inventory.embedded_locks import embedded_locks
from auditor.inventory.native.libraries import native_libraries
from auditor.inventory.ownership.file_ownership import FileOwnership
from auditor.inventory.ownership.os_file_changes import compare_os_files
from auditor.inventory.ownership.unowned_files import unowned_code, unowned_programs
from auditor.inventory.python.markers_and_tags import target_of
from auditor.inventory.python.startup_files import find_startup_code
from auditor.inventory.query.pip_list import run_pip_list
from auditor.lock import locked_hashes, python_version_file, select
from auditor.model import (
    Degree,
    Expectation,
    Inventory,
    OtherPlatform,
    OwnerKind,
    Proof,
)
from auditor.policy import notes_on_files, notes_on_names, required_degrees
from auditor.report.build import RuleResults, build_report
from auditor.report.document import Mode
from auditor.report.ignores import Threshold
from auditor.report.not_checked import not_checked
from auditor.rules import Facts, observe, why_not_comparable
from auditor.rules.attestation_rules import attestations_not_checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import NoReturn

    from auditor.evidence import Attestor, Installation, ManifestSource
    from auditor.evidence.bytecode.bytecode_cache import DocumentCache
    from auditor.evidence.bytecode.code_process import CodeProcesses
    from auditor.image.base_layers import Base
    from auditor.image.engine.container_run import Completed
    from auditor.inventory.query.probed_inventory import ProbedInventory
    from auditor.lock import Lock
    from auditor.model import Image, NotChecked, Platform, Problem
    from auditor.report import Report
    from auditor.request import Request

    Runner = Callable[[Sequence[str], Mapping[str, str]], Completed]
    """Runs argv with additional environment variables in a container of the image."""

_MAY_RUN_SCRIPTS = frozenset(
    {
        OwnerKind.INTERPRETER,
        OwnerKind.OS_PACKAGE,
        OwnerKind.CONDA_PACKAGE,
        OwnerKind.BASE,
        OwnerKind.BY_PRODUCT,
    }
)
"""Owners whose interpreters a script may name in its first line."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an audit needs from outside the image; the report says what was not compared."""

    manifests: ManifestSource | None = None
    """What the locked artifacts hold; None: files are compared with RECORD alone."""
    attestor: Attestor | None = None
    """Verifies the attestations that the lock asks for; None: they are not verified."""
    bytecode_cache: DocumentCache | None = None
    """Results of earlier comparisons of compiled files with their sources."""
    code_processes: Callable[[], CodeProcesses] | None = None
    """Returns what compares them; None: processes that end with the audit are used."""
    base: Base | None = None
    """The image that this one is built on."""
    run: Runner | None = None
    """Runs a command inside the image; None: `pip list` is not run."""
    others: Sequence[OtherPlatform] | None = None
    """The same image for other platforms; None: they are not compared."""


def audit_image(image: Image, lock: Lock, request: Request, inputs: Inputs | None = None) -> Report:
    """Compare an image's files with a lock.

    Raises `UsageError` for a choice that the lock or the image does not have, `ImageError`
    where the image has another digest than `request.expect_digest`.
    """
    inputs = inputs or Inputs()
    _expect_digest(image, request.expect_digest)
    image = mark_base_layers(image, inputs.base)
    facts = _facts(image, collect_inventory(image, request.python), lock, request)
    facts = _with_files(facts, lock, request, inputs)
    return _report(facts, not_checked(facts), lock, request)


def audit_statement(image: Image, probed: ProbedInventory, lock: Lock, request: Request) -> Report:
    """Compare what the image's own interpreter states with a lock; no layer is read.

    All of it is the image's own claim, which a hostile image can make up; the report lists
    what was not looked at. Raises what `audit_image` raises.
    """
    _expect_digest(image, request.expect_digest)
    facts = _facts(image, probed.inventory, lock, request)
    facts = replace(facts, pip_list=probed.pip_list)
    left = (*QUICK_NOT_CHECKED, *attestations_not_checked(facts))
    return _report(facts, left, lock, request, quick=True)


def other_platform(platform: Platform, image: Image, lock: Lock, request: Request) -> OtherPlatform:
    """Return what is compared of the image for another platform; it need not stay open.

    Raises `UsageError` as `audit_image` does.
    """
    inventory = collect_inventory(image, request.python)
    expectation = _expectation(lock, inventory, request)
    problems = [*image.problems, *inventory.problems, *expectation.problems]
    if inventory.runtime is not None:
        problems += inventory.runtime.problems
    return OtherPlatform(platform, inventory, expectation, tuple(problems))


def unopened_platform(platform: Platform, problem: Problem) -> OtherPlatform:
    """Return the place of a platform whose image could not be opened."""
    return OtherPlatform(platform, Inventory((), None), Expectation({}), (problem,), opened=False)


def threshold_of(request: Request) -> Threshold:
    """Return which findings count; raises `UsageError` for a word that means no finding."""
    select, ignore = _codes("--select", request.select), _codes("--ignore", request.ignore)
    return Threshold(request.fail_on, select, ignore)


def _codes(option: str, given: Iterable[str]) -> tuple[str, ...]:
    """Return the codes that `LI1,version-differs ...` means; every word must mean one."""
    words = [word for text in given for word in re.split(r"[,\s]+", text) if word]
    for word in words:
        if not codes_of(word):
            raise UsageError(f"{option} {word.upper()}: unknown finding code", codes_hint(word))
    return tuple(sorted({code for word in words for code in codes_of(word)}))


def _expect_digest(image: Image, expected: str | None) -> None:
    known = [digest for digest in (image.digest, image.manifest_digest) if digest]
    if expected is not None and expected not in known:
        raise ImageError(
            f"{image.reference} is {' / '.join(known) or 'without a digest'}, not {expected}",
            "audit the image by its digest, or drop --expect-digest",
        )


def _expectation(lock: Lock, inventory: Inventory, request: Request) -> Expectation:
    """Return what the lock selects for the image's own interpreter; raises `UsageError`."""
    if inventory.interpreter is None:
        return Expectation({})
    groups = None
    if request.groups or not request.default_groups:
        default = lock.pylock.default_groups or () if request.default_groups else ()
        groups = tuple(dict.fromkeys((*default, *request.groups)))
    target = target_of(inventory.interpreter)
    return select(lock, target, extras=request.extras, groups=groups)


def _facts(image: Image, inventory: Inventory, lock: Lock, request: Request) -> Facts:
    """Return what every audit knows: names and versions against the lock."""
    expectation = _expectation(lock, inventory, request)
    runtime = inventory.runtime
    installed = installations(runtime, expectation) if runtime else {}
    return Facts(
        image=image,
        inventory=inventory,
        expectation=expectation,
        installed=installed,
        proofs={name: _version_proof(each, expectation) for name, each in installed.items()},
        required=required_degrees(request.policy, request.require, expectation.packages),
        ownership=_UnreadOwnership(),
        python_version_file=python_version_file(Path(lock.path)),
        own=frozenset(canonicalize_name(name) for name in request.own),
        policy=request.policy,
        locked_hashes=locked_hashes(lock.pylock),
    )


def _version_proof(found: Installation, expectation: Expectation) -> Proof:
    """Return the evidence of a name and a version, and of nothing else."""
    locked = expectation.packages.get(found.chosen.name)
    same = locked is not None and (
        locked.version is None or same_version(found.chosen.version, locked.version)
    )
    return Proof(found.chosen, Degree.VERSION if same else Degree.NONE, against="its metadata")


class _UnreadOwnership(FileOwnership):
    """No file was read, so no owner is known."""

    def __init__(self) -> None:
        """Claim nothing."""

    def owner(self, path: str) -> NoReturn:
        """Raise `NotReadError`."""
        raise NotReadError(path)


def _with_files(facts: Facts, lock: Lock, request: Request, inputs: Inputs) -> Facts:
    """Return the facts with all that the image's files add."""
    image, inventory, runtime = facts.image, facts.inventory, facts.runtime
    # A label may tell where a layer is from. Only the caller vouches for its files.
    vouched = inputs.base is not None and not inputs.base.labelled
    base_layers = sum(layer.base for layer in image.layers) if vouched else 0
    ownership = FileOwnership(image, inventory, base_layers)
    facts = replace(facts, ownership=ownership, base_layers=base_layers)
    if runtime is not None and inputs.run is not None:
        facts = replace(facts, pip_list=run_pip_list(image, runtime, inputs.run))
    return replace(
        _with_evidence(facts, inputs),
        natives=native_libraries(image, inventory, ownership.owner),
        bytecode=check_bytecode(
            image,
            inventory,
            everything=request.bytecode,
            cache=inputs.bytecode_cache,
            processes=inputs.code_processes,
        ),
        start=find_startup_code(image.rootfs, runtime),
        shadowing=find_shadows(image.rootfs, runtime, facts.installed, facts.expectation),
        unowned_code=unowned_code(image, runtime, ownership) if runtime else (),
        unowned_programs=unowned_programs(image, runtime, ownership) if runtime else (),
        os_comparison=compare_os_files(image, inventory.os_packages),
        embedded=embedded_locks(image.rootfs, lock),
        others=None if inputs.others is None else tuple(inputs.others),
    )


def _with_evidence(facts: Facts, inputs: Inputs) -> Facts:
    """Return the facts with installed files compared with locked artifacts, else with RECORD."""
    needed = not why_not_comparable(facts.inventory, facts.expectation)
    manifests, attestor = (inputs.manifests, inputs.attestor) if needed else (None, None)
    context = _proof_context(facts, manifests)
    found = prove(facts.image.rootfs, facts.installed, facts.expectation, context)
    return replace(
        facts,
        proofs=found.proofs,
        absent=found.absent,
        compared_artifacts=manifests is not None,
        attested=attestations(found.proofs, facts.expectation, attestor) if attestor else None,
    )


def _proof_context(facts: Facts, manifests: ManifestSource | None) -> ProofContext:
    """Return what installed files are compared with."""
    inventory, rootfs = facts.inventory, facts.image.rootfs
    interpreter = inventory.interpreter
    tags = frozenset(target_of(interpreter).tags) if interpreter is not None else frozenset()
    interpreters = {
        rootfs.resolve(each.interpreter)
        for each in inventory.environments
        if each.interpreter is not None
    }

    def is_python(path: str) -> bool:
        owner = facts.ownership.owner(path)
        return path in interpreters or (owner is not None and owner.kind in _MAY_RUN_SCRIPTS)

    return ProofContext(manifests, tags, is_python)


def _report(
    facts: Facts, left: Iterable[NotChecked], lock: Lock, request: Request, *, quick: bool = False
) -> Report:
    """Run the rules and return what they found."""
    notes = [
        *(() if quick else notes_on_files(facts.policy, facts.image.rootfs)),
        *notes_on_names(facts.policy, facts.own, facts.inventory, facts.expectation),
    ]
    mode = Mode.QUICK if quick else Mode.FULL
    results = RuleResults(observe(facts, quick=quick), tuple(left), tuple(notes), mode)
    return build_report(facts, results, lock, threshold_of(request))
