"""Reports made by hand, for the formats; `dataclasses.replace` makes others of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.catalogue import KINDS
from auditor.model import (
    Artifact,
    ArtifactKind,
    Checked,
    Degree,
    Distribution,
    Environment,
    Finding,
    Image,
    ImageConfig,
    Layer,
    LockSummary,
    MetadataKind,
    NotChecked,
    PackageRow,
    Platform,
    Report,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from auditor.model import Entry, FileFacts

SHA = "0123456789abcdef" * 4
DIGEST = f"sha256:{SHA}"
OTHER_DIGEST = f"sha256:{SHA[::-1]}"
SITE = "/opt/venv/lib/python3.11/site-packages"
BASE = Layer(DIGEST, "ADD rootfs.tar.xz / # buildkit", 31_234_567)
UPGRADE = Layer(OTHER_DIGEST, "RUN /bin/sh -c pip install --upgrade requests", 1_200_345)
WHEEL = Artifact(ArtifactKind.WHEEL, "attrs-25.3.0-py3-none-any.whl", {"sha256": SHA})


class NoFiles:
    """A root file system without a file: formats have no business there."""

    def lstat(self, path: str) -> Entry | None:
        raise AssertionError(path)

    def resolve(self, path: str) -> str | None:
        raise AssertionError(path)

    def stat(self, path: str) -> Entry | None:
        raise AssertionError(path)

    def names(self, path: str) -> Sequence[str]:
        raise AssertionError(path)

    def read(self, path: str, limit: int = 0) -> bytes:
        raise AssertionError(path, limit)

    def facts(self, path: str) -> FileFacts:
        raise AssertionError(path)

    def contents(self, paths: Iterable[str], limit: int) -> Iterator[tuple[str, bytes]]:
        raise AssertionError(paths, limit)

    def digests(self, paths: Iterable[str], algorithm: str = "sha256") -> Mapping[str, bytes]:
        raise AssertionError(paths, algorithm)

    def walk(self, top: str = "/") -> Iterator[tuple[str, Entry]]:
        raise AssertionError(top)


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
        bytecode_verified=0,
        bytecode_unverified=7,
    )


def environment(prefix: str, count: int, reason: str = "") -> Environment:
    distributions = tuple(
        Distribution(f"d{n}", "1", MetadataKind.DIST_INFO, f"{SITE}/d{n}-1.dist-info", SITE)
        for n in range(count)
    )
    return Environment(
        prefix=prefix,
        interpreter=f"{prefix}/bin/python",
        python_version="3.11.7",
        import_paths=(f"{prefix}/lib/python3.11/site-packages",),
        runtime=bool(reason),
        runtime_reason=reason,
        distributions=distributions,
    )


IMAGE = Image(
    reference="docker:shop/backend:1.4",
    digest=DIGEST,
    manifest_digest=None,
    config=ImageConfig(Platform("linux", "amd64")),
    layers=(BASE, UPGRADE),
    rootfs=NoFiles(),
)

CLEAN = Report(
    verdict=Verdict.CONSISTENT,
    mode="full",
    image=IMAGE,
    lock=LockSummary("pylock.toml", SHA, "uv", 1),
    environments=(environment("/opt/venv", 1, "the Entrypoint's gunicorn belongs to it"),),
    packages=(row("idna", "3.10"),),
    findings=(),
    checked=Checked(files=38_600, bytes=1_770_000_000, packages=1, native_libraries=0),
    not_checked=(),
)

EMPTY = replace(
    CLEAN,
    verdict=Verdict.INCOMPLETE,
    image=replace(IMAGE, reference="dir:rootfs", digest=None, layers=()),
    environments=(),
    packages=(),
    checked=Checked(files=0, bytes=0, packages=0, native_libraries=0),
)

DRIFTED = replace(
    CLEAN,
    verdict=Verdict.DRIFT,
    environments=(
        environment("/opt/venv", 4, "the Entrypoint's gunicorn belongs to it"),
        environment("/usr/local", 3),
    ),
    packages=(
        replace(row("attrs", "25.3.0", Degree.ORIGIN), artifact=WHEEL),
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
