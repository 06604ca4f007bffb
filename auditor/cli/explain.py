"""`auditor explain`: what a finding means and how to fix it."""

from __future__ import annotations

import click

from auditor.catalogue import FAMILIES, KINDS, Kind, codes_hint
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
    for kind in KINDS.values():
        if text.upper() == kind.code or text.lower() == kind.name:
            return kind
    raise UsageError(f"{text}: unknown finding code or name", codes_hint(text))


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
