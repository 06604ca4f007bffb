"""Every case folder: one image, one lock, and exactly the findings it expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditor.catalogue import KINDS
from auditor.report import Report
from auditor.report.formats import FORMATS
from tests.builders.cases import CASE_FOLDERS, CASES, audit, label, load, shown

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("path", CASES, ids=label)
def test_case(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case = load(path)
    report = audit(case, tmp_path)
    assert sorted(map(shown, report.findings)) == case["expect"]
    again = Report.from_json(report.to_json())
    assert again == report
    assert [show(again) for show in FORMATS.values()] == [show(report) for show in FORMATS.values()]


@pytest.mark.parametrize("code", KINDS)
def test_every_kind_has_a_case_and_a_near_miss(code: str) -> None:
    folder = CASE_FOLDERS / f"{code}-{KINDS[code].name}"
    expected = [load(path)["expect"] for path in folder.glob("*.toml")]
    yields = [any(each.startswith(code) for each in found) for found in expected]
    assert any(yields)
    assert not all(yields)


def test_every_folder_is_a_kind() -> None:
    folders = {path.name for path in CASE_FOLDERS.glob("LI*")}
    assert folders == {f"{kind.code}-{kind.name}" for kind in KINDS.values()}
