from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from auditor.report.document import FindingLayer, Ignored, Report
from auditor.report.formats import FORMATS, View
from tests.builders.reports import CLEAN, DIGEST, DRIFTED, IMAGE, finding

render = FORMATS["github"]
GOLDEN = Path(__file__).parent / "golden"


def test_golden() -> None:
    assert render(DRIFTED) == (GOLDEN / "drifted-github.txt").read_text(encoding="utf-8")


def table_ending(report: Report) -> str:
    return FORMATS["table"](report, View(200)).splitlines()[-1]


def test_a_clean_image_has_no_annotation() -> None:
    assert render(CLEAN).splitlines() == [
        f"consistent: docker:shop/backend:1.4 {DIGEST}",
        table_ending(CLEAN).removesuffix(" (exit 0)"),
    ]


def commands(text: str, command: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"::{command} ")]


@pytest.mark.parametrize(("count", "shown", "named"), [(10, 10, 0), (11, 10, 2), (300, 10, 291)])
def test_ten_of_a_level_are_shown_and_the_others_named(count: int, shown: int, named: int) -> None:
    errors = tuple(finding("LI101", f"e{n}", "is missing") for n in range(count))
    notes = tuple(finding("LI108", f"n{n}", "is there") for n in range(3))
    text = render(replace(CLEAN, findings=errors + notes))
    assert len(commands(text, "error")) == shown
    assert len(commands(text, "notice")) == 3
    lines = text.splitlines()
    assert sum(line.startswith("error LI101 e") for line in lines) == named
    if named:
        assert f"title={named} more errors than GitHub shows::" in commands(text, "error")[-1]
    for n in range(count):
        assert f" e{n}: is missing" in text or f"::e{n}: is missing" in text


def test_errors_come_first_and_the_summary_last() -> None:
    lines = render(DRIFTED).splitlines()
    kinds = [line.split(" ", 1)[0] for line in lines[1:-1]]
    assert kinds == ["::error"] * 3 + ["::warning", "::notice"]
    assert lines[-1].startswith("3 errors, 1 warning, 1 note, 0 ignored: drift")


def test_ignored_findings_are_counted_only() -> None:
    one = replace(finding("LI101", "x", "is missing"), ignored=Ignored("known"))
    text = render(replace(CLEAN, findings=(one,)))
    assert "::" not in text
    assert "1 ignored" in text


def test_properties_and_text_are_escaped() -> None:
    one = replace(finding("LI101", "a,b:c%\r\nd", "50% of\nit"), lock_line=7)
    report = replace(CLEAN, lock=replace(CLEAN.lock, path="C:pylock,1.toml"), findings=(one,))
    (line,) = commands(render(report), "error")
    head, text = line.removeprefix("::").split("::", 1)
    assert head == (
        "error file=C%3Apylock%2C1.toml,line=7,"
        "title=LI101 missing-distribution%3A a%2Cb%3Ac%25\\r\\nd"
    )
    assert text.startswith("a,b:c%25\\r\\nd: 50%25 of\\nit%0A")


def test_nothing_from_the_image_starts_a_command() -> None:
    evil = "::set-env name=A::b\n::error::c ##[add-path]d"
    found = tuple(
        replace(
            finding("LI101", evil, evil),
            code=evil,
            path=evil,
            environment=evil,
            layer=FindingLayer(evil, evil, base=True),
            expected=evil,
            actual=evil,
        )
        for _ in range(12)
    )
    report = replace(
        CLEAN,
        image=replace(IMAGE, reference=evil),
        lock=replace(CLEAN.lock, path=evil),
        findings=found,
    )
    lines = render(report).splitlines()
    assert len(lines) == 1 + 10 + 3 + 1
    assert sum(line.lstrip().startswith("::") for line in lines) == 10
    assert not any("##" in line for line in lines)
