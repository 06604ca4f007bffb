"""`auditor cache`: what is remembered of layers, and where."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli.terminal import write

cache_dir = click.option(
    "--cache-dir",
    metavar="DIR",
    type=click.Path(file_okay=False),
    envvar="AUDITOR_CACHE_DIR",
    help="Where to remember what layers hold; else the user's cache directory.",
)
"""The option, the same for every command that has it."""


def directory_of(given: str | None) -> Path:
    """Give the cache's directory: the one given, else the user's own (XDG_CACHE_HOME)."""
    if given:
        return Path(given)
    from platformdirs import user_cache_path  # noqa: PLC0415 -- only where it is asked for

    return user_cache_path("auditor", appauthor=False)


@click.command()
@click.argument("action", type=click.Choice(["clear"]), required=False)
@cache_dir
def cache(action: str | None, cache_dir: str | None) -> None:
    """Say where layers' indexes are kept and how much they take up.

    `auditor cache clear` forgets them: the next audits read their layers again.
    """
    from auditor.image.cache import CACHE_BYTES, IndexCache  # noqa: PLC0415 -- not for `--help`

    held = IndexCache(directory_of(cache_dir))
    if action == "clear":
        entries, size = held.clear()
        write(f"{held.directory}: removed {_entries(entries)}, {_size(size)}\n")
        return
    entries, size = held.usage()
    of = f"{_size(size)} of at most {_size(CACHE_BYTES)}"
    write(f"{held.directory}: {_entries(entries)}, {of}\n")


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def _size(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
