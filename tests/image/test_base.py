from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditor.errors import ImageError, UsageError
from auditor.image.base import read_base
from auditor.image.base_layers import Base, mark_base_layers
from tests.builders import docker_archive, image_of, oci_layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LOWER, UPPER = {"/a": "1"}, {"/b": "2"}
IMAGE = image_of([LOWER, UPPER])
DIGESTS = tuple(layer.digest for layer in IMAGE.layers)


def test_of_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "base.tar"
    file.write_bytes(docker_archive([LOWER]))
    base = read_base(f"docker-archive:{file}")
    assert base == Base(f"docker-archive:{file}", DIGESTS[:1])


def test_of_a_layout_whose_layers_are_not_read(tmp_path: Path) -> None:
    oci_layout(tmp_path, [LOWER, UPPER])
    for blob in (tmp_path / "blobs/sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            blob.unlink()
    assert read_base(f"oci:{tmp_path}:latest", "linux/amd64").diff_ids == DIGESTS


@pytest.mark.parametrize("transport", ["dir", "env", "container"])
def test_without_layers(transport: str) -> None:
    with pytest.raises(UsageError, match="no layers"):
        read_base(f"{transport}:x")


def test_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no directory"):
        read_base(f"oci:{tmp_path / 'none'}")


CASES: dict[str, tuple[Sequence[str], list[bool], str]] = {
    "lowest": (DIGESTS[:1], [True, False], ""),
    "all": (DIGESTS, [True, True], ""),
    "higher": (DIGESTS[1:], [False, False], "0 of its 1 layer in common"),
    "newer": ((DIGESTS[0], "sha256:0"), [True, False], "1 of its 2 layers in common"),
    "longer": ((*DIGESTS, "sha256:0"), [True, True], "2 of its 3 layers in common"),
    "empty": ((), [False, False], "0 of its 0 layers in common"),
}


@pytest.mark.parametrize(("diff_ids", "expected", "why"), CASES.values(), ids=CASES)
def test_attributed(diff_ids: Sequence[str], expected: list[bool], why: str) -> None:
    image = mark_base_layers(IMAGE, Base("base", tuple(diff_ids)))
    assert [layer.base for layer in image.layers] == expected
    assert [each.what for each in image.not_checked] == ["base image"] * bool(why)
    assert all(each.why.endswith(why) for each in image.not_checked)


@pytest.mark.parametrize(
    ("label", "value"), [("name", "python:3.11"), ("digest", "sha256:1")], ids=["name", "digest"]
)
def test_a_label_alone_is_said(label: str, value: str) -> None:
    image = image_of(LOWER, labels={f"org.opencontainers.image.base.{label}": value})
    marked = mark_base_layers(image, None)
    assert not any(layer.base for layer in marked.layers)
    assert [value in each.why for each in marked.not_checked] == [True]
    assert mark_base_layers(IMAGE, None).not_checked == ()
