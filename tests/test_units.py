from __future__ import annotations

import pytest

from auditor.units import human_bytes, plural


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
