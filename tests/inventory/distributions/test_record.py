"""RECORD rows: what they say, and where they lead."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.inventory.distributions.record import parse_record, path_in_image
from auditor.record_rows import ALGORITHMS

SITE = "/opt/venv/lib/python3.11/site-packages"
EMPTY = base64.urlsafe_b64encode(hashlib.sha256(b"").digest()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("idna/core.py", f"{SITE}/idna/core.py"),
        ("../../../bin/idna", "/opt/venv/bin/idna"),
        ("/usr/share/man/idna.1", "/usr/share/man/idna.1"),
        ("./idna//core.py", f"{SITE}/idna/core.py"),
        ("idna/../idna/core.py", f"{SITE}/idna/core.py"),
        ("../../../../../etc/passwd", "/etc/passwd"),
        ("../../../../../../etc/passwd", None),
        ("/../etc/passwd", None),
        ("", None),
        ("idna\0core.py", None),
    ],
)
def test_a_path_stays_in_the_image(name: str, expected: str | None) -> None:
    assert path_in_image(SITE, name) == expected


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_algorithm_of_hashlib_is_read(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"x", usedforsecurity=False).digest()
    encoded = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    record = parse_record(f"a.py,{algorithm}={encoded},1\n".encode(), SITE)
    assert record.problems == ()
    assert [(row.algorithm, row.digest, row.size) for row in record.rows] == [
        (algorithm, digest, 1)
    ]


@pytest.mark.parametrize(
    ("text", "rows", "problem"),
    [
        ("a.py,,\r\nb.py,,\r\n", 2, ""),
        ('"a,b.py",,\n', 1, ""),
        ("\ufeffa.py,,\n", 1, ""),
        ("\n\n,,\na.py,,\n", 1, ""),
        ("a.py\n", 1, ""),
        ("a.py,,,more\n", 1, ""),
        (f"a.py,sha256={EMPTY}=,0\n", 1, ""),
        ("a.py,sha256=AAAA,0\n", 1, "line 1: the hash 'sha256=AAAA' has the wrong length"),
        ("a.py,sha256=$$$$,0\n", 1, "line 1: the hash 'sha256=$$$$' cannot be decoded"),
        ("a.py,whirlpool=AAAA,0\n", 1, "line 1: the hash algorithm 'whirlpool' is unknown"),
        ("a.py,shake_128=AAAA,0\n", 1, "line 1: the hash algorithm 'shake_128' is unknown"),
        ("a.py,,many\n", 1, "line 1: the size 'many' of 'a.py' is not a number"),
        (
            "../../../../../../x,,\n",
            0,
            "line 1: the path '../../../../../../x' leads out of the image",
        ),
    ],
    ids=range(13),
)
def test_rows_and_their_problems(text: str, rows: int, problem: str) -> None:
    record = parse_record(text.encode(), SITE)
    assert len(record.rows) == rows
    assert record.problems == ((problem,) if problem else ())


def test_a_row_keeps_what_it_tells_beside_a_bad_size() -> None:
    row = parse_record(f"a.py,sha256={EMPTY},x\n".encode(), SITE).rows[0]
    assert (row.algorithm, row.size) == ("sha256", None)


def test_a_field_larger_than_csv_reads_is_a_problem() -> None:
    record = parse_record(b"a.py,,\n" + b"x" * 200_000 + b",,\nb.py,,\n", SITE)
    assert [row.path for row in record.rows] == [f"{SITE}/a.py"]
    assert "line 2: field larger than field limit" in record.problems[0]


@given(st.binary(max_size=400))
def test_any_bytes_give_rows_inside_the_image(content: bytes) -> None:
    for row in parse_record(content, SITE).rows:
        assert row.path.startswith("/")
        assert ".." not in row.path.split("/")
