"""The distributions installed in a directory, from their metadata folders.

METADATA decides name and version (core metadata specification); the folder's name is only the
fallback where METADATA cannot be read. Folders below a package (`_vendor/*.dist-info`) are not
installations: only what lies directly in a directory of the import path is.
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
_INVALID = (ValueError, TypeError, AttributeError, RecursionError, DirectUrlValidationError)
"""What reading a direct_url.json of any content can raise."""
_BELOW_PREFIX = ("-packages", "/lib/python")
"""Ends of the directories from which an installation's `../..` leads to its prefix."""
_TARGET_ROW = re.compile(rb'^("?)\.\./\.\./', re.MULTILINE)
"""pip installs `--target DIR` into a temporary prefix and then moves everything into DIR itself,
but leaves the rows that lead from `lib/python` to that prefix."""
_EGG_SUFFIX = re.compile(r"-py\d(?:\.\d+)?(?:-.*)?$")


def read_distributions(
    rootfs: Rootfs, location: str, owners: Mapping[str, str]
) -> tuple[list[Distribution], list[Problem]]:
    """Return the distributions directly in `location`, sorted by metadata folder.

    `owners` maps metadata paths to the operating system's package that owns them. A folder that
    cannot be read is a problem and does not keep the others from being read.
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
                real = rootfs.resolve(distribution.metadata_path) or ""
                owner = owners.get(distribution.metadata_path) or owners.get(real)
                found.append(replace(distribution, os_package=owner) if owner else distribution)
    return found, problems


def _read(rootfs: Rootfs, location: str, name: str, problems: list[Problem]) -> Distribution | None:
    """Return the distribution that one directory entry describes, None where it describes none."""
    path = posixpath.join(location, name)
    lowered = name.lower()
    if lowered.endswith(".dist-info") and is_directory(rootfs, path):
        return _dist_info(rootfs, location, path, problems)
    inside_egg = lowered == "egg-info" and location.lower().endswith(".egg")
    if lowered.endswith(".egg-info") or inside_egg:
        found, version = _egg_identity(rootfs, path, problems)
        return Distribution(found, version, MetadataKind.EGG_INFO, path, location)
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


def _egg_link(rootfs: Rootfs, location: str, path: str, problems: list[Problem]) -> Distribution:
    """Read a `setup.py develop` link: its first line leads to the source and its egg-info."""
    name = canonicalize_name(posixpath.basename(path).removesuffix(".egg-link"))
    source = posixpath.normpath(posixpath.join(location, _first_line(rootfs, path)))
    version = ""
    for child in list_directory(rootfs, source):
        if child.endswith(".egg-info"):
            found, its_version = _egg_identity(rootfs, posixpath.join(source, child), problems)
            if found == name:
                version = its_version
    return Distribution(name, version, MetadataKind.EGG_LINK, path, location, source=source)


def _egg_identity(rootfs: Rootfs, path: str, problems: list[Problem]) -> tuple[str, str]:
    """Return normalised name and version of an egg-info, which may be a single file."""
    inside = path.lower().endswith("/egg-info") or is_directory(rootfs, path)
    return _identity(rootfs, path, posixpath.join(path, "PKG-INFO") if inside else path, problems)


def _identity(rootfs: Rootfs, path: str, metadata: str, problems: list[Problem]) -> tuple[str, str]:
    """Return normalised name and version from METADATA or PKG-INFO, else from the folder's name."""
    fallback = _EGG_SUFFIX.sub("", posixpath.basename(path).rpartition(".")[0])
    folder_name, _, folder_version = fallback.partition("-")
    try:
        content = rootfs.read(metadata)
    except UnreadableError as error:
        problems.append(_unreadable(canonicalize_name(folder_name), metadata, error))
        return canonicalize_name(folder_name), folder_version
    head = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
    headers: dict[bytes, str] = {}
    for key, value in _HEADER.findall(head):
        headers.setdefault(key.lower(), value.decode("utf-8", "surrogateescape"))
    name, version = headers.get(b"name", ""), headers.get(b"version", "")
    normalised = canonicalize_name(name or folder_name)
    if not (name and version):
        absent = "Version" if name else "Name"
        problems.append(Problem(normalised, f"has no {absent} field", metadata))
    return normalised, version or folder_version


def _record(rootfs: Rootfs, location: str, path: str, problems: list[Problem]) -> Record | None:
    record_path = posixpath.join(path, "RECORD")
    entry = rootfs.stat(record_path)
    if entry is None:
        return None
    try:
        content = rootfs.read(record_path, _RECORD_LIMIT)
    except UnreadableError as error:
        over = entry.size > _RECORD_LIMIT
        problems.append(_unreadable(record_path, record_path, error, limit=over))
        return Record(())
    # Rows are relative to the directory that really holds the folder: a link on the way there
    # must not move `../../../bin/x` elsewhere.
    real = rootfs.resolve(location) or location
    if not real.endswith(_BELOW_PREFIX):
        content = _TARGET_ROW.sub(rb"\1", content)
    return parse_record(content, real)


def _direct_url(rootfs: Rootfs, path: str, problems: list[Problem]) -> DirectUrl | None:
    """Read direct_url.json (PEP 610) or, where there is none, provenance_url.json (PEP 710)."""
    names = ("direct_url.json", "provenance_url.json")
    file = next((each for each in names if rootfs.stat(posixpath.join(path, each))), None)
    if file is None:
        return None
    json_path = posixpath.join(path, file)
    try:
        claim = Pep610.from_dict(json.loads(rootfs.read(json_path, _SMALL_LIMIT)))
        urlsplit(claim.url)  # raises here, not where the URL is used
    except UnreadableError as error:
        problems.append(_unreadable(json_path, json_path, error))
        return None
    except _INVALID as error:
        problems.append(Problem(json_path, f"is not a valid {file}: {error}", json_path))
        return None
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


def _editable_source(direct_url: DirectUrl | None) -> str | None:
    if direct_url is None or not direct_url.editable:
        return None
    parts = urlsplit(direct_url.url)
    return posixpath.normpath(unquote(parts.path)) if parts.scheme == "file" else None


def _wheel_tags(rootfs: Rootfs, path: str, problems: list[Problem]) -> tuple[str, ...]:
    """Return the `Tag:` lines of WHEEL; none where it cannot be read or has too many tags."""
    wheel = posixpath.join(path, "WHEEL")
    entry = rootfs.stat(wheel)
    lines = text_of(rootfs, wheel, _WHEEL_LIMIT).splitlines()
    tags = tuple(line.partition(":")[2].strip() for line in lines if line.startswith("Tag:"))
    if entry is not None and entry.size > _WHEEL_LIMIT:
        why = f"is larger than {_WHEEL_LIMIT // 1024} KiB"
    elif sum(map(tag_count, tags)) > MOST_TAGS:
        why = f"names more than {MOST_TAGS} tags"
    else:
        return tags
    problems.append(Problem(wheel, why, wheel, limit=True))
    return ()


def _first_line(rootfs: Rootfs, path: str) -> str:
    return text_of(rootfs, path, _SMALL_LIMIT).strip().partition("\n")[0].strip()


def _unreadable(subject: str, path: str, error: UnreadableError, *, limit: bool = False) -> Problem:
    return Problem(subject, f"could not be read: {error.why}", path, limit=limit)
