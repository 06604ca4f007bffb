"""Write OCI image layouts from files of this machine, without a container engine.

After the OCI image specification 1.1: image-layout.md, manifest.md, config.md and layer.md.
The same files give the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""`platform.machine()` -> the architecture's name in an image."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one instruction added: path in the image -> what stands there.

    A `Path` is a file of this machine, a text the target of a symbolic link, bytes are a
    file's content, and None is a whiteout.
    """

    created_by: str
    files: Mapping[str, Path | str | bytes | None]


@dataclass(frozen=True, slots=True)
class Config:
    """How the image runs."""

    architecture: str
    env: Mapping[str, str] = field(default_factory=dict)
    cmd: tuple[str, ...] = ()


def files_below(folder: Path, at: str = "/") -> dict[str, Path | str]:
    """Return every file and link below `folder` as it would stand below `at` in an image."""
    tree: dict[str, Path | str] = {}
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent, name)
            target = str(PurePosixPath(at, path.relative_to(folder)))
            if path.is_symlink():
                tree[target] = str(path.readlink())
            elif path.is_file():
                tree[target] = path
    return tree


def copy_to(folder: Path, files: Mapping[str, Path | str | bytes]) -> None:
    """Lay the files out below `folder` as a root file system."""
    for path, source in files.items():
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, str):
            target.symlink_to(source)
        elif isinstance(source, bytes):
            target.write_bytes(source)
        else:
            shutil.copy2(source, target)


def write(layout: Path, tag: str, layers: list[Layer], config: Config) -> None:
    """Add an image to the layout in folder `layout`, which is made where it is not there."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    written = [_write_layer(blobs, layer) for layer in layers]
    image = {
        "architecture": config.architecture,
        "os": "linux",
        "config": {
            "Env": [f"{key}={value}" for key, value in config.env.items()],
            "Cmd": config.cmd,
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in written]},
        "history": [{"created_by": layer.created_by} for layer in layers],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _write_json(blobs, "application/vnd.oci.image.config.v1+json", image),
        "layers": [descriptor for descriptor, _ in written],
    }
    described = _write_json(blobs, "application/vnd.oci.image.manifest.v1+json", manifest)
    described["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    index = layout / "index.json"
    others = json.loads(index.read_text())["manifests"] if index.exists() else []
    others = [other for other in others if other["annotations"] != described["annotations"]]
    index.write_text(json.dumps({"schemaVersion": 2, "manifests": [*others, described]}))


def _write_json(blobs: Path, media_type: str, content: object) -> dict[str, object]:
    encoded = json.dumps(content).encode()
    digest = hashlib.sha256(encoded).hexdigest()
    (blobs / digest).write_bytes(encoded)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(encoded)}


class _Writable(Protocol):
    def write(self, content: bytes, /) -> int: ...


class _Hashed:
    """A stream that is hashed while it is written."""

    def __init__(self, stream: _Writable) -> None:
        self.stream = stream
        self.sha256 = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.sha256.update(content)
        return self.stream.write(content)


def _write_layer(blobs: Path, layer: Layer) -> tuple[dict[str, object], str]:
    part = blobs / "part"
    with part.open("wb") as raw:
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0)
        with packed:
            plain = _Hashed(packed)
            with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
                _add_files(tar, layer)
    with part.open("rb") as raw:
        digest = hashlib.file_digest(raw, "sha256").hexdigest()
    size = part.stat().st_size
    part.replace(blobs / digest)
    media_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    descriptor: dict[str, object] = {
        "mediaType": media_type,
        "digest": f"sha256:{digest}",
        "size": size,
    }
    return descriptor, f"sha256:{plain.sha256.hexdigest()}"


def _add_files(tar: tarfile.TarFile, layer: Layer) -> None:
    folders: set[PurePosixPath] = set()
    for path, content in sorted(layer.files.items()):
        at = PurePosixPath(path.lstrip("/"))
        for folder in reversed(at.parents[:-1]):
            if folder not in folders:
                folders.add(folder)
                entry = tarfile.TarInfo(str(folder))
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
        _add_file(tar, at, content)


def _add_file(tar: tarfile.TarFile, at: PurePosixPath, content: Path | str | bytes | None) -> None:
    entry = tarfile.TarInfo(str(at))
    if isinstance(content, str):
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, content, 0o777
        tar.addfile(entry)
    elif isinstance(content, Path):
        status = content.stat()
        entry.size, entry.mode = status.st_size, status.st_mode & 0o777
        with content.open("rb") as stream:
            tar.addfile(entry, stream)
    else:
        if content is None:
            entry.name = str(at.with_name(f".wh.{at.name}"))
            content = b""
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
