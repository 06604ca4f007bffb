from __future__ import annotations

import pytest

from auditor.inventory.native.dlopen_calls import DlopenCall, dlopen_names, find_dlopen_calls
from auditor.model import Distribution, MetadataKind, Record, RecordRow
from tests.builders import rootfs_of

PATH, DATA = "/site/pkg/native.py", "/site/pkg/data.txt"
RECORD = Record(tuple(RecordRow(path, "", b"", None) for path in (PATH, DATA)))


def mentioned(source: str, size: int = 0) -> list[str]:
    packages = [
        Distribution(
            name, "1", MetadataKind.DIST_INFO, f"/site/{name}.dist-info", "/site", "", rows
        )
        for name, rows in (("pkg", RECORD), ("bare", None))
    ]
    rootfs = rootfs_of({PATH: source + "\n" * size, DATA: source})
    found = find_dlopen_calls(rootfs, packages, {"/lib/libx.so.1": dlopen_names("libx.so.1.2")})
    calls = found.get("/lib/libx.so.1", [])
    assert calls == [DlopenCall("pkg", PATH, each.call) for each in calls]
    return [each.call for each in calls]


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ('import ctypes.util\nctypes.util.find_library("x")', ["find_library"]),
        ('from ctypes import CDLL\nCDLL("libx.so.1")', ["CDLL"]),
        ("import ctypes\nctypes.cdll.LoadLibrary('/usr/lib/libx.so')", ["LoadLibrary"]),
        ('ffi.dlopen("libx.so.1.2")', ["dlopen"]),
        ('import ctypes\nctypes.CDLL(os.path.join(here, "libx.so"))', []),
        ('import ctypes\nctypes.CDLL(here + "/libx.so")', ["CDLL"]),
        ('import ctypes\nfind_library("y")', []),
        ('find_library("x")', []),
    ],
)
def test_calls_that_name_a_library(source: str, calls: list[str]) -> None:
    assert mentioned(source) == calls


def test_sources_over_the_limit_are_left_out() -> None:
    assert mentioned('import ctypes\nctypes.CDLL("libx.so.1")', 1 << 20) == []


def test_calls_of_one_file_are_bounded() -> None:
    assert mentioned("import ctypes\n" + 'CDLL("y")\n' * 200 + 'CDLL("libx.so.1")') == []


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("libx.so.1.2", {"libx.so", "libx.so.1", "libx.so.1.2"}),
        ("libx.so", {"libx.so"}),
        ("hook", {"hook"}),
    ],
)
def test_called_names(name: str, names: set[str]) -> None:
    assert dlopen_names(name) == names
