"""Manifests as bytes: a JSON header, then one column after the other.

`VERSION` names both the layout and what the readers put into it: a change of either counts it
up, since entries are kept for ever and shared between machines.
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.artifacts.manifest import Manifest, Member
from auditor.model import ArtifactKind

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 3

_LENGTH = struct.Struct("<L")
_DIGEST = 32


class FormatError(ValueError):
    """Bytes that are no manifest."""


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest with every digest that was computed of its artifact."""

    manifest: Manifest
    hashes: Mapping[str, str]
    """Algorithm as `hashlib` names it -> lower-case hex."""


def encoded(kept: StoredManifest) -> bytes:
    """Return the bytes of a manifest."""
    manifest = kept.manifest
    members = manifest.members
    header = {
        "kind": manifest.kind.value,
        "filename": manifest.filename,
        "sha256": manifest.sha256,
        "size": manifest.size,
        "hashes": dict(kept.hashes),
        "members": len(members),
        "dist_info": manifest.dist_info,
        "data": manifest.data,
        "tags": manifest.tags,
        "scripts": manifest.scripts,
        "bodies": {str(at): each.body.hex() for at, each in enumerate(members) if each.body},
    }
    paths = "\0".join(each.path for each in members).encode("utf-8", "surrogateescape")
    columns = [
        json.dumps(header, sort_keys=True).encode(),
        paths,
        b"".join(each.sha256 for each in members),
        _little(array("Q", (each.size for each in members))),
    ]
    return b"".join(part for column in columns for part in (_LENGTH.pack(len(column)), column))


def decoded(data: bytes) -> StoredManifest:
    """Return the manifest that `encoded` wrote; raises `FormatError`."""
    try:
        return _decoded(data)
    except (ValueError, KeyError, TypeError, IndexError, struct.error, AttributeError) as error:
        raise FormatError("no manifest") from error


def _decoded(data: bytes) -> StoredManifest:
    header_bytes, path_bytes, digest_bytes, size_bytes = _columns(data)
    header = json.loads(header_bytes)
    count = header["members"]
    paths = path_bytes.decode("utf-8", "surrogateescape").split("\0") if count else []
    digests = [digest_bytes[at : at + _DIGEST] for at in range(0, len(digest_bytes), _DIGEST)]
    sizes = array("Q", size_bytes)
    if sys.byteorder == "big":
        sizes.byteswap()
    bodies = [b""] * len(sizes)
    for at, body in header["bodies"].items():
        bodies[int(at)] = bytes.fromhex(body)
    members = list(map(Member._make, zip(paths, digests, sizes, bodies, strict=True)))
    if len(members) != count:
        raise FormatError("members")
    manifest = Manifest(
        ArtifactKind(header["kind"]),
        header["filename"],
        header["sha256"],
        header["size"],
        tuple(members),
        dist_info=header["dist_info"],
        data=header["data"],
        tags=tuple(header["tags"]),
        scripts=tuple((name, target) for name, target in header["scripts"]),
    )
    return StoredManifest(manifest, header["hashes"])


def _columns(data: bytes) -> list[bytes]:
    columns, at = [], 0
    while at < len(data):
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        columns.append(data[at : at + length])
        at += length
    if at != len(data):
        raise FormatError("cut")
    return columns


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
