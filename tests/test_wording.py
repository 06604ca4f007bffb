from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.wording import LONGEST, one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  plain  words\n", "plain words"),
        ("two\nlines\tand\rmore", "two lines and more"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("naïve 日本", "naïve 日本"),
        ("turned \u202e round", "turned \\u202e round"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 197 + "..."),
        (" " * 10**6 + "late", ""),
    ],
    ids=["empty", "spaces", "lines", "escapes", "letters", "bidi", "fits", "long", "flood"],
)
def test_one_line(text: str, expected: str) -> None:
    assert one_line(text) == expected


@given(st.text())
def test_always_one_short_printable_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= LONGEST
    assert line.isprintable()
