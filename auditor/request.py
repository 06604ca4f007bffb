"""What a caller asks of a session: one audit, and what many audits share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.model.grades import Severity
from auditor.model.policy import Policy

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.model.grades import Degree


@dataclass(frozen=True, slots=True)
class Request:
    """One audit of one image.

    Everything but the image has a default; the names are those of the command line's options.
    """

    image: str
    """`docker:NAME` (or just `NAME`), `registry:HOST/REPO:TAG`, `oci:DIR[:TAG]`, a path, ..."""
    lock: str | Path | None = None
    """Path of the lock; None: the one `pylock*.toml` in the working directory."""
    lock_named_by: str = "`--lock PATH`"
    """What a hint calls the setting that named the lock."""
    platform: str | None = None
    """`os/architecture[/variant]` of an image for several platforms."""
    all_platforms: bool = False
    """Compare with the other platforms of the image too."""
    python: str | None = None
    """The environment the lock is for: path of its interpreter, or its prefix."""
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    """Groups to expect beside the lock's default ones."""
    default_groups: bool = True
    own: tuple[str, ...] = ()
    """Names of the project's own distributions."""
    base: str | None = None
    """The image that this one is built on; None: the one that its label names."""
    expect_digest: str | None = None
    """Audit only an image with this digest, of its configuration or its manifest."""
    fail_on: Severity | None = Severity.WARNING
    """The least severity that counts; None: the exit code is always 0."""
    require: Degree | None = None
    """The least evidence; less makes the audit incomplete."""
    select: tuple[str, ...] = ()
    """Findings that count: codes, their beginnings, or names of kinds; empty: all."""
    ignore: tuple[str, ...] = ()
    """Findings that do not count."""
    policy: Policy = field(default_factory=Policy)
    """What a configuration file decides about findings."""
    quick: bool = False
    """Ask the image's interpreter what is installed, and read no file."""
    run: bool = True
    """Run `pip list` in a locked-down container, where an engine holds the image."""
    bytecode: bool = False
    """Compare every compiled file with its source."""
    attestations: bool = False
    """Verify that those whom the lock names attested what is installed."""
    verify: bool = False
    """Read every byte although its layer is known."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the audits of a session share, and where it comes from."""

    cache: Path | None = None
    """Directory of what is known of layers and artifacts; None: nothing is kept."""
    manifests: str | None = None
    """Folder or bucket URL in which machines share what artifacts contain."""
    wheelhouses: tuple[Path, ...] = ()
    """Folders with artifacts, found by file name."""
    pip_cache: Path | None = None
    """pip's cache directory, whose artifacts are used too."""
    mirrors: tuple[tuple[str, str], ...] = ()
    """Beginnings of URLs in locks, and what to fetch from instead."""
    index_urls: tuple[str, ...] = ()
    """Package indexes to find artifacts in (simple API)."""
    offline: bool = False
    """Fetch no artifact."""
    index_evidence: bool = False
    """Compare with what wheels say of themselves, not with whole, verified artifacts."""
    plain_http: bool = False
    """Reach registries without TLS."""
    tls_ca: str | None = None
    """File of certificates to trust for registries."""

    @classmethod
    def of_user(cls) -> Resources:
        """Return what the command line uses by default: the user's cache directories."""
        from platformdirs import user_cache_path  # noqa: PLC0415 -- only where it is asked for

        return cls(
            cache=user_cache_path("auditor", appauthor=False),
            pip_cache=user_cache_path("pip", appauthor=False),
        )
