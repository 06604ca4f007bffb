"""The loader's order, one rule of ld.so(8) or of musl at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.image.open import open_image
from auditor.inventory.native.loader import LoadedObject, Loader
from auditor.model import ImageConfig, Interpreter, Libc, Platform
from tests.builders import Files, Symlink, elf, rootfs_of
from tests.inventory.native.test_loader_cache import ld_so_cache

PYTHON = "/usr/local/bin/python3.11"
MACHINE = "x86_64"


def loader_of(
    files: Files,
    env: dict[str, str] | None = None,
    *,
    family: str = "glibc",
    here: str = "/project",
) -> Loader:
    config = ImageConfig(Platform("linux", "amd64"), env=env or {}, working_dir=here)
    interpreter = Interpreter(
        PYTHON, "/usr/local", "cpython", "3.11.7", False, MACHINE, Libc(family, None)
    )
    return Loader(rootfs_of({PYTHON: elf(needed=["libc.so.6"]), **files}), config, interpreter)


def taken(
    loader: Loader, *facts: dict[str, object], name: str = "libx.so.1"
) -> tuple[str, str] | None:
    """Return what is taken for an object with `facts` in /pkg/a, loaded by one in /pkg/b, ..."""
    chain = []
    for number, each in enumerate(facts):
        found = rootfs_of({"/x": elf(**each)}).facts("/x").elf  # type: ignore[arg-type] # a table
        assert found is not None
        chain.append(LoadedObject(f"/pkg/{chr(97 + number)}/lib.so", found))
    found_file = loader.find(name, chain)
    return (found_file.real, found_file.by) if found_file else None


X = elf(soname="libx.so.1")


PLAIN: dict[str, object] = {"needed": ["c"]}
GLIBC: dict[str, tuple[str, str, dict[str, object], tuple[str, str] | None]] = {
    "rpath first": ("/r /l /u /usr/lib", "/l", {"rpath": "/r", "needed": ["c"]}, ("/r", "RPATH")),
    "runpath switches rpath off": (
        "/r /l /u", "/l", {"rpath": "/r", "runpath": "/u"}, ("/l", "LD_LIBRARY_PATH")
    ),
    "runpath before defaults": (
        "/r /u /usr/lib", "/l", {"rpath": "/r", "runpath": "/u"}, ("/u", "RUNPATH")
    ),
    "origin": ("/pkg/a/libs", "", {"rpath": "$ORIGIN/libs"}, ("/pkg/a/libs", "RPATH")),
    "braces": (
        "/pkg/a /pkg/libs", "", {"runpath": "${ORIGIN}/../libs:${ORIGIN}"}, ("/pkg/libs", "RUNPATH")
    ),
    "lib and platform": (
        "/o/lib64/x86_64", "", {"runpath": "/o/$LIB/$PLATFORM"}, ("/o/lib64/x86_64", "RUNPATH")
    ),
    "empty element": ("/project", "/nothing::", PLAIN, ("/project", "LD_LIBRARY_PATH")),
    "relative": ("/project/sub", "sub;/l", PLAIN, ("/project/sub", "LD_LIBRARY_PATH")),
    "multiarch": ("/usr/lib/x86_64-linux-gnu", "", PLAIN, ("/usr/lib/x86_64-linux-gnu", "default")),
    "lib64": ("/usr/lib64", "", PLAIN, ("/usr/lib64", "default")),
    "nowhere": ("/opt", "", PLAIN, None),
    "hwcaps": ("/usr/lib/glibc-hwcaps/x86-64-v3 /usr/lib", "", PLAIN,
               ("/usr/lib/glibc-hwcaps/x86-64-v3", "default")),
}  # fmt: skip


@pytest.mark.parametrize(("folders", "env", "facts", "expected"), GLIBC.values(), ids=GLIBC)
def test_glibc_order(
    folders: str, env: str, facts: dict[str, object], expected: tuple[str, str] | None
) -> None:
    loader = loader_of(
        {f"{folder}/libx.so.1": X for folder in folders.split()},
        {"LD_LIBRARY_PATH": env} if env else {},
    )
    assert taken(loader, facts) == (expected and (f"{expected[0]}/libx.so.1", expected[1]))


def test_rpath_is_inherited_and_runpath_is_not() -> None:
    loader = loader_of({"/r/libx.so.1": X, "/u/libx.so.1": X})
    plain: dict[str, object] = {"needed": ["libx.so.1"]}
    assert taken(loader, plain, {"rpath": "/r"}) == ("/r/libx.so.1", "RPATH")
    assert taken(loader, plain, {"runpath": "/u"}) is None
    assert taken(loader, plain, {"rpath": "/r", "runpath": "/u"}) is None
    assert taken(loader, {"runpath": "/none"}, {"rpath": "/r"}) is None


def test_the_cache_decides_and_not_ld_so_conf() -> None:
    cache = ld_so_cache([("libx.so.1", "/opt/b/libx.so.1", 0x303)])
    files: Files = {
        "/etc/ld.so.conf": "/opt/a\n/opt/b\n",
        "/opt/a/libx.so.1": X,
        "/opt/b/libx.so.1": X,
        "/usr/lib/libx.so.1": X,
    }
    assert taken(loader_of({**files, "/etc/ld.so.cache": cache})) == (
        "/opt/b/libx.so.1",
        "ld.so.cache",
    )
    assert taken(loader_of(files)) == ("/opt/a/libx.so.1", "default")
    gone = ld_so_cache([("libx.so.1", "/opt/gone/libx.so.1", 0x303)])
    assert taken(loader_of({**files, "/etc/ld.so.cache": gone})) == (
        "/usr/lib/libx.so.1",
        "default",
    )


def test_another_architecture_is_passed_over() -> None:
    files: Files = {
        "/l/libx.so.1": elf("aarch64", soname="libx.so.1"),
        "/l2/libx.so.1": elf("i686", soname="libx.so.1"),
        "/l3/libx.so.1": "no library",
        "/usr/lib/libx.so.1": Symlink("libx.so.1.2"),
        "/usr/lib/libx.so.1.2": X,
    }
    loader = loader_of(files, {"LD_LIBRARY_PATH": "/l:/l2:/l3:/l4"})
    assert taken(loader) == ("/usr/lib/libx.so.1.2", "default")


def test_names_with_a_slash_are_paths() -> None:
    loader = loader_of({"/project/a/libx.so.1": X, "/pkg/a/libx.so.1": X})
    assert taken(loader, name="a/libx.so.1") == ("/project/a/libx.so.1", "its path")
    assert taken(loader, {"needed": ["c"]}, name="$ORIGIN/libx.so.1") == (
        "/pkg/a/libx.so.1",
        "its path",
    )
    assert taken(loader, name="/none/libx.so.1") is None
    assert taken(loader, name="") is None


MUSL: dict[str, tuple[str, str, list[dict[str, object]], tuple[str, str] | None]] = {
    "environment first": ("/r /l", "/l", [{"rpath": "/r"}], ("/l", "LD_LIBRARY_PATH")),
    "runpath is inherited": ("/u", "", [PLAIN, {"runpath": "/u"}], ("/u", "RUNPATH")),
    "no working directory": ("/project", ":", [{"rpath": ":"}], None),
    "default": ("/usr/local/lib", "", [], ("/usr/local/lib", "default")),
    "no lib64": ("/lib64", "", [], None),
    "no hwcaps": ("/lib/glibc-hwcaps/x86-64-v3", "", [], None),
}


@pytest.mark.parametrize(("folders", "env", "facts", "expected"), MUSL.values(), ids=MUSL)
def test_musl_order(
    folders: str, env: str, facts: list[dict[str, object]], expected: tuple[str, str] | None
) -> None:
    files: Files = {f"{folder}/libx.so.1": X for folder in folders.split()}
    loader = loader_of(files, {"LD_LIBRARY_PATH": env}, family="musl")
    assert taken(loader, *facts) == (expected and (f"{expected[0]}/libx.so.1", expected[1]))


def test_musl_answers_for_itself() -> None:
    assert loader_of({}, family="musl").provides("libpthread.so.0")
    assert not loader_of({}).provides("libpthread.so.0")


@pytest.mark.skipif(shutil.which("ldd") is None, reason="the loader itself is the reference")
def test_a_real_loader_takes_the_same() -> None:
    rootfs = open_image("dir:/").rootfs
    path = str(Path(sys.executable).resolve())
    found = rootfs.facts(path).elf
    assert found is not None
    interpreter = Interpreter(
        path, sys.base_prefix, "cpython", "3", False, found.machine, Libc("glibc", None)
    )
    env = {key: os.environ[key] for key in ("LD_LIBRARY_PATH",) if key in os.environ}
    loader = Loader(rootfs, ImageConfig(Platform("linux", "amd64"), env=env), interpreter)
    lines = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    for line in lines.splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        if arrow and name in found.needed:
            taken_file = loader.find(name, (LoadedObject(path, found),))
            assert taken_file is not None
            assert taken_file.real == str(Path(rest.split(" (")[0]).resolve())
