"""`auditor explain`: what a finding means and what to do about it."""

from __future__ import annotations

from difflib import get_close_matches

import click

from auditor.catalogue import FAMILIES, KINDS, Kind
from auditor.cli.terminal import width, write
from auditor.errors import UsageError
from auditor.report.formats.lines import NARROWEST, Line, columns, wrapped


@click.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Say what a finding means, why it matters and how to fix it.

    CODE is a code (LI103) or a name (version-differs); without one, every kind is listed.
    """
    room = max(width(), NARROWEST)
    lines = _list(room) if code is None else _kind(_kind_of(code), room)
    write("".join(f"{line.render(color=False)}\n" for line in lines))


def _kind_of(text: str) -> Kind:
    by_word = {**KINDS, **{kind.name: kind for kind in KINDS.values()}}
    for word in (text.upper(), text.lower()):
        if word in by_word:
            return by_word[word]
    near = get_close_matches(text.upper(), KINDS, 1) or get_close_matches(text.lower(), by_word, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"no finding is called {text}", f"{hint}`auditor explain` lists them all")


def _kind(kind: Kind, room: int) -> list[Line]:
    return [
        *wrapped(f"{kind.code} {kind.name}: {kind.severity}, {FAMILIES[kind.family]}", room),
        *wrapped(kind.title, room),
        Line(""),
        *wrapped(f"Why it matters: {kind.why}", room),
        Line(""),
        *wrapped(f"What to do: {kind.fix}", room),
    ]


def _list(room: int) -> list[Line]:
    kinds = KINDS.values()
    cells = {
        "code": [kind.code for kind in kinds],
        "severity": [kind.severity.value for kind in kinds],
        "name": [kind.name for kind in kinds],
    }
    if room >= 100:
        cells["what it says"] = [kind.title for kind in kinds]
    return columns(cells, room)
