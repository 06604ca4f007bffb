from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditor.catalogue import KINDS, Kind

if TYPE_CHECKING:
    from tests.cli.conftest import Invoke


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind(invoke: Invoke, kind: Kind) -> None:
    result = invoke("explain", kind.code)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{kind.code} {kind.name}: {kind.severity}, ")
    words = " ".join(result.stdout.split())
    assert f"{kind.title} Why it matters: {kind.why} What to do: {kind.fix}" in words
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("word", ["LI103", "li103", "version-differs", "Version-Differs"])
def test_codes_and_names_in_any_case(invoke: Invoke, word: str) -> None:
    result = invoke("explain", word)
    assert result.exit_code == 0
    assert result.stdout.startswith("LI103 version-differs: error, distributions\n")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        pytest.param("LI1O3", "did you mean LI103? ", id="code"),
        pytest.param("version-differ", "did you mean version-differs? ", id="name"),
        pytest.param("\x1bzzz", "", id="nothing-near"),
    ],
)
def test_unknown(invoke: Invoke, word: str, hint: str) -> None:
    message, found = invoke("explain", word).error(2)
    assert found == f"{hint}`auditor explain` lists them all"
    assert "\x1b" not in message


@pytest.mark.parametrize("columns", ["40", "80", "120"])
def test_without_a_code_all_are_listed(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    result = invoke("explain")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= int(columns)
    assert [line.split()[0] for line in lines if line.startswith("  LI")] == list(KINDS)
    assert (KINDS["LI103"].title in result.stdout) is (columns == "120")
