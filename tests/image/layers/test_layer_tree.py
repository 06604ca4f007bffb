"""Merging: each rule of the image specification's layer.md, then all of them at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.image import limits
from auditor.image.codec.stream import DamagedError
from auditor.image.layers.layer_index_builder import index_layer
from auditor.image.layers.layer_tree import LayerTree
from auditor.image.tree.rootfs import TreeRootfs
from auditor.model import FileType, UnreadableError
from tests.builders import (
    Device,
    Directory,
    File,
    Files,
    Hardlink,
    Opaque,
    Symlink,
    Whiteout,
    layer_tar,
    rootfs_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Rootfs
    from tests.builders.files import Content


def merged(*layers: Files) -> LayerTree:
    return LayerTree([index_layer([layer_tar(layer)]) for layer in layers], [None] * len(layers))


def shown(rootfs: Rootfs) -> str:
    """Return `/directory/`, `/file=content`, `/link->target` and `/device=dev` in one line."""
    found = []
    for path, entry in rootfs.walk():
        match entry.type:
            case FileType.FILE:
                found.append(f"{path}={rootfs.read(path).decode()}")
            case FileType.SYMLINK:
                found.append(f"{path}->{entry.target}")
            case FileType.OTHER:
                found.append(f"{path}=dev")
            case FileType.DIRECTORY:
                found.append(f"{path}/")
    return " ".join(found)


CASES: dict[str, tuple[list[Files], str]] = {
    "empty": ([{}], ""),
    "parents": ([{"a/b/c": "x"}], "/a/ /a/b/ /a/b/c=x"),
    "replaced": ([{"a": "1"}, {"a": "2"}], "/a=2"),
    "whiteout": ([{"a": "1"}, {"a": Whiteout()}], ""),
    "whiteout-in-directory": ([{"d/a": "1", "d/b": "2"}, {"d/a": Whiteout()}], "/d/ /d/b=2"),
    "whiteout-of-directory": ([{"d/a": "1"}, {"d": Whiteout()}], ""),
    "of-none": ([{"a": "1"}, {"b": Whiteout(), "x/y": Whiteout()}], "/a=1"),
    "whiteout-then-added": ([{"a": "1"}, {"a": Whiteout()}, {"a": "3"}], "/a=3"),
    "whiteout-beside-new-file": ([{"a": "1"}, {"a": "2", ".wh.a": ""}], "/a=2"),
    "whiteout-before-new-file": ([{"a": "1"}, {".wh.a": "", "a": "2"}], "/a=2"),
    "whiteout-of-directory-made-anew": ([{"d/a": "1"}, {"d/b": "2", ".wh.d": ""}], "/d/ /d/b=2"),
    "opaque-empties": ([{"d/a": "1", "d/s/b": "2"}, {"d": Opaque()}], "/d/"),
    "opaque-last": ([{"d/a": "1"}, {"d/n": "2", "d": Opaque()}], "/d/ /d/n=2"),
    "opaque-first": ([{"d/a": "1"}, {"d/.wh..wh..opq": "", "d/n": "2"}], "/d/ /d/n=2"),
    "opaque-above": ([{"d/s/a": "1"}, {"d/s/n": "2", "d": Opaque()}], "/d/ /d/s/ /d/s/n=2"),
    "opaque-root": ([{"a": "1"}, {"b": "2", "": Opaque()}], "/b=2"),
    "opaque-of-file": ([{"a": "1"}, {"a": Opaque()}], "/a=1"),
    "opaque-of-nothing": ([{"a": "1"}, {"b": Opaque()}], "/a=1"),
    "file-becomes-directory": ([{"a": "1"}, {"a": Directory(), "a/b": "2"}], "/a/ /a/b=2"),
    "file-becomes-implied-parent": ([{"a": "1"}, {"a/b": "2"}], "/a/ /a/b=2"),
    "directory-becomes-file": ([{"d/s/a": "1", "d/b": "2"}, {"d": "3"}], "/d=3"),
    "directory-and-back": ([{"d/a": "1"}, {"d": "2"}, {"d/b": "3"}], "/d/ /d/b=3"),
    "directory-again-keeps-content": ([{"d/a": "1"}, {"d": Directory(0o700)}], "/d/ /d/a=1"),
    "directory-becomes-link": ([{"d/a": "1"}, {"d": Symlink("e")}], "/d->e"),
    "link-becomes-directory": (
        [{"d": Symlink("e"), "e/a": "1"}, {"d": Directory(), "d/b": "2"}],
        "/d/ /d/b=2 /e/ /e/a=1",
    ),
    "device": ([{"n": Device()}, {"n": "1"}, {"n": Device()}], "/n=dev"),
    "twice-in-a-layer": ([{"./a": "1", "a": "2"}], "/a=2"),
    "twice-of-another-type": (
        [{"a/b": "1", "./a": "2", "a/": Directory(), "a//c": "3"}],
        "/a/ /a/c=3",
    ),
    "root-member": ([{"./": Directory(), "a": "1"}, {"/": Directory(0o700)}], "/a=1"),
    "hard-link": ([{"a": "1", "b": Hardlink("a")}, {"a": "2"}], "/a=2 /b=1"),
    "hard-link-to-deleted": (
        [{"a": "1"}, {"b": Hardlink("a"), "a": Whiteout()}, {"c": Hardlink("b")}],
        "",
    ),
    "hard-links-across-layers": (
        [{"a": "1"}, {"b": Hardlink("a")}, {"a": Whiteout(), "c": Hardlink("b")}],
        "/b=1 /c=1",
    ),
    "hard-link-through-link": (
        [{"usr/bin/a": "1", "bin": Symlink("usr/bin")}, {"b": Hardlink("bin/a")}],
        "/b=1 /bin->usr/bin /usr/ /usr/bin/ /usr/bin/a=1",
    ),
    "hard-link-to-link": ([{"l": Symlink("x")}, {"m": Hardlink("l")}], "/l->x /m->x"),
    "to-dir": ([{"d/a": "1"}, {"b": Hardlink("d")}], "/d/ /d/a=1"),
    "below-a-link": (
        [{"usr/bin/a": "1", "bin": Symlink("usr/bin")}, {"bin/b": "2"}],
        "/bin->usr/bin /usr/ /usr/bin/ /usr/bin/a=1 /usr/bin/b=2",
    ),
    "whiteout-below-a-link": (
        [{"usr/bin/a": "1", "bin": Symlink("/usr/bin")}, {"bin/a": Whiteout()}],
        "/bin->/usr/bin /usr/ /usr/bin/",
    ),
    "whiteout-below-a-link-that-becomes-a-directory": (
        [{"e/a": "1", "d": Symlink("e")}, {"d": Directory(), "d/.wh.a": ""}],
        "/d/ /e/ /e/a=1",
    ),
    "below-a-dangling-link": (
        [{"d": Symlink("../../new/place")}, {"d/a": "1"}],
        "/d->../../new/place /new/ /new/place/ /new/place/a=1",
    ),
    "below-a-loop": (
        [{"a": Symlink("b"), "b": Symlink("a")}, {"a/x": "1", "c": "2"}],
        "/a->b /b->a /c=2",
    ),
    "aufs": ([{"a": "1"}, {".wh..wh.plnk/1.2": "x"}], "/a=1"),
}


@pytest.mark.parametrize(("layers", "expected"), CASES.values(), ids=CASES)
def test_merging(layers: list[Files], expected: str) -> None:
    assert shown(rootfs_of(layers)) == expected


def test_entries_know_their_layer() -> None:
    rootfs = rootfs_of(
        [{"d/a": "1", "d/b": "2", "k": "3"}, {"d/a": "4", "h": Hardlink("k")}, {"x/y": "5"}]
    )
    found = {path: entry.layer for path, entry in rootfs.walk()}
    assert found == {
        "/d": 0, "/d/a": 1, "/d/b": 0, "/h": 1, "/k": 0, "/x": 2, "/x/y": 2
    }  # fmt: skip


def test_what_is_written_again_was_brought_before() -> None:
    rootfs = rootfs_of(
        [
            {"d/same": "1", "d/other": "1", "e/same": "1", "gone": "1", "link": Symlink("d")},
            {"d": Directory(), "d/same": File("1", 0o600), "d/other": "2", "gone": Whiteout()},
            {"e": Opaque(), "e/same": "1", "gone": "1", "link": Symlink("d"), "d/same": "1"},
        ]
    )
    found = {path: (entry.layer, entry.written) for path, entry in rootfs.walk()}
    assert found == {
        "/d": (1, 1), "/d/same": (0, 2), "/d/other": (1, 1), "/e": (0, 0), "/e/same": (0, 2),
        "/gone": (2, 2), "/link": (2, 2),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        pytest.param(
            [{"a": Hardlink("b")}], "which is not a file of its own or a lower layer", id="absent"
        ),
        pytest.param([{"a": Hardlink("b"), "b": "later"}], "not a file of its own", id="later"),
        pytest.param([{"d/x": ""}, {"a": Hardlink("d")}], "not a file of its own", id="directory"),
        pytest.param(
            [{"d/x": "", "a": Hardlink("d")}], "not a file of its own", id="own-directory"
        ),
        pytest.param([{"a": Symlink("a")}, {"a/b": "x"}], "loop of links", id="loop"),
        pytest.param([{"../x": ""}], "leads out", id="from-the-index"),
    ],
)
def test_problems(layers: list[Files], why: str) -> None:
    assert [why in problem.why for problem in merged(*layers).problems] == [True]


def test_problems_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROBLEMS", 2)
    assert len(merged({str(number): Hardlink("x") for number in range(9)}).problems) == 4


def test_tree_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = {"/".join("abcdefghij"): ""}
    assert merged(layer).problems == []
    monkeypatch.setattr(limits, "TREE_BYTES", 30)
    with pytest.raises(DamagedError, match="more files"):
        merged(layer)


def test_flat_tree_names_no_layer() -> None:
    tree = LayerTree([index_layer([layer_tar({"a/b": "x"})])], [None], layered=False)
    assert [entry.layer for _, entry in TreeRootfs(tree).walk()] == [None, None]


def test_bytes_that_cannot_be_read_again() -> None:
    rootfs = TreeRootfs(merged({"a.pth": "kept", "b": "not kept", "c": Hardlink("b")}))
    assert rootfs.read("/a.pth") == b"kept"
    with pytest.raises(UnreadableError, match="came in a stream"):
        rootfs.read("/b")
    assert rootfs.digests(["/a.pth", "/b", "/c"], "md5").keys() == {"/a.pth"}
    assert rootfs.digests(["/a.pth", "/b", "/c"]).keys() == {"/a.pth", "/b", "/c"}


# ------------------------------------------------------------- against a naive reference model

NAMES = st.sampled_from(["a.pth", "b.pth", "c.pth"])  # an index keeps their content
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.one_of(
    st.text("xyz", max_size=2),
    st.just(Directory()),
    st.just(Symlink("nowhere")),
    st.just(Whiteout()),
    st.just(Opaque()),
    st.builds(Hardlink, PATHS),
)
LAYERS = st.lists(st.lists(st.tuples(PATHS, CONTENTS), max_size=8), max_size=4)

Tree = dict[str, "Tree | str"]


def parent_of(root: Tree, path: str, *, make: bool) -> Tree | None:
    """The directory above a path, as nested dictionaries; made as `mkdir -p` would."""
    here = root
    for name in path.split("/")[:-1]:
        below = here.get(name)
        if not isinstance(below, dict):
            if not make:
                return None
            below = here[name] = {}
        here = below
    return here


def apply(root: Tree, members: list[tuple[str, Content]]) -> None:
    for path, content in members:
        name = path.rpartition("/")[2]
        if isinstance(content, Whiteout) and (folder := parent_of(root, path, make=False)):
            folder.pop(name, None)
        if isinstance(content, Opaque) and isinstance(
            folder := parent_of(root, path + "/x", make=False), dict
        ):
            folder.clear()
    for path, content in members:
        name = path.rpartition("/")[2]
        if isinstance(content, Whiteout | Opaque):
            continue
        value: Tree | str
        folder = parent_of(root, path, make=True)
        assert folder is not None
        if isinstance(content, Hardlink):
            above = parent_of(root, content.target, make=False)
            found = (above or {}).get(content.target.rpartition("/")[2])
            if not isinstance(found, str):
                continue
            value = found
        elif isinstance(content, Directory):
            old = folder.get(name)
            value = old if isinstance(old, dict) else {}
        elif isinstance(content, Symlink):
            value = "->nowhere"
        else:
            assert isinstance(content, str)
            value = f"={content}"
        folder[name] = value


def flattened(tree: Tree, above: str = "") -> Iterator[str]:
    for name in sorted(tree):
        path, below = f"{above}/{name}", tree[name]
        if isinstance(below, dict):
            yield f"{path}/"
            yield from flattened(below, path)
        else:
            yield f"{path}{below}"


def through_links(layers: list[list[tuple[str, Content]]]) -> bool:
    """Whether anything lies below a name that is ever a link: beyond the naive model."""
    rows = [row for layer in layers for row in layer]
    links = {path for path, content in rows if isinstance(content, Symlink)}
    if any(isinstance(content, Hardlink) for _, content in rows):
        return bool(links)
    used = [path + "/" if isinstance(content, Opaque) else path for path, content in rows]
    return any(path.startswith(link + "/") for link in links for path in used)


@given(LAYERS)
def test_merging_like_a_naive_model(layers: list[list[tuple[str, Content]]]) -> None:
    if through_links(layers):
        layers = [[row for row in layer if not isinstance(row[1], Symlink)] for layer in layers]
    model: Tree = {}
    for layer in layers:
        apply(model, layer)
    # tar members may repeat a path; a dictionary cannot, so give each its own spelling
    spelled = [
        {"./" * number + path: content for number, (path, content) in enumerate(layer)}
        for layer in layers
    ]
    assert shown(TreeRootfs(merged(*spelled))) == " ".join(flattened(model))


def test_modes_and_sizes() -> None:
    rootfs = rootfs_of({"bin/x": File("script", 0o4755), "d": Directory(0o1777)})
    assert [(entry.mode, entry.size) for _, entry in rootfs.walk()] == [
        (0o755, 0),
        (0o4755, 6),
        (0o1777, 0),
    ]
