"""Images from dictionaries of texts: real tar bytes, read by the real reader.

`rootfs_of` and `image_of` give what most tests need; `layer_tar`, `docker_archive` and
`oci_layout` write the bytes themselves.
"""

from __future__ import annotations

from tests.builders.artifacts import Shelf, Signers, artifact_bytes, manifest_of
from tests.builders.elf import elf
from tests.builders.files import (
    Device,
    Directory,
    File,
    Files,
    Hardlink,
    Opaque,
    Symlink,
    Whiteout,
    layer_tar,
)
from tests.builders.images import docker_archive, image_of, oci_layout, rootfs_of
from tests.builders.interpreter import interpreter

__all__ = [
    "Device",
    "Directory",
    "File",
    "Files",
    "Hardlink",
    "Opaque",
    "Shelf",
    "Signers",
    "Symlink",
    "Whiteout",
    "artifact_bytes",
    "docker_archive",
    "elf",
    "image_of",
    "interpreter",
    "layer_tar",
    "manifest_of",
    "oci_layout",
    "rootfs_of",
]
