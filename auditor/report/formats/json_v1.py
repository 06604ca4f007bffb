"""The report for machines: JSON, version 1.

Keys stand in a fixed order and are only ever added within a version; the schema is
`auditor.report.schema`. The text is ASCII, the same report always gives the same bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from auditor.report.formats.escape import decodable
from auditor.report.formats.sentences import counts
from auditor.report.formats.view import PLAIN, View

if TYPE_CHECKING:
    from auditor.model import Artifact, Environment, Finding, Image, Layer, PackageRow, Report

SCHEMA_VERSION = 1


def render(report: Report, view: View = PLAIN) -> str:
    """Return the report as one JSON document, indented by two."""
    text = json.dumps(_safe(_document(report)), indent=2, ensure_ascii=True)
    # Inside strings only, so JSON's own escape keeps the value and no CI runner that reads
    # the log takes `##[...` for a command.
    return text.replace("##", "#\\u0023") + "\n"


def _document(report: Report) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": report.verdict.value,
        "mode": report.mode,
        "image": _image(report.image),
        "lock": {
            "path": report.lock.path,
            "sha256": report.lock.sha256,
            "created_by": report.lock.created_by,
            "packages_selected": report.lock.packages_selected,
        },
        "environments": [_environment(environment) for environment in report.environments],
        "packages": [_package(row) for row in report.packages],
        "findings": [_finding(finding) for finding in report.findings],
        "checked": {
            "files": report.checked.files,
            "bytes": report.checked.bytes,
            "packages": report.checked.packages,
            "native_libraries": report.checked.native_libraries,
        },
        "not_checked": [{"what": item.what, "why": item.why} for item in report.not_checked],
        "policy_notes": [
            {"entry": note.entry, "why": note.why, "path": note.path, "line": note.line}
            for note in report.policy_notes
        ],
        "summary": counts(report),
    }


def _image(image: Image) -> dict[str, Any]:
    return {
        "reference": image.reference,
        "digest": image.digest,
        "manifest_digest": image.manifest_digest,
        "platform": str(image.config.platform),
        "layers": [{**_layer(layer), "size": layer.size} for layer in image.layers],
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {"digest": layer.digest, "created_by": layer.created_by, "base": layer.base}


def _environment(environment: Environment) -> dict[str, Any]:
    return {
        "prefix": environment.prefix,
        "interpreter": environment.interpreter,
        "python_version": environment.python_version,
        "runtime": environment.runtime,
        "runtime_reason": environment.runtime_reason,
        "distributions": len(environment.distributions),
    }


def _package(row: PackageRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "in_lock": row.in_lock,
        "locked": row.locked,
        "installed": row.installed,
        "environment": row.environment,
        "evidence": row.evidence.value,
        "artifact": None if row.artifact is None else _artifact(row.artifact),
        "files": row.files,
        "built_files": row.built_files,
        "unproven_files": row.unproven_files,
        "bytecode": {
            "verified": row.bytecode_verified,
            "unverified": row.bytecode_unverified,
        },
        "attestation_identities": [dict(each) for each in row.attestation_identities],
        "attested": row.attested.value if row.attested else None,
        "sboms": list(row.sboms),
    }


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return {"filename": artifact.filename, "sha256": artifact.hashes.get("sha256")}


def _finding(finding: Finding) -> dict[str, Any]:
    ignored = finding.ignored
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "message": finding.message,
        "path": finding.path,
        "environment": finding.environment,
        "layer": None if finding.layer is None else _layer(finding.layer),
        "lock_line": finding.lock_line,
        "expected": finding.expected,
        "actual": finding.actual,
        "fingerprint": finding.fingerprint,
        "ignored": None if ignored is None else {"reason": ignored.reason, "until": ignored.until},
    }


def _safe(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    """Return the value with every string free of bytes that were not UTF-8."""
    if isinstance(value, str):
        return decodable(value)
    if isinstance(value, dict):
        return {key: _safe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_safe(item) for item in value]
    return value
