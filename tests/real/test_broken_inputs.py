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


def _truncated_archive(inputs: Inputs) -> list[object]:
    whole = inputs.layout.with_suffix(".tar")
    with tarfile.open(whole, "w") as tar:
        tar.add(inputs.layout, arcname=".")
    cut = whole.with_name("cut.tar")
    cut.write_bytes(whole.read_bytes()[:2_000])
    return [f"oci-archive:{cut}", "--lock", inputs.lock]


def _not_an_archive(inputs: Inputs) -> list[object]:
    text = inputs.lock.with_name("image.tar")
    text.write_text("no archive at all\n" * 100)
    return [f"docker-archive:{text}", "--lock", inputs.lock]


def _bad_gzip(inputs: Inputs) -> list[object]:
    content = bytearray(inputs.layer.read_bytes())
    content[30:60] = bytes(30)
    inputs.layer.write_bytes(content)
    return [inputs.image, "--lock", inputs.lock]


def _cut_layer(inputs: Inputs) -> list[object]:
    inputs.layer.write_bytes(inputs.layer.read_bytes()[:-10])
    return [inputs.image, "--lock", inputs.lock]


def _wrong_digest(inputs: Inputs) -> list[object]:
    content = gzip.decompress(inputs.layer.read_bytes())
    packed = gzip.compress(content.replace(b"xxx", b"yyy"), compresslevel=1, mtime=0)
    inputs.layer.write_bytes(packed)
    return [inputs.image, "--lock", inputs.lock]


def _missing_blob(inputs: Inputs) -> list[object]:
    inputs.layer.unlink()
    return [inputs.image, "--lock", inputs.lock]


def _index_no_json(inputs: Inputs) -> list[object]:
    (inputs.layout / "index.json").write_text("{")
    return [inputs.image, "--lock", inputs.lock]


def _no_such_tag(inputs: Inputs) -> list[object]:
    return [f"oci:{inputs.layout}:missing", "--lock", inputs.lock]


def _no_such_file(inputs: Inputs) -> list[object]:
    return [f"docker-archive:{inputs.layout}/missing.tar", "--lock", inputs.lock]


def _no_such_directory(inputs: Inputs) -> list[object]:
    return [f"dir:{inputs.layout}/missing", "--lock", inputs.lock]


def _engine_not_running(inputs: Inputs) -> list[object]:
    return ["docker:anything:latest", "--lock", inputs.lock]


def _no_such_lock(inputs: Inputs) -> list[object]:
    return [inputs.image, "--lock", inputs.lock.with_name("pylock.missing.toml")]


def _lock_no_toml(inputs: Inputs) -> list[object]:
    inputs.lock.write_text("[[packages]\n")
    return [inputs.image, "--lock", inputs.lock]


def _toml_no_lock(inputs: Inputs) -> list[object]:
    inputs.lock.write_text('[tool.poetry]\nname = "other"\n')
    return [inputs.image, "--lock", inputs.lock]


def _lock_of_the_future(inputs: Inputs) -> list[object]:
    text = inputs.lock.read_text()
    inputs.lock.write_text(text.replace('lock-version = "1.0"', 'lock-version = "2.0"'))
    return [inputs.image, "--lock", inputs.lock]


def _number_for_a_hash(inputs: Inputs) -> list[object]:
    text = re.sub(r'sha256 = "\w+"', "sha256 = 5", inputs.lock.read_text())
    inputs.lock.write_text(text)
    return [inputs.image, "--lock", inputs.lock]


def _unknown_format(inputs: Inputs) -> list[object]:
    return [inputs.image, "--lock", inputs.lock, "--format", "papyrus"]


BROKEN: dict[str, tuple[Callable[[Inputs], list[object]], int]] = {
    "truncated-archive": (_truncated_archive, 3),
    "not-an-archive": (_not_an_archive, 3),
    "bad-gzip": (_bad_gzip, 3),
    "cut-layer": (_cut_layer, 3),
    "wrong-digest": (_wrong_digest, 3),
    "missing-blob": (_missing_blob, 3),
    "index-no-json": (_index_no_json, 3),
    "no-such-tag": (_no_such_tag, 3),
    "no-such-file": (_no_such_file, 3),
    "no-such-directory": (_no_such_directory, 3),
    "engine-not-running": (_engine_not_running, 3),
    "no-such-lock": (_no_such_lock, 2),
    "lock-no-toml": (_lock_no_toml, 2),
    "toml-no-lock": (_toml_no_lock, 2),
    "lock-of-the-future": (_lock_of_the_future, 2),
    "lock-with-a-number-for-a-hash": (_number_for_a_hash, 2),
    "unknown-format": (_unknown_format, 2),
}


def _assert_one_line_and_a_hint(stderr: str) -> None:
    lines = stderr.splitlines()
    assert len(lines) == 2, stderr
    assert lines[0].startswith("auditor: error: ")
    assert lines[1].startswith("hint: ")
    assert "mistake in auditor" not in stderr


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_input_ends_in_one_line_and_a_hint(name: str, inputs: Inputs) -> None:
    break_it, code = BROKEN[name]
    arguments = break_it(inputs)
    output = inputs.lock.with_name("report.json")
    output.write_text("as it was")
    nobody = {"DOCKER_HOST": f"unix://{inputs.lock.with_name('no.sock')}"}

    done = run("check", *arguments, "--format", "json", "-o", output, env=nobody)

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
