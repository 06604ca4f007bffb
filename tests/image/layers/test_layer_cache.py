"""The cache of layers' indexes: what comes back is what was kept, or nothing."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.errors import ImageError
from auditor.file_cache import Usage, sealed
from auditor.image import limits
from auditor.image.codec.compression import Compression, zstd
from auditor.image.codec.stream import DamagedError
from auditor.image.layers import index_format
from auditor.image.layers.index_format import decoded, encoded, format_name
from auditor.image.layers.layer_cache import LayerCache
from auditor.image.layers.layer_index import LayerIndex
from auditor.image.layers.layer_index_builder import index_layer
from auditor.image.layers.layer_request import ImageBudget
from auditor.image.layout.archive import read_archive_stream
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.model import Elf, Problem
from tests.builders import (
    Device,
    Directory,
    Hardlink,
    Opaque,
    Symlink,
    Whiteout,
    docker_archive,
    elf,
    layer_tar,
    oci_layout,
)
from tests.builders.images import changed_image, write_members

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.model import Image

FULL = layer_tar(
    {
        "usr/lib/libc.so.6": elf(strings=["GNU C Library (Debian) stable release version 2.36."]),
        "usr/lib/link": Symlink("libc.so.6"),
        "usr/lib/hard": Hardlink("usr/lib/libc.so.6"),
        "usr/bin/tool": "#!/bin/sh\n",
        "opt/a.dist-info/METADATA": "Name: a\n",
        "opt/empty": "",
        "opt/not-\udcff-utf8": "x",
        "dev/null": Device(),
        "opt/loads.py": "import ctypes",
        "opt/plain.py": "import os",
        "gone": Whiteout(),
        "var": Directory(),
        "var/all": Opaque(),
        "../outside": "refused",
    }
)


def index_of(content: bytes = FULL) -> LayerIndex:
    return index_layer([content])


def opened(layout: Path, cache: LayerCache, *, verify: bool = False) -> Image:
    return open_image(f"oci:{layout}", options=ReadOptions(cache=cache, verify=verify))


def files(cache: LayerCache) -> list[Path]:
    return sorted((cache.directory / "layers").iterdir())


def test_index_comes_back(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path / "cache")
    index = index_of()
    assert index.elf
    assert index.versions
    assert index.problems
    assert index.opaques
    cache.keep_index(index)
    found = cache.index(index.digest)
    assert found is not None
    # A plain layer may come packed next time.
    assert found == dataclasses.replace(index, compression=None)
    assert cache.index("sha256:" + "0" * 64) is None
    (source,) = index.dlopen_sources
    assert index.contents[source] == b"import ctypes"


def test_every_field_comes_back() -> None:
    index = LayerIndex(
        paths=["/a"],
        kinds=bytearray(b"\0"),
        modes=array("H", [0o755]),
        sizes=array("Q", [1 << 40]),
        offsets=array("Q", [512]),
        mtimes=array("I", [1_700_000_000]),
        digests=bytearray(range(32)),
        targets={0: "x\udcff"},
        links={1: "/b"},
        elf={512: Elf("x86_64", 64)},
        versions={512: ("3.11.7", "x")},
        contents={512: b"\0\xff"},
        dlopen_sources={512, 7},
        bytecode={512: bytes(16)},
        unreadable={9: "why"},
        whiteouts=["/w"],
        opaques=["/o", ""],
        problems=[Problem("s", "w", None, limit=True), Problem("s", "w", "/p")],
        compression=Compression.ZSTD,
        digest="sha256:x",
        diff_id="sha256:y",
        size=7,
        path_bytes=8,
        files=9,
        bytes_read=10,
        truncated=True,
    )
    empty = dataclasses.asdict(LayerIndex())
    same = {name for name, value in dataclasses.asdict(index).items() if value == empty[name]}
    assert same == {"transient_contents"}, "not put to the test"
    transient = dataclasses.replace(index, transient_contents={512: b"x"})
    assert decoded(encoded(index), 1 << 20) == decoded(encoded(transient), 1 << 20) == index


def test_packed_layer_is_known_by_both_digests(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    layout = oci_layout(tmp_path / "image", {"a": "a"})
    image = opened(layout, cache)
    assert cache.index(image.layers[0].digest) is None, "the configuration's word alone"
    opened(layout, cache, verify=True)
    found = cache.index(image.layers[0].digest)
    assert found is not None
    assert found.compression is None
    by_blob = cache.index(found.digest)
    assert by_blob is not None
    assert by_blob.compression is Compression.GZIP


# ---------------------------------------------------------------------- damaged entries


@pytest.mark.parametrize(
    "damaged",
    [
        lambda whole: whole[:-1],
        lambda whole: whole[:50] + bytes([whole[50] ^ 1]) + whole[51:],
        lambda whole: whole[:0],
        lambda _: b"x" * 99,
    ],
    ids=["short", "flipped", "empty", "none"],
)
def test_damaged_entry_is_rebuilt(tmp_path: Path, damaged: Callable[[bytes], bytes]) -> None:
    cache = LayerCache(tmp_path / "cache")
    layout = oci_layout(tmp_path / "image", {"a": "a"})
    opened(layout, cache)
    (entry,) = (path for path in files(cache) if path.suffix == ".index")
    whole = entry.read_bytes()
    entry.write_bytes(damaged(whole))
    assert opened(layout, cache).rootfs.read("/a") == b"a"
    assert entry.read_bytes() == whole


def test_entry_under_another_name_is_none(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    good, other = index_of(), index_of(layer_tar({"b": "b"}))
    for index in (good, other):
        cache.keep_index(index)
    first, second = files(cache)
    shutil.copy(first, second)
    assert [cache.index(index.digest) is None for index in (good, other)].count(True) == 1


def test_index_of_another_digest_is_none(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    index = index_of()
    index.digest = index.diff_id = "sha256:" + "1" * 64
    cache.keep_index(index)
    (entry,) = files(cache)
    index.diff_id = "sha256:" + "2" * 64
    data = encoded(index_of())
    entry.write_bytes(sealed(data, index.digest))  # a forger knows how, too
    assert cache.index(index.digest) is None


def test_neither_links_nor_pipes_are_followed(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path / "cache")
    index = index_of()
    cache.keep_index(index)
    (entry,) = files(cache)
    moved = entry.rename(tmp_path / "moved")
    entry.symlink_to(moved)
    assert cache.index(index.digest) is None
    entry.unlink()
    os.mkfifo(entry)
    assert cache.index(index.digest) is None


def head_of(**changes: object) -> bytes:
    """Return an index whose head is changed, packed as `encoded` would."""
    data = encoded(index_of())
    plain = zstd.decompress(data[8:])
    size = int.from_bytes(plain[:8], "little")
    head = {**json.loads(plain[8 : 8 + size]), **changes}
    text = json.dumps(head).encode()
    return packed(len(text).to_bytes(8, "little") + text + plain[8 + size :])


def packed(plain: bytes, size: int | None = None) -> bytes:
    said = len(plain) if size is None else size
    return said.to_bytes(8, "little") + bytes(zstd.compress(plain))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 40,
        b"\0" * 8 + b"no zstd",
        packed(b"x" * 9),
        packed(b"x" * 100, 200),
        packed((3).to_bytes(8, "little") + b"[1]"),
        packed((2).to_bytes(8, "little") + b"{}"),
        packed((200_000).to_bytes(8, "little") + b"[" * 200_000),
        head_of(kinds=1),
        head_of(kinds=-1),
        head_of(kinds=True),
        head_of(modes=1),
        head_of(digests=0),
        head_of(paths=10**9),
        head_of(paths=7),
        head_of(contents={"x": 1}),
        head_of(contents=[]),
        head_of(elf={"0": ["x86_64"]}),
        head_of(elf={"0": ["x86_64", "64"]}),
        head_of(elf=[]),
        head_of(problems={}),
        head_of(problems=[["a"]]),
        head_of(compression="lz4"),
        head_of(compression=4),
        head_of(size="1"),
        head_of(versions={"x": []}),
    ],
)
def test_what_was_not_encoded_is_refused(data: bytes) -> None:
    with pytest.raises(DamagedError):
        decoded(data, 1 << 20)


@pytest.mark.parametrize(
    ("paths", "kinds"), [(["relative"], b"\0"), (["/a"], b"\x04")], ids=["path", "kind"]
)
def test_columns_make_sense(paths: list[str], kinds: bytes) -> None:
    index = index_of(layer_tar({"a": ""}))
    index.paths, index.kinds = paths, bytearray(kinds)
    with pytest.raises(DamagedError):
        decoded(encoded(index), 1 << 20)


def test_large_entries_are_not_unpacked() -> None:
    with pytest.raises(DamagedError, match="bytes"):
        decoded(encoded(index_of()), 10)


# --------------------------------------------------------------------------- directory


def test_directory_is_the_owners_alone(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path / "a" / "cache")
    cache.keep_index(index_of())
    for folder in (cache.directory, cache.directory / "layers"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = LayerCache(tmp_path / "file")
    layout = oci_layout(tmp_path / "image", {"a": "a"})
    assert opened(layout, cache).rootfs.read("/a") == b"a"
    assert cache.usage() == Usage(0, 0)
    assert cache.clear() == Usage(0, 0)


def test_entry_that_cannot_be_put_in_place(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    cache.keep_index(index_of())
    (entry,) = files(cache)
    entry.unlink()
    entry.mkdir()
    cache.keep_index(index_of())
    assert files(cache) == [entry]
    cache.trim()
    assert cache.clear() == Usage(0, 0), "a directory is none of ours"


def test_clear_removes_nothing_else(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    cache.keep_index(index_of())
    folder = cache.directory / "layers"
    (folder / f".{'0' * 32}.new").write_text("left by a killed process")
    (folder / "notes.txt").write_text("mine")
    used = cache.usage()
    assert used.entries == 1
    assert cache.clear() == used
    assert [path.name for path in files(cache)] == ["notes.txt"]


def test_what_was_used_longest_ago_goes(tmp_path: Path) -> None:
    indexes = [index_of(layer_tar({f"f{number}": os.urandom(99)})) for number in range(4)]
    size = 32 + len(encoded(indexes[0]))
    cache = LayerCache(tmp_path, limit=3 * size + size // 2)
    for number, index in enumerate(indexes):
        cache.keep_index(index)
        for path in files(cache):
            if path.stat().st_mtime > time.time() - 1000:
                os.utime(path, (time.time() - 5000 + number,) * 2)
    assert cache.index(indexes[0].digest) is not None  # now the one used last
    cache.trim()
    assert [cache.index(index.digest) is not None for index in indexes] == [True, False, True, True]
    cache.trim()
    assert cache.usage().entries == 3


def test_unfinished_files_of_killed_processes_go(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path)
    cache.keep_index(index_of())
    old, new = (cache.directory / "layers" / f".{digit * 32}.new" for digit in "01")
    for path in (old, new):
        path.write_text("")
    os.utime(old, (0, 0))
    cache.trim()
    assert not old.exists()
    assert new.exists()


def test_entry_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path, limit=100)
    cache.keep_index(index_of())
    assert cache.usage() == Usage(0, 0)


def test_truncated_index_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEPT_IMAGE", 3)
    cache = LayerCache(tmp_path)
    index = index_of()
    ImageBudget().add(index)
    assert not index.contents
    cache.keep_index(index)
    assert cache.usage() == Usage(0, 0)


def test_format_follows_the_code(tmp_path: Path) -> None:
    source = Path(index_format.__file__).parents[2]
    shutil.copytree(source, tmp_path / "auditor", ignore=shutil.ignore_patterns("__pycache__"))
    copy = tmp_path / "auditor"
    before = format_name(copy)
    assert before == format_name(source)
    for name in (
        "image/layers/retention.py",
        "image/layers/layer_index.py",
        "image/codec/version_strings.py",
        "image/codec/tar.py",
        "decompression.py",
    ):
        format_name.cache_clear()
        with (copy / name).open("a") as source_file:
            source_file.write("# another rule\n")
        assert format_name(copy) != before
        before = format_name(copy)


AUDIT = """
import sys
from pathlib import Path
from auditor.image.open import open_image
from auditor.image.layers.layer_cache import LayerCache
from auditor.image.read_options import ReadOptions
image = open_image(sys.argv[1], options=ReadOptions(cache=LayerCache(Path(sys.argv[2]), 20_000)))
print(image.files, sorted(path for path, _ in image.rootfs.walk("/")))
"""


def test_twenty_at_a_time(tmp_path: Path) -> None:
    """Together, in a cache too small for all, with some of them killed."""
    layouts = [
        oci_layout(tmp_path / f"image{number}", [{"shared": "x"}, {f"f{number}": os.urandom(3000)}])
        for number in range(5)
    ]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", AUDIT, f"oci:{layouts[number % 5]}", str(tmp_path / "cache")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(20)
    ]
    for number, run in enumerate(runs):
        if number % 7 == 6:
            time.sleep(0.1)
            run.kill()
        out, _ = run.communicate(timeout=120)
        if number % 7 != 6:
            assert (run.returncode, out) == (0, f"2 ['/f{number % 5}', '/shared']\n")
    cache = LayerCache(tmp_path / "cache", limit=20_000)
    cache.trim()
    assert cache.usage().bytes <= 20_000
    for layout in layouts:
        assert opened(layout, cache).files == 2


def test_threads_share_one(tmp_path: Path) -> None:
    indexes = [index_of(layer_tar({f"f{number}": ""})) for number in range(6)]
    cache = LayerCache(tmp_path, limit=3 * (32 + len(encoded(indexes[0]))) + 99)

    def use(index: LayerIndex) -> None:
        for _ in range(10):
            cache.keep_index(index)
            found = cache.index(index.digest)
            assert found is None or found.paths == index.paths
            cache.trim()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(use, indexes))
    assert 1 <= cache.usage().entries <= 3


# ---------------------------------------------------------------------------- warm runs


def blobs(layout: Path) -> list[Path]:
    return [path for path in (layout / "blobs/sha256").iterdir() if path.read_bytes()[:1] != b"{"]


def test_warm_run_judges_the_digest(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path / "cache")
    layout = oci_layout(tmp_path / "image", {"a.pth": "a", "b": "b"})
    cold = opened(layout, cache)
    (blob,) = blobs(layout)
    content = blob.read_bytes()
    blob.write_bytes(content[:-9])
    warm = opened(layout, cache)
    assert list(warm.rootfs.walk()) == list(cold.rootfs.walk())
    assert warm.layers == cold.layers
    assert (warm.files, warm.bytes_read) == (cold.files, cold.bytes_read)
    assert warm.rootfs.read("/a.pth") == b"a"
    with pytest.raises(ImageError, match=r"other bytes|ends early"):
        opened(layout, cache, verify=True)
    with pytest.raises(ImageError, match=r"other bytes|ends early"):
        open_image(f"oci:{layout}")
    blob.write_bytes(content)
    assert warm.rootfs.read("/b") == b"b", "read from the layout, since no index keeps it"
    blob.unlink()
    with pytest.raises(ImageError, match="is missing from the image"):
        opened(layout, cache)


def test_second_image_costs_what_it_does_not_share(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path / "cache")
    first = oci_layout(tmp_path / "1", [{"base": "b" * 9000}, {"a": "a"}])
    second = oci_layout(tmp_path / "2", [{"base": "b" * 9000}, {"c": "c"}])
    opened(first, cache)
    told: list[int] = []
    reading = ReadOptions(lambda _what, done, _total: told.append(done), cache)
    image = open_image(f"oci:{second}", options=reading)
    assert image.rootfs.read("/base") == b"b" * 9000
    shared = {path.name for path in blobs(first)} & {path.name for path in blobs(second)}
    (own,) = (path for path in blobs(second) if path.name not in shared)
    assert told[-1] == own.stat().st_size


def test_warm_run_has_a_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = LayerCache(tmp_path / "cache")
    layout = oci_layout(tmp_path / "image", [{"a": "a"}, {"b": "b"}])
    opened(layout, cache)
    monkeypatch.setattr(limits, "IMAGE_ENTRIES", 1)
    with pytest.raises(ImageError, match="more files than the auditor reads"):
        opened(layout, cache)


def test_claimed_diff_id_is_no_key(tmp_path: Path) -> None:
    """A clean layer is known; an image claims its DiffID for another layer's bytes."""
    cache = LayerCache(tmp_path / "cache")
    clean = layer_tar({"clean": "x"})
    cache.keep_index(index_of(clean))
    claimed = index_of(clean).diff_id
    rootfs = {"type": "layers", "diff_ids": [claimed]}
    evil = changed_image([layer_tar({"evil": "x"})], {"rootfs": rootfs})
    write_members(tmp_path / "image", evil)
    image = opened(tmp_path / "image", cache)
    assert image.layers[0].digest == claimed
    assert [path for path, _ in image.rootfs.walk()] == ["/evil"]
    with pytest.raises(ImageError, match=f"unpacks to .*, the configuration says {claimed}"):
        opened(tmp_path / "image", cache, verify=True)


def test_archive_addressed_by_diff_ids_is_read(tmp_path: Path) -> None:
    cache = LayerCache(tmp_path / "cache")
    file = tmp_path / "image.tar"
    data = docker_archive({"a": "some text"})
    file.write_bytes(data)
    open_image(f"docker-archive:{file}", options=ReadOptions(cache=cache))
    assert cache.usage().entries == 2
    file.write_bytes(data.replace(b"some text", b"more text"))
    with pytest.raises(ImageError, match="other bytes"):
        open_image(f"docker-archive:{file}", options=ReadOptions(cache=cache))


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_known_layers_pass_by_in_a_stream(tmp_path: Path, *, compress: bool) -> None:
    cache = LayerCache(tmp_path / "cache")
    data = docker_archive([{"a": "aaa"}, {"b.pth": "b"}], legacy=False, compress=compress)
    reading = ReadOptions(cache=cache)

    def read(content: bytes, reading: ReadOptions) -> Image:
        again = partial(io.BytesIO, content)
        return read_archive_stream(again(), ImageQuery("x"), again, reading)

    cold = read(data, reading)
    warm = read(data, reading)
    for image in (cold, warm):
        assert image.rootfs.read("/a") == b"aaa"
        assert image.rootfs.read("/b.pth") == b"b"
    if not compress:
        changed = data.replace(b"aaa", b"bbb")
        read(changed, reading)
        with pytest.raises(ImageError, match="other bytes"):
            read(changed, reading._replace(verify=True))
