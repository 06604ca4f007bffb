"""ELF facts against readelf, hostile bytes, and files that pass by in pieces."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.image.codec.elf import read_bytes
from auditor.image.codec.elf_stream import StreamingElfReader
from auditor.image.layout.archive import read_archive_stream
from auditor.image.layout.blob_store import ImageQuery
from auditor.model import Elf, ElfType
from tests.builders import docker_archive, elf, image_of


class Dynamic(TypedDict, total=False):
    soname: str
    needed: tuple[str, ...]
    rpath: str
    runpath: str
    interpreter: str
    build_id: str
    pie: bool


FULL: Dynamic = {
    "soname": "libx.so.1",
    "needed": ("libc.so.6", "libm.so.6"),
    "rpath": "$ORIGIN/../x.libs",
    "runpath": "/opt/a:/opt/b",
    "interpreter": "/lib64/ld-linux-x86-64.so.2",
    "build_id": "00ff10",
    "pie": True,
}


@pytest.mark.parametrize(
    ("machine", "bits"),
    [("x86_64", 64), ("aarch64", 64), ("i686", 32), ("armv7l", 32), ("s390x", 64)],
)
def test_every_fact_is_read(machine: str, bits: int) -> None:
    facts = read_bytes(elf(machine, **FULL))
    assert facts == Elf(machine, bits, ElfType.SHARED, **FULL, dynamic=True)


@pytest.mark.parametrize("machine", ["ppc64le", "riscv64"])
def test_a_file_without_program_headers_is_static(machine: str) -> None:
    facts = read_bytes(elf(machine))
    assert facts == Elf(machine, 64, ElfType.SHARED)


@pytest.mark.parametrize(
    ("head", "facts"),
    [
        pytest.param(b"\x7fELF\2\2\1" + bytes(11) + b"\0\x15", ("ppc64", 64), id="big-endian"),
        pytest.param(b"\x7fELF\2\1\1" + bytes(11) + b"\x99\x99", ("elf-39321", 64), id="other"),
        pytest.param(b"\x7fELF\2\1", None, id="cut"),
        pytest.param(b"#!/bin/sh\n" + bytes(60), None, id="script"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_heads(head: bytes, facts: tuple[str, int] | None) -> None:
    found = read_bytes(head)
    assert (found and found[:2]) == facts
    assert found is None or not found.complete


@pytest.mark.parametrize(
    ("facts", "library"),
    [
        pytest.param({"soname": "libc.so.6", "interpreter": "/lib/ld.so"}, True, id="libc"),
        pytest.param({"needed": ("libc.so.6",)}, True, id="extension"),
        pytest.param({"needed": ("a",), "interpreter": "/lib/ld.so"}, False, id="executable"),
        pytest.param({"needed": ("a",), "pie": True}, False, id="static pie"),
    ],
)
def test_what_is_a_library(facts: Dynamic, library: bool) -> None:
    found = read_bytes(elf(**facts))
    assert found is not None
    assert found.is_library is library


@given(st.binary(max_size=400))
def test_any_bytes_give_facts_or_none(content: bytes) -> None:
    assert read_bytes(content) is None or content.startswith(b"\x7fELF")
    assert read_bytes(b"\x7fELF" + content) is None or len(content) >= 16


@given(st.data())
def test_any_changed_file_gives_facts(data: st.DataObject) -> None:
    machine = data.draw(st.sampled_from(["x86_64", "i686", "s390x"]))
    content = bytearray(elf(machine, gap=5000, **FULL))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(4, 400) | st.integers(4, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(20, len(content)))
    facts = read_bytes(bytes(content[:cut]))
    assert facts is not None
    passed = _passed(bytes(content[:cut]), data.draw(st.integers(1, 6000)))
    assert passed is not None
    assert not passed.complete or passed == facts


def _passed(content: bytes, size: int, bound: int = 1 << 20) -> Elf | None:
    reader = StreamingElfReader(bound)
    for at in range(0, len(content), size):
        reader.feed(content[at : at + size])
    return reader.facts()


@pytest.mark.parametrize("size", [1, 63, 4096, 4097, 300_000])
@pytest.mark.parametrize("gap", [0, 3000, 200_000])
def test_facts_of_a_file_in_pieces(size: int, gap: int) -> None:
    content = elf(gap=gap if size > 1 else min(gap, 5000), **FULL)
    assert _passed(content, size) == read_bytes(content)


def test_strings_that_lie_too_far_are_missing() -> None:
    facts = _passed(elf(gap=9000, **FULL), 1000, bound=5000)
    assert facts is not None
    assert not facts.complete
    assert (facts.soname, facts.needed, facts.build_id) == ("", (), FULL["build_id"])


def test_a_passing_file_keeps_little() -> None:
    facts = _passed(elf(gap=5_000_000, **FULL), 1 << 30, bound=10_000)
    assert facts is not None
    assert not facts.complete


def test_what_passed_too_early_is_read_once_more() -> None:
    far = elf(gap=3_000_000, **FULL)
    image = image_of({"/lib/a.so": far, "/lib/b.so": elf(gap=2_000_000, soname="libb.so")})
    first, second = (image.rootfs.facts(path).elf for path in ("/lib/a.so", "/lib/b.so"))
    assert first == read_bytes(far)
    assert second is not None
    assert (second.soname, second.complete) == ("libb.so", True)


def test_what_cannot_be_read_again_stays_incomplete() -> None:
    archive = docker_archive({"/lib/a.so": elf(gap=3_000_000, soname="liba.so")})
    image = read_archive_stream(io.BytesIO(archive), ImageQuery("x"))
    facts = image.rootfs.facts("/lib/a.so").elf
    assert facts is not None
    assert (facts.machine, facts.soname, facts.complete) == ("x86_64", "", False)


def test_a_hostile_count_is_cut() -> None:
    many = elf(needed=[f"lib{number}.so" for number in range(1500)])
    facts = read_bytes(many)
    assert facts is not None
    assert len(facts.needed) == 1024
    assert not facts.complete


def _readelf(path: Path) -> dict[str, object]:
    text = subprocess.run(
        ["readelf", "-dlnW", str(path)], capture_output=True, text=True, check=False
    ).stdout

    def last(pattern: str) -> str:
        return "".join(re.findall(pattern, text)[-1:])

    return {
        "needed": tuple(re.findall(r"\(NEEDED\)\s+.*?\[(.*)\]", text)),
        "soname": last(r"\(SONAME\)\s+.*?\[(.*)\]"),
        "rpath": last(r"\(RPATH\)\s+.*?\[(.*)\]"),
        "runpath": last(r"\(RUNPATH\)\s+.*?\[(.*)\]"),
        "build_id": last(r"Build ID: (\w+)"),
        "interpreter": last(r"program interpreter: (.*)\]"),
        "pie": "PIE" in last(r"\(FLAGS_1\).*"),
    }


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf is the reference")
def test_real_files_say_what_readelf_says() -> None:
    folders = (Path(sysconfig.get_path("platlib")), Path("/usr/lib"))
    paths = [path for folder in folders for path in sorted(folder.rglob("*.so*"))[:400]]
    compared = 0
    for path in paths:
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        facts = read_bytes(content)
        if facts is None:
            continue
        expected = _readelf(path)
        assert {key: getattr(facts, key) for key in expected} == expected, path
        passed = _passed(content, 256 << 10)
        assert passed == facts or (passed is not None and not passed.complete), path
        compared += 1
        if compared == 150:
            break
    assert compared
