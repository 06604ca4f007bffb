"""The floor: what nobody can avoid who reads every byte of an OCI layout.

`python -m benchmarks.floor DIRECTORY` unpacks every layer and hashes what comes out, on all
cores, and looks at nothing in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from isal import isal_zlib

_CHUNK = 1 << 20


def layers(layout: Path) -> list[Path]:
    """Return the layer blobs of the first image, the largest first."""

    def document(digest: str) -> dict[str, list[dict[str, str]]]:
        content: dict[str, list[dict[str, str]]] = json.loads(
            (layout / "blobs" / digest.replace(":", "/")).read_bytes()
        )
        return content

    index = json.loads((layout / "index.json").read_bytes())
    manifest = document(index["manifests"][0]["digest"])
    blobs = [layout / "blobs" / layer["digest"].replace(":", "/") for layer in manifest["layers"]]
    return sorted(blobs, key=lambda blob: blob.stat().st_size, reverse=True)


def unpack_and_hash(blob: Path) -> str:
    """Return the sha256 of a gzip-compressed layer's content."""
    unpacker = isal_zlib.decompressobj(wbits=31)
    whole = hashlib.sha256()
    with blob.open("rb") as file:
        while chunk := file.read(_CHUNK):
            whole.update(unpacker.decompress(chunk))
    return whole.hexdigest()


def main() -> None:
    """Unpack and hash the layers of the layout named on the command line."""
    blobs = layers(Path(sys.argv[1]))
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for _ in pool.map(unpack_and_hash, blobs):
            pass


if __name__ == "__main__":
    main()
