"""InstalledFiles files against RECORD, and the degree that follows."""

from __future__ import annotations

import base64
import hashlib
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

if TYPE_CHECKING:
    from tests.builders import Files

SITE = "/site"
INFO = f"{SITE}/idna-3.10.dist-info"
WHEEL = Artifact(ArtifactKind.WHEEL, "idna-3.10-py3-none-any.whl", {"sha256": "aa"})
NATIVE = Artifact(
    ArtifactKind.WHEEL, "idna-3.10-cp311-cp311-manylinux_2_17_x86_64.whl", {"sha256": "bb"}
)
SDIST = Artifact(ArtifactKind.SDIST, "idna-3.10.tar.gz", {"sha256": "cc"})


def record_hash(text: str, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, text.encode()).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def proof_of(
    files: Files, record: str, *artifacts: Artifact, vcs: Vcs | None = None, version: str = "3.10"
) -> Proof:
    whole = {f"{INFO}/METADATA": "Name: idna\nVersion: 3.10\n", f"{INFO}/RECORD": record, **files}
    rootfs = rootfs_of(whole)
    found, _ = read_distributions(rootfs, SITE, {})
    environment = Environment("/", None, None, (SITE,), True, "named", tuple(found))
    locked = LockedPackage("idna", Version(version), 1, artifacts, vcs)
    expectation = Expectation({"idna": locked})
    return prove(rootfs, installations(environment, expectation), expectation).proofs["idna"]


CODE = "x = 1\n"


@pytest.mark.parametrize(
    ("files", "row", "state"),
    [
        ({"/site/a.py": CODE}, f"a.py,{record_hash(CODE)},6", None),
        ({"/site/a.py": CODE}, f"a.py,{record_hash(CODE, 'sha512')},6", None),
        ({"/site/a.py": CODE}, f"a.py,{record_hash(CODE, 'md5')},6", None),
        ({"/site/a.py": CODE}, f"a.py,{record_hash('other')},6", FileState.MODIFIED),
        ({"/site/a.py": CODE}, f"a.py,{record_hash('other', 'blake2b')},6", FileState.MODIFIED),
        ({"/site/a.py": CODE}, f"a.py,{record_hash('x')},6\na.py,{record_hash(CODE)},6", None),
        ({"/site/a.py": CODE}, "a.py,,6", FileState.UNPROVEN),
        ({"/site/a.py": CODE}, "a.py,,7", FileState.MODIFIED),
        ({}, "a.py,,", FileState.MISSING),
        ({"/site/a.py": Symlink("/gone")}, f"a.py,{record_hash(CODE)},6", FileState.MISSING),
        ({"/site/a.py": Symlink("/b.py"), "/b.py": CODE}, f"a.py,{record_hash(CODE)},6", None),
        ({"/site/a.py/b": ""}, "a.py,,", FileState.MODIFIED),
    ],
    ids=[
        "sha256",
        "sha512",
        "md5",
        "differs",
        "blake2b",
        "two-rows",
        "no-hash",
        "size",
        "gone",
        "dangling",
        "link",
        "directory",
    ],
)
def test_one_file(files: Files, row: str, state: FileState | None) -> None:
    proof = proof_of(files, f"{row}\n")
    assert [check.state for check in proof.files] == ([state] if state else [])
    assert proof.checked == 1


@pytest.mark.parametrize(
    "row",
    [
        "idna-3.10.dist-info/INSTALLER,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0",
        "idna-3.10.dist-info/RECORD,,",
        "__pycache__/a.cpython-311.pyc,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0",
        "a.py,,\na.pyc,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0",
    ],
    ids=["installer", "record", "cached", "beside-its-source"],
)
def test_what_may_differ_or_be_gone(row: str) -> None:
    states = {check.state for check in proof_of({"/site/a.py": CODE}, row).files}
    assert states <= {FileState.UNPROVEN}


DIRECT = '{"url": "file:///w.whl", "archive_info": {"hashes": {"sha256": "bb"}}}'
COMMIT = '{"url": "https://example.org/r", "vcs_info": {"vcs": "git", "commit_id": "c0"}}'
RECORD = f"a.py,{record_hash(CODE)},6\n"


@pytest.mark.parametrize(
    ("files", "record", "keywords", "degree"),
    [
        ({"/site/a.py": CODE}, RECORD, {}, Degree.RECORDED),
        ({"/site/a.py": CODE + "y"}, RECORD, {}, Degree.VERSION),
        ({}, RECORD, {}, Degree.VERSION),
        ({"/site/a.py": CODE}, "", {}, Degree.VERSION),
        ({"/site/a.py": CODE}, RECORD, {"version": "3.11"}, Degree.NONE),
        ({"/site/a.py": CODE, f"{INFO}/direct_url.json": DIRECT}, RECORD, {}, Degree.ORIGIN),
        ({"/site/a.py": CODE + "y", f"{INFO}/direct_url.json": DIRECT}, RECORD, {}, Degree.VERSION),
        ({"/site/a.py": CODE, f"{INFO}/provenance_url.json": DIRECT}, RECORD, {}, Degree.ORIGIN),
        (
            {"/site/a.py": CODE, f"{INFO}/direct_url.json": COMMIT},
            RECORD,
            {"vcs": Vcs("git", "https://example.org/r", "c0")},
            Degree.ORIGIN,
        ),
        (
            {"/site/a.py": CODE, f"{INFO}/direct_url.json": COMMIT},
            RECORD,
            {"vcs": Vcs("git", "https://example.org/r", "c1")},
            Degree.RECORDED,
        ),
    ],
    ids=[
        "recorded",
        "modified",
        "missing",
        "empty-record",
        "other-version",
        "hash",
        "hash-modified",
        "provenance",
        "commit",
        "other-commit",
    ],
)
def test_the_degree(files: Files, record: str, keywords: dict[str, Any], degree: Degree) -> None:
    assert proof_of(files, record, WHEEL, NATIVE, SDIST, **keywords).degree is degree


def test_without_record_only_the_version_is_known() -> None:
    rootfs = rootfs_of({f"{INFO}/METADATA": "Name: idna\nVersion: 3.10\n"})
    found, _ = read_distributions(rootfs, SITE, {})
    environment = Environment("/", None, None, (SITE,), True, "named", tuple(found))
    expectation = Expectation({"idna": LockedPackage("idna", Version("3.10"), 1, (WHEEL,))})
    proof = prove(rootfs, installations(environment, expectation), expectation).proofs["idna"]
    assert (proof.degree, proof.checked) == (Degree.VERSION, 0)


@pytest.mark.parametrize(
    ("files", "artifact"),
    [
        ({f"{INFO}/WHEEL": "Tag: py3-none-any\n"}, WHEEL),
        ({f"{INFO}/WHEEL": "Tag: cp311-cp311-manylinux_2_17_x86_64\nTag: py2-none-any\n"}, NATIVE),
        ({f"{INFO}/WHEEL": "Tag: cp311-cp311-linux_x86_64\n"}, None),
        ({f"{INFO}/WHEEL": "Tag: nonsense\n"}, None),
        ({f"{INFO}/WHEEL": "Tag: py3-none-any\n", f"{INFO}/uv_build.json": "{}"}, SDIST),
        ({f"{INFO}/direct_url.json": DIRECT}, NATIVE),
        ({}, None),
    ],
    ids=["same-tags", "some-tags", "other-tags", "bad-tag", "built", "hash", "no-word"],
)
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
