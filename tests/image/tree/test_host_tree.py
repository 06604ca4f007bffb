from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.image.tree.host_tree import HostTree
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import FileType, UnreadableError
from tests.builders import Directory, File, Files, Symlink, elf
from tests.builders.host_files import as_nobody, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def guarded(tmp_path: Path) -> HostTree:
    tmp_path.chmod(0o755)
    files: Files = {
        "bin/python3": File(elf(strings=["3.11.7"]), 0o000),
        "locked/file": "x",
        "locked": Directory(0o000),
        "listed/file": "x",
        "listed": Directory(0o444),
        "open": "y",
    }
    return HostTree(str(write_files(tmp_path, files)))


@pytest.fixture
def guarded_rootfs(guarded: HostTree) -> Iterator[TreeRootfs]:
    with as_nobody():
        yield TreeRootfs(guarded)


def test_refusals_are_told(guarded_rootfs: TreeRootfs) -> None:
    rootfs = guarded_rootfs
    with pytest.raises(UnreadableError, match="permission denied"):
        rootfs.names("/locked")
    with pytest.raises(UnreadableError, match="permission denied"):
        rootfs.read("/bin/python3")
    assert rootfs.digests(["/bin/python3", "/open"]).keys() == {"/open"}
    entry = rootfs.lstat("/bin/python3")
    assert entry is not None
    assert entry.type is FileType.FILE
    assert rootfs.facts("/bin/python3").elf is None
    assert rootfs.facts("/bin/python3").versions == ()


def test_what_is_hidden_is_there_and_no_file(guarded_rootfs: TreeRootfs) -> None:
    entries = map(guarded_rootfs.lstat, ("/locked/file", "/listed/file"))
    assert [entry and entry.type for entry in entries] == [FileType.OTHER] * 2


def test_walk_goes_on_and_notes_what_it_could_not_see(
    guarded: HostTree, guarded_rootfs: TreeRootfs
) -> None:
    paths = [path for path, _ in guarded_rootfs.walk()]
    assert paths == ["/bin", "/bin/python3", "/listed", "/listed/file", "/locked", "/open"]
    assert guarded.refused == dict.fromkeys(["/listed/file", "/locked"], "permission denied")


def test_link_put_in_the_way_is_not_followed(tmp_path: Path) -> None:
    write_files(tmp_path, {"root/d/f": "in", "out/f": "out"})
    tree = HostTree(str(tmp_path / "root"))
    rootfs = TreeRootfs(tree)
    assert rootfs.read("/d/f") == b"in"
    (tmp_path / "root/d/f").unlink()
    (tmp_path / "root/d/f").symlink_to(tmp_path / "out/f")
    with pytest.raises(UnreadableError):
        tree.read("/d/f", 100)
    assert tree.digests(["/d/f"], "sha256") == {}
    (tmp_path / "root/d").rename(tmp_path / "root/moved")
    (tmp_path / "root/d").symlink_to(tmp_path / "out")
    assert HostTree(str(tmp_path / "root")).node("/d/f") is None
    with pytest.raises(UnreadableError):
        HostTree(str(tmp_path / "root")).read("/d/f", 100)


def test_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    write_files(tmp_path, {"f": "x"})
    tree = HostTree(str(tmp_path))
    (tmp_path / "f").unlink()
    os.mkfifo(tmp_path / "f")
    with pytest.raises(UnreadableError, match="no longer a regular file"):
        tree.read("/f", 100)


def test_file_that_grows_meets_the_limit(tmp_path: Path) -> None:
    tree = HostTree(str(write_files(tmp_path, {"f": "x" * 100})))
    with pytest.raises(UnreadableError, match="more than 99"):
        tree.read("/f", 99)


def held_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_few_directories_are_held_open(tmp_path: Path) -> None:
    files = {f"{number}/{number}/f": str(number) for number in range(100)}
    rootfs = TreeRootfs(HostTree(str(write_files(tmp_path, files))))
    before = held_open()
    assert [rootfs.read(f"/{number}/{number}/f") for number in range(100)] == [
        str(number).encode() for number in range(100)
    ]
    assert held_open() - before <= 64
    del rootfs
    assert held_open() <= before


def test_names_with_a_zero_byte_are_absent(tmp_path: Path) -> None:
    assert HostTree(str(tmp_path)).node("/a\0b") is None


def test_what_the_kernel_mounts_is_not_walked(tmp_path: Path) -> None:
    assert not HostTree("/").descends("/proc")
    rootfs = TreeRootfs(HostTree(str(write_files(tmp_path, {"proc/f": "", "l": Symlink("proc")}))))
    assert [path for path, _ in rootfs.walk()] == ["/l", "/proc", "/proc/f"]


def test_the_time_of_a_file_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("")
    os.utime(tmp_path / "x.py", (3, 1_700_000_000.5))
    entry = HostTree(str(tmp_path)).node("/x.py")
    assert entry is not None
    assert entry.mtime == 1_700_000_000
