"""Installed distributions from their metadata, whatever its shape or state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from auditor.inventory.distributions.installed import read_distributions
from auditor.inventory.ownership.os_packages import metadata_owners, read_os_packages
from auditor.model import MetadataKind
from tests.builders import Symlink, rootfs_of

if TYPE_CHECKING:
    from auditor.model import Distribution, Problem
    from tests.builders import Files

SITE = "/site"
INFO = f"{SITE}/idna-3.10.dist-info"
METADATA: Files = {f"{INFO}/METADATA": "Name: idna\nVersion: 3.10\n"}


def read(files: Files, location: str = SITE) -> tuple[list[Distribution], list[Problem]]:
    rootfs = rootfs_of(files)
    return read_distributions(rootfs, location, metadata_owners(read_os_packages(rootfs)))


SHAPES = {
    "normalised": (
        {"/site/a-1.dist-info/METADATA": "Name: B.C_d\nVersion: 2.0+x\n"},
        "b-c-d",
        "2.0+x",
        "dist-info",
    ),
    "spelling": (
        {"/site/a-1.dist-info/METADATA": "Version: 1\r\nname:\ta \r\n\r\nName: z\r\n"},
        "a",
        "1",
        "dist-info",
    ),
    "egg-folder": (
        {"/site/a-1-py3.11.egg-info/PKG-INFO": "Name: a\nVersion: 1\n"},
        "a",
        "1",
        "egg-info",
    ),
    "egg-file": ({"/site/a-1.egg-info": "Name: a\nVersion: 1\n"}, "a", "1", "egg-info"),
    "egg-link": (
        {"/site/A.egg-link": "/src\n.\n", "/src/A.egg-info/PKG-INFO": "Name: A\nVersion: 1\n"},
        "a",
        "1",
        "egg-link",
    ),
    "egg-link-other": (
        {"/site/A.egg-link": "/src", "/src/b.egg-info": "Name: b\nVersion: 1\n"},
        "a",
        "",
        "egg-link",
    ),
    "egg-link-gone": ({"/site/A.egg-link": "/gone"}, "a", "", "egg-link"),
}


@pytest.mark.parametrize(("files", "name", "version", "kind"), SHAPES.values(), ids=SHAPES)
def test_every_shape(files: Files, name: str, version: str, kind: str) -> None:
    (found,), problems = read(files)
    assert (found.name, found.version, found.kind) == (name, version, MetadataKind(kind))
    assert problems == []


def test_an_egg_on_the_path_describes_itself() -> None:
    files = {"/site/a-1-py3.11.egg/EGG-INFO/PKG-INFO": "Name: a\nVersion: 1\n"}
    (found,), _ = read(files, "/site/a-1-py3.11.egg")
    assert (found.name, found.kind) == ("a", MetadataKind.EGG_INFO)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({f"{INFO}/METADATA": "Name: idna\n"}, "has no Version field"),
        ({f"{INFO}/METADATA": "Version: 3.10\n"}, "has no Name field"),
        ({f"{INFO}/RECORD": ""}, "could not be read"),
        ({f"{INFO}/METADATA": Symlink("/gone")}, "could not be read"),
        ({f"{INFO}/METADATA": "x" * 9_000_000}, "could not be read"),
    ],
    ids=["no-version", "no-name", "no-metadata", "dangling", "huge"],
)
def test_the_folder_name_stands_in_for_bad_metadata(files: Files, why: str) -> None:
    (found,), (problem,) = read(files)
    assert (found.name, found.version) == ("idna", "3.10")
    assert why in problem.why
    assert problem.subject == "idna"


def test_one_bad_folder_does_not_empty_the_list() -> None:
    found, problems = read(
        {**METADATA, "/site/bad-1.dist-info/RECORD": "", "/site/~dna-3.9.dist-info/METADATA": ""}
    )
    assert [each.name for each in found] == ["bad", "idna"]
    assert len(problems) == 1


def test_files_with_such_names_describe_nothing() -> None:
    assert read({"/site/a-1.dist-info": "a file", "/site/b.egg-link/x": ""}) == ([], [])


DIRECT_URLS = {
    "archive": ({"url": "file:///w.whl", "archive_info": {}}, {}),
    "old-hash": (
        {"url": "file:///w.whl", "archive_info": {"hash": "sha256=AB"}},
        {"hashes": {"sha256": "ab"}},
    ),
    "hashes": (
        {"url": "file:///w.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
        {"hashes": {"sha256": "ab"}},
    ),
    "commit": (
        {"url": "https://example.org/r", "vcs_info": {"vcs": "git", "commit_id": "c0"}},
        {"commit_id": "c0", "is_vcs": True},
    ),
    "editable": (
        {"url": "file:///src%20a", "dir_info": {"editable": True}},
        {"is_directory": True, "editable": True},
    ),
    "directory": ({"url": "file:///src", "dir_info": {}}, {"is_directory": True}),
}


@pytest.mark.parametrize(("value", "expected"), DIRECT_URLS.values(), ids=DIRECT_URLS)
def test_direct_url(value: dict[str, Any], expected: dict[str, Any]) -> None:
    (found,), problems = read({**METADATA, f"{INFO}/direct_url.json": json.dumps(value)})
    assert found.direct_url is not None
    stated = {name: getattr(found.direct_url, name) for name in expected}
    assert stated == expected
    assert found.source == ("/src a" if expected.get("editable") else None)
    assert problems == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"url": 1}',
        '{"url": "x", "vcs_info": {}}',
        "[" * 100_000,
        '{"url": "x"}',
        '{"url": "https://[bad/x", "archive_info": {}}',
        "\xff",
    ],
)
def test_a_bad_direct_url_is_a_problem(text: str) -> None:
    (found,), (problem,) = read({**METADATA, f"{INFO}/direct_url.json": text.encode("latin-1")})
    assert found.direct_url is None
    assert problem.path == f"{INFO}/direct_url.json"


def test_unreadable_optional_files() -> None:
    files = {
        **METADATA,
        f"{INFO}/direct_url.json/x": "",
        f"{INFO}/RECORD/x": "",
        f"{INFO}/WHEEL/x": "",
    }
    (found,), problems = read(files)
    assert found.record is not None
    assert found.record.rows == ()
    assert {problem.path for problem in problems} == {f"{INFO}/RECORD", f"{INFO}/direct_url.json"}


def test_what_else_a_dist_info_says() -> None:
    files = {
        **METADATA,
        f"{INFO}/INSTALLER": "uv\n",
        f"{INFO}/WHEEL": "Tag: py2-none-any\nTag: py3-none-any\n",
        f"{INFO}/REQUESTED": "",
        f"{INFO}/uv_build.json": "{}",
    }
    (found,), _ = read(files)
    assert (found.installer, found.requested, found.built) == ("uv", True, True)
    assert found.wheel_tags == ("py2-none-any", "py3-none-any")


@pytest.mark.parametrize(
    ("more", "why"),
    [("", None), ("Tag: py3-none-any\n", "names more than 1000 tags"), ("x" * 65536, "64 KiB")],
    ids=["as many as may be", "one more", "long"],
)
def test_wheel_file_that_goes_over_a_limit_names_no_tags(more: str, why: str | None) -> None:
    tag = "-".join(".".join(f"{each}{at}" for at in range(10)) for each in "abc")
    (found,), problems = read({**METADATA, f"{INFO}/WHEEL": f"Tag: {tag}\n{more}"})
    assert found.wheel_tags == ((tag,) if why is None else ())
    assert [(each.path, each.limit) for each in problems] == (
        [] if why is None else [(f"{INFO}/WHEEL", True)]
    )
    assert all(why is not None and why in each.why for each in problems)


def test_rows_start_at_the_real_directory() -> None:
    files: Files = {
        "/real/deep/site-packages/idna-3.10.dist-info/METADATA": "Name: idna\nVersion: 3.10\n",
        "/real/deep/site-packages/idna-3.10.dist-info/RECORD": "../../bin/idna,,\n",
        SITE: Symlink("/real/deep/site-packages"),
    }
    (found,), _ = read(files)
    assert found.record is not None
    assert [row.path for row in found.record.rows] == ["/real/bin/idna"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/var/lib/dpkg/info/python3-idna.list", f"/.\n{INFO}\n{INFO}/METADATA\n"),
        ("/var/lib/dpkg/info/python3-idna:amd64.list", f"{INFO}/METADATA\n"),
        ("/var/lib/dpkg/status.d/python3-idna.md5sums", f"0123  {INFO[1:]}/METADATA\n"),
        ("/lib/apk/db/installed", f"P:python3-idna\nF:{INFO[1:]}\nR:METADATA\n"),
    ],
    ids=["dpkg", "dpkg-architecture", "distroless", "apk"],
)
def test_the_operating_systems_own(path: str, text: str) -> None:
    (found,), _ = read({**METADATA, path: text})
    assert found.os_package == "python3-idna"


def test_apk_owns_single_files_too() -> None:
    files = {
        "/site/six-1.16.egg-info": "Name: six\nVersion: 1.16\n",
        "/lib/apk/db/installed": "P:py3-six\nF:site\nR:six-1.16.egg-info\nR:six.py\n",
    }
    (found,), _ = read(files)
    assert found.os_package == "py3-six"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/deps", "/deps/bin/x"),
        ("/opt/app/deps", "/opt/app/deps/bin/x"),
        ("/home/lib/python", "/home/bin/x"),
        ("/venv/lib/site-packages", "/venv/bin/x"),
    ],
)
def test_rows_of_a_target_installation(location: str, expected: str) -> None:
    info = f"{location}/idna-3.10.dist-info"
    files: Files = {
        f"{info}/METADATA": "Name: idna\nVersion: 3.10\n",
        f"{info}/RECORD": "../../bin/x,,\n",
    }
    (found,), problems = read(files, location)
    assert found.record is not None
    assert [row.path for row in found.record.rows] == [expected]
    assert problems == []


def test_bills_of_material_are_named() -> None:
    bill = f"{INFO}/sboms/auditwheel.cdx.json"
    (found,), _ = read({**METADATA, bill: "{}"})
    assert found.sboms == (bill,)
    (found,), _ = read(METADATA)
    assert found.sboms == ()
