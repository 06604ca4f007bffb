from __future__ import annotations

from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from auditor.lock.toml_lines import KeyPath, key_path, line_of, package_lines, top_lines, walk

DOCUMENT = '''\
a = 1 # [[packages]]
s = """
[[packages]]
"""" # four quotes: one belongs to the text
"q.x".b = [ 1, # ]
 {c = 2, d.e=[
 3]},
 '[[packages]]' ]
date = 1979-05-27 07:32:00.5

[[packages]]
name = "x"
[packages.sdist]
hashes = {sha256 = "]"}
[[packages.wheels]]
url = "\\"}"
[[packages.wheels]]
hashes = {
  md5 = 'x', # a table over several lines
}
[[ packages ]] # the second
'wheels' = [
  {a=1},

  {a=1, "\\u0068ashes" = {}},
]
[tool.other]
key = \'\'\'
it's [here]\'\'\'
'''


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ("a", 1),
        ("s", 2),
        ("date", 9),
        ("packages", None),
        ("packages[0]", 11),
        ("packages[0].name", 12),
        ("packages[0].version", 11),
        ("packages[0].sdist", 13),
        ("packages[0].sdist.hashes.sha256", 14),
        ("packages[0].wheels[0]", 15),
        ("packages[0].wheels[0].url", 16),
        ("packages[0].wheels[0].hashes", 15),
        ("packages[0].wheels[1].hashes", 18),
        ("packages[0].wheels[1].hashes.md5", 19),
        ("packages[0].wheels[2]", 11),
        ("packages[1]", 21),
        ("packages[1].wheels", 22),
        ("packages[1].wheels[0].a", 23),
        ("packages[1].wheels[1]", 25),
        ("packages[1].wheels[1].hashes", 25),
        ("packages[1].wheels[1].hashes.sha256", 25),
        ("tool.other.key", 28),
        ("absent", None),
    ],
)
def test_the_line_of_a_key(context: str, line: int | None) -> None:
    assert line_of(DOCUMENT, key_path(context)) == line


def test_a_quoted_key_is_one_key() -> None:
    assert line_of(DOCUMENT, ("q.x", "b", 1, "d", "e", 0)) == 7


@pytest.mark.parametrize(
    ("text", "count", "lines"),
    [
        (DOCUMENT, 2, (11, 21)),
        ("packages = [{},\n{}]", 2, (1, 2)),
        ("packages = []", 0, ()),
        ("[[packages]]\n[[packages]]\n", 2, (1, 2)),
        ("[[packages]]\n[['packages']]\n", 2, (1, 2)),
        ("[[packages]]\n", 2, (1, None)),
    ],
    ids=["tables", "array", "none", "plain", "quoted", "fewer than said"],
)
def test_the_lines_of_packages(text: str, count: int, lines: tuple[int | None, ...]) -> None:
    assert package_lines(text, count) == lines


def test_top_lines_end_at_the_packages() -> None:
    assert top_lines(DOCUMENT) == {"a": 1, "s": 2, "q.x": 5, "date": 9}
    assert top_lines("a = 1\n\n[tool]\nb = 2") == {"a": 1, "tool": 3}


def test_the_deepest_values_that_tomli_accepts() -> None:
    text = "a = " + "{a = " * 400 + "1" + "}" * 400
    tomli.loads(text)
    assert {len(path) for path, _ in walk(text)} == set(range(1, 402))


def paths(value: object, path: KeyPath = ()) -> set[KeyPath]:
    """Return every path in a parsed document, but empty arrays of tables."""
    found = {path}
    if isinstance(value, dict):
        for key, item in value.items():
            found |= paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found |= paths(item, (*path, index))
    return found


TEXT = st.sampled_from(
    ["", "a", "[[packages]]", "]", "}", "#", '"', "'", "\\", "\n", "a = 1\n", '"""', "'''", "=,."]
)
SCALARS = st.one_of(st.integers(-9, 9), st.booleans(), TEXT)
DOCUMENTS = st.dictionaries(
    TEXT,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    ),
    max_size=4,
)


@st.composite
def spelled(draw: st.DrawFn, value: object) -> str:
    """Spell a value in one of the ways that TOML has for it."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            items = [f"{_quoted(key)} = {draw(spelled(item))}" for key, item in value.items()]
            return "{" + draw(BREAKS).join(["", ",".join(items)]) + draw(BREAKS) + "}"
        case list():
            items = [draw(BREAKS) + draw(spelled(item)) for item in value]
            return "[" + ",".join(items) + draw(BREAKS) + "]"
        case str():
            return draw(st.sampled_from(_spellings(value)))
        case _:
            return str(value)


BREAKS = st.sampled_from(["", " ", "\n", " # ] } \" '''\n", "\n\n"])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _spellings(text: str) -> list[str]:
    spellings = [_quoted(text)]
    if "'" not in text:
        spellings.append(f"'''{text}'''" if text[:1] != "\n" else f"'''\n{text}'''")
        if "\n" not in text:
            spellings.append(f"'{text}'")
    if "\\" not in text and '"""' not in text:
        spellings.append(f'"""\n{text}"""')
    return spellings


@given(data=st.data(), document=DOCUMENTS)
def test_every_key_of_any_document_is_found_once_on_its_line(
    data: st.DataObject, document: dict[str, Any]
) -> None:
    text, expected = "", {}
    for key, value in document.items():
        expected[key] = text.count("\n") + 1
        text += f"{_quoted(key)} = {data.draw(spelled(value))}\n"
    assert tomli.loads(text) == document
    found: dict[KeyPath, int] = {}
    for path, line in walk(text):
        found.setdefault(path, line)
    assert found.keys() == paths(document) - {()}
    assert {path[0]: line for path, line in found.items() if len(path) == 1} == expected
