"""Arguments that contradict each other, or that cannot be followed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from click.core import ParameterSource

from auditor.cli.arguments import MIRROR
from auditor.errors import UsageError

if TYPE_CHECKING:
    import click

    from auditor.cli.arguments import CheckArguments

_ABOUT_FILES = (
    *("all_platforms", "attestations", "base", "bytecode", "evidence", "index_url"),
    *("manifests", "mirror", "no_run", "verify", "wheelhouse"),
)
"""Options that mean nothing where no file is read."""


def check_arguments(ctx: click.Context, given: CheckArguments) -> None:
    """Raise `UsageError` for arguments that cannot be followed."""
    _check_registry(ctx, given)
    _check_artifacts(ctx, given)
    if given["quick"]:
        _check_quick(ctx)


def _check_registry(ctx: click.Context, given: CheckArguments) -> None:
    """Refuse options on the command line that only a registry knows, where none is asked."""
    if any(image.startswith("registry:") for image in (given["image"], given["base"] or "")):
        return
    for option in ("plain_http", "tls_ca"):
        if ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--{option.replace('_', '-')} is about a registry, and no image is from one",
                "write registry:HOST/REPO:TAG, or leave the option out",
            )


def _check_quick(ctx: click.Context) -> None:
    """Refuse options on the command line that a quick audit cannot follow."""
    for option in _ABOUT_FILES:
        if ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--quick reads no file and asks one interpreter: --{option.replace('_', '-')} "
                "contradicts it",
                "leave one of them out",
            )


def _check_artifacts(ctx: click.Context, given: CheckArguments) -> None:
    """Refuse what cannot be followed; raises `UsageError`."""
    if given["attestations"] and not given["quick"]:
        from auditor.artifacts.attestations import require_support  # noqa: PLC0415 -- `--help`

        require_support()
    for folder in given["wheelhouse"]:
        if not Path(folder).is_dir():
            raise UsageError(f"--wheelhouse {folder}: no such folder", "name an existing one")
    # A URL may hold a password: none is repeated.
    if not all(
        (found := MIRROR.fullmatch(mirror)) and _is_url(found[2]) for mirror in given["mirror"]
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


def _is_url(text: str) -> bool:
    """Return whether a URL can be taken apart, brackets and port included."""
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False
