"""Times of sources and headers of bytecode."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from auditor.image.layers.index_layer import index_layer
from auditor.image.open import open_image
from tests.builders import oci_layout, rootfs_of
from tests.builders.files import patched
from tests.builders.host_files import write_files

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.model import Rootfs
    from tests.builders import Files

HEADER = bytes(range(16))
FILES: Files = {
    "/a/x.pyc": HEADER + b"code",
    "/a/short.pyc": b"123",
    "/a/x.py": HEADER,
    "/b/large.pyc": HEADER + bytes(3 << 20),
}


@pytest.fixture(params=["archive", "layout", "directory"])
def rootfs(request: pytest.FixtureRequest, tmp_path: Path) -> Rootfs:
    if request.param == "archive":
        return rootfs_of(FILES)
    if request.param == "layout":
        return open_image(f"oci:{oci_layout(tmp_path / 'layout', FILES)}").rootfs
    write_files(tmp_path, FILES)
    return open_image(f"dir:{tmp_path}").rootfs


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/a/x.pyc", HEADER),
        ("/a/short.pyc", b"123"),
        ("/b/large.pyc", HEADER),
        ("/a/x.py", b""),
        ("/gone.pyc", b""),
    ],
)
def test_headers_of_bytecode(rootfs: Rootfs, path: str, header: bytes) -> None:
    assert rootfs.facts(path).bytecode_header == header


def source(mtime: int, pax: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("x.py")
        member.mtime, member.pax_headers = mtime, pax
        archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (source(1_700_000_000, {}), 1_700_000_000),
        (source(1, {"mtime": "1700000000.75"}), 1_700_000_000),
        (source(5, {"mtime": "-3.5"}), 5),
        (source(1 << 32 | 7, {}), 7),
        (patched(136, b"notanumber\0\0", data=source(1, {})), 0),
    ],
    ids=["header", "pax", "before-1970", "modulo", "malformed"],
)
def test_times(data: bytes, seen: int) -> None:
    assert list(index_layer([data]).mtimes) == [seen]


def test_the_time_of_a_file_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("")
    os.utime(tmp_path / "x.py", (3, 1_700_000_000.5))
    entry = open_image(f"dir:{tmp_path}").rootfs.lstat("/x.py")
    assert entry is not None
    assert entry.mtime == 1_700_000_000
