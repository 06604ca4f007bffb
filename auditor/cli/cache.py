"""`auditor cache`: what is cached of layers and artifacts, and where."""

from __future__ import annotations

import os
from pathlib import Path

import click

from auditor.cli.terminal import write
from auditor.errors import UsageError

cache_dir = click.option(
    "--cache-dir",
    metavar="DIR",
    type=click.Path(file_okay=False),
    envvar="AUDITOR_CACHE_DIR",
    help="Cache directory of layers and artifacts; by default the user's.",
)
"""The option, the same for every command that has it."""


def directory_of(given: str | None) -> Path:
    """Return the cache's directory: the one given, else the user's own (XDG_CACHE_HOME).

    Raises `UsageError` where the one given is no directory and cannot become one.
    """
    if given:
        directory = Path(given)
        above = (directory, *directory.absolute().parents)
        nearest = next(path for path in above if os.access(path, os.F_OK))
        if not nearest.is_dir() or not (nearest == directory or os.access(nearest, os.W_OK)):
            why = "may not be written to" if nearest.is_dir() else "is no directory"
            raise UsageError(
                f"--cache-dir {given}: {nearest} {why}",
                "name a directory that you may write to, or use no cache with --no-cache",
            )
        return directory
    from platformdirs import user_cache_path  # noqa: PLC0415 -- only where it is asked for

    return user_cache_path("auditor", appauthor=False)


@click.command()
@click.argument("action", type=click.Choice(["clear"]), required=False)
@cache_dir
def cache(action: str | None, cache_dir: str | None) -> None:
    """Show where the cache of layers and artifacts is, and how large it is.

    `auditor cache clear` empties it: the next audits read their layers and artifacts again.
    """
    from auditor.artifacts.manifest_cache import manifest_files  # noqa: PLC0415 -- not for `--help`
    from auditor.image.layers.layer_cache import CACHE_BYTES, LayerCache  # noqa: PLC0415 -- as above

    held = LayerCache(directory_of(cache_dir))
    manifests = manifest_files(held.directory)
    if action == "clear":
        for name, (entries, size) in (("layers", held.clear()), ("manifests", manifests.clear())):
            write(f"{held.directory}/{name}: removed {_entries(entries)}, {_size(size)}\n")
        return
    entries, size = held.usage()
    of = f"{_size(size)} of at most {_size(CACHE_BYTES)}"
    write(f"{held.directory}/layers: {_entries(entries)}, {of}\n")
    entries, size = manifests.usage()
    write(f"{held.directory}/manifests: {_entries(entries)}, {_size(size)}, kept for ever\n")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _size(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
