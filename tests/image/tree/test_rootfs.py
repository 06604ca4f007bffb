"""Links, limits and content, the same through merged layers and a directory of the host."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.image.tree.host_tree import HostTree
from auditor.image.tree.rootfs import ALGORITHMS, TreeRootfs
from auditor.model import Elf, ElfType, FileType, UnreadableError
from tests.builders import Device, Directory, File, Files, Hardlink, Symlink, elf, rootfs_of
from tests.builders.host_files import write_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from auditor.model import Rootfs

CHAIN: Files = {f"l{number}": Symlink(f"l{number - 1}") for number in range(1, 60)}
LIBC = elf("aarch64", ["GNU C Library (x) stable release version 2.36."])
FILES: Files = {
    "usr/local/bin/python3.11": File(elf(strings=["3.11.7"]), 0o755),
    "usr/local/bin/python3": Symlink("python3.11"),
    "usr/bin/tool": "tool",
    "usr/lib/aarch64/libc.so.6": LIBC,
    "bin": Symlink("usr/bin"),
    "lib": Symlink("/usr/lib"),
    "opt/venv/bin/python": Symlink("/usr/local/bin/python3"),
    "opt/venv/lib64": Symlink("lib"),
    "opt/venv/lib/python3.11/x.py": "x",
    "up": Symlink("../../../../usr/bin/tool"),
    "self": Symlink("self"),
    "loop/a": Symlink("../loop/b"),
    "loop/b": Symlink("/loop/a"),
    "dangling": Symlink("nothing/here"),
    "etc": Directory(0o700),
    "etc/hard": Hardlink("usr/bin/tool"),
    "pipe": Device(),
    "to-pipe": Symlink("pipe"),
    "root": Symlink("/"),
    "empty": Symlink("usr/./bin//tool/."),
    "l0": "end",
    **CHAIN,
}


@pytest.fixture(params=["layers", "host"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Files], Rootfs]:
    if request.param == "layers":
        return rootfs_of
    return lambda files: TreeRootfs(HostTree(str(write_files(tmp_path, files))))


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/", "/"),
        ("/..", "/"),
        ("/usr/bin/tool", "/usr/bin/tool"),
        ("/usr//bin/../bin/./tool", "/usr/bin/tool"),
        ("/bin/tool", "/usr/bin/tool"),
        ("/bin/../lib", "/usr/lib"),
        ("/bin", "/usr/bin"),
        ("/bin/", "/usr/bin"),
        ("/bin/.", "/usr/bin"),
        ("/bin/..", "/usr"),
        ("/lib/aarch64/libc.so.6", "/usr/lib/aarch64/libc.so.6"),
        ("/opt/venv/bin/python", "/usr/local/bin/python3.11"),
        ("/opt/venv/lib64/python3.11/x.py", "/opt/venv/lib/python3.11/x.py"),
        ("/up", "/usr/bin/tool"),
        ("/../../etc/hard", "/etc/hard"),
        ("/root/root/bin/tool", "/usr/bin/tool"),
        ("/l40", "/l0"),
        ("/l41", None),
        ("/self", None),
        ("/loop/a", None),
        ("/loop/a/x", None),
        ("/dangling", None),
        ("/dangling/..", None),
        ("/usr/bin/tool/x", None),
        ("/usr/bin/tool/..", None),
        ("/empty", "/usr/bin/tool"),
        ("/nothing", None),
        ("/nothing/..", None),
    ],
)
def test_resolving(make: Callable[[Files], Rootfs], path: str, real: str | None) -> None:
    rootfs = make(FILES)
    assert rootfs.resolve(path) == real
    assert rootfs.resolve(path) == real  # from the cache
    found = rootfs.stat(path)
    assert (found is None) is (real is None)
    if real is not None:
        assert found == rootfs.lstat(real)


@pytest.mark.parametrize(
    ("path", "kind", "target"),
    [
        ("/bin", FileType.SYMLINK, "usr/bin"),
        ("/opt/venv/bin/python", FileType.SYMLINK, "/usr/local/bin/python3"),
        ("/lib/aarch64", FileType.DIRECTORY, ""),
        ("/bin/tool", FileType.FILE, ""),
        ("/self", FileType.SYMLINK, "self"),
        ("/dangling", FileType.SYMLINK, "nothing/here"),
        ("/pipe", FileType.OTHER, ""),
        ("/", FileType.DIRECTORY, ""),
        ("/dangling/x", None, ""),
        ("/loop/a/x", None, ""),
        ("/usr/bin/tool/x", None, ""),
        ("/nothing", None, ""),
    ],
)
def test_lstat(
    make: Callable[[Files], Rootfs], path: str, kind: FileType | None, target: str
) -> None:
    entry = make(FILES).lstat(path)
    assert (entry.type if entry else None) == kind
    assert (entry.target if entry else "") == target


def test_sizes_and_modes(make: Callable[[Files], Rootfs]) -> None:
    rootfs = make(FILES)
    hard, program, etc = map(rootfs.lstat, ("/etc/hard", "/usr/local/bin/python3.11", "/etc"))
    assert hard is not None
    assert program is not None
    assert etc is not None
    assert (hard.size, hard.mode, program.mode, etc.mode) == (4, 0o644, 0o755, 0o700)


def test_names(make: Callable[[Files], Rootfs]) -> None:
    rootfs = make(FILES)
    assert list(rootfs.names("/bin")) == ["tool"]
    assert list(rootfs.names("/opt/venv")) == ["bin", "lib", "lib64"]
    assert "usr" in rootfs.names("/")
    for path in ("/usr/bin/tool", "/nothing", "/self", "/pipe"):
        assert list(rootfs.names(path)) == []


def test_reading(make: Callable[[Files], Rootfs]) -> None:
    rootfs = make(FILES)
    assert rootfs.read("/up") == b"tool"
    assert rootfs.read("/lib/aarch64/libc.so.6", len(LIBC)) == LIBC
    for path, why in {
        "/usr/bin": "is not a regular file",
        "/to-pipe": "is not a regular file",
        "/dangling": "does not exist",
        "/nothing": "does not exist",
    }.items():
        with pytest.raises(UnreadableError, match=why) as caught:
            rootfs.read(path)
        assert caught.value.path == path
    with pytest.raises(UnreadableError, match="holds 4 bytes, more than 3"):
        rootfs.read("/up", 3)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_digests(make: Callable[[Files], Rootfs], algorithm: str) -> None:
    asked = ["/up", "/etc/hard", "/bin/tool", "/bin", "/nothing", "/pipe", "/lib/aarch64/libc.so.6"]
    tool = hashlib.new(algorithm, b"tool").digest()
    assert make(FILES).digests(asked, algorithm) == {
        "/up": tool,
        "/etc/hard": tool,
        "/bin/tool": tool,
        "/lib/aarch64/libc.so.6": hashlib.new(algorithm, LIBC).digest(),
    }


def test_unknown_algorithms(make: Callable[[Files], Rootfs]) -> None:
    for algorithm in ("shake_128", "crc32"):
        with pytest.raises(ValueError, match=algorithm):
            make({}).digests([], algorithm)


def test_contents_of_many_files(make: Callable[[Files], Rootfs]) -> None:
    files: Files = {"/a/x.py": "x", "/a/link.py": Symlink("x.py"), "/b.py": "bb", "/c": "ccc"}
    asked = ["/a/x.py", "/a/link.py", "/b.py", "/c", "/a", "/nothing"]
    found = sorted(make(files).contents(asked, 2))
    assert found == [("/a/link.py", b"x"), ("/a/x.py", b"x"), ("/b.py", b"bb")]


def test_facts_of_the_bytes(make: Callable[[Files], Rootfs]) -> None:
    rootfs = make(FILES)
    assert rootfs.facts("/opt/venv/bin/python").elf == Elf("x86_64", 64, ElfType.SHARED)
    assert rootfs.facts("/lib/aarch64/libc.so.6").elf == Elf("aarch64", 64, ElfType.SHARED)
    assert rootfs.facts("/opt/venv/bin/python").versions == ("3.11.7",)
    assert rootfs.facts("/lib/aarch64/libc.so.6").versions == ("2.36",)
    for path in ("/bin/tool", "/bin", "/nothing", "/pipe"):
        assert rootfs.facts(path).elf is None
        assert rootfs.facts(path).versions == ()


def test_walking(make: Callable[[Files], Rootfs]) -> None:
    rootfs = make({"b/c/d": "1", "a": Symlink("b"), "b.x": "2", "b/a": "3"})
    assert [path for path, _ in rootfs.walk()] == ["/a", "/b", "/b/a", "/b/c", "/b/c/d", "/b.x"]
    assert [path for path, _ in rootfs.walk("/a/c")] == ["/b/c/d"]
    assert list(rootfs.walk("/nothing")) == []
    assert list(rootfs.walk("/b.x")) == []
    assert all(entry == rootfs.lstat(path) for path, entry in rootfs.walk())


def test_names_that_are_not_utf_8(make: Callable[[Files], Rootfs]) -> None:
    rootfs = make({"d/f\udcff": "x"})
    assert list(rootfs.names("/d")) == ["f\udcff"]
    assert rootfs.read("/d/f\udcff") == b"x"


PATHS = st.text("ab./\0\udcff", max_size=40)


@given(PATHS, st.dictionaries(st.sampled_from("ab"), st.one_of(PATHS.map(Symlink), st.just("x"))))
def test_no_path_leads_out(path: str, files: Files) -> None:
    files = {
        name: content
        for name, content in files.items()
        if not isinstance(content, Symlink) or "\0" not in content.target
    }
    real = rootfs_of(files).resolve("/" + path)
    assert real in {None, "/", "/a", "/b"}


@pytest.mark.parametrize(
    ("top", "paths"),
    [
        ("/", ["/a/x/1", "/c/2"]),
        ("/a", ["/a/x/1"]),
        ("/a/x", ["/a/x/1"]),
        ("/b", []),
        ("/c", ["/c/2"]),
    ],
)
def test_walking_inside_a_scope(tmp_path: Path, top: str, paths: list[str]) -> None:
    tree = HostTree(str(write_files(tmp_path, {"a/x/1": "", "b/y": "", "c/2": "", "z": ""})))
    rootfs = TreeRootfs(tree, ["/c", "/a/x", "/a/x/1"])
    assert [path for path, _ in rootfs.walk(top)] == paths
    assert rootfs.read("/z") == b""


def test_cache_of_directories_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.image.tree.rootfs._CACHED", 2)
    rootfs = rootfs_of({f"{name}/f": name for name in "abcdef"})
    assert [rootfs.read(f"/{name}/f").decode() for name in "abcdef"] == list("abcdef")


def test_sources_that_may_load_a_library(make: Callable[[Files], Rootfs]) -> None:
    large = "#" * 600_000 + "\nimport ctypes\n"
    files: Files = {"/a.py": "import ctypes", "/link.py": Symlink("a.py"), "/large.py": large}
    rootfs = make({**files, "/a.txt": "ctypes", "/folder.py/x": ""})
    assert all(rootfs.facts(path).references_dlopen for path in files)
    for path in ("/a.txt", "/nothing.py", "/folder.py"):
        assert not rootfs.facts(path).references_dlopen


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/x.pyc", bytes(range(16))),
        ("/short.pyc", b"123"),
        ("/large.pyc", bytes(16)),
        ("/x.py", b""),
        ("/gone.pyc", b""),
    ],
)
def test_headers_of_bytecode(make: Callable[[Files], Rootfs], path: str, header: bytes) -> None:
    large = bytes(3 << 20)
    code = bytes(range(16)) + b"code"
    files: Files = {"/x.pyc": code, "/short.pyc": b"123", "/large.pyc": large, "/x.py": code}
    assert make(files).facts(path).bytecode_header == header
