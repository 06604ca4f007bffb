"""What layers hide of each other, each case as layers and `path size by layer>by [replaced]`."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from auditor.image import limits
from tests.builders import Directory, Hardlink, Opaque, Symlink, Whiteout, image_of, rootfs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.builders import Files

CASES: dict[str, tuple[Sequence[Files], list[str]]] = {
    "nothing": ([{"/a": "1"}, {"/b": "2"}], []),
    "deleted": ([{"/a": "123"}, {"/a": Whiteout()}], ["/a 3 0>1"]),
    "folder-deleted": (
        [{"/d/a": "1", "/d/e/b": "22", "/d/l": Symlink("a")}, {"/x": ""}, {"/d": Whiteout()}],
        ["/d/a 1 0>2", "/d/e/b 2 0>2"],
    ),
    "opaque": ([{"/d/a": "1"}, {"/d": Opaque(), "/d/b": "2"}], ["/d/a 1 0>1"]),
    "other-bytes": ([{"/a": "1"}, {"/a": "22"}], ["/a 1 0>1 replaced"]),
    "same-bytes": ([{"/a": "1"}, {"/a": "1"}], []),
    "deleted-and-written-again": ([{"/a": "1"}, {"/a": Whiteout()}, {"/a": "1"}], []),
    "deleted-and-written-otherwise": ([{"/a": "1"}, {"/a": Whiteout()}, {"/a": "2"}], ["/a 1 0>1"]),
    "opaque-and-same-bytes": ([{"/d/a": "1"}, {"/d": Opaque(), "/d/a": "1"}], []),
    "opaque-and-other-bytes": (
        [{"/d/a": "1"}, {"/d": Opaque(), "/d/a": "2"}],
        ["/d/a 1 0>1 replaced"],
    ),
    "twice": ([{"/a": "1"}, {"/a": "2"}, {"/a": Whiteout()}], ["/a 1 0>1 replaced", "/a 1 1>2"]),
    "same-bytes-then-deleted": ([{"/a": "1"}, {"/a": "1"}, {"/a": Whiteout()}], ["/a 1 0>2"]),
    "folder-in-place-of-a-file": ([{"/a": "1"}, {"/a": Directory()}], ["/a 1 0>1"]),
    "file-in-place-of-a-folder": ([{"/a/b": "1"}, {"/a": "2"}], ["/a/b 1 0>1"]),
    "link-in-place-of-a-file": ([{"/a": "1"}, {"/a": Symlink("b")}], ["/a 1 0>1"]),
    "written-twice-in-one-layer": ([{"/a": "1", "/x": ""}, {"/b": "2"}], []),
    "through-a-link": (
        [{"/lib/a": "1", "/lib64": Symlink("lib")}, {"/lib64/a": Whiteout()}],
        ["/lib/a 1 0>1"],
    ),
    "one-of-two-hard-links": ([{"/a": "1", "/b": Hardlink("/a")}, {"/a": Whiteout()}], []),
    "both-hard-links-count-once": (
        [{"/a": "1", "/b": Hardlink("/a")}, {"/a": Whiteout(), "/b": Whiteout()}],
        ["/a 1 0>1"],
    ),
    "hard-link-overwritten": (
        [{"/a": "1", "/b": Hardlink("/a")}, {"/b": "2"}],
        ["/b 0 0>1 replaced"],
    ),
}


@pytest.mark.parametrize(("layers", "expected"), CASES.values(), ids=CASES)
def test_hidden(layers: Sequence[Files], expected: list[str]) -> None:
    assert [
        f"{each.path} {each.size} {each.layer}>{each.by}{' replaced' * each.replaced}"
        for each in image_of(layers).hidden
    ] == expected


def test_the_digest_is_that_of_the_hidden_bytes() -> None:
    [hidden] = image_of([{"/a": "old"}, {"/a": "new"}]).hidden
    assert hidden.sha256 == hashlib.sha256(b"old").hexdigest()


def test_more_than_the_limit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HIDDEN", 2)
    image = image_of([{f"/{n}": str(n) for n in range(5)}, {f"/{n}": Whiteout() for n in range(5)}])
    assert len(image.hidden) == 2
    assert [(each.limit, each.why) for each in image.problems] == [
        (True, "3 files hidden by later layers and not looked at")
    ]


def test_reading_goes_on_as_before() -> None:
    assert rootfs_of([{"/a": "1"}, {"/a": "2"}]).read("/a") == b"2"
