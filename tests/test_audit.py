"""The whole audit: choices, verdicts and exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from auditor.audit_stages import audit_image
from auditor.errors import ExitCode, ImageError
from auditor.lock import read_lock
from auditor.model import Image, Severity, Verdict
from auditor.request import Request
from tests.builders import Directory, File, Files, Symlink, elf, image_of
from tests.builders.bytecode import EVIL, TAG, TOP, base, timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.lock import Lock
    from auditor.report import Report

SITE = "/usr/local/lib/python3.11/site-packages"
FILES: Files = {
    "/usr/local/bin/python3.11": File(elf(strings=["3.11.7"]), 0o755),
    "/usr/local/bin/python": Symlink("python3.11"),
    "/usr/local/lib/python3.11/os.py": "",
    "/lib/x86_64-linux-gnu/libc.so.6": elf(
        strings=["GNU C Library (x) stable release version 2.36."]
    ),
}
EXTRA = {
    f"{SITE}/six-1.0.dist-info/METADATA": "Name: six\nVersion: 1.0\n",
    f"{SITE}/six-1.0.dist-info/RECORD": "six-1.0.dist-info/METADATA,,\n",
}
ATTESTED = f"""
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "six"
version = "1.0"
attestation-identities = [{{kind = "GitHub", repository = "a/b"}}]
[[packages.wheels]]
url = "https://example.org/six-1.0-py3-none-any.whl"
hashes = {{sha256 = "{"ab" * 32}"}}
"""
EMPTY = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
UNREADABLE = {f"{SITE}/pip-1.0.dist-info/RECORD": ""}


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    path = tmp_path / "pylock.toml"
    path.write_text('lock-version = "1.0"\ncreated-by = "test"\npackages = []\n', encoding="utf-8")
    return read_lock(path, "pylock.toml")


def image(*layers: Files) -> Image:
    return image_of([FILES, *layers])


@pytest.mark.parametrize(
    ("layers", "asked", "verdict", "code"),
    [
        ([], Request("image"), Verdict.CONSISTENT, 0),
        ([EXTRA], Request("image"), Verdict.DRIFT, 1),
        ([EXTRA], Request("image", fail_on=None), Verdict.DRIFT, 0),
        ([EXTRA], Request("image", ignore=("LI1",)), Verdict.CONSISTENT, 0),
        ([EXTRA], Request("image", select=("LI2",)), Verdict.CONSISTENT, 0),
        ([EXTRA], Request("image", select=("LI10",)), Verdict.DRIFT, 1),
        ([EXTRA], Request("image", own=("Six",)), Verdict.CONSISTENT, 0),
        ([UNREADABLE], Request("image"), Verdict.INCOMPLETE, 3),
        ([UNREADABLE], Request("image", fail_on=Severity.ERROR), Verdict.CONSISTENT, 0),
        ([UNREADABLE], Request("image", fail_on=Severity.NOTE), Verdict.DRIFT, 1),
        ([EXTRA, UNREADABLE], Request("image"), Verdict.DRIFT, 1),
    ],
    ids=[
        "consistent",
        "drift",
        "never",
        "ignored",
        "not-selected",
        "selected",
        "own",
        "incomplete",
        "errors-only",
        "notes-too",
        "drift-beats-incomplete",
    ],
)
def test_verdict_and_exit_code(
    lock: Lock, layers: list[dict[str, str]], asked: Request, verdict: Verdict, code: int
) -> None:
    report = audit_image(image(*layers), lock, asked)
    assert report.verdict is verdict
    assert report.exit_code == ExitCode(code)


def test_ignored_findings_stay_in_the_report(lock: Lock) -> None:
    report = audit_image(image(EXTRA), lock, Request("image", ignore=("LI102",)))
    (finding,) = report.findings
    assert finding.ignored is not None
    assert finding.ignored.reason == "--ignore"


def test_a_finding_names_the_layer_that_brought_it(lock: Lock) -> None:
    made = image_of([FILES, EXTRA], created_by=["COPY / /", "RUN pip install six"])
    findings = audit_image(made, lock, Request("image")).findings
    assert [each.code for each in findings] == ["LI102", "LI406"]
    for finding in findings:
        assert finding.layer is not None
        assert finding.layer.created_by == "RUN pip install six"


def test_a_folder_is_of_the_layer_that_changed_something_in_it(lock: Lock) -> None:
    changed: Files = {
        f"{SITE}/six-1.0.dist-info": Directory(),
        **{path: text.replace("1.0", "1.1") for path, text in EXTRA.items()},
    }
    made = image_of([{**FILES, **EXTRA}, changed], created_by=["COPY / /", "RUN sed -i s/0/1/"])
    (finding,) = [
        each for each in audit_image(made, lock, Request("image")).findings if each.code == "LI102"
    ]
    assert finding.layer is not None
    assert finding.layer.created_by == "RUN sed -i s/0/1/"


def test_the_same_input_gives_the_same_report(lock: Lock) -> None:
    one, other = (audit_image(image(EXTRA, UNREADABLE), lock, Request("image")) for _ in range(2))
    assert one.findings == other.findings
    assert one.packages == other.packages
    assert one.not_checked == other.not_checked


def test_another_image_than_expected_is_not_judged(lock: Lock) -> None:
    made = image()
    audit_image(made, lock, Request("image", expect_digest=made.digest))
    with pytest.raises(ImageError, match="not sha256:0"):
        audit_image(made, lock, Request("image", expect_digest="sha256:0"))
    with pytest.raises(ImageError, match="without a digest"):
        audit_image(
            replace(made, digest=None, manifest_digest=None),
            lock,
            Request("image", expect_digest="x"),
        )


def test_what_was_not_compared_is_said(lock: Lock) -> None:
    second = {
        f"/opt/other/lib/python3.11/site-packages/{name.removeprefix(SITE)}": text
        for name, text in EXTRA.items()
    }
    cached: Files = {
        f"{SITE}/six.py": "",
        f"{SITE}/__pycache__/six.cpython-311.pyc": b"\xa7\r\r\n" + bytes(12),
        f"{SITE}/six-1.0.dist-info/RECORD": "six.py,,\n",
    }
    report = audit_image(image(EXTRA, cached, second), lock, Request("image"))
    left = {each.what: each.why for each in report.not_checked}
    assert left["pip list"] == "it was not run in the image"
    assert left["bytecode"].startswith("1 compiled")
    assert left["other environments"] == "the files of 1 distribution in /opt/other"


@pytest.mark.parametrize(("row", "files"), [("six.py,,", 1), (f"six.py,sha256={EMPTY},0", 0)])
def test_files_without_a_hash_are_said(tmp_path: Path, row: str, files: int) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text(ATTESTED, encoding="utf-8")
    installed = {f"{SITE}/six.py": "", f"{SITE}/six-1.0.dist-info/RECORD": f"{row}\n"}
    report = audit_image(image(EXTRA, installed), read_lock(path, "pylock.toml"), Request("image"))
    said = [each.why for each in report.not_checked if each.what == "files without a hash"]
    assert said == ["RECORD has no hash for 1 file of six"] * files
    assert [row.unproven_files for row in report.packages] == [files]


def bytecode_of_a_later_layer(lock: Lock) -> Report:
    cached = {f"{TOP}/__pycache__/os.{TAG}.pyc": timestamp(EVIL, size=0)}
    return audit_image(image_of([base(), cached]), lock, Request("image", ignore=("LI203",)))


def test_compiled_code_that_is_read(lock: Lock) -> None:
    report = bytecode_of_a_later_layer(lock)
    assert [each.code for each in report.findings if not each.ignored] == ["LI207"]
    assert report.verdict is Verdict.DRIFT


def test_compiled_code_of_which_its_reader_dies_leaves_the_audit_incomplete(
    lock: Lock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.evidence.code_process._COMMAND", ("/bin/false",))
    report = bytecode_of_a_later_layer(lock)
    assert [each.code for each in report.findings if not each.ignored] == ["LI901"]
    assert report.verdict is Verdict.INCOMPLETE


def test_without_an_interpreter_families_1_and_2_are_silent(lock: Lock) -> None:
    report = audit_image(image_of({"/etc/hostname": "x"}), lock, Request("image"))
    assert [finding.code for finding in report.findings] == ["LI905"]
    assert report.verdict is Verdict.INCOMPLETE
    assert any(each.what == "distributions and files" for each in report.not_checked)


def test_attestations_that_nobody_verified_are_said(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text(ATTESTED, encoding="utf-8")
    report = audit_image(image(), read_lock(path, "pylock.toml"), Request("image"))
    assert any(
        each.what == "attestations" and "1 package " in each.why for each in report.not_checked
    )
    (row,) = report.packages
    assert row.attestation_identities == ({"kind": "GitHub", "repository": "a/b"},)
    document = json.loads(report.to_json())
    assert document["packages"][0]["attestation_identities"] == [
        {"kind": "GitHub", "repository": "a/b"}
    ]
    assert document["packages"][0]["sboms"] == []


def test_without_attestations_nothing_is_said_of_them(lock: Lock) -> None:
    left = {each.what for each in audit_image(image(), lock, Request("image")).not_checked}
    assert "attestations" not in left
