"""What cannot be audited ends in one line, a hint and exit 2 or 3: never in a traceback."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sample_locks.demo.__main__ import LOCK
from sample_locks.layout import Config, Layer, write
from tests.builders.audits import PROJECT, run

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Inputs:
    """An image and a lock that can be audited, to be broken one way at a time."""

    layout: Path
    lock: Path

    @property
    def image(self) -> str:
        """The layout as a reference."""
        return f"oci:{self.layout}:latest"

    def blob(self, descriptor: dict[str, str]) -> Path:
        """Return the file of a blob."""
        return self.layout / "blobs" / Path(descriptor["digest"].replace(":", "/"))

    @property
    def manifest(self) -> dict[str, object]:
        """The image's manifest."""
        (described,) = json.loads((self.layout / "index.json").read_text())["manifests"]
        manifest = json.loads(self.blob(described).read_text())
        assert isinstance(manifest, dict)
        return manifest

    @property
    def layer(self) -> Path:
        """The file of the image's only layer."""
        layers = self.manifest["layers"]
        assert isinstance(layers, list)
        return self.blob(layers[0])


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    layout = tmp_path / "layout"
    files: dict[str, Path | str | bytes | None] = {"/etc/hostname": b"x" * 65_536}
    write(layout, "latest", [Layer("ADD rootfs.tar /", files)], Config("amd64"))
    lock = tmp_path / "pylock.toml"
    shutil.copy(PROJECT / LOCK, lock)
    return Inputs(layout, lock)


def _truncate_archive(inputs: Inputs) -> None:
    whole = inputs.layout.with_suffix(".tar")
    with tarfile.open(whole, "w") as tar:
        tar.add(inputs.layout, arcname=".")
    whole.write_bytes(whole.read_bytes()[:2_000])


def _write_no_archive(inputs: Inputs) -> None:
    inputs.layout.with_suffix(".tar").write_text("no archive at all\n" * 100)


def _spoil_gzip(inputs: Inputs) -> None:
    content = bytearray(inputs.layer.read_bytes())
    content[30:60] = bytes(30)
    inputs.layer.write_bytes(content)


def _change_layer(inputs: Inputs) -> None:
    content = gzip.decompress(inputs.layer.read_bytes()).replace(b"xxx", b"yyy")
    inputs.layer.write_bytes(gzip.compress(content, compresslevel=1, mtime=0))


def _edit_lock(pattern: str, text: str) -> Callable[[Inputs], object]:
    return lambda inputs: inputs.lock.write_text(re.sub(pattern, text, inputs.lock.read_text()))


def _nothing(inputs: Inputs) -> None:
    """Break nothing: what is named is not there."""


IMAGE = "oci:{layout}:latest"
BROKEN: dict[str, tuple[Callable[[Inputs], object], str, int]] = {
    "truncated-archive": (_truncate_archive, "oci-archive:{layout}.tar", 3),
    "not-an-archive": (_write_no_archive, "docker-archive:{layout}.tar", 3),
    "bad-gzip": (_spoil_gzip, IMAGE, 3),
    "cut-layer": (lambda at: at.layer.write_bytes(at.layer.read_bytes()[:-10]), IMAGE, 3),
    "wrong-digest": (_change_layer, IMAGE, 3),
    "missing-blob": (lambda at: at.layer.unlink(), IMAGE, 3),
    "index-no-json": (lambda at: (at.layout / "index.json").write_text("{"), IMAGE, 3),
    "no-such-tag": (_nothing, "oci:{layout}:missing", 3),
    "no-such-file": (_nothing, "docker-archive:{layout}/missing.tar", 3),
    "no-such-directory": (_nothing, "dir:{layout}/missing", 3),
    "engine-not-running": (_nothing, "docker:anything:latest", 3),
    "no-such-lock": (lambda at: at.lock.unlink(), IMAGE, 2),
    "lock-no-toml": (lambda at: at.lock.write_text("[[packages]\n"), IMAGE, 2),
    "toml-no-lock": (lambda at: at.lock.write_text("[tool.poetry]\nname = 'x'\n"), IMAGE, 2),
    "lock-of-the-future": (_edit_lock('lock-version = "1.0"', 'lock-version = "2.0"'), IMAGE, 2),
    "lock-with-a-number-for-a-hash": (_edit_lock(r'sha256 = "\w+"', "sha256 = 5"), IMAGE, 2),
    "unknown-format": (_nothing, f"{IMAGE} --format papyrus", 2),
}


def _assert_one_line_and_a_hint(stderr: str) -> None:
    lines = stderr.splitlines()
    assert len(lines) == 2, stderr
    assert lines[0].startswith("auditor: error: ")
    assert lines[1].startswith("hint: ")
    assert "bug in auditor" not in stderr


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_input_ends_in_one_line_and_a_hint(name: str, inputs: Inputs) -> None:
    break_it, arguments, code = BROKEN[name]
    break_it(inputs)
    reference, *options = arguments.format(layout=inputs.layout).split()
    output = inputs.lock.with_name("report.json")
    output.write_text("as it was")
    nobody = {"DOCKER_HOST": f"unix://{inputs.lock.with_name('no.sock')}"}

    options += ["--lock", str(inputs.lock), "--format", "json", "-o", str(output)]
    done = run("check", reference, *options, env=nobody)

    _assert_one_line_and_a_hint(done.stderr)
    assert done.returncode == code
    assert done.stdout == ""
    assert output.read_text() == "as it was"


def test_two_locks_to_choose_from(inputs: Inputs) -> None:
    shutil.copy(inputs.lock, inputs.lock.with_name("pylock.other.toml"))

    done = run("check", inputs.image, cwd=inputs.lock.parent)

    _assert_one_line_and_a_hint(done.stderr)
    assert done.returncode == 2
    assert "pylock.other.toml" in done.stderr


def test_a_lock_in_a_folder_without_one(inputs: Inputs) -> None:
    inputs.lock.unlink()

    done = run("check", inputs.image, cwd=inputs.lock.parent)

    _assert_one_line_and_a_hint(done.stderr)
    assert done.returncode == 2


@pytest.mark.engine
def test_an_image_that_the_engine_does_not_have(inputs: Inputs) -> None:
    done = run("check", "docker:auditor-test/missing:never", "--lock", inputs.lock)

    _assert_one_line_and_a_hint(done.stderr)
    assert done.returncode == 3
    assert "auditor-test/missing:never" in done.stderr
