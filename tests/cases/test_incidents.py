"""What went wrong in real images, each with the case that has its shape."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent

INCIDENTS = {
    "the build resolved anew instead of installing from the lock": ("LI103-*/yields.toml", "LI103"),
    "a breaking major release that the project's own range allows": (
        "LI103-*/yields.toml",
        "LI103",
    ),
    "a wheel in an interpreter that the environment shadows": (
        "LI402-*/yields-shadowed.toml",
        "LI402",
    ),
    "wheels copied in and removed by a later layer": ("LI405-*/yields-wheels.toml", "LI405"),
    "a native library built by hand": ("LI301-*/hand-built.toml", "LI301"),
    "and taken instead of the one in the wheel": ("LI302-*/library-path.toml", "LI302"),
    "development dependencies in production": ("LI109-*/yields.toml", "LI109"),
    "the project itself out of a cached layer": (
        "LI103-*/yields-own-from-a-cached-layer.toml",
        "LI103",
    ),
    "a later pip install that replaces a locked distribution": (
        "LI103-*/yields-replaced-by-a-later-layer.toml",
        "LI103 LI407",
    ),
    "an interpreter that stayed behind in the builder": (
        "LI404-*/yields-interpreter-gone.toml",
        "LI404",
    ),
    "another Python in the final stage": ("LI404-*/yields-other-version.toml", "LI404"),
    "an editable install without its source": ("LI107-*/yields-source-gone.toml", "LI107"),
    "metadata deleted to save space": ("LI101-*/yields-metadata-removed.toml", "LI101 LI203"),
    "stripped libraries": ("LI201-*/yields-stripped.toml", "LI201"),
    "a malicious release through an open range": (
        "LI206-*/yields-malicious-release.toml",
        "LI103 LI206",
    ),
    "two distributions that own one file": ("LI205-*/yields.toml", "LI205"),
    "the metadata folder of a version that is gone": ("LI104-*/yields.toml", "LI104"),
    "PYTHONPATH before the environment": (
        "LI403-*/yields-pythonpath-with-trailing-colon.toml",
        "LI403",
    ),
    "platforms of one tag that differ": ("LI410-*/yields.toml", "LI410"),
    "Python packages of the base image": ("LI102-*/yields-from-the-base.toml", "LI102"),
    "a lock for another platform": ("LI002-*/yields-other-platform.toml", "LI002"),
    "another commit than the locked one": ("LI106-*/yields-commit.toml", "LI106"),
    "the same version with other bytes": ("LI204-*/yields-other-build.toml", "LI204"),
    "an environment synchronised at start": ("LI409-*/yields.toml", "LI409"),
    "an installer's cache left in the image": ("LI408-*/yields.toml", "LI408"),
    "a lock inside the image that is another one": ("LI003-*/yields.toml", "LI003"),
}
"""Incident -> the file of its case, and the codes that tell of it."""


@pytest.mark.parametrize("incident", INCIDENTS)
def test_every_incident_has_a_case_that_tells_of_it(incident: str) -> None:
    pattern, codes = INCIDENTS[incident]
    (path,) = HERE.glob(pattern)
    expected = tomllib.loads(path.read_text(encoding="utf-8"))["expect"]
    assert set(codes.split()) <= {each.split()[0] for each in expected}
