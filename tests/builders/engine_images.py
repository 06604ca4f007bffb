"""Tiny images for a real engine: one static program, configured as a test needs it."""

from __future__ import annotations

import json
import platform
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker.errors import APIError

from tests.builders.files import layer_tar
from tests.builders.images import configuration, described_members, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker import DockerClient

    from tests.builders.files import Files

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NATIVE = _ARCHITECTURES.get(platform.machine(), platform.machine())
FOREIGN = "s390x"


@cache
def probe_program() -> bytes:
    """Compile `probe.c` without any library to load, so it runs in an empty image."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "probe")
        source = Path(__file__).with_name("probe.c")
        subprocess.run(["cc", "-static", "-Os", "-s", "-o", program, source], check=True)
        return program.read_bytes()


def saved_image(
    name: str, files: Files, config: Mapping[str, Any], architecture: str = NATIVE
) -> bytes:
    """Return a `docker save` archive of an image with one layer; `config` as engines write it."""
    layer = layer_tar(files)
    described = json.loads(configuration([sha256(layer)], architecture=architecture))
    content = json.dumps({**described, "config": config}).encode()
    return layer_tar(described_members([layer], [name], content))


@contextmanager
def loaded_image(client: DockerClient, name: str, saved: bytes) -> Iterator[str]:
    """Have the engine hold an image for a while; yield its id."""
    client.images.load(saved)
    try:
        yield str(client.images.get(name).id)
    finally:
        with suppress(APIError):  # a test may have removed it
            client.images.remove(name, force=True)
