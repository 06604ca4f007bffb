"""Wheels and sdists from dictionaries of texts."""

from __future__ import annotations

import base64
import hashlib
import io
import posixpath
import tarfile
import zipfile
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    Content = str | bytes


def as_bytes(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content


def record_hash(content: Content, algorithm: str = "sha256") -> str:
    """Return a digest as RECORD writes it."""
    digest = hashlib.new(algorithm, as_bytes(content)).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def record(files: Mapping[str, Content], path: str) -> str:
    """Return a RECORD of `files` that itself lies at `path`."""
    rows = (
        f"{name},{record_hash(content)},{len(as_bytes(content))}" for name, content in files.items()
    )
    return "\n".join([*rows, f"{path},,", ""])


def distribution(requirement: str) -> dict[str, Content]:
    """Return the files of a pure wheel of one package, but its RECORD, by `name==version`."""
    name, version = requirement.split("==")
    stem = canonicalize_name(name).replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    return {
        f"{stem}/__init__.py": f"name = {name!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }


def installed(
    files: Mapping[str, Content], site: str, installer: str = "pip"
) -> dict[str, Content]:
    """Return a wheel's files as an installer leaves them below `site`, with a true RECORD."""
    info = next(path.partition("/")[0] for path in files if path.endswith(".dist-info/METADATA"))
    whole = {**files, f"{info}/INSTALLER": f"{installer}\n"}
    whole[f"{info}/RECORD"] = record(whole, f"{info}/RECORD")
    return {posixpath.normpath(f"{site}/{path}"): content for path, content in whole.items()}


def wheel(
    files: Mapping[str, Content],
    *,
    name: str = "demo-1.0",
    tags: tuple[str, ...] = ("py3-none-any",),
    compression: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """Return a wheel of `files`; METADATA, WHEEL and RECORD are added where they are not given."""
    info = f"{name}.dist-info"
    distribution, _, version = name.partition("-")
    whole: dict[str, Content] = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\n" + "".join(f"Tag: {tag}\n" for tag in tags),
    }
    whole.update(files)
    whole.setdefault(f"{info}/RECORD", record(whole, f"{info}/RECORD"))
    return zipped(whole, compression=compression)


def zipped(
    files: Mapping[str, Content], *, compression: int = zipfile.ZIP_DEFLATED, mode: int = 0o100644
) -> bytes:
    """Return a zip archive of `files`, all with one mode."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for path, content in files.items():
            member = zipfile.ZipInfo(path)
            member.compress_type = compression
            member.create_system = 3
            member.external_attr = mode << 16
            archive.writestr(member, as_bytes(content))
    return packed.getvalue()


def sdist(files: Mapping[str, Content], *, name: str = "demo-1.0", mode: str = "w:gz") -> bytes:
    """Return an sdist of `files`, all below the folder `name`, packed as `tarfile` calls it."""
    packed = io.BytesIO()
    # A mode that is no literal fits none of the overloads.
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for path, content in files.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(as_bytes(content))
            archive.addfile(member, io.BytesIO(as_bytes(content)))
    return packed.getvalue()
