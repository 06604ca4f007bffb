"""What went wrong in real images, each with the case that has its shape."""

from __future__ import annotations

import pytest

from tests.builders.cases import CASE_FOLDERS, load

INCIDENTS = {
    "the build resolved anew instead of installing from the lock": "LI103 yields",
    "a breaking major release that the project's own range allows": "LI103 yields",
    "a wheel in an interpreter that the environment shadows": "LI402 yields-shadowed",
    "wheels copied in and removed by a later layer": "LI405 yields-wheels",
    "a native library built by hand": "LI301 hand-built",
    "and taken instead of the one in the wheel": "LI302 library-path",
    "development dependencies in production": "LI109 yields",
    "the project itself out of a cached layer": "LI103 yields-own-from-a-cached-layer",
    "a later pip install over a locked version": "LI103 yields-replaced-by-a-later-layer LI407",
    "an interpreter that stayed behind in the builder": "LI404 yields-interpreter-gone",
    "another Python in the final stage": "LI404 yields-other-version",
    "an editable install without its source": "LI107 yields-source-gone",
    "metadata deleted to save space": "LI101 yields-metadata-removed LI203",
    "stripped libraries": "LI201 yields-stripped",
    "a malicious release through an open range": "LI206 yields-malicious-release LI103",
    "two distributions that own one file": "LI205 yields",
    "the metadata folder of a version that is gone": "LI104 yields",
    "PYTHONPATH before the environment": "LI403 yields-pythonpath-with-trailing-colon",
    "platforms of one tag that differ": "LI410 yields",
    "Python packages of the base image": "LI102 yields-from-the-base",
    "a lock for another platform": "LI002 yields-other-platform",
    "another commit than the locked one": "LI106 yields-commit",
    "the same version with other bytes": "LI204 yields-other-build",
    "an environment synchronised at start": "LI409 yields",
    "an installer's cache left in the image": "LI408 yields",
    "a lock inside the image that is another one": "LI003 yields",
}
"""Incident -> the code that tells of it, its case, and further codes that the case has."""


@pytest.mark.parametrize("incident", INCIDENTS)
def test_every_incident_has_a_case_that_tells_of_it(incident: str) -> None:
    code, name, *others = INCIDENTS[incident].split()
    (path,) = CASE_FOLDERS.glob(f"{code}-*/{name}.toml")
    assert {code, *others} <= {each.split()[0] for each in load(path)["expect"]}
