"""InstalledFiles files against RECORD, and the degree that follows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from auditor.model import Degree, FileState, Proof, Vcs
from tests.builders import Symlink
from tests.builders.proofs import artifact, proof_of
from tests.builders.wheels import record_hash

if TYPE_CHECKING:
    from tests.builders import Files

SITE = "/site"
INFO = f"{SITE}/idna-3.10.dist-info"
WHEEL = "idna-3.10-py3-none-any.whl"
NATIVE = "idna-3.10-cp311-cp311-manylinux_2_17_x86_64.whl"
SDIST = "idna-3.10.tar.gz"
METADATA: Files = {f"{INFO}/METADATA": "Name: idna\nVersion: 3.10\n"}


def by_record(files: Files, record: str, *locked: str, **keywords: Any) -> Proof:  # noqa: ANN401
    whole = {**METADATA, f"{INFO}/RECORD": record, **files}
    return proof_of(whole, SITE, *locked, **keywords)


CODE = "x = 1\n"


IT: Files = {"/site/a.py": CODE}
ROWS: dict[str, tuple[Files, str, FileState | None]] = {
    "sha256": (IT, f"a.py,{record_hash(CODE)},6", None),
    "sha512": (IT, f"a.py,{record_hash(CODE, 'sha512')},6", None),
    "md5": (IT, f"a.py,{record_hash(CODE, 'md5')},6", None),
    "differs": (IT, f"a.py,{record_hash('other')},6", FileState.MODIFIED),
    "blake2b": (IT, f"a.py,{record_hash('other', 'blake2b')},6", FileState.MODIFIED),
    "two-rows": (IT, f"a.py,{record_hash('x')},6\na.py,{record_hash(CODE)},6", None),
    "no-hash": (IT, "a.py,,6", FileState.UNPROVEN),
    "size": (IT, "a.py,,7", FileState.MODIFIED),
    "gone": ({}, "a.py,,", FileState.MISSING),
    "dangling": (
        {"/site/a.py": Symlink("/gone")}, f"a.py,{record_hash(CODE)},6", FileState.MISSING
    ),
    "link": (
        {"/site/a.py": Symlink("/b.py"), "/b.py": CODE}, f"a.py,{record_hash(CODE)},6", None
    ),
    "directory": ({"/site/a.py/b": ""}, "a.py,,", FileState.MODIFIED),
}  # fmt: skip


@pytest.mark.parametrize(("files", "row", "state"), ROWS.values(), ids=ROWS)
def test_one_file(files: Files, row: str, state: FileState | None) -> None:
    proof = by_record(files, f"{row}\n")
    assert [check.state for check in proof.files] == ([state] if state else [])
    assert proof.checked == 1


EMPTY = record_hash("")


@pytest.mark.parametrize(
    "row",
    [
        f"idna-3.10.dist-info/INSTALLER,{EMPTY},0",
        "idna-3.10.dist-info/RECORD,,",
        f"__pycache__/a.cpython-311.pyc,{EMPTY},0",
        f"a.py,,\na.pyc,{EMPTY},0",
    ],
    ids=["installer", "record", "cached", "beside-its-source"],
)
def test_what_may_differ_or_be_gone(row: str) -> None:
    assert {check.state for check in by_record(IT, row).files} <= {FileState.UNPROVEN}


DIRECT = json.dumps({"url": "file:///w", "archive_info": {"hashes": artifact(NATIVE).hashes}})
COMMIT = '{"url": "https://example.org/r", "vcs_info": {"vcs": "git", "commit_id": "c0"}}'
RECORD = f"a.py,{record_hash(CODE)},6\n"
CHANGED: Files = {"/site/a.py": CODE + "y"}
FROM_URL: Files = {f"{INFO}/direct_url.json": DIRECT}
FROM_COMMIT: Files = {**IT, f"{INFO}/direct_url.json": COMMIT}

DEGREES: dict[str, tuple[Files, str, dict[str, Any], Degree]] = {
    "recorded": (IT, RECORD, {}, Degree.RECORDED),
    "modified": (CHANGED, RECORD, {}, Degree.VERSION),
    "missing": ({}, RECORD, {}, Degree.VERSION),
    "empty-record": (IT, "", {}, Degree.VERSION),
    "other-version": (IT, RECORD, {"version": "3.11"}, Degree.NONE),
    "hash": ({**IT, **FROM_URL}, RECORD, {}, Degree.ORIGIN),
    "hash-modified": ({**CHANGED, **FROM_URL}, RECORD, {}, Degree.VERSION),
    "provenance": ({**IT, f"{INFO}/provenance_url.json": DIRECT}, RECORD, {}, Degree.ORIGIN),
    "commit": (FROM_COMMIT, RECORD, {"vcs": Vcs("git", "", "c0")}, Degree.ORIGIN),
    "other-commit": (FROM_COMMIT, RECORD, {"vcs": Vcs("git", "", "c1")}, Degree.RECORDED),
}


@pytest.mark.parametrize(("files", "record", "keywords", "degree"), DEGREES.values(), ids=DEGREES)
def test_the_degree(files: Files, record: str, keywords: dict[str, Any], degree: Degree) -> None:
    assert by_record(files, record, WHEEL, NATIVE, SDIST, **keywords).degree is degree


def test_without_record_only_the_version_is_known() -> None:
    proof = proof_of(METADATA, SITE, WHEEL)
    assert (proof.degree, proof.checked) == (Degree.VERSION, 0)


@pytest.mark.parametrize(
    ("wheel", "more", "named"),
    [
        ("Tag: py3-none-any\n", {}, WHEEL),
        ("Tag: cp311-cp311-manylinux_2_17_x86_64\nTag: py2-none-any\n", {}, NATIVE),
        ("Tag: cp311-cp311-linux_x86_64\n", {}, None),
        ("Tag: nonsense\n", {}, None),
        ("Tag: py3-none-any\n", {f"{INFO}/uv_build.json": "{}"}, SDIST),
        ("", FROM_URL, NATIVE),
        ("", {}, None),
    ],
    ids=["same-tags", "some-tags", "other-tags", "bad-tag", "built", "hash", "no-word"],
)
def test_which_artifact_it_says_it_is(wheel: str, more: Files, named: str | None) -> None:
    files = {f"{INFO}/WHEEL": wheel, **more}
    found = by_record(files, RECORD, WHEEL, NATIVE, SDIST).artifact
    assert found == (artifact(named) if named else None)


def test_only_an_sdist_is_locked() -> None:
    assert by_record({}, RECORD, SDIST).artifact == artifact(SDIST)


def test_compiled_files_are_counted() -> None:
    cached = ("a.cpython-311.pyc", "a.cpython-311.opt-1.pyc", "b.cpython-311.pyc")
    files = {**IT, **{f"/site/__pycache__/{name}": "" for name in cached}}
    assert by_record(files, RECORD).bytecode == 2
