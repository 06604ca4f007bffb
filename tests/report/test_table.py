from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from auditor.model import NotChecked, Verdict
from auditor.report.document import FindingLayer, Ignored, Report
from auditor.report.formats import FORMATS, View
from tests.builders.reports import (
    CLEAN,
    DIGEST,
    DRIFTED,
    EMPTY,
    IMAGE,
    SITE,
    environment,
    finding,
    row,
)

GOLDEN = Path(__file__).parent / "golden"
table = FORMATS["table"]


@pytest.mark.parametrize("width", [80, 40])
@pytest.mark.parametrize(
    ("name", "report"),
    [("drifted", DRIFTED), ("clean", CLEAN), ("empty", EMPTY)],
    ids=["drifted", "clean", "empty"],
)
def test_golden(name: str, report: Report, width: int) -> None:
    expected = (GOLDEN / f"{name}-{width}.txt").read_text(encoding="utf-8")
    assert table(report, View(width)) == expected


@pytest.mark.parametrize("verdict", Verdict)
def test_first_line_is_verdict_reference_digest(verdict: Verdict) -> None:
    first = table(replace(CLEAN, verdict=verdict), View(20)).splitlines()[0]
    assert first == f"{verdict}: docker:shop/backend:1.4 {DIGEST}"


def test_exit_code_is_told_where_something_exits() -> None:
    assert table(DRIFTED).splitlines()[-1].endswith("(exit 1)")
    assert "exit" not in table(replace(CLEAN, exit_code=None)).splitlines()[-1]


@pytest.mark.parametrize("width", [0, 1, 30, 40, 79, 80, 200])
def test_only_unbreakable_words_reach_over_the_edge(width: int) -> None:
    names = ["x" * n for n in range(1, 90, 7)]
    report = replace(
        DRIFTED,
        packages=(*(row(name, name) for name in names), *DRIFTED.packages),
        findings=tuple(finding("LI101", name, "is locked and missing " * 9) for name in names),
    )
    edge = max(width, 40)
    for line in table(report, View(width)).splitlines()[1:]:
        assert len(line) <= edge or max(map(len, line.split())) > edge - 15, line


def test_three_hundred_findings_are_all_there_and_explained_once() -> None:
    found = tuple(finding("LI201", f"d{n}", "was changed") for n in range(300))
    text = table(replace(DRIFTED, findings=found))
    assert all(f"LI201 d{n}: was changed" in text for n in range(300))
    assert text.count("auditor explain LI201") == 1
    assert "\n300 errors\n" in text


def test_color_changes_nothing_but_color() -> None:
    colored = table(DRIFTED, View(color=True))
    plain = table(DRIFTED)
    assert "\x1b[1;31mdrift: " in colored
    for code in ("1", "1;31", "1;33", "1;36", "0"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == plain


def test_ignored_findings_are_set_apart_with_their_reason() -> None:
    ignored = Ignored("patched on purpose", "2027-01-31")
    report = replace(
        CLEAN,
        findings=(
            replace(finding("LI201", "idna", "was changed"), ignored=ignored),
            replace(finding("LI102", "extra", "is there"), ignored=Ignored("known")),
        ),
    )
    text = table(report)
    assert "\n2 ignored\n  LI201 idna: was changed\n" in text
    assert "    ignored    patched on purpose, until 2027-01-31\n" in text
    assert "    ignored    known\n" in text
    assert text.splitlines()[-2].startswith("0 errors, 0 warnings, 0 notes, 2 ignored: ")


def test_environments_are_a_column_where_there_are_several() -> None:
    rows = (row("idna", "3.10"), replace(row("six", "1.17"), environment=None))
    assert "/opt/venv\n" in table(replace(CLEAN, packages=rows))


def test_paths_outside_the_environment_name_the_environment() -> None:
    inside = replace(finding("LI201", "idna", "was changed"), path=f"{SITE}/idna.py")
    outside = replace(inside, path="/opt/venv2/bin/idna")
    assert "    in  " not in table(replace(CLEAN, findings=(inside,)))
    assert "    in         /opt/venv\n" in table(replace(CLEAN, findings=(outside,)))


@pytest.mark.parametrize(
    ("expected", "actual", "lines"),
    [
        pytest.param("1", "2", ["    expected   1 -> 2"], id="short"),
        pytest.param(
            "a" * 50,
            "b" * 50,
            [f"    expected   {'a' * 50}", f"    found      {'b' * 50}"],
            id="long",
        ),
        pytest.param("1", None, ["    expected   1"], id="only-expected"),
        pytest.param(None, "2", ["    found      2"], id="only-found"),
        pytest.param(None, None, [], id="neither"),
    ],
)
def test_difference(expected: str | None, actual: str | None, lines: list[str]) -> None:
    one = replace(finding("LI103", "idna", "is another"), expected=expected, actual=actual)
    text = table(replace(CLEAN, findings=(one,))).splitlines()
    assert [line for line in text if line.startswith(("    expected", "    found"))] == lines


def test_layer_without_an_instruction_is_named_by_its_digest() -> None:
    layer = FindingLayer(DIGEST, "", base=False)
    one = replace(finding("LI103", "idna", "is another"), layer=layer)
    assert f"    layer      {DIGEST}\n" in table(replace(CLEAN, findings=(one,)))


def test_hostile_texts_stay_inside_their_line() -> None:
    evil = "x\n::error::y\x1b[2J\u202e"
    shown = r"x\n::error::y\x1b[2J\u202e"
    report = replace(
        DRIFTED,
        image=replace(IMAGE, reference=evil, digest=evil),
        lock=replace(DRIFTED.lock, path=evil, created_by=evil),
        environments=(
            replace(environment(evil, 1, evil), python_version=evil),
            replace(environment("/usr", 1), python_version=None),
        ),
        packages=(replace(row(evil, evil), environment=evil), row("idna", "3")),
        findings=(
            replace(
                finding("LI103", evil, evil),
                code=evil,
                path=evil,
                environment=evil,
                layer=FindingLayer(evil, evil, base=True),
                lock_line=3,
                expected=evil,
                actual=evil,
                ignored=Ignored(evil, evil),
            ),
            finding("LI103", evil, f"a {evil}"),
        ),
        not_checked=(NotChecked(evil, evil),),
    )
    text = table(report, View(200))
    assert text.count(shown) >= 20
    assert all(line.isprintable() for line in text.splitlines())
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_a_wrapped_line_never_becomes_a_command() -> None:
    one = finding("LI103", "idna", f"{'x' * 60} ::add-mask::secret ##[error]")
    lines = table(replace(CLEAN, findings=(one,)), View(40)).splitlines()
    assert any(line.lstrip().startswith(r":\x3aadd-mask::secret") for line in lines)
    assert not any("##" in line for line in lines)
