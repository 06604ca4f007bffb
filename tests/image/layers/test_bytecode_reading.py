"""Times of sources, headers of bytecode, and the contents of many files at once."""

from __future__ import annotations

import io
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from auditor.image.layers.index_layer import index_layer
from auditor.image.open import open_image
from tests.builders import Hardlink, Symlink, oci_layout, rootfs_of
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
    "/b/y.py": "y" * 100,
    "/b/large.pyc": HEADER + bytes(3 << 20),
    "/b/link.py": Symlink("y.py"),
    "/b/hard.py": Hardlink("/b/y.py"),
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


def test_contents_of_many_files(rootfs: Rootfs) -> None:
    asked = ["/gone", "/b/link.py", "/b/hard.py", "/b/y.py", "/a/x.py", "/b/large.pyc", "/a"]
    assert dict(rootfs.contents(asked, 1000)) == {
        "/b/link.py": b"y" * 100,
        "/b/hard.py": b"y" * 100,
        "/b/y.py": b"y" * 100,
        "/a/x.py": HEADER,
    }


@pytest.mark.parametrize(
    ("mtime", "pax", "told"),
    [
        (1_700_000_000, {}, 1_700_000_000),
        (1, {"mtime": "1700000000.75"}, 1_700_000_000),
        (5, {"mtime": "-3.5"}, 5),
        (1 << 32 | 7, {}, 7),
    ],
    ids=["header", "pax", "before-1970", "modulo"],
)
def test_times(mtime: int, pax: dict[str, str], told: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("x.py")
        member.mtime, member.pax_headers = mtime, pax
        archive.addfile(member)
    assert list(index_layer([buffer.getvalue()]).mtimes) == [told]


def test_a_malformed_time_is_none() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x.py"))
    block = bytearray(buffer.getvalue())
    block[136:148] = b"notanumber\0\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    assert list(index_layer([bytes(block)]).mtimes) == [0]


def test_the_time_of_a_file_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("")
    os.utime(tmp_path / "x.py", (3, 1_700_000_000.5))
    entry = open_image(f"dir:{tmp_path}").rootfs.lstat("/x.py")
    assert entry is not None
    assert entry.mtime == 1_700_000_000
