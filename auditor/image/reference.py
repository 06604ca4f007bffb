"""What the user calls an image, and by which transport its bytes come."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from auditor.errors import ImageError, UsageError
from auditor.image.codec import tar
from auditor.image.codec.compression import decompressed, peek
from auditor.image.codec.stream import DamagedError, file_chunks

if TYPE_CHECKING:
    from auditor.http.connections import HttpConnections


class Transport(StrEnum):
    """How an image's bytes are reached; the word before the colon."""

    DOCKER = "docker"
    CONTAINER = "container"
    REGISTRY = "registry"
    DOCKER_ARCHIVE = "docker-archive"
    OCI = "oci"
    OCI_ARCHIVE = "oci-archive"
    DIR = "dir"
    ENV = "env"


class Access(NamedTuple):
    """How registries may be reached."""

    plain_http: bool = False
    """Without TLS."""
    tls_ca: str | None = None
    """File of the certificates to trust; None: those of the machine."""
    connections: HttpConnections | None = None
    """Shared with other readers; None: each image has its own."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image reference."""

    transport: Transport
    value: str
    """What follows the transport: a name, an id, or a path with or without a tag."""
    text: str
    """As the user gave it."""


_TRANSPORTS = frozenset(map(str, Transport))
_PATH_STARTS = ("/", "./", "../", "~")
_ARCHIVE_ENDS = (".tar", ".tar.gz", ".tgz", ".tar.zst")
_ARCHIVE_TAG = re.compile(r"\.(tar|tar\.gz|tgz|tar\.zst)[:@]")
_TAGGED = (Transport.OCI, Transport.OCI_ARCHIVE, Transport.DOCKER_ARCHIVE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@\[\]-]*")
"""What an engine may call an image; which names are valid is for the engine to say."""


def parse_reference(text: str) -> Reference:
    """Read a reference; one without a transport is a path if it exists, else a docker name.

    Raises `UsageError`, or `ImageError` for a path where nothing is or nothing can be audited.
    """
    prefix, colon, value = text.partition(":")
    if colon and prefix in _TRANSPORTS:
        return _explicit(Transport(prefix), value, text)
    path = _expanded(text)
    found = recognised(path)
    if found is None and (text.startswith(_PATH_STARTS) or _ARCHIVE_TAG.search(text)):
        tagged, tag = split_tag(str(path))
        kind = recognised(tagged) if tag else None
        found = kind if kind in _TAGGED else None
    if found is not None:
        return Reference(found, str(path) if text.startswith("~") else text, text)
    if _exists(path) and (text.startswith(_PATH_STARTS) or not path.is_dir()):
        raise ImageError(
            f"{text} is not an image, a root file system or a Python environment",
            "name an archive made by `docker save`, an OCI layout, an unpacked root file "
            "system or a venv",
        )
    _check_name(prefix, value if colon else "", text)
    return Reference(Transport.DOCKER, text, text)


def _exists(path: Path) -> bool:
    """Return whether a path is there; one that cannot be looked at is not."""
    try:
        return path.exists()
    except OSError:
        return False


def _expanded(text: str) -> Path:
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises for unknown users


def _explicit(transport: Transport, value: str, text: str) -> Reference:
    if not value:
        raise UsageError(f"{text!r} does not name an image", f"write {transport}:NAME")
    if value.startswith("//"):
        plain = value.lstrip("/")
        raise UsageError(
            f"{text!r}: slashes after {transport}: are not understood", f"write {transport}:{plain}"
        )
    if transport in {Transport.DOCKER, Transport.CONTAINER}:
        _check_engine_name(value, text)
    elif transport is not Transport.REGISTRY and value.startswith("~"):
        value = str(_expanded(value))
    return Reference(transport, value, text)


def _check_engine_name(value: str, text: str) -> None:
    if not _NAME.fullmatch(value):
        raise UsageError(f"{text!r} is not an image name", "write it as `docker images` shows it")


def _check_name(prefix: str, value: str, text: str) -> None:
    """Raise for what cannot be a docker name, with a guess at what was meant."""
    if text.startswith(_PATH_STARTS) or text.endswith(_ARCHIVE_ENDS):
        raise ImageError(f"{text} does not exist", "check the path")
    near = difflib.get_close_matches(prefix, list(Transport), n=1, cutoff=0.6)
    if value and near and (value.startswith(_PATH_STARTS) or _exists(Path(value))):
        raise UsageError(f"{prefix!r} is not a transport", f"did you mean {near[0]}:{value}?")
    _check_engine_name(text, text)


def split_tag(value: str) -> tuple[Path, str | None]:
    """Take `PATH[:TAG]` or `PATH@DIGEST` apart: the path is the longest that exists."""
    for at in range(len(value), 0, -1):
        if at == len(value) or value[at] in ":@":
            path = Path(value[:at])
            if _exists(path):
                return path, value[at + 1 :] or None
    path_text, _, tag = value.partition(":")
    return Path(path_text), tag or None


def repository_of(name: str) -> str:
    """Return the name of an image without its tag and digest."""
    path, slash, last = name.partition("@")[0].rpartition("/")
    return path + slash + last.partition(":")[0]


def recognised(path: Path) -> Transport | None:
    """Return the transport for an existing path, by its content; None where none reads it."""
    try:
        if path.is_dir():
            return _directory(path)
        return _archive(path) if path.is_file() else None
    except OSError:
        return None


def _directory(path: Path) -> Transport | None:
    if (path / "oci-layout").is_file() or (
        (path / "index.json").is_file() and (path / "blobs").is_dir()
    ):
        return Transport.OCI
    if (path / "pyvenv.cfg").is_file():
        return Transport.ENV
    # A root file system has these two at its top, an environment below its prefix only one.
    if any((path / name).is_dir() for name in ("usr", "etc", "opt")):
        return Transport.DIR
    if any((path / "bin" / name).exists() for name in ("python", "python3")):
        return Transport.ENV
    if any((path / name).is_dir() for name in ("bin", "lib")):
        return Transport.DIR
    return None


_OCI_MEMBER = re.compile(r"(\./)?(blobs(/.*)?|oci-layout|index\.json)")


def _archive(path: Path) -> Transport | None:
    """Return the transport for an image archive: any tar file, since member names differ.

    Which manifest it holds shows on reading it; both transports are read alike.
    """
    with path.open("rb", buffering=0) as file:
        try:
            head, _ = peek(decompressed(file_chunks(file))[1], tar.BLOCK)
        except DamagedError:
            return None
    if not tar.is_header(head) or not head.strip(b"\0"):
        return None
    name = head[:100].partition(b"\0")[0].decode("utf-8", "replace")
    return Transport.OCI_ARCHIVE if _OCI_MEMBER.fullmatch(name) else Transport.DOCKER_ARCHIVE
