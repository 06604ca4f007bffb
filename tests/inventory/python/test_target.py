from __future__ import annotations

import sys

import pytest
from packaging.markers import default_environment
from packaging.tags import Tag, sys_tags

from auditor.image.open import open_image
from auditor.inventory.python.interpreter import read_interpreter
from auditor.inventory.python.target import target_of
from auditor.model import Libc, Target
from tests.builders.targets import target


def platforms(found: Target) -> list[str]:
    """Return the platform tags of the best interpreter and ABI, best first."""
    best = found.tags[0]
    return [
        tag.platform
        for tag in found.tags
        if (tag.interpreter, tag.abi) == (best.interpreter, best.abi)
    ]


def test_the_running_interpreter_has_the_markers_and_tags_that_packaging_gives() -> None:
    interpreter = read_interpreter(
        open_image(f"env:{sys.prefix}").rootfs, sys.executable, platform=None
    )
    assert interpreter is not None
    found = target_of(interpreter)
    assert list(found.tags) == list(sys_tags())
    environment = dict(default_environment())
    del environment["platform_release"], environment["platform_version"]
    assert found.markers == environment


AMD64 = (
    "linux manylinux_2_18 manylinux_2_17 manylinux2014 manylinux_2_16 manylinux_2_15 "
    "manylinux_2_14 manylinux_2_13 manylinux_2_12 manylinux2010 manylinux_2_11 manylinux_2_10 "
    "manylinux_2_9 manylinux_2_8 manylinux_2_7 manylinux_2_6 manylinux_2_5 manylinux1"
)
PLATFORMS: dict[str, tuple[Libc | None, str]] = {
    "x86_64": (Libc("glibc", (2, 18)), AMD64),
    "aarch64": (
        Libc("glibc", (2, 19)),
        "linux manylinux_2_19 manylinux_2_18 manylinux_2_17 manylinux2014",
    ),
    "armv7l": (Libc("glibc", (2, 17)), "linux manylinux_2_17 manylinux2014"),
    "armv6l": (Libc("glibc", (2, 36)), "linux"),
    "x86_64 static": (None, "linux"),
    "aarch64 old": (Libc("glibc", (2, 5)), "linux"),
    "aarch64 musl": (Libc("musl", (1, 2)), "linux musllinux_1_2 musllinux_1_1 musllinux_1_0"),
    "armv6l musl": (Libc("musl", (1, 1)), "linux musllinux_1_1 musllinux_1_0"),
}


@pytest.mark.parametrize("case", PLATFORMS)
def test_the_platforms_of_a_machine_and_its_c_library(case: str) -> None:
    machine = case.partition(" ")[0]
    libc, expected = PLATFORMS[case]
    assert platforms(target("3.11.7", machine, libc)) == [
        f"{platform}_{machine}" for platform in expected.split()
    ]


@pytest.mark.parametrize(
    ("libc", "newest"),
    [
        (Libc("glibc", None), "manylinux_2_50_x86_64"),
        (Libc("glibc", (3, 1)), "manylinux_2_50_x86_64"),
        (Libc("glibc", (2, 60)), "manylinux_2_60_x86_64"),
        (Libc("glibc", (2, 999)), "manylinux_2_99_x86_64"),
        (Libc("musl", None), "musllinux_1_5_x86_64"),
        (Libc("musl", (1, 999)), "musllinux_1_99_x86_64"),
    ],
)
def test_a_c_library_of_unknown_version_takes_all_that_may_fit(libc: Libc, newest: str) -> None:
    assert platforms(target(libc=libc))[1] == newest


@pytest.mark.parametrize("machine", ["i686", "ppc64le", "s390x", "riscv64", "loongarch64"])
def test_manylinux_is_known_for_other_machines(machine: str) -> None:
    oldest = "manylinux1_i686" if machine == "i686" else f"manylinux2014_{machine}"
    assert platforms(target(machine=machine, libc=Libc("glibc", (2, 36))))[-1] == oldest


def test_a_free_threaded_interpreter_takes_no_stable_abi() -> None:
    found = target("3.13.1", free_threaded=True)
    assert found.tags[0] == Tag("cp313", "cp313t", "linux_x86_64")
    abis = {tag.abi for tag in found.tags}
    assert "abi3" not in abis
    assert "cp313" not in abis
    assert Tag("py3", "none", "any") in found.tags


def test_pypy_has_tags_and_markers_of_its_own() -> None:
    found = target("3.10.13", implementation="pypy")
    assert found.tags[0] == Tag("pp310", "pypy310_pp73", "linux_x86_64")
    assert Tag("pp3", "none", "any") in found.tags
    assert not any(tag.interpreter.startswith("cp") for tag in found.tags)
    assert found.markers["platform_python_implementation"] == "PyPy"
    assert found.markers["implementation_name"] == "pypy"
    assert found.markers["python_full_version"] == "3.10.13"
    assert "implementation_version" not in found.markers


@pytest.mark.parametrize(
    ("version", "full", "implementation"),
    [
        ("3.11.7", "3.11.7", "3.11.7"),
        ("3.14.0rc1", "3.14.0rc1", "3.14.0rc1"),
        ("3.14.0a1+", "3.14.0a1+", "3.14.0a1"),
        ("3.11", None, None),
    ],
)
def test_the_version_markers(version: str, full: str | None, implementation: str | None) -> None:
    markers = target(version).markers
    assert markers["python_version"] == ".".join(version.split(".")[:2])
    assert markers.get("python_full_version") == full
    assert markers.get("implementation_version") == implementation


def test_what_only_a_kernel_knows_is_absent() -> None:
    assert not {"platform_release", "platform_version"} & target().markers.keys()
