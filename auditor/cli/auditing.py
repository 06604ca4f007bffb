"""One audit from the command line: the inputs opened, the report delivered."""

from __future__ import annotations

import os
import re
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.audit import Options, check, exit_code, other_platform, unopened_platform
from auditor.catalogue import codes_of
from auditor.cli.artifact_options import manifest_store
from auditor.cli.cache import directory_of
from auditor.cli.outputs import check_writable, write_files
from auditor.cli.progress_bar import progress
from auditor.cli.terminal import color, say, width, write
from auditor.errors import AuditorError, ExitCode, UsageError
from auditor.image.base import labelled_base, read_base
from auditor.image.layers.layer_cache import LayerCache
from auditor.image.limits import PLATFORMS
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Access, Transport, parse_reference
from auditor.inventory.query.pip_list import ENVIRONMENT, pip_list_command
from auditor.lock import find_lock, prefetchable_artifacts, read_lock
from auditor.model import Degree, Policy, Problem, Severity
from auditor.report.formats import FORMATS, View
from auditor.report.formats.sentences import headline, summary
from auditor.units import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from auditor.artifacts import ManifestStore
    from auditor.artifacts.attestor import Attestor
    from auditor.audit import Runner
    from auditor.cli.check import CheckArguments
    from auditor.cli.outputs import Output
    from auditor.image.base import Base
    from auditor.image.engine.background_command import BackgroundCommand
    from auditor.image.engine.container_run import Completed
    from auditor.image.reference import Reference
    from auditor.inventory.query.probe_command import ProbeCommand
    from auditor.lock import Lock
    from auditor.model import Image, OtherPlatform, Platform, Report
    from auditor.policy import Config

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def audit_image(
    given: CheckArguments,
    outputs: Sequence[Output],
    config: Config | None,
    asked: tuple[ProbeCommand, BackgroundCommand] | None = None,
) -> ExitCode:
    """Audit one image and give its reports; the result is the process's exit code.

    `config` has already given its defaults to `given`; what it decides about findings is new.
    `asked` is the question of a quick audit, under way.
    """
    for output in outputs:
        if output.file is not None:
            check_writable(output.file)
    lock = _lock(given["lock"], config)
    for warning in lock.warnings:
        _warn(given, warning)
    options = _options(given, lock, config.policy if config else Policy())
    reference = parse_reference(given["image"])
    if asked is not None:
        report = _quick(given, reference, lock, options, asked)
    else:
        report = _full(given, reference, lock, options)
    code = exit_code(report, options)
    _deliver(report, outputs, code, quiet=given["quiet"])
    return code


def _full(given: CheckArguments, reference: Reference, lock: Lock, options: Options) -> Report:
    """Read the image, and judge it."""
    started = time.monotonic()
    with (
        progress(False if given["quiet"] else given["progress"]) as show,
        manifest_store(given, lock, show) as manifests,
        _beside(given, reference) as beside,
    ):
        manifests.prefetch(prefetchable_artifacts(lock.pylock))
        access = Access(given["plain_http"], given["tls_ca"])
        cache = _cache(given)
        reading = ReadOptions(show, cache, given["verify"])
        options = replace(
            options,
            manifests=manifests,
            attestor=_attestor(given, manifests),
            memory=None if given["verify"] else cache,
        )
        opened = partial(open_image, given["image"], access=access, reading=reading)
        image = opened(platform=given["platform"])
        options = replace(options, base=_base(given, image, access, reading))
        others = _others(image, opened, lock, options) if given["all_platforms"] else None
        if show is not None:
            show("comparing", 0, None)
        read = time.monotonic()
        run = None if given["no_run"] else _runner(reference, image, beside)
        report = check(image, lock, options, run, others)
    if given["verbose"] and not given["quiet"]:
        spent = time.monotonic()
        say(
            f"auditor: {_inputs(lock, options.policy)}, {image.reference}: "
            f"{plural(image.files, 'file')} read in {read - started:.1f} s, "
            f"compared in {spent - read:.1f} s"
        )
    return report


def _base(given: CheckArguments, image: Image, access: Access, reading: ReadOptions) -> Base | None:
    """Return the base image that the caller names, else the one that the image's label names."""
    if given["base"]:
        return read_base(given["base"], given["platform"], access, reading)
    return labelled_base(image, access)


def _quick(
    given: CheckArguments,
    reference: Reference,
    lock: Lock,
    options: Options,
    asked: tuple[ProbeCommand, BackgroundCommand],
) -> Report:
    """Wait for what the image's interpreter says, and judge it."""
    from auditor.image.engine.image_without_layers import image_without_layers, single_files  # noqa: PLC0415
    from auditor.image.engine.inspection import config_of  # noqa: PLC0415 -- see `_beside`
    from auditor.inventory.query.probed_inventory import probed_inventory  # noqa: PLC0415
    from auditor.quick_audit import known_names, quick_check  # noqa: PLC0415

    probe, beside = asked
    facts, completed = beside.outcome()
    files = partial(single_files, facts)
    probed = probed_inventory(probe, completed, config_of(facts), files, known_names(lock))
    if given["verbose"] and not given["quiet"]:
        inputs = _inputs(lock, options.policy)
        say(f"auditor: {inputs}, {reference.text}: {probe.runtime.executable} was asked")
    return quick_check(image_without_layers(reference, facts, probed.rootfs), probed, lock, options)


def _others(
    image: Image, opened: Callable[..., Image], lock: Lock, options: Options
) -> list[OtherPlatform]:
    """Open the image for its other platforms, one at a time: each is large."""
    others = []
    for platform in image.other_platforms[:PLATFORMS]:
        try:
            others.append(_other(platform, opened, lock, options))
        except AuditorError as error:
            raise type(error)(f"{platform}: {error.message}", error.hint) from error
    return others


def _other(
    platform: Platform, opened: Callable[..., Image], lock: Lock, options: Options
) -> OtherPlatform:
    try:
        image = opened(platform=str(platform))
    except UsageError as error:  # it has several images for that platform
        return unopened_platform(platform, Problem(str(platform), error.message))
    return other_platform(platform, image, lock, options)


def _attestor(given: CheckArguments, manifests: ManifestStore) -> Attestor | None:
    if not given["attestations"]:
        return None

    from auditor.artifacts.attestor import Attestor  # noqa: PLC0415 -- see `_beside`

    return Attestor(manifests, offline=given["offline"])


def _cache(given: CheckArguments) -> LayerCache | None:
    if given["no_cache"]:
        return None
    directory = directory_of(given["cache_dir"])
    if given["cache_dir"] and directory.is_dir() and not os.access(directory, os.W_OK):
        _warn(given, f"--cache-dir {directory} may not be written to: nothing new is remembered")
    return LayerCache(directory)


def _warn(given: CheckArguments, warning: str) -> None:
    if not given["quiet"]:
        say(f"auditor: warning: {warning}")


def _inputs(lock: Lock, policy: Policy) -> str:
    return lock.path if policy.path is None else f"{lock.path}, {policy.path}"


def _lock(given: str | None, config: Config | None) -> Lock:
    if given is None:
        found = find_lock(Path())
        return read_lock(found, str(found))
    if config is not None and config.defaults.get("lock") == given:
        return read_lock(Path(given), given, f"`lock` in {config.policy.path}")
    return read_lock(Path(given), given)


def _options(given: CheckArguments, lock: Lock, policy: Policy) -> Options:
    expected = given["expect_digest"]
    if expected is not None and not _DIGEST.fullmatch(expected):
        raise UsageError(
            f"--expect-digest {expected}: no digest", "a digest is sha256: and 64 hex digits"
        )
    return Options(
        python=given["python"],
        extras=given["extra"],
        groups=_groups(given, lock),
        own=tuple(canonicalize_name(name) for name in given["own"]),
        fail_on=Severity(given["fail_on"]) if given["fail_on"] in list(Severity) else None,
        select=_codes("--select", given["select"]),
        ignore=_codes("--ignore", given["ignore"]),
        expect_digest=expected,
        require=Degree(given["require"]) if given["require"] else None,
        bytecode=given["bytecode"],
        policy=policy,
    )


def _groups(given: CheckArguments, lock: Lock) -> tuple[str, ...] | None:
    """Return the groups to expect: the lock's default ones and those named beside them."""
    if not given["group"] and not given["no_default_groups"]:
        return None
    default = () if given["no_default_groups"] else lock.pylock.default_groups or ()
    return tuple(dict.fromkeys((*default, *given["group"])))


def _codes(option: str, given: Iterable[str]) -> tuple[str, ...]:
    """Return the codes that `LI1,version-differs ...` means; every word must mean one."""
    words = [word for text in given for word in re.split(r"[,\s]+", text) if word]
    for word in words:
        if not codes_of(word):
            raise UsageError(
                f"{option} {word.upper()}: no finding's code starts so, and none is called so",
                "`auditor explain` lists them",
            )
    return tuple(sorted({code for word in words for code in codes_of(word)}))


def _beside(
    given: CheckArguments, reference: Reference
) -> AbstractContextManager[BackgroundCommand | None]:
    """Ask `pip list` while the engine saves the image; of one platform of several, afterwards."""
    if reference.transport is not Transport.DOCKER or given["no_run"] or given["platform"]:
        return nullcontext()

    from auditor.image.engine.background_command import run_in_background  # noqa: PLC0415 -- a tenth of a second

    find = partial(pip_list_command, python=given["python"])
    return run_in_background(reference, find, ENVIRONMENT)


def _runner(reference: Reference, image: Image, beside: BackgroundCommand | None) -> Runner | None:
    """Return what runs a command in the image; only an engine that holds the image can."""
    if reference.transport is not Transport.DOCKER:
        return None

    from auditor.image.engine.engine_image import run_in_image  # noqa: PLC0415 -- a tenth of a second

    def run(argv: Sequence[str], env: Mapping[str, str]) -> Completed:
        answered = beside.answer(argv, image) if beside else None
        return answered or run_in_image(reference, argv, env=env, image=image)

    return run


def _deliver(report: Report, outputs: Sequence[Output], code: ExitCode, *, quiet: bool) -> None:
    """Write the files, then standard output: a pipe that closes early costs no file."""
    file_view = View(exit_code=code)
    write_files(
        {
            output.file: FORMATS[output.format](report, file_view)
            for output in outputs
            if output.file is not None
        }
    )
    for output in outputs:
        if output.file is None:
            view = View(width=width(), color=color(), exit_code=code)
            write(FORMATS[output.format](report, view))
            return
    if not quiet:
        say(headline(report))
        say(summary(report))
