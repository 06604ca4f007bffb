"""Artifacts that locks name, and what a store finds of them."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.artifacts import (
    Absent,
    ArtifactPool,
    ArtifactSources,
    Manifest,
    ManifestCache,
    ManifestStore,
)
from auditor.artifacts.manifest import kind_of
from auditor.http.connections import HttpConnections
from auditor.model import Artifact
from tests.builders.fake_registry import SOON, Answer
from tests.builders.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditor.http.retries import RetryPolicy
    from auditor.progress import Progress
    from tests.builders.fake_registry import FakeRegistry

NAME = "demo-1.0-py3-none-any.whl"
FILE = f"/files/{NAME}"
HERE = Path("/nowhere")
CONTENT = wheel({"demo.py": "print('hello')\n"})
OTHER = wheel({"demo.py": "print('other')\n"})
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def artifact(content: bytes = CONTENT, *algorithms: str, **changes: object) -> Artifact:
    """Return an entry of a lock for a file with this content, whose path is its name."""
    hashes = {name: hashlib.new(name, content).hexdigest() for name in algorithms or ("sha256",)}
    fields: dict[str, object] = {
        "filename": NAME,
        "hashes": hashes,
        "size": len(content),
        "path": NAME,
    }
    fields |= changes
    kind = kind_of(str(fields["filename"]))
    return Artifact(kind, **fields)  # type: ignore[arg-type]


def at(
    server: FakeRegistry, content: bytes = CONTENT, path: str = FILE, login: str = ""
) -> Artifact:
    """Return an entry of a lock for a file at a server's URL, with `user:password@` in it."""
    name = path[1:] if path.endswith(".tar.gz") else NAME
    url = f"http://{login}{server.host}{path}"
    return artifact(content, path=None, filename=name, url=url)


def listed(server: FakeRegistry, content: bytes = CONTENT, **more: object) -> Artifact:
    """Return an entry of a lock for a file in a server's index."""
    return artifact(content, path=None, index=f"http://{server.host}/simple", **more)


def several(server: FakeRegistry, count: int) -> list[Artifact]:
    """Return entries of a lock for different files, which the server has at /0, /1, ..."""
    contents = [wheel({"demo.py": str(number)}) for number in range(count)]
    server.script |= {f"/{number}": [Answer(body=each)] for number, each in enumerate(contents)}
    return [at(server, each, f"/{number}") for number, each in enumerate(contents)]


def html(*links: str) -> Answer:
    """Return the page of an index with these attributes of links."""
    body = "".join(f"<a {link}>x</a>\n" for link in links)
    return Answer(
        body=f"<!doctype html><body>{body}".encode(), headers={"Content-Type": "text/html"}
    )


def page(*files: Mapping[str, object]) -> Answer:
    """Return the page of an index in JSON."""
    kind = {"Content-Type": "application/vnd.pypi.simple.v1+json; charset=utf-8"}
    return Answer(body=json.dumps({"files": files}).encode(), headers=kind)


class Places(NamedTuple):
    """Where artifacts are looked for."""

    folder: Path
    sources: ArtifactSources
    connections: HttpConnections


def places(
    folder: Path = HERE,
    wheelhouses: tuple[Path, ...] = (),
    retry_policy: RetryPolicy = SOON,
    **options: Any,  # noqa: ANN401 -- any option
) -> Places:
    """Return the folder of a lock and who else may be asked."""
    return Places(folder, ArtifactSources(wheelhouses, **options), HttpConnections(retry_policy))


@contextmanager
def store(
    where: Places, cache: ManifestCache | None = None, show: Progress | None = None
) -> Iterator[ManifestStore]:
    """Yield the manifests of a lock, by a pool of its own."""
    with (
        ArtifactPool(where.sources, cache, where.connections) as pool,
        ManifestStore(pool, where.folder, show) as manifests,
    ):
        yield manifests


def one(wanted: Artifact, where: Places, cache: ManifestCache | None = None) -> Manifest | Absent:
    with store(where, cache) as manifests:
        (found,) = manifests.get([wanted])
    return found


def manifest(wanted: Artifact, where: Places, cache: ManifestCache | None = None) -> Manifest:
    found = one(wanted, where, cache)
    assert isinstance(found, Manifest), found
    return found


def absent(wanted: Artifact, where: Places, cache: ManifestCache | None = None) -> Absent:
    found = one(wanted, where, cache)
    assert isinstance(found, Absent)
    assert found.artifact is wanted
    return found
