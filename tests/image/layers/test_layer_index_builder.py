from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile
from typing import TYPE_CHECKING

import pytest

from auditor.image import limits
from auditor.image.codec.compression import Compression
from auditor.image.codec.stream import DamagedError
from auditor.image.layers.layer_index_builder import Hashing, index_layer
from auditor.image.layers.retention import is_kept
from auditor.model import Elf, ElfType, FileType
from tests.builders import Device, Directory, File, Files, Hardlink, Symlink, elf, layer_tar
from tests.builders.files import patched

if TYPE_CHECKING:
    from auditor.image.layers.layer_index import LayerIndex


def indexed(files: Files, chunk: int = 1 << 20) -> LayerIndex:
    data = layer_tar(files)
    return index_layer(data[at : at + chunk] for at in range(0, len(data), chunk))


@pytest.mark.parametrize("chunk", [1, 700, 1 << 20])
def test_index_of_everything(chunk: int) -> None:
    library = elf("aarch64", ["GNU C Library (x) stable release version 2.36."]) * 20
    index = indexed(
        {
            "dir": Directory(0o700),
            "dir/file": File("text", 0o640),
            "dir/empty": "",
            "link": Symlink("dir/file"),
            "hard": Hardlink("dir/file"),
            "lower": Hardlink("elsewhere/file"),
            "dev/null": Device(),
            "lib/libc.so.6": library,
            "mod.pyc": b"sixteen bytes of header, then code",
        },
        chunk,
    )
    assert " ".join(index.paths) == (
        "/dir /dir/file /dir/empty /link /hard /lower /dev/null /lib/libc.so.6 /mod.pyc"
    )
    file, folder, link, other = FileType
    assert list(index.kinds) == [folder, file, file, link, file, file, other, file, file]
    assert list(index.sizes) == [0, 4, 0, 0, 0, 0, 0, len(library), 34]
    assert list(index.modes[:2]) == [0o700, 0o640]
    assert index.sha256(1) == hashlib.sha256(b"text").digest()
    assert index.sha256(2) == hashlib.sha256(b"").digest()
    assert index.sha256(7) == hashlib.sha256(library).digest()
    assert index.targets == {3: "dir/file"}
    assert index.links == {4: "/dir/file", 5: "/elsewhere/file"}
    assert index.elf == {index.offsets[7]: Elf("aarch64", 64, ElfType.SHARED)}
    assert index.versions == {index.offsets[7]: ("2.36",)}
    assert index.bytecode == {index.offsets[8]: b"sixteen bytes of"}
    assert (index.files, index.bytes_read) == (4, 38 + len(library))
    assert index.problems == []


def test_index_travels_between_processes() -> None:
    index = indexed({"a": "1", "l": Symlink("a"), "x.dist-info/METADATA": "Name: x", "b": elf()})
    assert pickle.loads(pickle.dumps(index)) == index  # noqa: S301 - our own


@pytest.mark.parametrize("by_diff_id", [False, True], ids=["blob", "diff-id"])
def test_digest_is_of_what_was_asked(*, by_diff_id: bool) -> None:
    data = layer_tar({"a": "1"})
    packed = gzip.compress(data)
    index = index_layer([packed], Hashing(by_diff_id=by_diff_id))
    assert index.digest == "sha256:" + hashlib.sha256(data if by_diff_id else packed).hexdigest()
    assert index.size == len(data)
    assert index.compression is Compression.GZIP
    other = index_layer([packed], Hashing("sha512", by_diff_id=by_diff_id))
    assert len(other.digest) == len("sha512:") + 128


@pytest.mark.parametrize(
    ("files", "why"),
    [
        pytest.param({"../etc/passwd": "x"}, "leads out of the root", id="outside"),
        pytest.param({"h": Hardlink("../x")}, "hard link out of the root", id="link-outside"),
        pytest.param({"a/" * 3000 + "x": "x"}, "longer than 4096", id="long"),
        pytest.param({"l": Symlink("x" * 5000)}, "longer than 4096", id="long-link"),
        pytest.param({".": "x"}, "would replace the root", id="root"),
        pytest.param({"a/.wh.": ""}, "whiteout that names no file", id="whiteout-of-nothing"),
        pytest.param({"a/.wh...": ""}, "whiteout that names no file", id="whiteout-of-parent"),
        pytest.param({"a/.wh.b/c": ""}, "below a whiteout", id="below-whiteout"),
    ],
)
def test_members_that_are_not_applied(files: Files, why: str) -> None:
    index = indexed({**files, "good": "x"})
    assert index.paths[-1] == "/good"
    assert index.files == 1
    assert [why in problem.why for problem in index.problems] == [True]
    assert index.problems[0].limit is ("longer" in why)
    assert not index.whiteouts


def with_flag(flag: bytes, name: str) -> bytes:
    return patched(156, flag, data=layer_tar({name: ""})[:512])


def test_unknown_and_sparse_members_are_problems() -> None:
    odd, sparse = with_flag(b"V", "odd"), with_flag(b"S", "sparse")
    index = index_layer([odd + sparse + layer_tar({"good": ""})])
    assert index.paths == ["/sparse", "/good"]
    assert [problem.subject for problem in index.problems] == ["odd", "sparse"]
    assert index.unreadable.keys() == {index.offsets[0]}


def test_zero_byte_in_a_pax_name() -> None:
    data = layer_tar({"n" * 150: "", "good": ""})
    index = index_layer([data.replace(b"=" + b"n" * 150, b"=" + b"n" * 149 + b"\0")])
    assert [problem.why for problem in index.problems] == [
        "has a zero byte in its name and was not applied"
    ]


def test_whiteouts_are_listed_and_hidden() -> None:
    index = indexed(
        {"a/.wh.gone": "", "b/.wh..wh..opq": "", ".wh..wh.plnk/x": "", ".wh..wh.aufs": "", "c": ""}
    )
    assert (index.paths, index.whiteouts, index.opaques) == (["/c"], ["/a/gone"], ["/b"])
    assert index.problems == []
    flat = index_layer([layer_tar({"a/.wh.gone": "x"})], flat=True)
    assert (flat.paths, flat.whiteouts) == (["/a/.wh.gone"], [])


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/venv/lib/python3.11/site-packages/a-1.dist-info/METADATA", True),
        ("/venv/lib/python3.11/site-packages/a-1.dist-info/licenses/LICENSE", False),
        ("/venv/lib/python3.11/site-packages/a.egg-info/PKG-INFO", True),
        ("/venv/lib/python3.11/site-packages/a-1-py3.11.egg/EGG-INFO/PKG-INFO", True),
        ("/venv/lib/python3.11/site-packages/a.egg-info", True),
        ("/venv/lib/python3.11/site-packages/a.egg-link", True),
        ("/venv/lib/python3.11/site-packages/__editable___a_finder.py", True),
        ("/venv/lib/python3.11/site-packages/a.pth", True),
        ("/venv/lib/python3.11/site-packages/a/__init__.py", False),
        ("/venv/pyvenv.cfg", True),
        ("/usr/lib/python3.11/EXTERNALLY-MANAGED", True),
        ("/etc/os-release", True),
        ("/etc/ld.so.conf.d/x86_64-linux-gnu.conf", True),
        ("/etc/shadow", False),
        ("/var/lib/dpkg/status", True),
        ("/var/lib/dpkg/status.d/base", True),
        ("/var/lib/dpkg/info/libc6:amd64.list", True),
        ("/var/lib/dpkg/info/libc6:amd64.md5sums", True),
        ("/var/lib/dpkg/info/libc6:amd64.postinst", False),
        ("/lib/apk/db/installed", True),
        ("/app/pylock.toml", True),
        ("/app/pylock.runtime.toml", True),
        ("/app/.python-version", True),
        ("/opt/conda/conda-meta/zlib-1.3.1-0.json", True),
        ("/opt/conda/conda-meta/history", False),
    ],
)
def test_content_that_is_kept(path: str, *, kept: bool) -> None:
    index = indexed({path: "content"})
    assert index.contents == ({index.offsets[0]: b"content"} if kept else {})
    folder, _, name = path.rpartition("/")
    assert not is_kept(folder, name, limits.KEPT_FILE + 1)


def test_scripts_are_kept_and_programs_are_not() -> None:
    index = indexed(
        {
            "bin/script": "#!/bin/sh",
            "usr/bin/ls": elf(),
            "bin/big": b"#!" + bytes(70_000),
            "app/start.sh": "start",
            "docker-entrypoint": "begin",
            "app/native.sh": elf(),
            "app/start": "#!/bin/sh",
        }
    )
    assert list(index.contents.values()) == [b"#!/bin/sh", b"start", b"begin"]


def test_kept_contents_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEPT_LAYER", 10)
    index = indexed({"a.pth": "x" * 6, "b.pth": "x" * 6, "c.pth": "x" * 4})
    assert [len(content) for content in index.contents.values()] == [6, 4]


@pytest.mark.parametrize(("limit", "value"), [("LAYER_ENTRIES", 3), ("TREE_BYTES", 6)])
def test_too_many_files(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(limits, limit, value)
    assert indexed({"a": "", "b": "", "c": ""}).files == 3
    with pytest.raises(DamagedError, match="more files"):
        indexed({"a": "", "b": "", "c": "", "d": ""})


def test_problems_are_counted_where_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROBLEMS", 2)
    index = indexed({f"../{number}": "" for number in range(5)})
    assert [problem.why for problem in index.problems][-1] == "3 more members could not be applied"
    assert len(index.problems) == 3


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_names_that_are_not_utf_8(tar_format: int) -> None:
    data = layer_tar({"f\udcff": "x"}, tar_format=tar_format)
    assert index_layer([data]).paths == ["/f\udcff"]


@pytest.mark.parametrize(
    ("room", "held"),
    [(0, []), (23, []), (24, [b"source", b"c" * 17]), (1 << 20, [b"source", b"c" * 17])],
)
def test_python_files_are_held_where_there_is_room_for_all(room: int, held: list[bytes]) -> None:
    data = layer_tar({"a/x.py": "source", "a/x.pyc": "c" * 17, "a/x.txt": "text", "pyvenv.cfg": ""})
    index = index_layer([data], transient_room=room)
    assert list(index.transient_contents.values()) == held
    assert list(index.contents.values()) == [b""]


def source(mtime: int, pax: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("x.py")
        member.mtime, member.pax_headers = mtime, pax
        archive.addfile(member)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        (source(1_700_000_000, {}), 1_700_000_000),
        (source(1, {"mtime": "1700000000.75"}), 1_700_000_000),
        (source(5, {"mtime": "-3.5"}), 5),
        (source(1 << 32 | 7, {}), 7),
        (patched(136, b"notanumber\0\0", data=source(1, {})), 0),
    ],
    ids=["header", "pax", "before-1970", "modulo", "malformed"],
)
def test_times(data: bytes, seen: int) -> None:
    assert list(index_layer([data]).mtimes) == [seen]
