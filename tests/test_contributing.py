"""What CONTRIBUTING.md says a change takes is what it takes."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

from auditor.catalogue import KINDS, Kind
from auditor.model import Severity
from auditor.report.formats import FORMATS
from auditor.rules import RULES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAP = TEXT.partition("## The map\n\n```\n")[2].partition("```")[0].splitlines()
LISTS = TEXT.partition("## How to add a finding")[2].partition("## Tests")[0]
STEPS = [step for step in re.split(r"\n\n|\n(?=\d\. )", LISTS) if "`" in step]
TEST = re.compile(r"`(tests/[\w/]+)\.py::(\w+)`")
FINDING_TESTS = TEST.findall(LISTS.partition("## How to add a format")[0])
NEW = Kind("LI499", "new-kind", "A new kind", Severity.NOTE, "It matters.", "Mend it.")


def test_the_map_is_the_package() -> None:
    shown = []
    parents: list[str] = []
    for line in MAP:
        parents = parents[: (len(line) - len(line.lstrip())) // 2]
        name = line.split()[0]
        if name.endswith("/"):
            parents.append(name)
            shown.append("".join(parents))
        else:
            assert all((ROOT / "auditor" / each).exists() for each in re.findall(r"\S+\.py", line))
    package = {path.parent for path in (ROOT / "auditor").rglob("*.py")}
    assert sorted(path for path in shown if path.startswith("auditor/")) == sorted(
        f"{path.relative_to(ROOT)}/" for path in package
    )
    assert all((ROOT / path).is_dir() for path in shown)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:auditor|docs|tests)/[^`:]*)", TEXT))))
def test_every_path_exists(path: str) -> None:
    example = re.sub("LI411-new-kind", "LI101-missing-distribution", path).replace("NAME", "table")
    assert (ROOT / example).exists()


@pytest.mark.parametrize("step", STEPS)
def test_every_name_is_in_a_file_of_its_step(step: str) -> None:
    files = [ROOT / path for path in re.findall(r"`((?:auditor)/[^`]*\.py)`", step)]
    for name in re.findall(r"`([A-Za-z_]+)`", step) if files else ():
        assert any(re.search(rf"\b{name}\b", file.read_text("utf-8")) for file in files), name


@pytest.mark.parametrize(("module", "name"), TEST.findall(LISTS))
def test_every_test_that_is_named_exists(module: str, name: str) -> None:
    assert callable(vars(import_module(module.replace("/", ".")))[name])


@pytest.mark.parametrize(("module", "name"), FINDING_TESTS)
def test_a_missing_edit_fails_the_test_that_is_named(
    module: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = vars(import_module(module.replace("/", ".")))[name]
    code = {"code": NEW.code} if "code" in signature(test).parameters else {}
    monkeypatch.setitem(KINDS, NEW.code, NEW)
    with pytest.raises((AssertionError, KeyError)):  # noqa: PT012 -- either edit is missing
        test(**code)
        monkeypatch.setitem(RULES, NEW.code, lambda facts: ())
        test(**code)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_test_and_a_row(name: str) -> None:
    assert (ROOT / f"tests/report/test_{name}.py").exists()
    assert f"\n| `{name}` | " in (ROOT / "docs/usage.md").read_text(encoding="utf-8")
