"""What the specification requires of a lock beyond what `packaging.pylock` validates."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from packaging.pylock import PylockValidationError

from auditor.lock.file_names import path_name, url_name
from auditor.tag_sets import MOST_TAGS, tag_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.pylock import Package, Pylock

_HEX = re.compile(r"[0-9a-fA-F]+")

_SOURCE = {"url", "path", "size", "upload-time", "hashes"}
_TOP_KEYS = {
    "lock-version",
    "environments",
    "requires-python",
    "extras",
    "dependency-groups",
    "default-groups",
    "created-by",
    "packages",
    "tool",
}
_PACKAGE_KEYS = {
    "name",
    "version",
    "marker",
    "requires-python",
    "dependencies",
    "vcs",
    "directory",
    "archive",
    "index",
    "sdist",
    "wheels",
    "attestation-identities",
    "tool",
}
_NESTED_KEYS = {
    "vcs": {"type", "url", "path", "requested-revision", "commit-id", "subdirectory"},
    "directory": {"path", "editable", "subdirectory"},
    "archive": _SOURCE | {"subdirectory"},
    "sdist": _SOURCE | {"name"},
    "wheels": _SOURCE | {"name"},
}


def check_tag_sets(data: Mapping[str, Any]) -> None:
    """Refuse a wheel whose name has more tags than any real one.

    Reads the unvalidated document, since the validation itself parses the names.
    """
    for index, package in enumerate(_tables(data.get("packages"))):
        for number, wheel in enumerate(_tables(package.get("wheels"))):
            if tag_count(_tags(_wheel_name(wheel))) > MOST_TAGS:
                raise PylockValidationError(
                    f"a wheel name with more than {MOST_TAGS} tags",
                    context=f"packages[{index}].wheels[{number}]",
                )


def check_hashes(pylock: Pylock) -> None:
    """Refuse a hash that cannot be the hash of anything: not hexadecimal, or cut short."""
    for index, package in enumerate(pylock.packages):
        for where, hashes in _hashes(package):
            for algorithm, value in hashes.items():
                if not _has_hash_form(algorithm, value):
                    raise PylockValidationError(
                        f"not a {algorithm} hash in hexadecimal digits",
                        context=f"packages[{index}].{where}.hashes.{algorithm}",
                    )


def check_markers(pylock: Pylock) -> None:
    """Refuse a marker that cannot be turned into text again, as messages and reports need.

    With escapes, one of its values can have both kinds of quotation mark.
    """
    markers = [
        (f"environments[{index}]", marker) for index, marker in enumerate(pylock.environments or ())
    ]
    markers += [
        (f"packages[{index}].marker", package.marker)
        for index, package in enumerate(pylock.packages)
        if package.marker is not None
    ]
    for context, marker in markers:
        try:
            str(marker)
        except ValueError as error:
            raise PylockValidationError(error, context=context) from error


def unknown_keys(data: Mapping[str, Any]) -> list[str]:
    """Return the keys that lock-version 1.0 does not know, each once, sorted."""
    unknown = {key for key in data if key not in _TOP_KEYS}
    for package in _tables(data.get("packages")):
        unknown |= {f"packages.{key}" for key in package if key not in _PACKAGE_KEYS}
        for name, known in _NESTED_KEYS.items():
            nested = package.get(name)
            for table in _tables(nested if isinstance(nested, list) else [nested]):
                unknown |= {f"packages.{name}.{key}" for key in table if key not in known}
    return sorted(key if key.isprintable() else repr(key) for key in unknown)


def _tables(value: object) -> Iterator[Mapping[str, Any]]:
    """Yield the tables of an array; an element of another kind counts as an empty one."""
    if isinstance(value, list):
        yield from (item if isinstance(item, dict) else {} for item in value)


def _wheel_name(wheel: Mapping[str, Any]) -> str:
    """Return the file name that the validation will parse; empty where it will reject it."""
    for key in ("name", "path", "url"):
        value = wheel.get(key)
        if isinstance(value, str) and value:
            return url_name(value) if key == "url" else path_name(value)
    return ""


def _tags(filename: str) -> str:
    return "-".join(filename.rsplit("-", 3)[1:])


def _hashes(package: Package) -> Iterator[tuple[str, Mapping[str, str]]]:
    if package.archive:
        yield "archive", package.archive.hashes
    if package.sdist:
        yield "sdist", package.sdist.hashes
    for number, wheel in enumerate(package.wheels or ()):
        yield f"wheels[{number}]", wheel.hashes


def _has_hash_form(algorithm: str, value: str) -> bool:
    """Return whether `value` has the form of such a hash; True for an unknown algorithm."""
    size = _digest_size(algorithm.lower())
    if size is None:
        return True
    # shake_128 and shake_256 have digests of any length: size 0.
    return bool(_HEX.fullmatch(value)) and (size == 0 or len(value) == 2 * size)


@cache
def _digest_size(algorithm: str) -> int | None:
    """Return the size of an algorithm's digest in bytes; None for one that Python may lack."""
    if algorithm not in hashlib.algorithms_guaranteed:
        return None
    return hashlib.new(algorithm, usedforsecurity=False).digest_size
