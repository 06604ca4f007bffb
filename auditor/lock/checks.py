"""What the specification requires of a lock beyond what `packaging.pylock` validates."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from packaging.pylock import PylockValidationError

from auditor.lock.lock_artifacts import path_name, url_name
from auditor.record_rows import digest_size
from auditor.tag_sets import MOST_TAGS, tag_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packaging.pylock import Package, Pylock

_HEX = re.compile(r"[0-9a-fA-F]+")

_SOURCE = "url path size upload-time hashes"
KEYS = {
    "": "lock-version environments requires-python extras dependency-groups default-groups "
    "created-by packages tool",
    "packages.": "name version marker requires-python dependencies vcs directory archive index "
    "sdist wheels attestation-identities tool",
    "packages.vcs.": "type url path requested-revision commit-id subdirectory",
    "packages.directory.": "path editable subdirectory",
    "packages.archive.": f"{_SOURCE} subdirectory",
    "packages.sdist.": f"{_SOURCE} name",
    "packages.wheels.": f"{_SOURCE} name",
}
"""The keys of lock-version 1.0, by the table that they are in."""


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
    environments = enumerate(pylock.environments or ())
    packages = enumerate(package.marker for package in pylock.packages)
    for context, marker in (
        *((f"environments[{index}]", marker) for index, marker in environments),
        *((f"packages[{index}].marker", marker) for index, marker in packages),
    ):
        try:
            str(marker)  # of no marker: "None"
        except ValueError as error:
            raise PylockValidationError(error, context=context) from error


def unknown_keys(data: Mapping[str, Any]) -> list[str]:
    """Return the keys that lock-version 1.0 does not know, each once, sorted."""
    return sorted({key if key.isprintable() else repr(key) for key in _unknown(data, "")})


def _unknown(table: Mapping[str, Any], where: str) -> Iterator[str]:
    known = KEYS[where].split()
    for key, value in table.items():
        if key not in known:
            yield f"{where}{key}"
        elif (inside := f"{where}{key}.") in KEYS:
            for inner in _tables(value if isinstance(value, list) else [value]):
                yield from _unknown(inner, inside)


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
    """Return whether `value` has the form of such a hash; True for one that Python may lack."""
    if algorithm.lower() not in hashlib.algorithms_guaranteed:
        return True
    # shake_128 and shake_256 have digests of any length: size 0.
    size = digest_size(algorithm.lower())
    return bool(_HEX.fullmatch(value)) and (size == 0 or len(value) == 2 * size)
