"""Running `auditor check` as a user does, and looking at what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parents[2]

LAYERS_ONLY = {"LI405", "LI406", "LI407"}
"""Findings about layers and instructions, which a directory and a container do not have."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What one run of `auditor check --format json` gave."""

    code: int
    report: dict[str, Any]
    stderr: str

    @property
    def findings(self) -> set[tuple[str, str]]:
        """Code and subject of every finding."""
        return {(found["code"], found["subject"]) for found in self.report["findings"]}

    @property
    def above_note(self) -> list[str]:
        """The findings that weigh more than a note, each in a line."""
        return [
            f"{found['code']} {found['subject']}: {found['message']} ({found['path']})"
            for found in self.report["findings"]
            if found["severity"] != "note"
        ]

    @property
    def degrees(self) -> dict[str, str]:
        """Degree of evidence of every locked package."""
        return {row["name"]: row["evidence"] for row in self.report["packages"] if row["in_lock"]}

    def assert_consistent(self, *degrees: str) -> None:
        """Nothing weighs more than a note; packages have just these `degrees`, if any is given."""
        assert self.above_note == []
        assert self.code == 0
        assert not degrees or set(self.degrees.values()) == set(degrees)

    def found(self, code: str) -> dict[str, Any]:
        """Return the one finding of this code."""
        (only,) = [found for found in self.report["findings"] if found["code"] == code]
        assert isinstance(only, dict)
        return only


def due(lock: Path, audit: Audit) -> dict[str, str]:
    """Return the degrees of packages that were installed from the artifacts of their lock.

    An installer takes a wheel where the lock has any; each sample lock has one that fits.
    """
    packages = tomllib.loads(lock.read_text())["packages"]
    wheels = {canonicalize_name(each["name"]) for each in packages if each.get("wheels")}
    return {name: "proven" if name in wheels else "built" for name in audit.degrees}


def do(*argv: object, env: Mapping[str, str] | None = None) -> str:
    """Run a command that has to work, and give what it printed."""
    command = [str(part) for part in argv]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def run(
    *arguments: object, env: dict[str, str] | None = None, cwd: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """Run auditor, from the top of the project unless told otherwise."""
    # From elsewhere it would not be found where it is not installed.
    there = {} if cwd == PROJECT else {"PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        [sys.executable, "-m", "auditor", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **there, "COLUMNS": "80", "NO_COLOR": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def check(
    reference: str, lock: object, *options: object, env: dict[str, str] | None = None
) -> Audit:
    """Run `auditor check` on an image and parse its JSON."""
    done = run("check", reference, "--lock", lock, "--format", "json", *options, env=env)
    assert done.stdout, done.stderr
    return Audit(done.returncode, json.loads(done.stdout), done.stderr)
