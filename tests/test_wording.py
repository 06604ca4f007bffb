from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.wording import LONGEST, and_more, human_bytes, one_line, plural


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


@pytest.mark.parametrize(
    ("names", "separator", "text"),
    [
        ([], ", ", ""),
        (["a", "b"], ", ", "a, b"),
        (["a", "b", "c"], ", ", "a, b and 1 more"),
        (["a", "b", *["c"] * 1200], "; ", "a; b; and 1,200 more"),
    ],
)
def test_and_more(names: list[str], separator: str, text: str) -> None:
    assert and_more(names, 2, separator) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_499, "99.5 kB"),
        (123_456, "123 kB"),
        (999_600, "1.0 MB"),
        (1_770_000_000, "1.8 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_human_bytes(size: int, text: str) -> None:
    assert human_bytes(size) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 files"), (1, "1 file"), (1200, "1,200 files")])
def test_plural(number: int, text: str) -> None:
    assert plural(number, "file") == text
