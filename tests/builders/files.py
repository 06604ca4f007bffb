from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """A regular file with a mode of its own; texts and bytes alone have 0644."""

    content: str | bytes = b""
    mode: int = 0o644
    uid: int = 0


@dataclass(frozen=True)
class Directory:
    mode: int = 0o755
    uid: int = 0


@dataclass(frozen=True)
class Symlink:
    target: str


@dataclass(frozen=True)
class Hardlink:
    """To an earlier path of the same or a lower layer."""

    target: str


@dataclass(frozen=True)
class Device:
    """A character device."""


@dataclass(frozen=True)
class Whiteout:
    """Deletes the path it stands at from the lower layers."""


@dataclass(frozen=True)
class Opaque:
    """Hides what lower layers have in the directory it stands at."""


Content = str | bytes | File | Directory | Symlink | Hardlink | Device | Whiteout | Opaque
Files = Mapping[str, Content]
"""Path (absolute or as a tar member is called) -> what is there, in the archive's order.

Parents need no entry of their own. A path that ends in `/` has a slash in its member's name.
"""

_TYPES = {
    Directory: tarfile.DIRTYPE,
    Symlink: tarfile.SYMTYPE,
    Hardlink: tarfile.LNKTYPE,
    Device: tarfile.CHRTYPE,
}


def layer_tar(files: Files, *, tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    """Return the bytes of one layer."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        for path, content in files.items():
            member, data = _member(path.removeprefix("/"), content)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _member(name: str, content: Content) -> tuple[tarfile.TarInfo, bytes]:
    if isinstance(content, Whiteout):
        folder, _, base = name.rpartition("/")
        return tarfile.TarInfo(f"{folder}/.wh.{base}".removeprefix("/")), b""
    if isinstance(content, Opaque):
        return tarfile.TarInfo(f"{name}/.wh..wh..opq".removeprefix("/")), b""
    member = tarfile.TarInfo(name)
    if isinstance(content, str | bytes | File):
        file = content if isinstance(content, File) else File(content)
        data = file.content.encode() if isinstance(file.content, str) else file.content
        member.size, member.mode, member.uid = len(data), file.mode, file.uid
        return member, data
    member.type = _TYPES[type(content)]
    member.mode = 0o777
    match content:
        case Directory(mode, uid):
            member.mode, member.uid = mode, uid
        case Symlink(target):
            member.linkname = target
        case Hardlink(target):
            member.linkname = target.removeprefix("/")
        case Device():
            pass
    return member, b""


def patched(at: int, value: bytes, *, data: bytes) -> bytes:
    """Return an archive with other bytes in its first header, and a checksum that fits."""
    block = bytearray(data)
    block[at : at + len(value)] = value
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)
