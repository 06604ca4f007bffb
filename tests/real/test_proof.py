"""What was done to an installation behind its RECORD's back, with real wheels."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from sample_locks.fetch import LOCKS
from tests.builders.audits import check, do
from tests.builders.wheels import record, record_hash, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.builders.audits import Audit

pytestmark = pytest.mark.network

SAMPLE = "agent-proxy"


@pytest.fixture(scope="module")
def clean(
    installers: Path,
    fetched: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An environment made from the lock, whose files are linked to nothing."""
    venv = tmp_path_factory.mktemp("proof") / "venv"
    do(sys.executable, "-m", "venv", "--without-pip", venv)
    lock = fetched(SAMPLE) / LOCKS[SAMPLE]
    uv = [installers / "uv", "pip", "sync", f"--python={venv}", "--no-index", "--link-mode=copy"]
    do(*uv, lock)
    return venv


@pytest.fixture
def venv(clean: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "venv"
    shutil.copytree(clean, copied, symlinks=True)
    return copied


@pytest.fixture
def audit(fetched: Callable[[str], Path], venv: Path) -> Callable[[], Audit]:
    lock = fetched(SAMPLE) / LOCKS[SAMPLE]
    return lambda: check(f"env:{venv}", lock)


def site(venv: Path) -> Path:
    (found,) = venv.glob("lib/*/site-packages")
    return found


def rewrite_record(path: Path, *added: str) -> None:
    """Make RECORD agree with the files as they are, and name `added` ones too."""
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    names = dict.fromkeys([row[0] for row in rows] + list(added))
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for name in names:
            file = path.parent.parent / name
            content = file.read_bytes() if file.exists() else b""
            bare = file == path or not file.exists()
            writer.writerow((name, "", "") if bare else (name, record_hash(content), len(content)))


def flip(path: Path) -> None:
    """Change the last byte."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def one(venv: Path, pattern: str) -> Path:
    return min(site(venv).glob(pattern))


def test_as_it_was_installed_it_is_proven(audit: Callable[[], Audit]) -> None:
    found = audit()
    found.assert_consistent("proven")
    assert {row["unproven_files"] for row in found.report["packages"]} == {0}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("requests", "requests/api.py"), ("markupsafe", "markupsafe/_speedups*.so")],
    ids=["py", "so"],
)
def test_one_byte_with_record_rewritten(
    name: str, pattern: str, venv: Path, audit: Callable[[], Audit]
) -> None:
    changed = one(venv, pattern)
    flip(changed)
    rewrite_record(one(venv, f"{name}-*.dist-info") / "RECORD")

    found = audit()

    assert found.code == 1
    assert found.found("LI204")["path"] == str(changed)
    assert found.degrees[name] == "version"


def test_one_byte_that_record_knows_nothing_of(venv: Path, audit: Callable[[], Audit]) -> None:
    changed = one(venv, "markupsafe/_speedups*.so")
    flip(changed)

    found = audit()

    assert (found.code, found.found("LI201")["path"]) == (1, str(changed))
    assert found.degrees["markupsafe"] == "version"


def rebuilt(wheel: Path, folder: Path, changed: str, content: bytes) -> Path:
    """Pack a wheel again with one file changed and RECORD true."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[changed] = content
    record_path = next(name for name in members if name.endswith(".dist-info/RECORD"))
    members.pop(record_path)
    members[record_path] = record(members, record_path).encode()
    folder.mkdir()
    (folder / wheel.name).write_bytes(zipped(members))
    return folder / wheel.name


@pytest.fixture
def again(fetched: Callable[[str], Path], tmp_path: Path) -> Path:
    """The locked wheel of requests, built again with one file different."""
    (wheel,) = (fetched(SAMPLE) / "wheels").glob("requests-*.whl")
    return rebuilt(wheel, tmp_path / "again", "requests/api.py", b"evil = 1\n")


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_wheel_rebuilt_with_one_file_different(
    installer: str, installers: Path, again: Path, venv: Path, audit: Callable[[], Audit]
) -> None:
    tool = (
        [installers / "uv", "pip", "install", f"--python={venv}", "--link-mode=copy", "--no-cache"]
        if installer == "uv"
        else [installers / "pip", f"--python={venv / 'bin' / 'python'}", "install"]
    )
    where = ["--no-index", f"--find-links={again.parent}", "--force-reinstall", "--no-deps"]
    do(*tool, *where, f"requests=={again.name.split('-')[1]}")

    found = audit()

    assert found.code == 1
    assert found.found("LI204")["path"] == str(site(venv) / "requests" / "api.py")
    assert found.degrees["requests"] == "version"


def test_another_platforms_wheel_of_the_right_version(
    installers: Path, venv: Path, audit: Callable[[], Audit]
) -> None:
    version = one(venv, "markupsafe-*.dist-info").name.split("-")[1].removesuffix(".dist")
    uv = [installers / "uv", "pip", "install", f"--python={venv}", "--link-mode=copy"]
    other = ["--python-platform=aarch64-manylinux_2_28", "--only-binary=:all:", "--no-deps"]
    do(*uv, *other, "--reinstall", f"markupsafe=={version}")

    found = audit()

    assert found.code == 1
    assert found.found("LI105")["subject"] == "markupsafe"
    assert "aarch64" in found.found("LI105")["actual"]
    assert {code for code, name in found.findings if name == "markupsafe"} <= {"LI105", "LI303"}
    assert found.degrees["markupsafe"] == "version"


@pytest.mark.parametrize("listed", [True, False], ids=["in-record", "not-in-record"])
def test_a_file_added_to_a_package(listed: bool, venv: Path, audit: Callable[[], Audit]) -> None:
    added = site(venv) / "requests" / "extra.py"
    added.write_text("evil = 1\n")
    if listed:
        rewrite_record(one(venv, "requests-*.dist-info") / "RECORD", "requests/extra.py")

    found = audit()

    assert (found.code, found.found("LI203")["path"]) == (1, str(added))
    assert found.degrees["requests"] == ("version" if listed else "proven")


@pytest.mark.parametrize("listed", [True, False], ids=["record-rewritten", "record-as-it-was"])
def test_a_console_script_replaced(listed: bool, venv: Path, audit: Callable[[], Audit]) -> None:
    script = venv / "bin" / "normalizer"
    script.write_text(f"#!{venv}/bin/python\nimport evil\n")
    if listed:
        rewrite_record(one(venv, "charset_normalizer-*.dist-info") / "RECORD")

    found = audit()

    assert (found.code, found.found("LI209")["path"]) == (1, str(script))
    assert found.degrees["charset-normalizer"] == "version"


def pass_off_as_built(info: Path) -> None:
    """Make an installation from a wheel say what one that uv built in place says."""
    wheel = info / "WHEEL"
    wheel.write_text(re.sub(r"(Tag: cp\d+-cp\d+-).*", r"\1linux_x86_64", wheel.read_text()))
    (info / "uv_build.json").write_text("{}")
    rewrite_record(info / "RECORD", f"{info.name}/uv_build.json")


@pytest.mark.parametrize(
    ("name", "library"),
    [("aiohttp", "aiohttp/_http_parser*.so"), ("markupsafe", "markupsafe/_speedups*.so")],
    ids=["one-of-several", "its-only-one"],
)
def test_a_wheel_patched_and_passed_off_as_built_here(
    name: str, library: str, venv: Path, audit: Callable[[], Audit]
) -> None:
    changed = one(venv, library)
    flip(changed)
    pass_off_as_built(one(venv, f"{name}-*.dist-info"))

    found = audit()

    assert found.code == 1
    assert changed.name in found.found("LI204")["message"]
    assert found.degrees[name] == "version"


def _one_library(venv: Path) -> None:
    flip(one(venv, "numpy/_core/_multiarray_umath*.so"))


def _all_but_the_bundled(venv: Path) -> None:
    for path in (*site(venv).glob("numpy/**/*.so"), *site(venv).glob("numpy/**/*.a")):
        flip(path)
    shutil.rmtree(site(venv) / "numpy.libs")


def _a_source(venv: Path) -> None:
    changed = one(venv, "numpy/_core/fromnumeric.py")
    changed.write_text(changed.read_text() + "evil = 1\n")


@pytest.mark.parametrize(
    ("patch", "named"),
    [
        (_one_library, "numpy/_core/_multiarray_umath"),
        (_all_but_the_bundled, "numpy/_core/_multiarray_umath"),
        (_a_source, "numpy/_core/fromnumeric.py"),
    ],
    ids=["one-library", "every-library-of-its-own", "source"],
)
def test_numpys_wheel_patched_and_passed_off_as_built_from_its_sdist(
    patch: Callable[[Path], None],
    named: str,
    installers: Path,
    fetched: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    backend, venv = fetched("backend"), tmp_path / "venv"
    do(sys.executable, "-m", "venv", "--without-pip", venv)
    uv = [installers / "uv", "pip", "install", f"--python={venv}", "--no-index", "--no-deps"]
    do(*uv, "--link-mode=copy", f"--find-links={backend / 'wheels'}", "numpy")
    lock = backend / LOCKS["backend"]
    assert check(f"env:{venv}", lock).degrees["numpy"] == "proven"
    patch(venv)
    pass_off_as_built(one(venv, "numpy-*.dist-info"))

    found = check(f"env:{venv}", lock)

    # All else that is locked is missing.
    told = [each for each in found.report["findings"] if each["subject"] == "numpy"]
    (unlisted,) = [each["message"] for each in told if each["code"] == "LI204"]
    assert named in unlisted
    assert found.degrees["numpy"] == "version"


def test_a_lock_whose_hash_was_altered_by_one_digit(
    fetched: Callable[[str], Path], venv: Path, tmp_path: Path
) -> None:
    sample = fetched(SAMPLE)
    text = (sample / LOCKS[SAMPLE]).read_text()
    (wheel,) = (sample / "wheels").glob("requests-*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    other = f"{int(digest[0], 16) ^ 1:x}{digest[1:]}"
    lock = tmp_path / "pylock.toml"
    lock.write_text(text.replace(digest, other))
    (tmp_path / "wheels").symlink_to(sample / "wheels")

    found = check(f"env:{venv}", lock)

    assert found.code == 3
    assert found.found("LI907")["subject"] == "requests"
    assert found.degrees["requests"] == "recorded"


def test_documents_deleted_to_save_space(venv: Path, audit: Callable[[], Audit]) -> None:
    (gone,) = site(venv).glob("aiohttp-*.dist-info/licenses/LICENSE.txt")
    gone.unlink()

    found = audit()

    assert (found.code, found.found("LI202")["path"]) == (1, str(gone))
