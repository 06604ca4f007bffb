"""Distributions that an installer built from their locked sdist, although wheels are locked too."""

from __future__ import annotations

import hashlib
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from tests.builders.audits import check, do
from tests.real.test_proof import one, rewrite_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.network

BUILT = ("cachetools==5.3.3", "iniconfig==2.0.0", "markupsafe==3.0.3")
"""No code in it is new; its version file is written anew; it has a native file."""


def _lock(folder: Path) -> Path:
    """Write a lock of all wheels and sdists in a folder."""
    text = 'lock-version = "1.0"\ncreated-by = "a test"\n'
    for sdist in sorted(folder.glob("*.tar.gz")):
        name, version = parse_sdist_filename(sdist.name)
        wheels = (
            each for each in folder.glob("*.whl") if parse_wheel_filename(each.name)[0] == name
        )
        rows = [
            f'{{ path = "{each.name}", hashes = {{ sha256 = "{digest}" }} }}'
            for each in (sdist, *wheels)
            for digest in [hashlib.sha256(each.read_bytes()).hexdigest()]
        ]
        text += f'[[packages]]\nname = "{name}"\nversion = "{version}"\n'
        text += f"sdist = {rows[0]}\nwheels = [{', '.join(rows[1:])}]\n"
    lock = folder / "pylock.toml"
    lock.write_text(text)
    return lock


@pytest.fixture(scope="module")
def lock(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A lock that has an sdist and a wheel of everything."""

    def fill(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={folder}"]
        names = ",".join(each.partition("==")[0] for each in BUILT)
        do(*pip, f"--no-binary={names}", *BUILT)
        do(*pip, "--only-binary=:all:", *BUILT)
        _lock(folder)

    return once("builds", fill) / "pylock.toml"


@pytest.fixture(scope="module", params=["pip", "uv"])
def built(
    request: pytest.FixtureRequest,
    installers: Path,
    lock: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An environment into which an installer built everything."""
    venv = tmp_path_factory.mktemp(f"built-by-{request.param}") / "venv"
    do(sys.executable, "-m", "venv", "--without-pip", venv)
    tool = (
        [installers / "uv", "pip", "install", f"--python={venv}", "--no-cache"]
        if request.param == "uv"
        else [installers / "pip", f"--python={venv}/bin/python", "install", "--no-cache-dir"]
    )
    names = [each.partition("==")[0] for each in BUILT]
    from_source = [option for name in names for option in ("--no-binary", name)]
    do(*tool, "--no-deps", f"--find-links={lock.parent}", *from_source, *BUILT)
    return venv


def test_what_was_built_from_the_locked_sdist_is_built(built: Path, lock: Path) -> None:
    audit = check(f"env:{built}", lock)

    audit.assert_consistent()
    assert audit.degrees == dict.fromkeys(("cachetools", "iniconfig", "markupsafe"), "built")
    files = {row["name"]: row["built_files"] for row in audit.report["packages"]}
    # The first two have metadata of a newer version than their sdists have.
    assert files == {"cachetools": 1, "iniconfig": 2, "markupsafe": 1}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("iniconfig", "iniconfig/_version.py"), ("cachetools", "cachetools/keys.py")],
    ids=["version-file", "source"],
)
def test_what_was_changed_is_not_excused_by_a_build(
    name: str, pattern: str, built: Path, lock: Path, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    shutil.copytree(built, venv, symlinks=True)
    changed = one(venv, pattern)
    changed.write_text(changed.read_text() + "\nimport os\n")
    rewrite_record(one(venv, f"{name}-*.dist-info") / "RECORD")

    audit = check(f"env:{venv}", lock)

    assert audit.code == 1
    assert str(pattern) in audit.found("LI204")["message"]
    assert audit.degrees[name] == "version"
