"""Reports written to JSON and read back."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import UsageError
from auditor.report import json_form
from auditor.report.document import Report
from auditor.report.formats import FORMATS, View
from auditor.report.json_form import decodable_copy
from tests.builders.reports import CLEAN, DRIFTED, EMPTY, IMAGE

ANY_TEXT = st.text(alphabet=st.characters(categories=None))
HOSTILE = st.sampled_from(
    ["::error::x\n##[add-path]y", "\x1b[2J\u202e", "caf\udce9", "\ud800", "\\xff", '"##', "LI905"]
)
PLAIN_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


def values(kind: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any annotation
    """Return a strategy for the values that a field of this type can have."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return st.none() | values(arguments[0])
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        given: dict[str, Any] = {f.name: values(hints[f.name]) for f in fields(kind) if f.init}
        made: Any = kind
        return st.builds(made, **given)
    if origin is not None:
        return st.dictionaries(st.text(), PLAIN_VALUES, max_size=2)
    if issubclass(kind, Enum):
        return st.sampled_from(kind)
    by_type = {str: ANY_TEXT | HOSTILE, int: st.integers(0, 2**63 - 1), bool: st.booleans()}
    return by_type[kind]


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(values(Report).map(decodable_copy), st.integers(0, 200), st.booleans())
def test_what_is_written_is_read_back(report: Report, width: int, color: bool) -> None:
    text = report.to_json()
    again = Report.from_json(text)
    assert again == report
    for render in FORMATS.values():
        shown = render(report, View(width, color))
        assert render(again, View(width, color)) == shown
        assert all(line.isprintable() for line in shown.replace("\x1b[", "").split("\n"))


def test_hostile_names_come_through_in_ascii() -> None:
    reference = "caf\udce9\x1b\n\u202e包##[error]\\##"
    report = decodable_copy(replace(CLEAN, image=replace(IMAGE, reference=reference)))
    text = report.to_json()
    assert text.isascii()
    assert "##" not in text
    assert json.loads(text)["image"]["reference"] == "caf\\xe9\x1b\n\u202e包##[error]\\##"


def test_strings_that_cannot_be_encoded_are_escaped_on_reading() -> None:
    report = replace(CLEAN, image=replace(IMAGE, reference="caf\udce9 \ud800"))
    assert Report.from_json(report.to_json()).image.reference == "caf\\xe9 \\ud800"


def test_a_report_of_an_earlier_version_is_read() -> None:
    document = json.loads(EMPTY.to_json())
    for place, keys in ((document, ("rules", "exit_code")), (document["image"], ("kind",))):
        for key in keys:
            del place[key]
    report = Report.from_json(json.dumps(document))
    assert (report.rules, report.exit_code, report.image.kind) == ((), None, "image")
    assert "exit" not in FORMATS["table"](report).splitlines()[-1]


def test_keys_of_a_later_version_are_passed_over() -> None:
    document = json.loads(DRIFTED.to_json())
    document["later"] = document["findings"][0]["later"] = {"x": 1}
    document["summary"] = "what counts is counted again"
    assert Report.from_json(json.dumps(document)) == DRIFTED


def edited(**changes: object) -> str:
    return json.dumps({**json.loads(DRIFTED.to_json()), **changes})


def without(key: str) -> str:
    return json.dumps({k: v for k, v in json.loads(DRIFTED.to_json()).items() if k != key})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not JSON: Expecting value", id="empty"),
        pytest.param("drift: image sha256:0", "not JSON: Expecting value", id="table"),
        pytest.param(DRIFTED.to_json()[:-9], "not JSON: (Unterminated|Expecting)", id="cut-off"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
        pytest.param('{"a": 1' + "0" * 5000 + "}", "not JSON: Exceeds the limit", id="digits"),
        pytest.param('{"schema_version": NaN}', "not JSON: NaN is not a JSON number", id="nan"),
        pytest.param("[]", "not a report that auditor wrote", id="list"),
        pytest.param('{"runs": []}', "not a report that auditor wrote", id="other-format"),
        pytest.param(edited(schema_version=2), "schema_version 2 is not supported", id="newer"),
        pytest.param(
            edited(schema_version=True), "schema_version True is not supported", id="boolean"
        ),
        pytest.param(
            edited(schema_version="1\n" * 99), r"schema_version '1.n1.* is not", id="text"
        ),
        pytest.param(without("verdict"), "the document has no `verdict`", id="no-key"),
        pytest.param(edited(lock={}), "lock has no `path`", id="no-inner-key"),
        pytest.param(edited(verdict="pass"), "verdict must be one of consistent, drift", id="enum"),
        pytest.param(
            edited(exit_code=False), "exit_code must be one of 0, 1", id="boolean-for-enum"
        ),
        pytest.param(edited(verdict=["drift"]), "verdict must be one of", id="list-for-enum"),
        pytest.param(edited(lock=None), "lock must be an object", id="null"),
        pytest.param(edited(findings={}), "findings must be a list", id="object-for-list"),
        pytest.param(
            edited(rules=["LI101", 5]), r"rules\[1\] must be a string", id="number-for-string"
        ),
        pytest.param(
            edited(checked={"files": -1}), "checked.files must be from 0 to", id="negative"
        ),
        pytest.param(
            edited(checked={"files": 1.0}), "checked.files must be an integer", id="float"
        ),
        pytest.param(
            edited(checked={"files": True}), "checked.files must be an integer", id="true"
        ),
        pytest.param(
            edited(checked={"files": 10**400}), "checked.files must be from 0 to", id="huge"
        ),
    ],
)
def test_what_is_no_report_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=rf"^old\.json: {message}") as caught:
        Report.from_json(text, "old.json")
    assert len(caught.value.message.splitlines()) == 1
    assert "auditor check --format json" in caught.value.hint


def test_a_long_document_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = CLEAN.to_json()
    monkeypatch.setattr(json_form, "LONGEST", len(text))
    assert Report.from_json(text) == CLEAN
    with pytest.raises(UsageError, match="longer than"):
        Report.from_json(f"{text} ")


def test_a_value_without_a_type_may_not_be_deep() -> None:
    deep: object = 1
    for _ in range(100):
        deep = [deep]
    document = json.loads(DRIFTED.to_json())
    document["packages"][0]["attestation_identities"] = [{"kind": deep}]
    with pytest.raises(UsageError, match=r"packages\[0\].attestation_identities\[0\] is nested"):
        Report.from_json(json.dumps(document))
