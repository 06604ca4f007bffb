"""What is imported in place of a locked distribution's modules."""

from __future__ import annotations

import pytest

from auditor.evidence.shadowing import modules
from auditor.inventory.python.importable import import_root, module_file, module_name
from auditor.model import Distribution, MetadataKind, Record, RecordRow
from tests.builders import rootfs_of
from tests.builders.wheels import zipped

SITE = "/usr/lib/python3.11/site-packages"


def distribution(*files: str) -> Distribution:
    rows = tuple(RecordRow(f"{SITE}/{file}", "", b"", None) for file in files)
    record = Record((*rows, RecordRow("/usr/bin/tool.py", "", b"", None)))
    return Distribution("x", "1", MetadataKind.DIST_INFO, f"{SITE}/x", SITE, record=record)


MODULES = {
    "module": (["six.py"], ["six"]),
    "package": (["idna/__init__.py", "idna/core.py", "idna/data/x.py"], ["idna"]),
    "namespace": (
        ["google/cloud/storage/__init__.py", "google/cloud/version.py"],
        ["google/cloud/storage", "google/cloud/version"],
    ),
    "extensions": (
        ["_x.cpython-311-x86_64-linux-gnu.so", "_y.abi3.so", "_z.so"],
        ["_x", "_y", "_z"],
    ),
    "foreign": (
        ["_x.cpython-312-x86_64-linux-gnu.so", "x.libs/libz.so.1", "x-1.dist-info/a.py"],
        [],
    ),
    "no-modules": (["__pycache__/six.cpython-311.pyc", "py.typed", "x.pth"], []),
    "tests-by-mistake": (["x.py", "tests/__init__.py"], ["x"]),
    "tests-alone": (["tests/__init__.py"], ["tests"]),
}


@pytest.mark.parametrize(("files", "found"), MODULES.values(), ids=MODULES)
def test_modules_that_a_record_lists(files: list[str], found: list[str]) -> None:
    assert modules(distribution(*files), "3.11") == found


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("a.py", "a"),
        ("a.pyc", "a"),
        ("a.cpython-311.so", "a"),
        ("a.cpython-311t-x86_64-linux-gnu.so", None),
        ("a-b.py", None),
        ("a", None),
        ("a.txt", None),
    ],
)
def test_names_of_modules(name: str, module: str | None) -> None:
    assert module_name(name, "3.11") == module


MEMBERS = {"google/cloud/storage/__init__.py": "", "empty/": "", "six.py": ""}


@pytest.mark.parametrize("zip_file", [True, False], ids=["zip", "directory"])
@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("six", "six.py"),
        ("google", None),
        ("google/cloud/storage", "google/cloud/storage/__init__.py"),
        ("empty", None),
        ("gone/deeper", None),
    ],
)
def test_what_a_place_has(path: str, file: str | None, *, zip_file: bool) -> None:
    content = {f"/p/{name}": text for name, text in MEMBERS.items() if not name.endswith("/")}
    rootfs = rootfs_of({"/p": zipped(MEMBERS)} if zip_file else content)
    place, problem = import_root(rootfs, "/p")
    assert problem is None
    assert module_file(place, path, "3.11") == file
    assert place.locate("six.py") == ("/p" if zip_file else "/p/six.py")
    assert place.is_directory("google/cloud")
    assert place.is_directory("empty") is zip_file


def test_a_zip_file_that_is_none_is_a_problem() -> None:
    place, problem = import_root(rootfs_of({"/p": "no zip file"}), "/p")
    assert place.names("") == []
    assert problem is not None
    assert "cannot be read as a zip file" in problem.why


@pytest.mark.parametrize(("limit", "names"), [("_ZIP_BYTES", 0), ("_ZIP_NAMES", 1)])
def test_limits_of_zip_files(limit: str, names: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"auditor.inventory.python.importable.{limit}", 1)
    place, problem = import_root(rootfs_of({"/p": zipped({"a.py": "", "b.py": ""})}), "/p")
    assert problem is not None
    assert problem.limit
    assert len(place.names("")) == names
