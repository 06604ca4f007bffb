"""Manifests of real wheels and sdists, against what the standard library reads in them."""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from auditor.artifacts import Manifest, ManifestCache
from auditor.http.retries import RetryPolicy
from auditor.lock import read_lock
from auditor.lock.lock_artifacts import prefetchable_artifacts
from tests.builders.audits import do
from tests.builders.certificates import certificates
from tests.builders.fake_registry import Answer, fake_registry
from tests.builders.wanted import CONTENT, NAME, Places, artifact, manifest, places, store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from auditor.model import Artifact

pytestmark = pytest.mark.network

HTML = "text/html"


@pytest.fixture(scope="module")
def folder(fetched: Callable[[str], Path]) -> Path:
    return fetched("backend")


@pytest.fixture(scope="module")
def artifacts(folder: Path) -> list[Artifact]:
    """Return the artifacts of the backend's lock that are there; more than eighty."""
    lock = read_lock(folder / "pylock.runtime.toml", "pylock.runtime.toml")
    found = [
        each for each in prefetchable_artifacts(lock.pylock) if (folder / str(each.path)).exists()
    ]
    assert len(found) > 80
    return found


def found_in(where: Places, artifacts: list[Artifact]) -> list[Manifest]:
    with store(where) as manifests:
        found = manifests.get(artifacts)
    read = [each for each in found if isinstance(each, Manifest)]
    assert len(read) == len(found), [each for each in found if each not in read]
    return read


def by_the_standard_library(path: Path) -> dict[str, bytes]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {
                each.filename: hashlib.sha256(archive.read(each)).digest()
                for each in archive.infolist()
                if not each.is_dir()
            }
    with tarfile.open(path) as archive:
        files = {each.name: archive.extractfile(each) for each in archive if each.isreg()}
        return {
            name.partition("/")[2]: hashlib.sha256(file.read()).digest()
            for name, file in files.items()
            if file is not None
        }


def test_members_are_those_of_the_standard_library(folder: Path, artifacts: list[Artifact]) -> None:
    for one, found in zip(artifacts, found_in(places(folder), artifacts), strict=True):
        expected = by_the_standard_library(folder / str(one.path))
        assert {each.path: each.sha256 for each in found.members} == expected


def test_what_is_kept_is_what_was_read(
    folder: Path, artifacts: list[Artifact], tmp_path: Path
) -> None:
    with store(places(folder), ManifestCache(tmp_path)) as manifests:
        first = manifests.get(artifacts)
    with store(places(tmp_path, offline=True), ManifestCache(tmp_path)) as manifests:
        assert manifests.get(artifacts) == first


def test_what_wheels_say_of_themselves_is_true(folder: Path, artifacts: list[Artifact]) -> None:
    """By ranges over HTTP; genuine wheels are wrong about a file now and then."""
    with fake_registry() as server:
        served = []
        for each in artifacts:
            path = f"/{each.filename}"
            server.script[path] = [Answer(body=(folder / str(each.path)).read_bytes())]
            served.append(replace(each, path=None, url=f"http://{server.host}{path}"))
        retry_policy = RetryPolicy(tries=2)
        said = found_in(places(folder, indexed=True, retry_policy=retry_policy), served)
        asked = sum("Range" in each.headers for each in server.asked)
    read = found_in(places(folder), artifacts)
    wheels = [pair for pair in zip(said, read, strict=True) if pair[0].dist_info]
    assert asked < 2 * len(wheels)
    wrong = []
    for one, other in wheels:
        assert (one.verified, other.verified) == (False, True)
        assert [each.path for each in one.members] == [each.path for each in other.members]
        record = f"{one.dist_info}/RECORD"
        wrong += [
            mine.path
            for mine, right in zip(one.members, other.members, strict=True)
            if mine.sha256 != right.sha256 and mine.path != record
        ]
    assert len(wrong) < 10, wrong


def test_pip_keeps_what_it_fetched_where_we_look(tmp_path: Path) -> None:
    trusted = dict.fromkeys(
        ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"), str(tmp_path / "ca.crt")
    )
    own = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    with fake_registry(certificates(tmp_path)) as server:
        url = f"https://{server.host}/files/{NAME}"
        server.script["/simple/demo/"] = [
            Answer(body=f'<a href="{url}">{NAME}</a>'.encode(), headers={"Content-Type": HTML})
        ]
        kept_for_long = {"Cache-Control": "max-age=365000000, immutable, public"}
        server.script[f"/files/{NAME}"] = [Answer(body=CONTENT, headers=kept_for_long)]
        options = [f"--cache-dir={tmp_path}/pip", f"--index-url=https://{server.host}/simple/"]
        do(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options),
            *("--dest", tmp_path / "there", "demo==1.0"),
            env={**own, **trusted},
        )
    wanted = artifact(path=None, url=url)
    where = places(tmp_path, pip_cache=tmp_path / "pip", offline=True)
    assert manifest(wanted, where).verified
