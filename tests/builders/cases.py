"""Cases: what each `tests/cases/LI*/*.toml` says of an image and its lock, made real."""

from __future__ import annotations

import hashlib
import json
import struct
import tomllib
import zipfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.artifacts.manifest import Absence
from auditor.audit_stages import Inputs, audit_image, other_platform
from auditor.image.base_layers import Base
from auditor.image.engine.container_run import Completed
from auditor.lock import read_lock
from auditor.model import Attestation, AttestationState, Degree
from auditor.policy import read_config
from auditor.request import Request
from tests.builders import (
    File,
    Shelf,
    Signers,
    Symlink,
    Whiteout,
    elf,
    image_of,
    interpreter,
    manifest_of,
)
from tests.builders.wheels import distribution, installed, zipped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.audit_stages import Runner
    from auditor.lock import Lock
    from auditor.model import Image, OtherPlatform, Policy
    from auditor.report import Finding, Report

CASE_FOLDERS = Path(__file__).parents[1] / "cases"
SITE = "/usr/local/lib/python3.11/site-packages"
CASES = sorted(CASE_FOLDERS.glob("LI*/*.toml"))


def load(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def label(path: Path) -> str:
    """Return a case's folder and name: the id of its tests."""
    return f"{path.parent.name}/{path.stem}"


def distribution_of(requirement: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return an installed distribution of one module and `more` files."""
    return installed({**distribution(requirement), **more}, SITE)


def lock_text(case: Mapping[str, Any]) -> str:
    raw: str = case.get("lock", "")
    head = "" if "lock-version" in raw else 'lock-version = "1.0"\ncreated-by = "test"\n'
    if head and "[[packages]]" not in raw and not case.get("locked"):
        head += "packages = []\n"
    entries = []
    for requirement in case.get("locked", ()):
        name, version = requirement.split("==")
        filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        digest = hashlib.sha256(filename.encode()).hexdigest()
        entries.append(
            f'[[packages]]\nname = "{name}"\nversion = "{version}"\n'
            f'wheels = [{{ name = "{filename}", url = "https://example.org/{filename}", '
            f'hashes = {{ sha256 = "{digest}" }} }}]\n'
        )
    return "\n".join([head, *entries, raw])


def second_layer(files: Mapping[str, Any]) -> dict[str, Any]:
    layer: dict[str, Any] = {}
    for path, value in files.items():
        match value:
            case False:
                layer[path] = Whiteout()
            case {"link": str(target)}:
                layer[path] = Symlink(target)
            case {"script": str(text)}:
                layer[path] = File(text, 0o755)
            case {"zip": dict(members)}:
                layer[path] = zipped(members, compression=zipfile.ZIP_STORED, mode=0)
            case {"elf": dict(facts)}:
                layer[path] = elf(**facts)
            case {"elf": str(text)}:
                layer[path] = File(elf(strings=[text]), 0o755)
            case {"pyc": str(kind)}:
                # The magic number of 3.11; a time and a size that no source of a case has.
                flags = {"timestamp": 0b00, "unchecked-hash": 0b01}[kind]
                layer[path] = struct.pack("<H2sIII", 3495, b"\r\n", flags, 1, 1)
            case {"bytes": int(size)}:
                layer[path] = b"\n" * size
            case _:
                layer[path] = value
    return layer


def runner(case: Mapping[str, Any]) -> Runner | None:
    """Answer for the image's pip, as the case says."""
    if "pip_list" not in case and "pip_list_fails" not in case:
        return None
    rows = [
        dict(zip(("name", "version"), row.split("=="), strict=True))
        for row in case.get("pip_list", ())
    ]

    def run(argv: Sequence[str], env: Mapping[str, str]) -> Completed:
        if "pip_list_fails" in case:
            return Completed(1, b"", case["pip_list_fails"].encode())
        return Completed(0, json.dumps(rows).encode(), b"")

    return run


def policy(case: Mapping[str, Any], directory: Path) -> Policy:
    file = directory / "auditor.toml"
    file.write_text(case.get("policy", ""), encoding="utf-8")
    return read_config(file, {}, date(2030, 6, 1)).policy


def other(case: Mapping[str, Any], lock: Lock, request: Request) -> list[OtherPlatform] | None:
    """Return the image for another platform, where the case has one."""
    if "other" not in case:
        return None
    files: dict[str, Any] = (
        interpreter("aarch64") if case["other"].get("python", True) else {"/bin/sh": elf()}
    )
    for requirement in case["other"].get("installed", ()):
        files |= distribution_of(requirement, {})
    image = image_of([files, second_layer(case["other"].get("files", {}))], architecture="arm64")
    return [other_platform(image.config.platform, image, lock, request)]


def shelf(case: Mapping[str, Any]) -> Shelf | None:
    """Return the locked artifacts that the case describes, None where it has none."""
    if "artifact" not in case and "absent" not in case:
        return None
    manifests = []
    for filename, changes in case.get("artifact", {}).items():
        files: dict[str, Any] = {}
        if filename.endswith(".whl"):
            name, version = filename.split("-")[:2]
            named = name.replace("_", "-")
            more = second_layer(case.get("wheel", {}).get(named, {}))
            files = {**distribution(f"{named}=={version}"), **more}
            files = {path: text for path, text in files.items() if not path.startswith("../")}
        files |= second_layer({path: text for path, text in changes.items() if text is not False})
        left = {path for path, text in changes.items() if text is False}
        kept = {path: text for path, text in files.items() if path not in left}
        manifests.append(manifest_of(filename, kept))
    absences = {name: Absence(why) for name, why in case.get("absent", {}).items()}
    return Shelf(manifests, absences)


def signers(case: Mapping[str, Any]) -> Signers | None:
    """Return who attested the artifacts, as the case says; None where nobody is to be asked."""
    if "attested" not in case:
        return None
    return Signers(
        {
            filename: Attestation(AttestationState(state), *details)
            for filename, (state, *details) in case["attested"].items()
        }
    )


def opened(case: Mapping[str, Any], directory: Path) -> tuple[Image, Lock, Request, Inputs]:
    """Give what the case is made of."""
    file = directory / "pylock.toml"
    file.write_text(lock_text(case), encoding="utf-8")
    lock = read_lock(file, "pylock.toml")
    if "python_version" in case:
        (directory / ".python-version").write_text(case["python_version"], encoding="utf-8")
    settings = dict(case.get("image", {}))
    base: dict[str, Any] = interpreter() if settings.pop("python", True) else {"/bin/sh": elf()}
    for requirement in case.get("installed", ()):
        wheel = case.get("wheel", {}).get(requirement.partition("==")[0], {})
        base |= distribution_of(requirement, second_layer(wheel))
    further = case.get("layers", [])
    layers = [base, *(second_layer(each) for each in (case.get("files", {}), *further))]
    # An instruction is no path, and every path is absolute.
    made = [layer.pop("by", f"layer {number}") for number, layer in enumerate(layers)]
    image = image_of(layers, reference="image", created_by=made, **settings)
    chosen = case.get("options", {})
    lowest = tuple(layer.digest for layer in image.layers[: chosen.get("base_layers", 0)])
    request = Request(
        "image",
        python=chosen.get("python"),
        extras=tuple(chosen.get("extras", ())),
        groups=tuple(chosen.get("groups", ())),
        default_groups="groups" not in chosen,
        own=tuple(chosen.get("own", ())),
        require=Degree(chosen["require"]) if "require" in chosen else None,
        policy=policy(case, directory),
    )
    inputs = Inputs(
        manifests=shelf(case),
        attestor=signers(case),
        base=Base("base", lowest) if lowest else None,
        run=runner(case),
        others=other(case, lock, request),
    )
    return image, lock, request, inputs


def audit(case: Mapping[str, Any], directory: Path) -> Report:
    return audit_image(*opened(case, directory))


def shown(finding: Finding) -> str:
    """Return the whole finding on one line, as its reader sees it."""
    details = {
        "path": finding.path if finding.path != finding.subject else None,
        "expected": finding.expected,
        "found": finding.actual,
        "lock line": finding.lock_line,
        "layer": finding.layer and finding.layer.created_by,
        "ignored": finding.ignored and finding.ignored.reason,
    }
    parts = [f"{label}: {text}" for label, text in details.items() if text is not None]
    return " | ".join([f"{finding.code} {finding.subject}: {finding.message}", *parts])
