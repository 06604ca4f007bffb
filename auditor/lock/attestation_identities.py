"""The publishers that must have attested a lock entry (`packages.attestation-identities`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.pylock import Package


def attestation_identities(package: Package) -> tuple[Mapping[str, object], ...]:
    """Return an entry's identities as JSON can hold them, in the order of the lock (PEP 751).

    Which other keys there are depends on the kind of publisher, so all of them are kept.
    """
    return tuple(
        {str(key): _json_value(value) for key, value in identity.items()}
        for identity in package.attestation_identities or ()
    )


def _json_value(value: object) -> object:
    """Return a value as JSON can hold it: TOML's dates and floats become text."""
    if isinstance(value, dict):
        return {str(key): _json_value(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_json_value(each) for each in value]
    if isinstance(value, float):
        return str(value)
    return value if isinstance(value, bool | int | str) else str(value)
