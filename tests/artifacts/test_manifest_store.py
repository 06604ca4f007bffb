from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from auditor.artifacts import Absence, Absent, Manifest, ManifestCache
from auditor.artifacts.local_files import in_pip_cache
from auditor.artifacts.manifest_cache import manifest_files
from auditor.artifacts.manifest_format import VERSION
from auditor.errors import UsageError
from auditor.file_cache import Usage
from auditor.model import ArtifactKind
from tests.builders.wanted import (
    CONTENT,
    NAME,
    OTHER,
    SHA256,
    absent,
    artifact,
    manifest,
    places,
    store,
)
from tests.builders.wheels import sdist, wheel

if TYPE_CHECKING:
    from pathlib import Path

URL = f"https://example.org/{NAME}"
ZIP, WHEEL = "demo-1.0.zip", "demo-1.0-py3-none-any.WHL"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "lock"
    path.mkdir()
    (path / NAME).write_bytes(CONTENT)
    return path


def test_order_and_repetition(folder: Path) -> None:
    source = sdist({"demo.py": ""})
    (folder / "demo-1.0.tar.gz").write_bytes(source)
    second = artifact(source, filename="demo-1.0.tar.gz", path="demo-1.0.tar.gz")
    gone = artifact(path="gone.whl")
    with store(places(folder)) as manifests:
        manifests.prefetch([second])
        found = manifests.get([artifact(), gone, second, artifact()])
        assert manifests.get([second]) == [found[2]]
    assert [type(each) for each in found] == [Manifest, Absent, Manifest, Manifest]
    assert found[0] is found[3]


def test_path_is_relative_to_the_lock(folder: Path) -> None:
    found = manifest(artifact(), places(folder))
    assert found.members[-1].path == "demo.py"
    assert (found.sha256, found.size, found.verified) == (SHA256, len(CONTENT), True)
    missing = absent(artifact(), places())
    assert missing.absence is Absence.UNREACHABLE
    assert missing.why == "its file cannot be read: no such file or directory"


def test_url_may_be_a_file(folder: Path) -> None:
    assert manifest(artifact(path=None, url=(folder / NAME).as_uri()), places()).members
    elsewhere = artifact(path=None, url=f"file://example.org{folder}/{NAME}")
    assert absent(elsewhere, places(offline=True)).absence is Absence.OFFLINE


@pytest.mark.parametrize("path", ["pipe", "folder", "zero\0byte"])
def test_path_that_is_no_file(tmp_path: Path, path: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert absent(artifact(path=path), places(tmp_path)).absence is Absence.UNREACHABLE


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512", "sha3_256", "blake2b"])
def test_any_strong_hash_verifies(folder: Path, tmp_path: Path, algorithm: str) -> None:
    cache = ManifestCache(tmp_path)
    found = manifest(artifact(CONTENT, algorithm), places(folder), cache)
    assert found.sha256 == SHA256
    (folder / NAME).unlink()
    assert manifest(artifact(CONTENT, algorithm), places(folder), cache) == found


@pytest.mark.parametrize("algorithms", [("md5",), ("sha1", "md5"), ("shake_128",)])
def test_weak_hashes_verify_nothing(folder: Path, algorithms: tuple[str, ...]) -> None:
    wanted = artifact(hashes=dict.fromkeys(algorithms, "00"))
    assert absent(wanted, places(folder)).absence is Absence.UNHASHED


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "md5"])
def test_every_listed_hash_counts(folder: Path, tmp_path: Path, algorithm: str) -> None:
    cache = ManifestCache(tmp_path)
    right = artifact(CONTENT, "sha256", "sha512", "md5")
    digest = right.hashes[algorithm]
    altered = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    wrong = artifact(hashes={**right.hashes, algorithm: altered})
    for _ in range(2):
        found = absent(wrong, places(folder), cache)
        assert found.absence is Absence.MISMATCH
        assert found.why == f"the lock says {algorithm} {altered}, it has {digest}"
        # And once more with the right one cached, which knows every digest.
        assert manifest(right, places(folder), cache).members


def test_hash_that_was_not_computed_then_is_computed_now(folder: Path, tmp_path: Path) -> None:
    cache = ManifestCache(tmp_path)
    manifest(artifact(), places(folder), cache)
    more = artifact(CONTENT, "sha256", "sha512")
    assert manifest(more, places(folder), cache).members
    wrong = artifact(hashes={**artifact().hashes, "sha512": "00"})
    assert absent(wrong, places(folder), cache).absence is Absence.MISMATCH
    (folder / NAME).unlink()
    assert manifest(more, places(folder), cache).members
    assert absent(artifact(CONTENT, "sha256", "sha3_256"), places(folder), cache)


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_size_counts(folder: Path, tmp_path: Path, size: int) -> None:
    cache = ManifestCache(tmp_path)
    assert absent(artifact(size=size), places(folder), cache).absence is Absence.MISMATCH
    assert manifest(artifact(size=None), places(folder), cache).members
    assert absent(artifact(size=size), places(folder), cache).absence is Absence.MISMATCH


def test_wheelhouse(folder: Path, tmp_path: Path) -> None:
    wrong, empty = tmp_path / "wrong", tmp_path / "empty"
    wrong.mkdir()
    (wrong / NAME).write_bytes(OTHER)
    wanted = artifact(path=None, url=URL)
    assert manifest(wanted, places(empty, (empty, wrong, folder), offline=True)).members
    # Another file of that name is no contradiction; where the lock itself names it, it is.
    assert absent(wanted, places(empty, (wrong,), offline=True)).absence is Absence.OFFLINE
    assert absent(artifact(), places(wrong, (empty,))).absence is Absence.MISMATCH
    assert manifest(artifact(), places(wrong, (folder,))).members
    up = artifact(path=None, filename=f"../lock/{NAME}")
    assert absent(up, places(empty, (empty,))).absence is Absence.UNREACHABLE


def test_pip_cache(tmp_path: Path) -> None:
    """The name as pip 26.3 gives it: `SafeFileCache` and `CacheController.cache_url`."""
    url = f"HTTPS://Example.org/packages/{NAME}?x=1#sha256=00"
    path = in_pip_cache(url, tmp_path)
    key = hashlib.sha224(f"https://example.org/packages/{NAME}?x=1".encode()).hexdigest()
    assert path == tmp_path / "http-v2" / "/".join(key[:5]) / f"{key}.body"
    wanted = artifact(path=None, url=url)
    assert absent(wanted, places(pip_cache=tmp_path, offline=True))
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert manifest(wanted, places(pip_cache=tmp_path, offline=True)).members
    path.write_bytes(OTHER)
    assert absent(wanted, places(pip_cache=tmp_path, offline=True))


@pytest.mark.parametrize("field", ["url", "index"])
def test_url_that_is_none_is_told(tmp_path: Path, field: str) -> None:
    bad = f"https://[bad/{NAME}"
    wanted = artifact(path=None, url=bad) if field == "url" else artifact(path=None, index=bad)
    found = absent(wanted, places(pip_cache=tmp_path))
    assert found.absence is Absence.UNREACHABLE
    assert "its URL is not valid" in found.why


def test_verified_bytes_that_are_no_archive(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"hello")
    assert absent(artifact(b"hello"), places(tmp_path)).absence is Absence.UNREADABLE


def test_second_run_needs_no_artifact(folder: Path, tmp_path: Path) -> None:
    cache = ManifestCache(tmp_path)
    first = manifest(artifact(), places(folder), cache)
    (folder / NAME).unlink()
    again = manifest(artifact(), places(folder, offline=True), ManifestCache(tmp_path))
    assert again == first
    renamed = manifest(artifact(filename="x.whl"), places(folder), ManifestCache(tmp_path))
    assert renamed.filename == "x.whl"
    assert absent(artifact(), places(folder)).absence is Absence.UNREACHABLE


def test_bytes_that_are_a_wheel_and_an_sdist_are_kept_as_both(folder: Path, tmp_path: Path) -> None:
    cache = ManifestCache(tmp_path)
    for name, kind in ((ZIP, ArtifactKind.SDIST), (WHEEL, ArtifactKind.WHEEL)):
        (folder / name).write_bytes(CONTENT)
        wanted = artifact(filename=name, path=name)
        first = manifest(wanted, places(folder), cache)
        (folder / name).unlink()
        assert manifest(wanted, places(folder), cache) == first
        assert (first.kind, bool(first.dist_info)) == (kind, kind is ArtifactKind.WHEEL)
    another = artifact(filename="other-2.zip", path="other-2.zip")
    assert manifest(another, places(folder), cache).kind is ArtifactKind.SDIST


def test_damaged_entry_is_made_again(folder: Path, tmp_path: Path) -> None:
    cache = ManifestCache(tmp_path)
    first = manifest(artifact(), places(folder), cache)
    (entry,) = (tmp_path / "manifests").iterdir()
    whole = entry.read_bytes()
    for damaged in (b"", whole[:-1], whole[:50] + b"X" + whole[51:], whole + b"x"):
        entry.write_bytes(damaged)
        with store(places(folder, offline=True), cache) as manifests:
            assert manifests.get([artifact()]) == [first]
        assert entry.read_bytes() == whole
    other = artifact(OTHER, path=None)
    entry.rename(entry.with_name(f"{VERSION}-wheel-sha256-{other.hashes['sha256']}.manifest"))
    assert absent(other, places(folder), cache)


def test_usage_and_clear(folder: Path, tmp_path: Path) -> None:
    files = manifest_files(tmp_path)
    assert files.usage() == Usage(0, 0)
    manifest(artifact(), places(folder), ManifestCache(tmp_path))
    (tmp_path / "manifests/mine.txt").write_text("")
    usage = files.usage()
    assert (usage.entries, usage.bytes > 100) == (1, True)
    assert files.clear() == usage
    assert [path.name for path in (tmp_path / "manifests").iterdir()] == ["mine.txt"]
    assert manifest(artifact(), places(folder), ManifestCache(None)).members


@pytest.mark.parametrize("form", ["memory://{}", "{}", "file://{}", "dir::file://{}"])
def test_shared_folder(folder: Path, tmp_path: Path, form: str) -> None:
    place = form.format(tmp_path / "shared")
    first = manifest(artifact(), places(folder), ManifestCache(tmp_path / "one", place))
    (folder / NAME).unlink()
    other = ManifestCache(tmp_path / "two", place)
    assert manifest(artifact(), places(folder), other) == first
    assert manifest_files(tmp_path / "two").usage().entries == 1
    assert manifest(artifact(), places(folder), ManifestCache(None, place)) == first


def test_shared_folder_that_fails_costs_only_time(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (f"{tmp_path}/file", f"dir::file://{tmp_path}/file"):
        assert manifest(artifact(), places(folder), ManifestCache(None, place)).members


def test_shared_entry_that_is_damaged(folder: Path, tmp_path: Path) -> None:
    place = f"dir::file://{tmp_path}/shared"
    manifest(artifact(), places(folder), ManifestCache(None, place))
    (entry,) = (tmp_path / "shared").rglob("*.manifest")
    entry.write_bytes(entry.read_bytes()[:-1])
    (folder / NAME).unlink()
    assert absent(artifact(), places(folder), ManifestCache(None, place))


def test_place_that_fsspec_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"--manifests nowhere://\.\.\. cannot be used") as caught:
        ManifestCache(None, "nowhere://user:secret@host/")
    assert "secret" not in caught.value.message
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError, match="fsspec, which is not here"):
        ManifestCache(None, "memory://x")


def test_progress_is_told_by_the_thread_that_waits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.artifacts.manifest_store._REPORT_SECONDS", 0.001)
    told: list[tuple[str, int, int | None]] = []
    big = wheel({"demo.bin": bytes(20 << 20)}, compression=zipfile.ZIP_STORED)
    (folder / "big.whl").write_bytes(big)
    with store(places(folder), show=lambda *said: told.append(said)) as manifests:
        manifests.get([artifact(big, path="big.whl")])
    assert told
    assert {what for what, _, _ in told} == {"artifacts"}
    assert all(total == len(big) and done <= total for _, done, total in told)
