from __future__ import annotations

import pytest

from auditor.entry_points import declared_scripts

CONSOLE = "[console_scripts]\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{CONSOLE}run = a.b:main", {"run": "a.b:main"}),
        (f"{CONSOLE}  Run=a : b.c [extra]\r\n", {"Run": "a:b.c"}),
        ("[gui_scripts]\nrun = a:b\n[ console_scripts ]\nx = a:c", {"run": "a:b", "x": "a:c"}),
        (f"{CONSOLE}a = b:c\na = b:d", {"a": "b:d"}),
        (f"{CONSOLE}# x = a:b\n; y = a:b\nz = a:b", {"z": "a:b"}),
        (f"{CONSOLE}a = module\nb\nc = a:\nd = a:b c", {}),
        ("a = b:c", {}),
        (f"{CONSOLE}[other]\na = b:c", {}),
    ],
    ids=[
        *("script", "blanks and an extra", "groups", "twice", "comments", "no target"),
        *("before any group", "another group"),
    ],
)
def test_declared_scripts(text: str, found: dict[str, str]) -> None:
    assert dict(declared_scripts(text)) == found


@pytest.mark.parametrize("filler", [" ", "a", "a ", "=", ":", "[", "a:b["])
def test_any_line_is_read_in_one_go(filler: str) -> None:
    """What backtracks would take hours here."""
    long = filler * (1 << 18)
    assert list(declared_scripts(f"{CONSOLE}a{long}b\nx = a{long}b\nrun = a:b")) == [("run", "a:b")]
