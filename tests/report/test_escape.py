from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.report.escape import clip, decodable, escape, guard


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain text", "plain text", id="plain"),
        pytest.param("naïve-包", "naïve-包", id="other-scripts"),
        pytest.param("a\nb\r\nc", r"a\nb\r\nc", id="line-breaks"),
        pytest.param("a\tb", r"a\tb", id="tab"),
        pytest.param("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m", id="terminal-sequence"),
        pytest.param("\x9b31m", r"\x9b31m", id="c1-control"),
        pytest.param("\x00\x7f", r"\x00\x7f", id="nul-del"),
        pytest.param("a\u202egpj.exe", r"a\u202egpj.exe", id="right-to-left-override"),
        pytest.param("\u2066x\u2069", r"\u2066x\u2069", id="isolates"),
        pytest.param("a\u200bb\ufeff", r"a\u200bb\ufeff", id="zero-width"),
        pytest.param("a\u2028b\u2029", r"a\u2028b\u2029", id="unicode-line-separators"),
        pytest.param("a\u00a0b", r"a\xa0b", id="no-break-space"),
        pytest.param("caf\udce9.py", r"caf\xe9.py", id="byte-that-is-not-utf-8"),
        pytest.param("\ud800", r"\ud800", id="lone-surrogate"),
        pytest.param("\U000e0041", r"\U000e0041", id="tag-character"),
        pytest.param("a\\nb", "a\\nb", id="backslash-stays"),
        pytest.param("", "", id="empty"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(alphabet=st.characters(categories=None)))
def test_escaped_text_is_one_visible_line_in_any_encoding(text: str) -> None:
    shown = escape(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("caf\udce9", r"caf\xe9", id="byte"),
        pytest.param("\ud800", r"\ud800", id="surrogate"),
        pytest.param("a\n\x1b", "a\n\x1b", id="controls-are-left-to-the-format"),
    ],
)
def test_decodable(text: str, shown: str) -> None:
    assert decodable(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("abcdefgh", "abcdefgh", id="fits"),
        pytest.param("abcdefghi", "abcde...", id="cut"),
        pytest.param("\n\n\n\n\n", r"\n\n\...", id="cut-after-escaping"),
        pytest.param("x" * 1_000_000, "xxxxx...", id="huge"),
    ],
)
def test_clip(text: str, shown: str) -> None:
    assert clip(text, 8) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        pytest.param("::error::x", r":\x3aerror::x", id="at-start"),
        pytest.param("   ::stop-commands::x", r"   :\x3astop-commands::x", id="after-blanks"),
        pytest.param("a ::error::x", "a ::error::x", id="not-at-start"),
        pytest.param("a ##[error]x", r"a #\x23[error]x", id="first-syntax-anywhere"),
        pytest.param("##vso[task.x]", r"#\x23vso[task.x]", id="other-runner"),
        pytest.param("RUN x # one", "RUN x # one", id="single-hash"),
    ],
)
def test_guard(line: str, shown: str) -> None:
    assert guard(line) == shown
