from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.inventory.native.loader_cache import (
    configured_directories,
    musl_directories,
    parse_cache,
    read_cache,
)
from tests.builders import Files, rootfs_of


def ld_so_cache(
    entries: list[tuple[str, str, int]], *, mark: str = "<", before: bytes = b""
) -> bytes:
    """Return a cache of name, path and flags, behind what an older format would have."""
    table, strings = b"", b""
    start = 48 + 24 * len(entries)
    for name, path, flags in entries:
        at = start + len(strings)
        strings += name.encode() + b"\0" + path.encode() + b"\0"
        table += struct.pack(f"{mark}iIIIQ", flags, at, at + len(name) + 1, 0, 0)
    head = b"glibc-ld.so.cache1.1" + struct.pack(f"{mark}II", len(entries), len(strings))
    return before + head + bytes((3 if mark == ">" else 2,)) + bytes(19) + table + strings


ENTRIES = [("libz.so.1", "/usr/lib/libz.so.1", 0x303), ("libz.so.1", "/lib32/libz.so.1", 3)]


@pytest.mark.parametrize("mark", ["<", ">"])
@pytest.mark.parametrize("before", [b"", b"ld.so-1.7.0\0" + bytes(20)])
def test_the_paths_of_a_name_in_order(mark: str, before: bytes) -> None:
    content = ld_so_cache([*ENTRIES, ("old.so", "/old.so", 1)], mark=mark, before=before)
    assert parse_cache(content) == {"libz.so.1": ["/usr/lib/libz.so.1", "/lib32/libz.so.1"]}


@pytest.mark.parametrize(
    "content",
    [b"", b"glibc-ld.so.cache1.1", b"ld.so-1.7.0\0", b"x" * 100],
    ids=["empty", "cut", "old", "other"],
)
def test_what_is_no_cache(content: bytes) -> None:
    assert parse_cache(content) is None
    assert read_cache(rootfs_of({"/etc/ld.so.cache": content})) is None


def test_no_cache() -> None:
    assert read_cache(rootfs_of({"/etc/hostname": ""})) is None


@given(st.binary(max_size=200))
def test_any_bytes_give_paths_or_nothing(content: bytes) -> None:
    found = parse_cache(b"glibc-ld.so.cache1.1" + content)
    assert found is None or all(path.startswith("/") for each in found.values() for path in each)


@pytest.mark.skipif(
    shutil.which("/sbin/ldconfig") is None or not Path("/etc/ld.so.cache").exists(),
    reason="ldconfig is the reference",
)
def test_a_real_cache_says_what_ldconfig_says() -> None:
    listed = subprocess.run(
        ["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True
    ).stdout
    expected = [
        (line.split()[0], line.rpartition(" => ")[2])
        for line in listed.splitlines()
        if "=>" in line
    ]
    found = parse_cache(Path("/etc/ld.so.cache").read_bytes()) or {}
    assert sorted((name, path) for name, paths in found.items() for path in paths) == sorted(
        expected
    )


def test_configured_directories() -> None:
    files: Files = {
        "/etc/ld.so.conf": "include ld.so.conf.d/*.conf\n/opt/a /opt/b:/opt/c # no\nhwcap 0 x\n",
        "/etc/ld.so.conf.d/z.conf": "/opt/z=libc6\nrelative\n",
        "/etc/ld.so.conf.d/a.conf": "/opt/a\ninclude /etc/ld.so.conf\n",
        "/etc/ld.so.conf.d/not": "/opt/not\n",
    }
    assert configured_directories(rootfs_of(files)) == ["/opt/a", "/opt/b", "/opt/c", "/opt/z"]


def test_musl_directories() -> None:
    files: Files = {"/etc/ld-musl-x86_64.path": "/lib:/usr/local/lib\n/opt/lib\nrelative\n"}
    assert musl_directories(rootfs_of(files), "x86_64") == ["/lib", "/usr/local/lib", "/opt/lib"]
    assert musl_directories(rootfs_of(files), "aarch64") == ["/lib", "/usr/local/lib", "/usr/lib"]
