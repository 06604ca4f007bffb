"""Where an image's documents and layers lie: files by name, wherever the bytes are.

An OCI layout directory, an archive that can be read by offset and one that comes in a stream
differ only here. Names are those of the layout: `index.json`, `blobs/sha256/<hex>`,
`<id>/layer.tar`.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from auditor.errors import ImageError
from auditor.image import limits
from auditor.image.codec import tar
from auditor.image.codec.stream import file_chunks
from auditor.image.layers.layer_index import normalised
from auditor.image.layers.layer_request import LayerRequest, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from auditor.image.codec.stream import Buffer
    from auditor.image.layers.layer_index import LayerIndex
    from auditor.image.layers.layer_tree import Opener
    from auditor.progress import Progress

AGAIN = "the image is damaged or incomplete; save or pull it again"


_BLOB = re.compile(r"blobs/(sha256|sha384|sha512)/([0-9a-f]+)")
_LINKED = 8
"""Links of a member to a member that are followed."""


def blob_name(digest: str) -> str:
    """Return where a layout keeps a blob."""
    return "blobs/" + digest.replace(":", "/")


def blob_digest(name: str) -> str | None:
    """Return the digest that a blob's name states; None for other names."""
    match = _BLOB.fullmatch(name)
    return f"{match[1]}:{match[2]}" if match else None


def link_target(member: tar.Member, name: str) -> str | None:
    """Return the member that a link inside an archive means; None where it leads out."""
    base = name.rpartition("/")[0] + "/" if member.flag == tar.SYMLINK else ""
    target = normalised(base + member.link)
    return None if target is None else target[1:]


def linked(name: str, links: Mapping[str, str]) -> str:
    """Follow links between members: old archives hold a repeated layer once."""
    for _ in range(_LINKED):
        if name not in links:
            break
        name = links[name]
    return name


class ImageQuery(NamedTuple):
    """Which of the images in an archive or layout is meant."""

    reference: str
    """For messages, as the user gave it."""
    tag: str | None = None
    platform: str | None = None


class LayerName(NamedTuple):
    """One layer that is asked for, and how its bytes are verified."""

    name: str
    """In the layout."""
    digest: str
    """What `sha256` (or the algorithm it names) must give."""
    by_diff_id: bool
    """The digest is that of the uncompressed bytes."""
    hint: str = AGAIN
    """What to tell where it is not there."""
    inner: str | None = None
    """The algorithm by which the unpacked bytes are hashed too, where the layer is packed."""


class Store(Protocol):
    """The files of a layout."""

    def document(self, name: str) -> bytes | None:
        """Return the content of a JSON document, None where there is none of that name."""

    def layers(
        self, wanted: Sequence[LayerName], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Index layers, verified; raises `ImageError` naming the one that cannot be read."""

    def opener(self, layer: LayerName) -> Opener | None:
        """Return what reads a layer's bytes later; raises `ImageError` where there are none."""


class SpanStore:
    """A store whose files can be read at any time: each is a span of a file of the host."""

    def __init__(self, locate: Callable[[str], Span | None]) -> None:
        """Find names by `locate`."""
        self._locate = locate

    def document(self, name: str) -> bytes | None:
        """Return the content of a JSON document."""
        span = self._locate(name)
        if span is None:
            return None
        if span.size > limits.JSON_BYTES:
            raise ImageError(f"{name} has {span.size} bytes, more than the auditor reads", AGAIN)
        with span.open() as file:
            return b"".join(file_chunks(file, span.size))

    def layers(
        self, wanted: Sequence[LayerName], progress: Progress | None
    ) -> list[tuple[LayerIndex, Opener | None]]:
        """Index layers, on several processors where they are many bytes."""
        if not wanted:
            return []
        requests = [
            LayerRequest(self._span(each), each.digest, each.by_diff_id, each.inner)
            for each in wanted
        ]
        from auditor.image.layers.worker_pool import index_spans  # noqa: PLC0415 -- a warm run needs none

        indexes = index_spans(requests, progress)
        return [
            (index, _SpanOpener(request.span))
            for index, request in zip(indexes, requests, strict=True)
        ]

    def opener(self, layer: LayerName) -> Opener:
        """Return what reads a layer's bytes."""
        return _SpanOpener(self._span(layer))

    def _span(self, layer: LayerName) -> Span:
        span = self._locate(layer.name)
        if span is None:
            raise ImageError(f"layer {layer.digest} is missing from the image", layer.hint)
        return span


class _SpanOpener:
    """Reads a span once more."""

    passes = None

    def __init__(self, span: Span) -> None:
        self._span = span

    @contextmanager
    def __call__(self, skip: int) -> Iterator[Iterator[Buffer]]:
        with self._span.open(skip) as file:
            yield file_chunks(file, self._span.size - skip)
