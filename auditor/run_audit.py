"""From a request to a report: the image opened, and what its audit needs collected."""

from __future__ import annotations

import logging
import re
import threading
import time
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.artifacts import ArtifactPool, ArtifactSources, ManifestCache, ManifestStore
from auditor.artifacts.attestor import Attestor, TrustRoot
from auditor.audit_stages import (
    Inputs,
    audit_image,
    audit_statement,
    other_platform,
    threshold_of,
    unopened_platform,
)
from auditor.errors import AuditorError, UsageError
from auditor.http.connections import HttpConnections
from auditor.image.base import labelled_base, read_base
from auditor.image.layers.layer_cache import LayerCache
from auditor.image.limits import PLATFORMS
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Access, Transport
from auditor.inventory.distributions.bootstrap_tools import BOOTSTRAP
from auditor.inventory.query.pip_list import ENVIRONMENT, pip_list_command
from auditor.lock import find_lock, prefetchable_artifacts, read_lock
from auditor.model import Problem
from auditor.wording import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from auditor.audit_stages import Runner
    from auditor.evidence.bytecode.code_process import CodeProcesses
    from auditor.image.base_layers import Base
    from auditor.image.engine.container_run import Completed
    from auditor.image.engine.image_command import BackgroundCommand
    from auditor.image.layers.worker_pool import LayerWorkers
    from auditor.image.reference import Reference
    from auditor.inventory.query.probe_command import ProbeCommand
    from auditor.lock import Lock
    from auditor.model import Image, OtherPlatform, Platform
    from auditor.progress import Progress
    from auditor.report import Report
    from auditor.request import Request, Resources

_LOG = logging.getLogger("auditor")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Shared:
    """What the audits of a session share."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.layers = LayerCache(resources.cache) if resources.cache else None
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._layer_workers: LayerWorkers | None = None
        self._code_processes: CodeProcesses | None = None
        connections = HttpConnections()
        self._stack.callback(connections.close)
        self.access = Access(resources.plain_http, resources.tls_ca, connections)
        sources = ArtifactSources(
            resources.wheelhouses,
            resources.pip_cache,
            resources.mirrors,
            resources.index_urls,
            resources.offline,
            resources.index_evidence,
        )
        manifests = ManifestCache(resources.cache, resources.manifests)
        self._artifacts = self._stack.enter_context(ArtifactPool(sources, manifests, connections))
        self._trust_root = TrustRoot(offline=resources.offline)

    def manifests(self, lock: Lock, progress: Progress | None) -> ManifestStore:
        """Return the manifests of a lock's artifacts."""
        return ManifestStore(self._artifacts, Path(lock.path).parent, progress)

    def attestor(self, manifests: ManifestStore) -> Attestor:
        """Return what verifies the attestations of a lock's artifacts."""
        return Attestor(manifests, self._trust_root)

    def layer_workers(self) -> LayerWorkers:
        """Return the processes that read layers; a warm audit needs none."""
        from auditor.image.layers.worker_pool import LayerWorkers  # noqa: PLC0415 -- see above

        with self._lock:
            if self._layer_workers is None:
                self._layer_workers = LayerWorkers()
                self._stack.callback(self._layer_workers.close)
            return self._layer_workers

    def code_processes(self) -> CodeProcesses:
        """Return the processes that compile sources; a warm audit needs none."""
        from auditor.evidence.bytecode.code_process import CodeProcesses  # noqa: PLC0415

        with self._lock:
            if self._code_processes is None:
                self._code_processes = CodeProcesses()
                self._stack.callback(self._code_processes.close)
            return self._code_processes

    def close(self) -> None:
        """Close connections and end processes."""
        self._stack.close()


def audit_files(
    request: Request, reference: Reference, shared: Shared, progress: Progress | None
) -> Report:
    """Read the image and audit it; raises `AuditorError`."""
    started = time.monotonic()
    _check(request)
    lock = _lock(request)
    with shared.manifests(lock, progress) as manifests, _pip_list(request, reference) as command:
        manifests.prefetch(prefetchable_artifacts(lock.pylock))
        reading = ReadOptions(progress, shared.layers, request.verify, shared.layer_workers)
        opened = partial(open_image, reference, access=shared.access, options=reading)
        image = opened(platform=request.platform)
        inputs = Inputs(
            manifests=manifests,
            attestor=shared.attestor(manifests) if request.attestations else None,
            bytecode_cache=None if request.verify else shared.layers,
            code_processes=shared.code_processes,
            base=_base(request, image, shared.access, reading),
            run=_runner(reference, image, command) if request.run else None,
            others=_others(image, opened, lock, request) if request.all_platforms else None,
        )
        if progress is not None:
            progress("comparing", 0, None)
        read = time.monotonic()
        report = audit_image(image, lock, request, inputs)
    _LOG.info(
        "%s, %s: %s read in %.1f s, compared in %.1f s",
        _read_from(request, lock),
        image.reference,
        plural(image.files, "file"),
        read - started,
        time.monotonic() - read,
    )
    return report


def audit_answer(
    request: Request, reference: Reference, probe: ProbeCommand, command: BackgroundCommand
) -> Report:
    """Wait for the answer of the image's interpreter, and audit it; raises `AuditorError`."""
    from auditor.image.engine.container_files import read_image_files  # noqa: PLC0415 -- see `_pip_list`
    from auditor.image.engine.inspection import config_of, image_without_layers  # noqa: PLC0415
    from auditor.inventory.query.probed_inventory import probed_inventory  # noqa: PLC0415

    _check(request)
    lock = _lock(request)
    facts, completed = command.outcome()
    files = partial(read_image_files, facts)
    probed = probed_inventory(probe, completed, config_of(facts), files, known_names(lock))
    executable = probe.runtime.executable
    _LOG.info("%s, %s: %s was asked", _read_from(request, lock), reference.text, executable)
    image = image_without_layers(reference, facts, probed.rootfs)
    return audit_statement(image, probed, lock, request)


def known_names(lock: Lock) -> frozenset[str]:
    """Return the normalised names whose owner a quick audit need not look up."""
    return BOOTSTRAP.union(package.name for package in lock.pylock.packages)


def _lock(request: Request) -> Lock:
    """Read the lock of a request; raises `LockError`."""
    if request.lock is None:
        found = find_lock(Path())
        lock = read_lock(found, str(found))
    else:
        lock = read_lock(Path(request.lock), str(request.lock), request.lock_named_by)
    for warning in lock.warnings:
        _LOG.warning("%s", warning)
    return lock


def _check(request: Request) -> None:
    """Raise `UsageError` for what can be seen to be wrong before anything is read."""
    threshold_of(request)
    expected = request.expect_digest
    if expected is not None and not _DIGEST.fullmatch(expected):
        raise UsageError(
            f"--expect-digest {expected}: not a digest", "a digest is sha256: and 64 hex digits"
        )


def _pip_list(
    request: Request, reference: Reference
) -> AbstractContextManager[BackgroundCommand | None]:
    """Run `pip list` while the engine saves the image; of one platform of several, afterwards."""
    if reference.transport is not Transport.DOCKER or not request.run or request.platform:
        return nullcontext()

    from auditor.image.engine.image_command import BackgroundCommand  # noqa: PLC0415 -- a tenth of a second

    find = partial(pip_list_command, python=request.python)
    return BackgroundCommand(reference, find, ENVIRONMENT).running()


def _runner(reference: Reference, image: Image, command: BackgroundCommand | None) -> Runner | None:
    """Return what runs a command in the image; only an engine that holds the image can."""
    if reference.transport is not Transport.DOCKER:
        return None

    from auditor.image.engine.container import Command  # noqa: PLC0415 -- see `_pip_list`
    from auditor.image.engine.image_command import run_in_image  # noqa: PLC0415

    def run(argv: Sequence[str], env: Mapping[str, str]) -> Completed:
        answered = command.answer(argv, image) if command else None
        return answered or run_in_image(reference, Command(argv, env), image)

    return run


def _base(request: Request, image: Image, access: Access, reading: ReadOptions) -> Base | None:
    """Return the base image that the caller names, else the one that the image's label names."""
    if request.base:
        return read_base(request.base, request.platform, access, reading)
    return labelled_base(image, access)


def _others(
    image: Image, opened: Callable[..., Image], lock: Lock, request: Request
) -> list[OtherPlatform]:
    """Open the image for its other platforms, one at a time: each is large."""
    others = []
    for platform in image.other_platforms[:PLATFORMS]:
        try:
            others.append(_other(platform, opened, lock, request))
        except AuditorError as error:
            raise type(error)(f"{platform}: {error.message}", error.hint) from error
    return others


def _other(
    platform: Platform, opened: Callable[..., Image], lock: Lock, request: Request
) -> OtherPlatform:
    try:
        image = opened(platform=str(platform))
    except UsageError as error:  # it has several images for that platform
        return unopened_platform(platform, Problem(str(platform), error.message))
    return other_platform(platform, image, lock, request)


def _read_from(request: Request, lock: Lock) -> str:
    policy = request.policy.path
    return lock.path if policy is None else f"{lock.path}, {policy}"
