"""Installed files against RECORD, and the degree that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from packaging.version import Version

from auditor.evidence import installations, prove
from auditor.inventory.distributions.installed import read_distributions
from auditor.model import (
    Artifact,
    ArtifactKind,
    Degree,
    Environment,
    Expectation,
    FileState,
    LockedPackage,
    Proof,
    Vcs,
)
from tests.builders import Symlink, rootfs_of
from tests.builders.wheels import record_hash

if TYPE_CHECKING:
    from tests.builders import Files

SITE = "/site"
INFO = f"{SITE}/idna-3.10.dist-info"
WHEEL = Artifact(ArtifactKind.WHEEL, "idna-3.10-py3-none-any.whl", {"sha256": "aa"})
NATIVE = Artifact(
    ArtifactKind.WHEEL, "idna-3.10-cp311-cp311-manylinux_2_17_x86_64.whl", {"sha256": "bb"}
)
SDIST = Artifact(ArtifactKind.SDIST, "idna-3.10.tar.gz", {"sha256": "cc"})


def proof_of(
    files: Files,
    record: str | None,
    *artifacts: Artifact,
    vcs: Vcs | None = None,
    version: str = "3.10",
) -> Proof:
    own = {} if record is None else {f"{INFO}/RECORD": record}
    rootfs = rootfs_of({f"{INFO}/METADATA": "Name: idna\nVersion: 3.10\n", **own, **files})
    found, _ = read_distributions(rootfs, SITE, {})
    environment = Environment("/", None, None, (SITE,), True, "named", tuple(found))
    locked = LockedPackage("idna", Version(version), 1, artifacts, vcs)
    expectation = Expectation({"idna": locked})
    return prove(rootfs, installations(environment, expectation), expectation).proofs["idna"]


CODE = "x = 1\n"
FILES = {
    "sha256": ({"/site/a.py": CODE}, f"a.py,{record_hash(CODE)},6", None),
    "sha512": ({"/site/a.py": CODE}, f"a.py,{record_hash(CODE, 'sha512')},6", None),
    "md5": ({"/site/a.py": CODE}, f"a.py,{record_hash(CODE, 'md5')},6", None),
    "differs": ({"/site/a.py": CODE}, f"a.py,{record_hash('other')},6", FileState.MODIFIED),
    "blake2b": (
        {"/site/a.py": CODE},
        f"a.py,{record_hash('other', 'blake2b')},6",
        FileState.MODIFIED,
    ),
    "two-rows": (
        {"/site/a.py": CODE},
        f"a.py,{record_hash('x')},6\na.py,{record_hash(CODE)},6",
        None,
    ),
    "no-hash": ({"/site/a.py": CODE}, "a.py,,6", FileState.UNPROVEN),
    "size": ({"/site/a.py": CODE}, "a.py,,7", FileState.MODIFIED),
    "gone": ({}, "a.py,,", FileState.MISSING),
    "dangling": (
        {"/site/a.py": Symlink("/gone")},
        f"a.py,{record_hash(CODE)},6",
        FileState.MISSING,
    ),
    "link": ({"/site/a.py": Symlink("/b.py"), "/b.py": CODE}, f"a.py,{record_hash(CODE)},6", None),
    "directory": ({"/site/a.py/b": ""}, "a.py,,", FileState.MODIFIED),
}


@pytest.mark.parametrize(("files", "row", "state"), FILES.values(), ids=FILES)
def test_one_file(files: Files, row: str, state: FileState | None) -> None:
    proof = proof_of(files, f"{row}\n")
    assert [check.state for check in proof.files] == ([state] if state else [])
    assert proof.checked == 1


EMPTY = f"{record_hash('')},0"
BY_PRODUCTS = {
    "installer": f"idna-3.10.dist-info/INSTALLER,{EMPTY}",
    "record": "idna-3.10.dist-info/RECORD,,",
    "cached": f"__pycache__/a.cpython-311.pyc,{EMPTY}",
    "beside-its-source": f"a.py,,\na.pyc,{EMPTY}",
}


@pytest.mark.parametrize("row", BY_PRODUCTS.values(), ids=BY_PRODUCTS)
def test_what_may_differ_or_be_gone(row: str) -> None:
    states = {check.state for check in proof_of({"/site/a.py": CODE}, row).files}
    assert states <= {FileState.UNPROVEN}


DIRECT = '{"url": "file:///w.whl", "archive_info": {"hashes": {"sha256": "bb"}}}'
COMMIT = '{"url": "https://example.org/r", "vcs_info": {"vcs": "git", "commit_id": "c0"}}'
RECORD = f"a.py,{record_hash(CODE)},6\n"
CODE_FILE: Files = {"/site/a.py": CODE}
CHANGED: Files = {"/site/a.py": CODE + "y"}
FROM_COMMIT: Files = {**CODE_FILE, f"{INFO}/direct_url.json": COMMIT}
DEGREES: dict[str, tuple[Files, str, dict[str, Any], Degree]] = {
    "recorded": (CODE_FILE, RECORD, {}, Degree.RECORDED),
    "modified": (CHANGED, RECORD, {}, Degree.VERSION),
    "missing": ({}, RECORD, {}, Degree.VERSION),
    "empty-record": (CODE_FILE, "", {}, Degree.VERSION),
    "other-version": (CODE_FILE, RECORD, {"version": "3.11"}, Degree.NONE),
    "hash": ({**CODE_FILE, f"{INFO}/direct_url.json": DIRECT}, RECORD, {}, Degree.ORIGIN),
    "hash-modified": ({**CHANGED, f"{INFO}/direct_url.json": DIRECT}, RECORD, {}, Degree.VERSION),
    "provenance": ({**CODE_FILE, f"{INFO}/provenance_url.json": DIRECT}, RECORD, {}, Degree.ORIGIN),
    "commit": (FROM_COMMIT, RECORD, {"vcs": Vcs("git", "u", "c0")}, Degree.ORIGIN),
    "other-commit": (FROM_COMMIT, RECORD, {"vcs": Vcs("git", "u", "c1")}, Degree.RECORDED),
}


@pytest.mark.parametrize(("files", "record", "keywords", "degree"), DEGREES.values(), ids=DEGREES)
def test_the_degree(files: Files, record: str, keywords: dict[str, Any], degree: Degree) -> None:
    assert proof_of(files, record, WHEEL, NATIVE, SDIST, **keywords).degree is degree


def test_without_record_only_the_version_is_known() -> None:
    proof = proof_of({}, None, WHEEL)
    assert (proof.degree, proof.checked) == (Degree.VERSION, 0)


CLAIMS = {
    "same-tags": ({f"{INFO}/WHEEL": "Tag: py3-none-any\n"}, WHEEL),
    "some-tags": (
        {f"{INFO}/WHEEL": "Tag: cp311-cp311-manylinux_2_17_x86_64\nTag: py2-none-any\n"},
        NATIVE,
    ),
    "other-tags": ({f"{INFO}/WHEEL": "Tag: cp311-cp311-linux_x86_64\n"}, None),
    "bad-tag": ({f"{INFO}/WHEEL": "Tag: nonsense\n"}, None),
    "built": ({f"{INFO}/WHEEL": "Tag: py3-none-any\n", f"{INFO}/uv_build.json": "{}"}, SDIST),
    "hash": ({f"{INFO}/direct_url.json": DIRECT}, NATIVE),
    "no-word": ({}, None),
}


@pytest.mark.parametrize(("files", "artifact"), CLAIMS.values(), ids=CLAIMS)
def test_which_artifact_it_says_it_is(files: Files, artifact: Artifact | None) -> None:
    assert proof_of(files, RECORD, WHEEL, NATIVE, SDIST).artifact == artifact


def test_only_an_sdist_is_locked() -> None:
    assert proof_of({}, RECORD, SDIST).artifact == SDIST


def test_compiled_files_are_counted() -> None:
    files = {
        "/site/a.py": CODE,
        "/site/__pycache__/a.cpython-311.pyc": "",
        "/site/__pycache__/a.cpython-311.opt-1.pyc": "",
        "/site/__pycache__/b.cpython-311.pyc": "",
    }
    assert proof_of(files, RECORD).bytecode == 2
