"""Fingerprints survive releases and tell findings apart."""

from __future__ import annotations

import pytest

from auditor.model import Observation
from auditor.report.fingerprint import fingerprints

SITE = "/opt/venv/lib/python3.11/site-packages"


def fingerprint(path: str, subject: str = "idna") -> str:
    return next(fingerprints([("LI201", Observation(subject, "differs", path, "/opt/venv"))]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{SITE}/idna/core.py", f"{SITE.replace('3.11', '3.14t')}/idna/core.py"),
        (f"{SITE}/idna-3.10.dist-info", f"{SITE}/idna-3.11.dist-info"),
        (f"{SITE}/idna-3.10-py3.11.egg-info", f"{SITE}/idna-3.11-py3.12.egg-info"),
        ("/usr/lib/liblc3.so.1", "/usr/lib/liblc3.so.1.2.3"),
        ("RUN pip install a==1.0 b~=2", "RUN pip install a==1.1.post1 b~=3"),
        (f"{SITE}/x.cpython-311-x86_64-linux-gnu.so", f"{SITE}/x.cpython-312-x86_64-linux-gnu.so"),
    ],
    ids=["python", "dist-info", "egg-info", "library", "instruction", "extension"],
)
def test_versions_take_no_part(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{SITE}/idna/core.py", f"{SITE}/idna/other.py"),
        (f"{SITE}/idna-3.10.dist-info", f"{SITE}/certifi-3.10.dist-info"),
        ("/usr/lib/liblc3.so.1", "/usr/lib/libjpeg.so.1"),
    ],
    ids=["file", "distribution", "library"],
)
def test_different_places_differ(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_the_message_and_the_values_take_no_part() -> None:
    one = Observation("idna", "locked 1, installed 2", expected="1", actual="2", lock_line=3)
    other = Observation("idna", "locked 1, installed 3", expected="1", actual="3", lock_line=9)
    assert next(fingerprints([("LI103", one)])) == next(fingerprints([("LI103", other)]))


def test_an_ordinal_breaks_ties() -> None:
    same = Observation("idna", "twice")
    found = list(fingerprints([("LI901", same), ("LI901", same), ("LI102", same)]))
    assert len(set(found)) == 3
    assert all(len(each) == 16 for each in found)
