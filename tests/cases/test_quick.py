"""Every case asked quickly: nothing that the full audit does not find, nothing left in silence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
from tests.builders.cases import CASE_FOLDERS, CASES, audit, label, load, opened
from tests.builders.probes import probe_output, probe_result_of

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.model import Environment
    from auditor.report import Report

COVERED = KINDS.keys() - QUICK_KINDS
IN_PART = {"LI108", "LI901", "LI903", "LI906"}
"""Judged, but not in other environments, about other files, or of artifacts."""

DEMANDS = {"LI903"}
"""Weaker evidence is less than what is required."""

MUTE = {"LI404-unusable-environment/yields-interpreter-gone", "LI905-no-environment/yields"}
"""Cases without an interpreter that could be asked."""

EXTRA = {"LI404-unusable-environment/yields-other-version": {("LI101", "idna")}}
"""Such an interpreter cannot tell that it looks in the wrong directory."""


def quick(case: dict[str, Any], directory: Path) -> Report:
    """Audit by the word of an interpreter that tells the truth, and of the case's own pip."""
    image, lock, request, _ = opened(case, directory)
    probe = ProbeCommand(image.reference, request.python)
    probe(image.rootfs, image.config)
    runtime = collect_inventory(image, request.python).runtime
    assert runtime is not None
    said = probe_output(
        probe_result_of(image.rootfs, runtime.prefix, runtime.import_paths),
        _pip_list(case, runtime, probe).items(),
    )
    completed = Completed(0, said, b"")
    if "pip_list_fails" in case:
        said = said.replace(b"\n[]\n", b"\n")
        completed = Completed(1, said, case["pip_list_fails"].encode())
    probed = probed_inventory(
        probe, completed, image.config, lambda read: read(image.rootfs), known_names(lock)
    )
    image_without_layers = replace(image, rootfs=probed.rootfs, layers=(), history=(), hidden=())
    return audit_statement(image_without_layers, probed, lock, request)


def _pip_list(case: dict[str, Any], runtime: Environment, probe: ProbeCommand) -> dict[str, str]:
    if "pip_list_fails" in case:
        return {}
    if "pip_list" in case:
        return dict(row.split("==") for row in case["pip_list"])
    own = {
        entry.path for entry in probe.command_entries if entry.origin is not PathOrigin.PYTHONPATH
    }
    found = [each for each in runtime.distributions if each.location not in own]
    return {each.name: each.version for each in reversed(found)}


@pytest.mark.parametrize("path", CASES, ids=label)
def test_case(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case = load(path)
    if label(path) in MUTE:
        with pytest.raises(ImageError):
            quick(case, tmp_path)
        return
    report = quick(case, tmp_path)
    assert report.mode == "quick"
    assert set(QUICK_NOT_CHECKED) <= set(report.not_checked)
    found = {(each.code, each.subject) for each in report.findings}
    full = {(each.code, each.subject) for each in audit(case, tmp_path).findings}
    assert {code for code, _ in found} <= QUICK_KINDS
    assert {pair for pair in found - full if pair[0] not in DEMANDS} == EXTRA.get(
        label(path), set()
    )
    assert {code for code, _ in full - found} <= COVERED | IN_PART


@pytest.mark.parametrize("code", sorted(QUICK_KINDS - {"LI903", "LI906"}))
def test_what_is_judged_is_found(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind that a quick audit says to judge comes out of a case of its own."""
    monkeypatch.chdir(tmp_path)
    folder = CASE_FOLDERS / f"{code}-{KINDS[code].name}"
    cases = [path for path in folder.glob("yields*.toml") if label(path) not in MUTE]
    reports = [quick(load(path), tmp_path) for path in cases]
    assert code in {each.code for report in reports for each in report.findings}
