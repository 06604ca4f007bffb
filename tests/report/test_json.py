from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from auditor.model import AttestationState
from auditor.report.document import Ignored, Report
from auditor.report.schema import schema, schema_text
from tests.builders.reports import CLEAN, DRIFTED, EMPTY, finding

render = Report.to_json
GOLDEN = Path(__file__).parent / "golden"

IGNORED = replace(
    CLEAN,
    findings=(
        replace(finding("LI201", "idna", "was changed"), ignored=Ignored("known", "2027-01-01")),
    ),
)
ATTESTED = replace(
    CLEAN, packages=tuple(replace(CLEAN.packages[0], attested=a) for a in AttestationState)
)


def test_golden() -> None:
    assert render(DRIFTED) == (GOLDEN / "drifted.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "report",
    [DRIFTED, CLEAN, EMPTY, IGNORED, ATTESTED],
    ids=["drifted", "clean", "empty", "ignored", "attested"],
)
def test_every_report_follows_the_schema(report: Report) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate(json.loads(render(report)))


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert json.loads(schema_text()) == schema()


def test_the_schema_requires_every_key_that_is_written() -> None:
    document = json.loads(render(DRIFTED))
    validator = jsonschema.Draft202012Validator(schema())
    places = [
        document,
        document["image"],
        document["image"]["layers"][0],
        document["lock"],
        document["environments"][0],
        document["packages"][0],
        document["packages"][0]["artifact"],
        document["packages"][0]["bytecode"],
        document["findings"][1],
        document["findings"][1]["layer"],
        document["checked"],
        document["not_checked"][0],
        document["summary"],
    ]
    for place in places:
        for key in list(place):
            value = place.pop(key)
            assert not validator.is_valid(document), key
            place[key] = value
    assert validator.is_valid(document)


def test_the_schema_lets_later_keys_in() -> None:
    document = json.loads(render(DRIFTED))
    document["later"] = document["findings"][0]["later"] = 1
    jsonschema.validate(document, schema())


def test_summary_counts_ignored_findings_apart() -> None:
    assert json.loads(render(IGNORED))["summary"] == {
        "error": 0,
        "warning": 0,
        "note": 0,
        "ignored": 1,
    }
    assert json.loads(render(IGNORED))["findings"][0]["ignored"] == {
        "reason": "known",
        "until": "2027-01-01",
    }
