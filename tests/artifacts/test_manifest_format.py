from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.artifacts.manifest import Manifest, Member
from auditor.artifacts.manifest_format import VERSION, FormatError, StoredManifest, decoded, encoded
from auditor.artifacts.wheel import read_wheel
from auditor.model import ArtifactKind
from tests.builders.wheels import wheel


def manifest() -> Manifest:
    content = wheel(
        {
            "demo/a.py": "a",
            "demo/é.py": "",
            "demo-1.0.data/scripts/x": "#!python\nrun",
            "demo-1.0.dist-info/entry_points.txt": "[gui_scripts]\nx = demo:x\n",
        },
        compression=zipfile.ZIP_STORED,
    )
    return read_wheel(io.BytesIO(content), "demo-1.0-py3-none-any.whl", "ab" * 32)


@pytest.mark.parametrize(
    "changed",
    [
        manifest(),
        replace(manifest(), members=()),
        replace(manifest(), verified=True, tags=(), scripts=()),
        Manifest(
            ArtifactKind.SDIST, "caf\udce9.zip", "", 1 << 40, (Member("\udce9\n", b"d" * 32, 7),)
        ),
    ],
)
def test_what_was_written_is_read(changed: Manifest) -> None:
    kept = StoredManifest(changed, {"sha256": "ab", "md5": "cd"})
    assert decoded(encoded(kept)) == kept


def test_layout_has_a_number() -> None:
    """Entries are kept for ever: whoever changes their bytes counts `VERSION` up."""
    bytes_now = hashlib.sha256(encoded(StoredManifest(manifest(), {"sha256": "ab"}))).hexdigest()
    assert (VERSION, bytes_now[:16]) == (3, "5217fecaa483f1aa")


@given(st.binary(max_size=200), st.integers(0, 400))
def test_other_bytes_are_no_manifest(noise: bytes, at: int) -> None:
    content = encoded(StoredManifest(manifest(), {}))
    for damaged in (noise, content[:at], content[:at] + noise + content[at:] + b"\0"):
        try:
            assert decoded(damaged).hashes == {}
        except FormatError:
            continue
