"""Reports made by hand, for the formats; `dataclasses.replace` makes others of them."""

from __future__ import annotations

from dataclasses import replace

from auditor.catalogue import KINDS
from auditor.errors import ExitCode
from auditor.model import Degree, NotChecked, Verdict
from auditor.report.document import (
    BytecodeCount,
    Checked,
    Finding,
    FindingLayer,
    ImageKind,
    LockSummary,
    Mode,
    PackageRow,
    Report,
    ReportArtifact,
    ReportEnvironment,
    ReportImage,
    ReportLayer,
)

SHA = "0123456789abcdef" * 4
DIGEST = f"sha256:{SHA}"
OTHER_DIGEST = f"sha256:{SHA[::-1]}"
SITE = "/opt/venv/lib/python3.11/site-packages"
BASE = FindingLayer(DIGEST, "ADD rootfs.tar.xz / # buildkit", base=False)
UPGRADE = replace(
    BASE, digest=OTHER_DIGEST, created_by="RUN /bin/sh -c pip install --upgrade requests"
)


def finding(code: str, subject: str, message: str) -> Finding:
    kind = KINDS[code]
    return Finding(
        code=kind.code,
        name=kind.name,
        severity=kind.severity,
        subject=subject,
        message=message,
        path=None,
        environment="/opt/venv",
        layer=None,
        lock_line=None,
        expected=None,
        actual=None,
        fingerprint="0011223344556677",
    )


def row(name: str, version: str, evidence: Degree = Degree.RECORDED) -> PackageRow:
    return PackageRow(
        name=name,
        in_lock=True,
        locked=version,
        installed=version,
        environment="/opt/venv",
        evidence=evidence,
        artifact=None,
        files=12,
        built_files=0,
        unproven_files=0,
        bytecode=BytecodeCount(0, 7),
    )


def environment(prefix: str, count: int, reason: str = "") -> ReportEnvironment:
    return ReportEnvironment(
        prefix, f"{prefix}/bin/python", "3.11.7", bool(reason), reason, distributions=count
    )


IMAGE = ReportImage(
    reference="docker:shop/backend:1.4",
    digest=DIGEST,
    manifest_digest=None,
    platform="linux/amd64",
    layers=(
        ReportLayer(BASE.digest, BASE.created_by, base=False, size=31_234_567),
        ReportLayer(UPGRADE.digest, UPGRADE.created_by, base=False, size=1_200_345),
    ),
)

CLEAN = Report(
    verdict=Verdict.CONSISTENT,
    mode=Mode.FULL,
    image=IMAGE,
    lock=LockSummary("pylock.toml", SHA, "uv", 1),
    environments=(environment("/opt/venv", 1, "the Entrypoint's gunicorn belongs to it"),),
    packages=(row("idna", "3.10"),),
    findings=(),
    checked=Checked(files=38_600, bytes=1_770_000_000, packages=1, native_libraries=0),
    not_checked=(),
    rules=("LI101", "LI103"),
    exit_code=ExitCode.CONSISTENT,
)

EMPTY = replace(
    CLEAN,
    verdict=Verdict.INCOMPLETE,
    image=replace(
        IMAGE, reference="dir:rootfs", digest=None, layers=(), kind=ImageKind.FILE_SYSTEM
    ),
    exit_code=ExitCode.INCOMPLETE,
    environments=(),
    packages=(),
    checked=Checked(files=0, bytes=0, packages=0, native_libraries=0),
)

DRIFTED = replace(
    CLEAN,
    verdict=Verdict.DRIFT,
    exit_code=ExitCode.DRIFT,
    environments=(
        environment("/opt/venv", 4, "the Entrypoint's gunicorn belongs to it"),
        environment("/usr/local", 3),
    ),
    packages=(
        replace(
            row("attrs", "25.3.0", Degree.ORIGIN),
            artifact=ReportArtifact("attrs-25.3.0-py3-none-any.whl", SHA),
        ),
        row("idna", "3.10"),
        replace(row("own", "1"), locked=None),
        replace(row("pip", "24.0"), in_lock=False, locked=None),
        replace(row("requests", "2.32.3", Degree.VERSION), installed="2.31.0"),
        replace(row("urllib3", "2.2.2", Degree.NONE), installed=None, files=0),
    ),
    findings=(
        replace(finding("LI101", "urllib3", "2.2.2 is locked and not installed"), lock_line=40),
        replace(
            finding("LI103", "requests", "2.31.0 is installed, the lock says 2.32.3"),
            path=f"{SITE}/requests-2.31.0.dist-info",
            layer=UPGRADE,
            lock_line=31,
            expected="2.32.3",
            actual="2.31.0",
        ),
        replace(
            finding("LI201", "attrs", "attr/_make.py was changed after it was installed"),
            path=f"{SITE}/attr/_make.py",
            layer=UPGRADE,
            expected=DIGEST,
            actual=OTHER_DIGEST,
        ),
        replace(
            finding("LI901", f"{SITE}/broken-1.0.dist-info", "METADATA is no text"),
            path=f"{SITE}/broken-1.0.dist-info",
        ),
        replace(finding("LI108", "pip", "pip 24.0 came with the base image"), layer=BASE),
    ),
    checked=Checked(files=38_600, bytes=1_770_000_000, packages=6, native_libraries=12),
    not_checked=(NotChecked("pip list", "a directory has no engine behind it that could run it"),),
)
"""Something of everything."""
