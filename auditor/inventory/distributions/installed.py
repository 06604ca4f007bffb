"""The distributions installed in a directory, from their metadata folders.

METADATA decides name and version (core metadata specification); the folder's name is only the
fallback where METADATA cannot be read. Folders below a package (`_vendor/*.dist-info`) are not
installs: only what lies directly in a directory of the import path is.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from packaging.direct_url import DirectUrl as Pep610
from packaging.direct_url import DirectUrlValidationError
from packaging.utils import canonicalize_name

from auditor.inventory.distributions.record import parse_record
from auditor.inventory.paths import is_directory, is_file, list_directory, text_of
from auditor.model import (
    DirectUrl,
    Distribution,
    MetadataKind,
    Problem,
    Record,
    Rootfs,
    UnreadableError,
)
from auditor.tag_sets import MOST_TAGS, tag_count

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = re.compile(rb"^(Name|Version)[ \t]*:[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_RECORD_LIMIT = 64 * 1024 * 1024
_SMALL_LIMIT = 1024 * 1024
_WHEEL_LIMIT = 64 * 1024
_SCHEMES = ("-packages", "/lib/python")
"""Ends of the directories below which an installation's `../..` leads to its prefix."""
_TARGET_ROW = re.compile(rb'^("?)\.\./\.\./', re.MULTILINE)
"""pip installs `--target DIR` into a scratch prefix and then moves everything into DIR itself,
but leaves the rows that lead from `lib/python` to that prefix."""
_EGG_SUFFIX = re.compile(r"-py\d(?:\.\d+)?(?:-.*)?$")


def read_distributions(
    rootfs: Rootfs, location: str, owners: Mapping[str, str]
) -> tuple[list[Distribution], list[Problem]]:
    """Return the distributions directly in `location`, sorted by metadata folder.

    `owners` maps metadata paths to the operating system's package that owns them. One folder
    that cannot be read is a problem beside the list, never the end of it.
    """
    found: list[Distribution] = []
    problems: list[Problem] = []
    try:
        children = rootfs.names(location)
    except UnreadableError as error:
        return [], [Problem(error.path, error.why, error.path)]
    for name in children:
        if not name.startswith(("~", ".")):
            distribution = _read(rootfs, location, name, problems)
            if distribution is not None:
                found.append(_owned(rootfs, distribution, owners))
    return found, problems


def _read(rootfs: Rootfs, location: str, name: str, problems: list[Problem]) -> Distribution | None:
    """Return the distribution that one directory entry describes, None where it describes none."""
    path = posixpath.join(location, name)
    lowered = name.lower()
    if lowered.endswith(".dist-info") and is_directory(rootfs, path):
        return _dist_info(rootfs, location, path, problems)
    if lowered.endswith(".egg-info"):
        metadata = posixpath.join(path, "PKG-INFO") if is_directory(rootfs, path) else path
        return _egg_info(rootfs, location, path, metadata, problems)
    if lowered == "egg-info" and location.lower().endswith(".egg"):
        return _egg_info(rootfs, location, path, posixpath.join(path, "PKG-INFO"), problems)
    if lowered.endswith(".egg-link") and is_file(rootfs, path):
        return _egg_link(rootfs, location, path, problems)
    return None


def _dist_info(rootfs: Rootfs, location: str, path: str, problems: list[Problem]) -> Distribution:
    name, version = _identity(rootfs, path, posixpath.join(path, "METADATA"), problems)
    direct_url = _direct_url(rootfs, path, problems)
    return Distribution(
        name=name,
        version=version,
        kind=MetadataKind.DIST_INFO,
        metadata_path=path,
        location=location,
        installer=_first_line(rootfs, posixpath.join(path, "INSTALLER")),
        record=_record(rootfs, location, path, problems),
        direct_url=direct_url,
        wheel_tags=_wheel_tags(rootfs, path, problems),
        built=is_file(rootfs, posixpath.join(path, "uv_build.json")),
        requested=is_file(rootfs, posixpath.join(path, "REQUESTED")),
        source=_editable_source(direct_url),
        sboms=tuple(f"{path}/sboms/{name}" for name in list_directory(rootfs, f"{path}/sboms")),
    )


def _egg_info(
    rootfs: Rootfs, location: str, path: str, metadata: str, problems: list[Problem]
) -> Distribution:
    name, version = _identity(rootfs, path, metadata, problems)
    return Distribution(name, version, MetadataKind.EGG_INFO, path, location)


def _egg_link(rootfs: Rootfs, location: str, path: str, problems: list[Problem]) -> Distribution:
    """Read a `setup.py develop` link: its first line leads to the source and its egg-info."""
    name = canonicalize_name(posixpath.basename(path).removesuffix(".egg-link"))
    source = posixpath.normpath(posixpath.join(location, _first_line(rootfs, path)))
    version = ""
    for child in list_directory(rootfs, source):
        if child.endswith(".egg-info"):
            info = posixpath.join(source, child)
            metadata = posixpath.join(info, "PKG-INFO") if is_directory(rootfs, info) else info
            found, its_version = _identity(rootfs, info, metadata, problems)
            if found == name:
                version = its_version
    return Distribution(name, version, MetadataKind.EGG_LINK, path, location, source=source)


def _identity(rootfs: Rootfs, path: str, metadata: str, problems: list[Problem]) -> tuple[str, str]:
    """Return normalised name and version from METADATA or PKG-INFO, else from the folder's name."""
    fallback = _EGG_SUFFIX.sub("", posixpath.basename(path).rpartition(".")[0])
    folder_name, _, folder_version = fallback.partition("-")
    try:
        content = rootfs.read(metadata)
    except UnreadableError as error:
        problems.append(Problem(canonicalize_name(folder_name), _sentence(error), metadata))
        return canonicalize_name(folder_name), folder_version
    head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    headers: dict[bytes, str] = {}
    for key, value in _HEADER.findall(head):
        headers.setdefault(key.lower(), value.decode("utf-8", "surrogateescape"))
    name, version = headers.get(b"name", ""), headers.get(b"version", "")
    if not (name and version):
        lacking = "Name" if not name else "Version"
        problems.append(
            Problem(canonicalize_name(name or folder_name), f"has no {lacking} field", metadata)
        )
    return canonicalize_name(name or folder_name), version or folder_version


def _record(rootfs: Rootfs, location: str, path: str, problems: list[Problem]) -> Record | None:
    record_path = posixpath.join(path, "RECORD")
    if rootfs.stat(record_path) is None:
        return None
    try:
        content = rootfs.read(record_path, _RECORD_LIMIT)
    except UnreadableError as error:
        entry = rootfs.stat(record_path)
        over = entry is not None and entry.size > _RECORD_LIMIT
        problems.append(Problem(record_path, _sentence(error), record_path, limit=over))
        return Record(())
    # Rows are relative to the directory that really holds the folder: a link on the way there
    # must not move `../../../bin/x` elsewhere.
    real = rootfs.resolve(location) or location
    if not real.endswith(_SCHEMES):
        content = _TARGET_ROW.sub(rb"\1", content)
    return parse_record(content, real)


def _direct_url(rootfs: Rootfs, path: str, problems: list[Problem]) -> DirectUrl | None:
    """Read direct_url.json (PEP 610) or, where there is none, provenance_url.json (PEP 710)."""
    known = ("direct_url.json", "provenance_url.json")
    there = (name for name in known if rootfs.stat(posixpath.join(path, name)) is not None)
    file = next(there, None)
    if file is None:
        return None
    json_path = posixpath.join(path, file)
    try:
        claim = Pep610.from_dict(json.loads(rootfs.read(json_path, _SMALL_LIMIT)))
        urlsplit(claim.url)  # raises what whoever takes it apart would meet
    except UnreadableError as error:
        problems.append(Problem(json_path, _sentence(error), json_path))
    except (
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
        DirectUrlValidationError,
    ) as error:
        problems.append(Problem(json_path, f"is no valid {file}: {error}", json_path))
    else:
        hashes = claim.archive_info.hashes if claim.archive_info else None
        return DirectUrl(
            url=claim.url,
            commit_id=claim.vcs_info.commit_id if claim.vcs_info else None,
            hashes={name: digest.lower() for name, digest in (hashes or {}).items()},
            is_directory=claim.dir_info is not None,
            is_vcs=claim.vcs_info is not None,
            editable=bool(claim.dir_info and claim.dir_info.editable),
            file=file,
        )
    return None


def _editable_source(direct_url: DirectUrl | None) -> str | None:
    if direct_url is None or not direct_url.editable:
        return None
    parts = urlsplit(direct_url.url)
    return posixpath.normpath(unquote(parts.path)) if parts.scheme == "file" else None


def _wheel_tags(rootfs: Rootfs, path: str, problems: list[Problem]) -> tuple[str, ...]:
    """Return the `Tag:` lines of WHEEL; none where there is none to read, or too many tags."""
    wheel = posixpath.join(path, "WHEEL")
    entry = rootfs.stat(wheel)
    if entry is not None and entry.size > _WHEEL_LIMIT:
        problems.append(Problem(wheel, f"has {entry.size} bytes", wheel, limit=True))
        return ()
    lines = text_of(rootfs, wheel, _WHEEL_LIMIT).splitlines()
    tags = tuple(line.partition(":")[2].strip() for line in lines if line.startswith("Tag:"))
    if sum(map(tag_count, tags)) > MOST_TAGS:
        problems.append(Problem(wheel, f"names more than {MOST_TAGS} tags", wheel, limit=True))
        return ()
    return tags


def _first_line(rootfs: Rootfs, path: str) -> str:
    return text_of(rootfs, path, _SMALL_LIMIT).strip().partition("\n")[0].strip()


def _owned(rootfs: Rootfs, distribution: Distribution, owners: Mapping[str, str]) -> Distribution:
    real = rootfs.resolve(distribution.metadata_path)
    owner = owners.get(distribution.metadata_path) or owners.get(real or "")
    return replace(distribution, os_package=owner) if owner else distribution


def _sentence(error: UnreadableError) -> str:
    return f"could not be read: {error.why}"
