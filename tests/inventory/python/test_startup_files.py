"""What an interpreter runs before any program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.inventory.python.startup_files import StartupCode, find_startup_code
from auditor.model import Environment, PathEntry, PathOrigin
from tests.builders import rootfs_of

if TYPE_CHECKING:
    import pytest


def runtime(*entries: tuple[str, PathOrigin]) -> Environment:
    path = tuple(PathEntry(*entry) for entry in entries)
    return Environment("/p", None, "3.11.7", (), True, "", (), sys_path=path)


def test_nothing_runs_without_an_environment() -> None:
    assert find_startup_code(rootfs_of({}), None).code == ()


def test_the_first_of_a_name_runs() -> None:
    files = {"/a/sitecustomize.py": "", "/b/sitecustomize.py": "", "/here/sitecustomize.py": ""}
    environment = runtime(
        ("/here", PathOrigin.SCRIPT), ("/a", PathOrigin.PYTHONPATH), ("/b", PathOrigin.SITE)
    )
    assert find_startup_code(rootfs_of(files), environment).code == (
        StartupCode("/a/sitecustomize.py", "sitecustomize"),
        StartupCode("/b/sitecustomize.py", "sitecustomize", "/a/sitecustomize.py"),
    )


def test_pth_files_count_in_site_directories_alone() -> None:
    files = {
        "/a/x.pth": "import a",
        "/b/x.pth": "/src\r\nimport b\rimport c",
        "/c/x.pth": "import c",
    }
    environment = runtime(
        ("/a", PathOrigin.PYTHONPATH), ("/b", PathOrigin.SITE), ("/c", PathOrigin.PTH)
    )
    assert find_startup_code(rootfs_of(files), environment).code == (
        StartupCode("/b/x.pth", "import b"),
    )


def test_what_is_too_large_or_no_zip_file_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.inventory.python.sys_path._PTH_BYTES", 4)
    files = {"/a/x.pth": "import a", "/z": "no zip file"}
    environment = runtime(("/a", PathOrigin.SITE), ("/z", PathOrigin.PYTHONPATH))
    start = find_startup_code(rootfs_of(files), environment)
    assert start.code == ()
    assert [problem.subject for problem in start.problems] == ["/a/x.pth", "/z"]
