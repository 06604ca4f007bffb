from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from auditor.image.layout.archive import read_archive_stream
from auditor.image.layout.blob_store import ImageQuery
from tests.builders.files import Files, layer_tar

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.model import Image, Rootfs

Layers = Files | Sequence[Files]


class Config(TypedDict, total=False):
    """What the image configuration says; everything has a default."""

    env: Mapping[str, str]
    entrypoint: Sequence[str]
    cmd: Sequence[str]
    user: str
    working_dir: str
    labels: Mapping[str, str]
    architecture: str
    variant: str
    os: str
    created_by: Sequence[str]
    """The instruction of each layer."""


def rootfs_of(files: Layers) -> Rootfs:
    """Return the root file system of an image with these files (or with several layers)."""
    return image_of(files).rootfs


def image_of(
    files: Layers = (), *, reference: str = "docker-archive:image.tar", **config: Unpack[Config]
) -> Image:
    """Return an image with these files, or with a list of layers, lowest first."""
    archive = docker_archive(files, **config)
    return read_archive_stream(
        io.BytesIO(archive), ImageQuery(reference), lambda: io.BytesIO(archive)
    )


def layers_of(files: Layers) -> list[Files]:
    return [files] if isinstance(files, Mapping) else list(files)


def configuration(diff_ids: Sequence[str], **config: Unpack[Config]) -> bytes:
    """Return an image configuration as engines write it."""
    made = config.get("created_by", [f"layer {number}" for number in range(len(diff_ids))])
    value = {
        "architecture": config.get("architecture", "amd64"),
        "os": config.get("os", "linux"),
        **({"variant": config["variant"]} if "variant" in config else {}),
        "config": {
            "Env": [f"{key}={text}" for key, text in config.get("env", {}).items()],
            "Entrypoint": list(config.get("entrypoint", ())) or None,
            "Cmd": list(config.get("cmd", ())) or None,
            "User": config.get("user", ""),
            "WorkingDir": config.get("working_dir", ""),
            "Labels": dict(config.get("labels", {})),
        },
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        "history": [{"created_by": text} for text in made],
    }
    return json.dumps(value).encode()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def docker_archive(
    files: Layers = (),
    *,
    legacy: bool = True,
    tags: Sequence[str] = ("example:latest",),
    compress: bool = False,
    **config: Unpack[Config],
) -> bytes:
    """Return what `docker save` writes: before version 25 (`legacy`), or since.

    `compress` packs the layers with gzip, as engines with the containerd store do.
    """
    layers = [layer_tar(layer) for layer in layers_of(files)]
    if legacy:
        return layer_tar(legacy_members(layers, tags, **config))
    members = oci_members({tag: [(layers, config)] for tag in tags}, compress=compress)
    index = json.loads(members["index.json"])
    manifest = json.loads(members[_blob(index["manifests"][0]["digest"])])
    members["manifest.json"] = json.dumps(
        [
            {
                "Config": _blob(manifest["config"]["digest"]),
                "RepoTags": list(tags),
                "Layers": [_blob(layer["digest"]) for layer in manifest["layers"]],
            }
        ]
    ).encode()
    return layer_tar(members)


def legacy_members(
    layers: Sequence[bytes], tags: Sequence[str] = (), **config: Unpack[Config]
) -> dict[str, bytes]:
    """Return the members of an archive from before Docker 25, manifest.json last."""
    return described_members(layers, tags, configuration(list(map(sha256, layers)), **config))


def described_members(
    layers: Sequence[bytes], tags: Sequence[str], described: bytes
) -> dict[str, bytes]:
    """Return the same with this configuration."""
    members: dict[str, bytes] = {}
    names = []
    for number, layer in enumerate(layers):
        name = f"{hashlib.sha256(layer + bytes([number])).hexdigest()}/layer.tar"
        members[name] = layer
        names.append(name)
    config_name = f"{hashlib.sha256(described).hexdigest()}.json"
    members[config_name] = described
    members["manifest.json"] = json.dumps(
        [{"Config": config_name, "RepoTags": list(tags), "Layers": names}]
    ).encode()
    return members


def oci_layout(
    path: Path, files: Layers = (), *, tag: str = "latest", **config: Unpack[Config]
) -> Path:
    """Write an OCI layout directory with one image, its layers packed with gzip; return `path`."""
    layers = [layer_tar(layer) for layer in layers_of(files)]
    write_members(path, oci_members({tag: [(layers, config)]}))
    return path


def oci_members(
    images: Mapping[str, Sequence[tuple[Sequence[bytes], Config]]], *, compress: bool = True
) -> dict[str, bytes]:
    """Return the files of a layout: tag -> one image, or several platforms of it."""
    members: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    listed = []
    for tag, platforms in images.items():
        manifests = [
            oci_manifest(members, layers, config, compress=compress) for layers, config in platforms
        ]
        top = manifests[0] if len(manifests) == 1 else oci_index(members, manifests)
        listed.append({**top, "annotations": {"org.opencontainers.image.ref.name": tag}})
    members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": listed}).encode()
    return members


def oci_index(members: dict[str, bytes], manifests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add an image index; return its descriptor."""
    content = json.dumps({"schemaVersion": 2, "manifests": list(manifests)}).encode()
    return oci_blob(members, content, "application/vnd.oci.image.index.v1+json")


def oci_manifest(
    members: dict[str, bytes], layers: Sequence[bytes], config: Config, *, compress: bool = True
) -> dict[str, Any]:
    """Add an image with its blobs; return its descriptor, with the platform."""
    described = configuration([sha256(layer) for layer in layers], **config)
    kind = "application/vnd.oci.image.layer.v1.tar"
    packed = [(gzip.compress(layer, mtime=0) if compress else layer) for layer in layers]
    content = json.dumps(
        {
            "schemaVersion": 2,
            "config": oci_blob(members, described, "application/vnd.oci.image.config.v1+json"),
            "layers": [
                oci_blob(members, layer, kind + "+gzip" if compress else kind) for layer in packed
            ],
        }
    ).encode()
    descriptor = oci_blob(members, content, "application/vnd.oci.image.manifest.v1+json")
    platform = {
        "os": config.get("os", "linux"),
        "architecture": config.get("architecture", "amd64"),
    }
    if config.get("variant"):
        platform["variant"] = config["variant"]
    return {**descriptor, "platform": platform}


def oci_listing(members: Mapping[str, bytes], *descriptors: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the members with an index.json of these images."""
    return {**members, "index.json": json.dumps({"manifests": descriptors}).encode()}


def changed_image(
    layers: Sequence[bytes],
    config: Mapping[str, object] | None = None,
    manifest: Mapping[str, object] | None = None,
) -> dict[str, bytes]:
    """Return a layout of one image with other keys in its configuration and its manifest."""
    members: dict[str, bytes] = {}

    def changed(descriptor: Mapping[str, Any], change: Mapping[str, object]) -> dict[str, Any]:
        content = {**json.loads(members[_blob(descriptor["digest"])]), **change}
        return oci_blob(members, json.dumps(content).encode(), "")

    described = oci_manifest(members, layers, {})
    held = json.loads(members[_blob(described["digest"])])["config"]
    change = {**({"config": changed(held, config)} if config else {}), **(manifest or {})}
    return oci_listing(members, changed(described, change))


def oci_blob(members: dict[str, bytes], content: bytes, media_type: str) -> dict[str, Any]:
    """Add a blob; return its descriptor."""
    digest = sha256(content)
    members[_blob(digest)] = content
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def write_members(path: Path, members: Mapping[str, bytes]) -> None:
    """Write a layout's files into a directory."""
    for name, content in members.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
