from __future__ import annotations

import pytest

from auditor.image.codec.version_strings import probe_for, versions_in
from tests.builders import elf

GLIBC = "GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36."


@pytest.mark.parametrize(
    ("name", "strings", "found"),
    [
        pytest.param("python3.11", ["3.11.7"], ("3.11.7",), id="cpython"),
        pytest.param("python3", ["3.14.0rc2+"], ("3.14.0rc2+",), id="release-candidate"),
        pytest.param("libpython3.12.so.1.0", ["x", "3.12.1", "3.12.1"], ("3.12.1",), id="library"),
        pytest.param(
            "python3.13t",
            [".cpython-313t-x86_64-linux-gnu.so", "3.13.1"],
            ("3.13.1", "cpython-313t"),
            id="free-threaded",
        ),
        pytest.param(
            "python3.13", [".cpython-313-x86_64-linux-gnu.so", "3.13.1"], ("3.13.1",), id="gil"
        ),
        pytest.param("libpypy3.10-c.so", ["3.10.14", "7.3.17"], ("3.10.14",), id="pypy"),
        pytest.param("libc.so.6", [GLIBC], ("2.36",), id="glibc"),
        pytest.param("libc-2.31.so", [GLIBC.replace("2.36.", "2.31.")], ("2.31",), id="old-glibc"),
        pytest.param("ld-musl-x86_64.so.1", ["1.2.5"], ("1.2.5",), id="musl"),
        pytest.param("python3.11", ["1.2.5", "13.11.7", "3.11"], (), id="other-numbers"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 100, 1 << 20])
def test_versions(name: str, strings: list[str], found: tuple[str, ...], chunk: int) -> None:
    marks = probe_for(name)
    assert marks is not None
    data = elf(strings=strings)
    assert versions_in((data[at : at + chunk] for at in range(0, len(data), chunk)), marks) == found


def test_hostile_file_cannot_fill_the_list() -> None:
    marks = probe_for("python3")
    assert marks is not None
    data = b"".join(b"\0003.%d.%d\0" % (number // 100, number % 100) for number in range(5000))
    assert len(versions_in([data], marks)) == 16


@pytest.mark.parametrize("name", ["python3-config", "libcrypto.so.3", "libc.a", "ls", "pythonista"])
def test_most_files_are_not_searched(name: str) -> None:
    assert probe_for(name) is None
