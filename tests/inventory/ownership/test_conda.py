"""conda's records: which files they answer for. Their form is that of rattler and of conda."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from auditor.inventory.collect import collect_inventory
from auditor.inventory.ownership.conda import conda_files
from auditor.inventory.ownership.file_ownership import FileOwnership
from auditor.model import Owner, OwnerKind
from tests.builders import File, Symlink, elf, image_of, rootfs_of

if TYPE_CHECKING:
    from tests.builders import Files

PREFIX = "/opt/conda"
SITE = f"{PREFIX}/lib/python3.11/site-packages"
LIBRARY, CHANGED = elf(soname="libz.so.1"), elf(soname="libz.so.1", build_id="ff")
PACKED, PLACED = "#!/placeholder/bin/sh\n", f"#!{PREFIX}/bin/sh\n"

ENVIRONMENT: Files = {
    f"{PREFIX}/bin/python3.11": File(elf(strings=["3.11.7"]), 0o755),
    f"{PREFIX}/bin/python": Symlink("python3.11"),
    f"{PREFIX}/lib/python3.11/os.py": "",
    f"{PREFIX}/lib/libz.so.1": LIBRARY,
    f"{PREFIX}/lib/libz.so": Symlink("libz.so.1"),
    f"{PREFIX}/bin/zconf": File(PLACED, 0o755),
    f"{PREFIX}/bin/tool": File("generated", 0o755),
    f"{SITE}/loose.py": "x",
}


def sha256(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def record(name: str, *paths: dict[str, str], files: tuple[str, ...] = ()) -> Files:
    document = {
        "name": name,
        "files": [*files, *(path["_path"] for path in paths)],
        "paths_data": {"paths": list(paths), "paths_version": 1},
    }
    return {f"{PREFIX}/conda-meta/{name}-1.0-0.json": json.dumps(document)}


def hardlink(path: str, content: str | bytes, **more: str) -> dict[str, str]:
    return {"_path": path, "path_type": "hardlink", "sha256": sha256(content), **more}


ZLIB = record(
    "zlib",
    hardlink("lib/libz.so.1", LIBRARY),
    {"_path": "lib/libz.so", "path_type": "softlink", "sha256": sha256("")},
    hardlink(
        "bin/zconf", PACKED, prefix_placeholder="/placeholder", sha256_in_prefix=sha256(PLACED)
    ),
    {"_path": "bin/tool", "path_type": "unix_python_entry_point"},
    hardlink("lib/python3.11/site-packages/loose.py", "x"),
)


PYTHON = record("python", hardlink("bin/python3.11", elf(strings=["3.11.7"])))


def owners(*layers: Files) -> dict[str, Owner | None]:
    image = image_of([{**ENVIRONMENT, **PYTHON, **ZLIB}, *layers], env={"PATH": f"{PREFIX}/bin"})
    book = FileOwnership(image, collect_inventory(image))
    return {
        path.removeprefix(f"{PREFIX}/"): book.owner(path)
        for path in ENVIRONMENT
        if "/lib/libz" in path or path.startswith(f"{PREFIX}/bin/") or path.endswith("loose.py")
    }


def test_what_a_record_names_is_the_packages() -> None:
    zlib = Owner(OwnerKind.CONDA_PACKAGE, "zlib")
    python = Owner(OwnerKind.INTERPRETER, PREFIX)
    assert owners() == {
        "bin/python3.11": python,
        "bin/python": python,
        "lib/libz.so.1": zlib,
        "lib/libz.so": zlib,
        "bin/zconf": zlib,
        "bin/tool": None,
        "lib/python3.11/site-packages/loose.py": zlib,
    }


@pytest.mark.parametrize(
    ("path", "content"),
    [("lib/libz.so.1", CHANGED), ("bin/zconf", PACKED)],
    ids=["library", "as-it-was-in-the-package"],
)
def test_other_bytes_than_were_installed_are_nobodys(path: str, content: str | bytes) -> None:
    assert owners({f"{PREFIX}/{path}": content})[path] is None


@pytest.mark.parametrize("version", ["3.11.7", "3.11.8"])
def test_records_in_another_ones_environment_speak_for_nothing(version: str) -> None:
    program = {f"{PREFIX}/bin/python3.11": File(elf(strings=[version]), 0o755)}
    files: Files = {**ENVIRONMENT, **ZLIB, **PYTHON, **program}
    library = f"{PREFIX}/lib/libz.so.1"
    assert (library in conda_files(rootfs_of(files), [PREFIX])[0]) is (version == "3.11.7")
    assert conda_files(rootfs_of({**ENVIRONMENT, **ZLIB}), [PREFIX]) == ({}, ())


def test_what_pip_installed_over_it_is_the_distributions() -> None:
    info = f"{SITE}/loose-1.dist-info"
    pip: Files = {
        f"{SITE}/loose.py": "y",
        f"{info}/METADATA": "Name: loose\nVersion: 1\n",
        f"{info}/RECORD": "loose.py,,\n",
    }
    owner = owners(pip)["lib/python3.11/site-packages/loose.py"]
    assert owner == Owner(OwnerKind.DISTRIBUTION, "loose", PREFIX)


def test_a_file_that_no_digest_is_recorded_of() -> None:
    old = hardlink("lib/a", "a", prefix_placeholder="/placeholder")
    none = {"_path": "lib/b", "path_type": "hardlink", "sha256": "no digest"}
    files: Files = {f"{PREFIX}/lib/a": "", **record("x", old, none, files=("lib/c",))}
    found, problems = conda_files(rootfs_of(files), [PREFIX])
    assert {path: file.digest for path, file in found.items()} == {
        f"{PREFIX}/lib/c": b"",
        f"{PREFIX}/lib/a": b"",
        f"{PREFIX}/lib/b": b"",
    }
    assert problems == ()


def test_a_record_speaks_for_its_own_prefix() -> None:
    files: Files = {
        "/usr/lib/libx.so": "",
        f"{PREFIX}/lib/x": "",
        **record("evil", files=("../../usr/lib/libx.so", "/usr/lib/libx.so", ".", "", "lib/x\0y")),
    }
    assert conda_files(rootfs_of(files), [PREFIX]) == ({}, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"name": "x", "files": 1}',
        '{"name": "x", "paths_data": {"paths": [{}]}}',
        '{"name": "x", "paths_data": {"paths": ["x"]}}',
        '{"name": "x", "paths_data": 1}',
        "[" * 100_000,
    ],
    ids=["empty", "list", "no-name", "files", "no-path", "no-object", "no-paths", "deep"],
)
def test_what_is_no_record_is_said(text: str) -> None:
    path = f"{PREFIX}/conda-meta/x-1.0-0.json"
    files: Files = {path: text, f"{PREFIX}/conda-meta/history": "", f"{PREFIX}/lib/x": ""}
    found, (problem,) = conda_files(rootfs_of(files), [PREFIX])
    assert found == {}
    assert (problem.path, problem.why) == (path, "is no record of a conda package")


def test_two_packages_that_claim_one_path() -> None:
    files: Files = {
        f"{PREFIX}/lib/x": "",
        **record("b", files=("lib/x",)),
        **record("a", files=("lib/x",)),
    }
    found, _ = conda_files(rootfs_of(files), [PREFIX, f"{PREFIX}/", "/nowhere"])
    assert [file.package for file in found.values()] == ["a"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("_RECORD_BYTES", 300, "could not be read"),
        ("_RECORD_VALUES", 6, "has more than 6 values"),
        ("_FILES", 3, "conda's records name more than 3 files"),
    ],
)
def test_records_over_a_limit_are_told_and_the_others_read(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int, why: str
) -> None:
    small = record("a", {"_path": "a"}, {"_path": "b"})
    large = record("b", *({"_path": f"{at:0100}"} for at in range(3)))
    rootfs = rootfs_of({**small, **large})
    files, problems = conda_files(rootfs, [PREFIX])
    assert (len(files), problems) == (5, ())
    monkeypatch.setattr(f"auditor.inventory.ownership.conda.{name}", value)
    files, (problem,) = conda_files(rootfs, [PREFIX])
    assert (sorted(files), problem.limit) == ([f"{PREFIX}/a", f"{PREFIX}/b"], True)
    assert (problem.path, why in problem.why) == (f"{PREFIX}/conda-meta/b-1.0-0.json", True)
