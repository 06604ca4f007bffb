"""The options of `auditor check` about locked artifacts: who is asked for them, what is kept."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from auditor.cli.cache import directory_of
from auditor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from auditor.artifacts import ManifestStore
    from auditor.cli.check import CheckArguments
    from auditor.lock import Lock
    from auditor.progress import Progress

ARTIFACT, INDEX = "artifact", "index"

_MIRROR = re.compile(r"(.+)=((?:https?|file)://.*)")

_OPTIONS = (
    click.option(
        "--evidence",
        type=click.Choice([ARTIFACT, INDEX]),
        default=ARTIFACT,
        show_default=True,
        help="Compare with whole, verified artifacts, or with what wheels say of themselves.",
    ),
    click.option(
        "--offline", is_flag=True, help="Fetch no artifact: use what is cached or on this machine."
    ),
    click.option(
        "--wheelhouse",
        metavar="DIR",
        type=click.Path(),
        multiple=True,
        help="Folder with artifacts, found by file name; repeatable.",
    ),
    click.option(
        "--mirror",
        metavar="FROM=TO",
        multiple=True,
        help="Fetch from TO what the lock has from URLs that start with FROM; repeatable.",
    ),
    click.option(
        "--index-url",
        metavar="URL",
        multiple=True,
        help="Package index to find artifacts in (simple API); repeatable.",
    ),
    click.option(
        "--attestations",
        is_flag=True,
        help="Verify that those whom the lock names attested what is installed.",
    ),
    click.option(
        "--manifests",
        metavar="PLACE",
        help="Folder or bucket URL in which machines share what artifacts contain.",
    ),
)


def artifact_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def check_artifact_options(ctx: click.Context, given: CheckArguments) -> None:
    """Refuse what cannot be followed; raises `UsageError`."""
    if given["attestations"] and not given["quick"]:
        from auditor.artifacts.attestations import require_support  # noqa: PLC0415 -- `--help`

        require_support()
    for folder in given["wheelhouse"]:
        if not Path(folder).is_dir():
            raise UsageError(f"--wheelhouse {folder}: no such folder", "name an existing one")
    # A URL may hold a password: none is repeated.
    if not all(
        (found := _MIRROR.fullmatch(mirror)) and _is_url(found[2]) for mirror in given["mirror"]
    ):
        raise UsageError(
            "--mirror: not FROM=TO, or TO is no URL",
            "write --mirror https://files.example.org/=https://mirror.example.org/files/",
        )
    if not all(re.match(r"https?://[^/]", url) and _is_url(url) for url in given["index_url"]):
        raise UsageError(
            "--index-url: no http or https URL", "write --index-url https://example.org/simple/"
        )
    if given["offline"] and given["index_url"]:
        sources = {ctx.get_parameter_source(option) for option in ("offline", "index_url")}
        if sources == {ParameterSource.COMMANDLINE}:
            raise UsageError("--offline and --index-url contradict each other", "give one of them")


def manifest_store(given: CheckArguments, lock: Lock, show: Progress | None) -> ManifestStore:
    """Return what finds the manifests of a lock's artifacts; raises `UsageError`."""
    from auditor.artifacts import ArtifactSources, ManifestCache, ManifestStore  # noqa: PLC0415 -- `--help`

    sources = ArtifactSources(
        Path(lock.path).parent,
        tuple(map(Path, given["wheelhouse"])),
        _pip_cache(),
        tuple(_mirror(mirror) for mirror in given["mirror"]),
        given["index_url"],
        given["offline"],
        given["evidence"] == INDEX,
    )
    directory = None if given["no_cache"] else directory_of(given["cache_dir"])
    return ManifestStore(sources, ManifestCache(directory, given["manifests"]), show)


def _is_url(text: str) -> bool:
    """Return whether a URL can be taken apart, brackets and port included."""
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False


def _mirror(text: str) -> tuple[str, str]:
    found = _MIRROR.fullmatch(text)
    assert found is not None  # noqa: S101 -- `check_artifact_options` saw it
    return found[1], found[2]


def _pip_cache() -> Path:
    """Return pip's cache directory, where it is unless somebody configured another one."""
    from platformdirs import user_cache_path  # noqa: PLC0415 -- only where it is asked for

    named = os.environ.get("PIP_CACHE_DIR")
    return Path(named) if named else user_cache_path("pip", appauthor=False)
