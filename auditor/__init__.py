"""Proves that a container image holds exactly what its pylock.toml says.

The public interface: `audit` for one image, `Session` and `Request` for many.

    from auditor import audit

    report = audit("oci:build/image", lock="pylock.toml")
    print(report.verdict)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from auditor.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.report import Degree, Finding, Report, Severity, Verdict
    from auditor.session import FailedAudit, Request, Resources, Session

__all__ = [
    "Degree",
    "FailedAudit",
    "Finding",
    "Report",
    "Request",
    "Resources",
    "Session",
    "Severity",
    "Verdict",
    "__version__",
    "audit",
]

_REPORT = frozenset({"Degree", "Finding", "Report", "Severity", "Verdict"})


def audit(image: str, lock: str | Path | None = None) -> Report:
    """Audit one image with the user's caches, and return the report.

    `image` is what the command line takes (`docker:NAME`, `oci:DIR`, a path, ...); `lock` is
    the path of a `pylock.toml`, None the only one in the working directory. For any other
    choice, and for several images, use a `Session`.
    Raises `auditor.errors.AuditorError` where there can be no report.
    """
    from auditor.session import Request, Session  # noqa: PLC0415 -- `--version` needs neither

    with Session() as session:
        return session.audit(Request(image, lock))


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever is exported
    """Load what is exported when it is asked for: `auditor --version` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return vars(import_module("auditor.report" if name in _REPORT else "auditor.session"))[name]
