"""Tiny images for a real engine: one static program, configured as a test needs it."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from docker.errors import APIError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NATIVE = _ARCHITECTURES.get(platform.machine(), platform.machine())
FOREIGN = "s390x"


class File(NamedTuple):
    """A file to put into a layer."""

    content: bytes
    mode: int = 0o644
    uid: int = 0


@cache
def probe_program() -> bytes:
    """Compile `probe.c` without any library to load, so it runs in an empty image."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "probe")
        source = Path(__file__).with_name("probe.c")
        subprocess.run(["cc", "-static", "-Os", "-s", "-o", program, source], check=True)
        return program.read_bytes()


def _tar(files: Mapping[str, File]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, file in files.items():
            member = tarfile.TarInfo(path.strip("/"))
            member.mode, member.uid, member.size = file.mode, file.uid, len(file.content)
            if path.endswith("/"):
                member.type = tarfile.DIRTYPE
            archive.addfile(member, io.BytesIO(file.content))
    return out.getvalue()


def saved_image(
    name: str,
    files: Mapping[str, File],
    config: Mapping[str, Any],
    architecture: str = NATIVE,
) -> bytes:
    """Return a `docker save` archive of an image with one layer."""
    layer = _tar(files)
    diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    described = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created_by": "COPY probe / # test"}],
        }
    ).encode()
    config_name = f"{hashlib.sha256(described).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": ["0/layer.tar"]}]
    return _tar(
        {
            config_name: File(described),
            "0/layer.tar": File(layer),
            "manifest.json": File(json.dumps(manifest).encode()),
        }
    )


@contextmanager
def loaded_image(client: DockerClient, name: str, saved: bytes) -> Iterator[str]:
    """Have the engine hold an image for a while; gives its id."""
    client.images.load(saved)
    try:
        yield str(client.images.get(name).id)
    finally:
        with suppress(APIError):  # a test may have removed it
            client.images.remove(name, force=True)
