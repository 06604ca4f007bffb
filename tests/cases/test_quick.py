"""Every case asked quickly: nothing that the full audit does not find, nothing left in silence."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from auditor.audit_stages import audit_statement
from auditor.catalogue import KINDS, QUICK_KINDS, QUICK_NOT_CHECKED
from auditor.errors import ImageError
from auditor.image.engine.container_run import Completed
from auditor.inventory.collect import collect_inventory
from auditor.inventory.query.probe_command import ProbeCommand
from auditor.inventory.query.probed_inventory import probed_inventory
from auditor.model import PathOrigin
from auditor.run_audit import known_names
from tests.builders.probes import probe_output, probe_result_of
from tests.cases.test_cases import CASES, audit, opened

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.audit_stages import Inputs
    from auditor.lock import Lock
    from auditor.model import Image
    from auditor.report import Report
    from auditor.request import Request

COVERED = KINDS.keys() - QUICK_KINDS
IN_PART = {"LI108", "LI901", "LI903", "LI906"}
"""Judged, but not in other environments, about other files, or of artifacts."""

DEMANDS = {"LI903"}
"""Weaker evidence is less than what is required."""


OTHERWISE = {"LI401", "LI903", "LI904", "LI906"}
"""Judged, but not of an interpreter that tells the truth and is asked for no more than it can."""

NOBODY_TO_ASK = {
    "LI404-unusable-environment/yields-interpreter-gone",
    "LI404-unusable-environment/yields-other-version",
    "LI905-no-environment/yields",
}
"""Cases without an interpreter that the image's start leads to."""


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def quick(
    image: Image, lock: Lock, request: Request, inputs: Inputs | None = None
) -> Report | None:
    """Audit by the word of an interpreter that tells the truth; None where there is none."""
    del inputs
    inventory = collect_inventory(image, request.python)
    runtime = inventory.runtime
    probe = ProbeCommand(image.reference, request.python)
    if runtime is None or inventory.interpreter is None or runtime.unusable_reason:
        return None
    try:
        probe(image.rootfs, image.config)
    except ImageError:
        return None
    own = {
        entry.path for entry in probe.command_entries if entry.origin is not PathOrigin.PYTHONPATH
    }
    listed = [
        (each.name, each.version) for each in runtime.distributions if each.location not in own
    ]
    answer = probe_result_of(image.rootfs, runtime.prefix, runtime.import_paths)
    probed = probed_inventory(
        probe,
        Completed(0, probe_output(answer, dict(listed[::-1]).items()), b""),
        image.config,
        lambda read: read(image.rootfs),
        known_names(lock),
    )
    image_without_layers = replace(image, rootfs=probed.rootfs, layers=(), history=(), hidden=())
    return audit_statement(image_without_layers, probed, lock, request)


@pytest.mark.parametrize("path", CASES, ids=name_of)
def test_case(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    report = quick(*opened(case, tmp_path))
    assert (report is None) == (name_of(path) in NOBODY_TO_ASK)
    if report is None:
        return
    assert report.mode == "quick"
    assert set(QUICK_NOT_CHECKED) <= set(report.not_checked)
    found = {(each.code, each.subject) for each in report.findings}
    full = {(each.code, each.subject) for each in audit(case, tmp_path).findings}
    assert {code for code, _ in found} <= QUICK_KINDS
    assert {pair for pair in found - full if pair[0] not in DEMANDS} == set()
    lied = {"LI401", "LI904"} if "pip_list" in case or "pip_list_fails" in case else set()
    assert {code for code, _ in full - found} <= COVERED | IN_PART | lied


@pytest.mark.parametrize("code", sorted(QUICK_KINDS - OTHERWISE))
def test_what_is_judged_is_found(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind that a quick audit judges comes out of a case of its own."""
    monkeypatch.chdir(tmp_path)
    folder = CASES[0].parents[1] / f"{code}-{KINDS[code].name}"
    cases = [tomllib.loads(path.read_text("utf-8")) for path in folder.glob("yields*.toml")]
    reports = [quick(*opened(case, tmp_path)) for case in cases]
    assert code in {each.code for report in reports if report for each in report.findings}
