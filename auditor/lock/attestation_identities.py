"""Who is to have attested the files of a lock entry (`packages.attestation-identities`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.pylock import Package


def attestation_identities(package: Package) -> tuple[Mapping[str, object], ...]:
    """Return an entry's identities as JSON can hold them, in the order of the lock (PEP 751).

    The kind of publisher decides about the other keys, so all of them are kept.
    """
    return tuple(
        {str(key): _plain(value) for key, value in identity.items()}
        for identity in package.attestation_identities or ()
    )


def _plain(value: object) -> object:
    """Return what JSON has no word for, TOML's dates and its `inf`, by its spelling."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return str(value)
    return value if isinstance(value, bool | int | str) else str(value)
