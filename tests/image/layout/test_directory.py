"""`dir:` and `env:`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from auditor.errors import ImageError, UsageError
from auditor.image.open import open_image
from auditor.image.platforms import host_platform
from auditor.model import Platform, Problem
from tests.builders import Directory, Files, Symlink, elf
from tests.builders.host_files import as_nobody, write_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("files", "platform"),
    [
        pytest.param({"bin/sh": elf("aarch64")}, Platform("linux", "arm64"), id="shell"),
        pytest.param(
            {"bin": Symlink("/usr/bin"), "usr/bin/env": elf("armv7l")},
            Platform("linux", "arm", "v7"),
            id="linked",
        ),
        pytest.param({"opt/venv/bin/python": elf("i686")}, Platform("linux", "386"), id="python"),
        pytest.param({"bin/sh": "script"}, host_platform(), id="unknown"),
    ],
)
def test_root_file_system(files: Files, platform: Platform, tmp_path: Path) -> None:
    write_files(tmp_path, {"usr/x": "y", **files})
    for reference in (f"dir:{tmp_path}", str(tmp_path)):
        image = open_image(reference)
        assert image.config.platform == platform
        assert image.rootfs.read("/usr/x") == b"y"
        assert (image.digest, image.layers, image.prefix, image.problems) == (None, (), None, ())
        assert [gap.what for gap in image.not_checked] == ["layers", "image configuration"]


def test_platform_given(tmp_path: Path) -> None:
    image = open_image(f"dir:{tmp_path}", platform="linux/s390x")
    assert image.config.platform == Platform("linux", "s390x")
    write_files(tmp_path, {"bin/sh": elf("aarch64")})
    image = open_image(f"dir:{tmp_path}", platform="linux/arm64")
    assert image.config.platform == Platform("linux", "arm64")
    with pytest.raises(UsageError, match="is for linux/arm64, not for linux/s390x"):
        open_image(f"dir:{tmp_path}", platform="linux/s390x")
    with pytest.raises(UsageError, match="not for plan9/z80"):
        open_image(f"env:{tmp_path}", platform="plan9/z80")


@pytest.mark.parametrize("transport", ["dir", "env"])
def test_no_directory(transport: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name in ("nothing", "file"):
        with pytest.raises(ImageError, match="directory") as caught:
            open_image(f"{transport}:{tmp_path}/{name}")
        assert caught.value.hint


def environment(root: Path) -> str:
    """A venv and the interpreter that it is based on."""
    write_files(
        root,
        {
            "base/bin/python3.11": elf(strings=["3.11.7"]),
            "base/bin/python3": Symlink("python3.11"),
            "base/lib/python3.11/os.py": "x",
            "base/lib/python3/dist-packages/y.py": "y",
            "base/lib/perl/x": "",
            "base/share/doc": "",
            "real/pyvenv.cfg": f"home = {root}/base/bin\nversion = 3.11.7\n",
            "real/bin/python": Symlink(f"{root}/base/bin/python3"),
            "real/lib/python3.11/site-packages/a.py": "a",
            "venv": Symlink("real"),
        },
    )
    return str(root)


def test_environment_and_its_base_are_walked_and_nothing_else(tmp_path: Path) -> None:
    root = environment(tmp_path)
    image = open_image(f"env:{root}/venv")
    assert image.prefix == f"{root}/venv"
    assert image.config.platform == host_platform()
    assert [gap.what for gap in image.not_checked] == ["layers"]
    assert [path.removeprefix(root) for path, _ in image.rootfs.walk()] == [
        "/base/lib/python3/dist-packages",
        "/base/lib/python3/dist-packages/y.py",
        "/base/lib/python3.11/os.py",
        "/real/bin",
        "/real/bin/python",
        "/real/lib",
        "/real/lib/python3.11",
        "/real/lib/python3.11/site-packages",
        "/real/lib/python3.11/site-packages/a.py",
        "/real/pyvenv.cfg",
    ]
    assert image.rootfs.facts(f"{image.prefix}/bin/python").versions == ("3.11.7",)


def test_interpreter_without_a_venv(tmp_path: Path) -> None:
    root = environment(tmp_path)
    walked = [path.removeprefix(root) for path, _ in open_image(f"env:{root}/base").rootfs.walk()]
    assert walked == [
        "/base/lib/python3/dist-packages",
        "/base/lib/python3/dist-packages/y.py",
        "/base/lib/python3.11/os.py",
    ]


def test_relative_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(environment(tmp_path))
    assert open_image("env:venv").prefix == f"{tmp_path}/venv"
    assert open_image("./venv").prefix == f"{tmp_path}/venv"


def test_venv_whose_interpreter_is_gone(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"pyvenv.cfg": "home = /nothing/bin", "bin/python": Symlink("/nothing/bin/python3")},
    )
    walked = [path for path, _ in open_image(f"env:{tmp_path}").rootfs.walk()]
    assert walked == [f"{tmp_path}/{name}" for name in ("bin", "bin/python", "pyvenv.cfg")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights for a while")
def test_what_is_refused_is_a_problem(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if "pytest-of-" in str(folder):  # its own are 0700
            folder.chmod(0o755)
    locked = {"lib/python3.11": Directory(0), "lib64": Directory(0)}
    files = {"pyvenv.cfg": "", "lib/python3.11/x": "", "lib64/python3.11/x": ""}
    write_files(tmp_path, {**files, **locked})
    with as_nobody():
        by_dir = open_image(f"dir:{tmp_path}").problems
        by_env = open_image(f"env:{tmp_path}").problems
    why = "permission denied"
    for problems, root in ((by_dir, ""), (by_env, str(tmp_path))):
        paths = (f"{root}/lib/python3.11", f"{root}/lib64")
        assert problems == tuple(Problem(path, why, path) for path in paths)
