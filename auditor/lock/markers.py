"""A lock's markers and Python requirements, evaluated for an image.

`Marker.evaluate` fills absent keys with the host's values. Not all of them are known of an image
(`platform_release` is the kernel's), so a marker with an unknown key is decided only where its
result is the same for every value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.markers import (
    Environment,
    InvalidMarker,
    Marker,
    UndefinedComparison,
    UndefinedEnvironmentName,
)
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from packaging.specifiers import SpecifierSet

    from auditor.model import Target

_KEYS = sorted(Environment.__annotations__)
"""PEP 508's variables without `extra`, which a lock does not have."""

_OPERAND = r"""("[^"]*"|'[^']*'|[a-z_]+)"""
_COMPARISON = re.compile(rf"{_OPERAND} (not in|in|[<>=!~]{{1,3}}) {_OPERAND}")
"""One comparison in the canonical text of a marker."""

_TRUE, _FALSE = 'python_version >= "0"', 'python_version < "0"'

_LAST_PARTS = range(100)
"""The patch releases that a Python known only as X.Y may have."""


class MarkerEvaluator:
    """Evaluates markers and requirements for one target.

    Every result is True, False or None: None where it depends on a key that is unknown, or where
    the marker compares what cannot be compared.
    """

    def __init__(self, target: Target) -> None:
        self._known = dict(target.markers)
        self._unknown = tuple(key for key in _KEYS if key not in target.markers)
        self._comparisons: dict[tuple[str, bool], str] = {}
        python = target.markers.get("python_version")
        full = target.markers.get("python_full_version")
        self._versions = [full] if full else []
        if python and not full:
            self._versions = [f"{python}.{part}" for part in _LAST_PARTS]
        self._versioned = {"python_full_version"}
        if target.markers.get("implementation_name") == "cpython":
            self._versioned.add("implementation_version")  # the same, by definition

    def unknown_keys(self, marker: Marker) -> list[str]:
        """Return the unknown keys that a marker mentions."""
        text = str(marker)
        return [key for key in self._unknown if key in text]

    def marker(
        self, marker: Marker, extras: Collection[str] = (), groups: Collection[str] = ()
    ) -> bool | None:
        """Evaluate a marker of a lock with these extras and dependency groups selected."""
        environment: dict[str, str | frozenset[str]] = {
            **self._known,
            "extras": frozenset(extras),
            "dependency_groups": frozenset(groups),
        }
        try:
            if not self.unknown_keys(marker):
                return marker.evaluate(environment, context="lock_file")
            return self._bounds(marker, environment)
        except (
            UndefinedComparison,
            UndefinedEnvironmentName,
            InvalidMarker,
            InvalidVersion,
            RecursionError,
        ):
            return None

    def python(self, required: SpecifierSet) -> bool | None:
        """Evaluate a `requires-python`; a pre-release counts like its release."""
        return _agreed(
            required.contains(_comparable(version), prereleases=True) for version in self._versions
        )

    def _bounds(
        self, marker: Marker, environment: Mapping[str, str | frozenset[str]]
    ) -> bool | None:
        """Evaluate with every unknown comparison false, then true.

        `and` and `or` are monotone and markers have no negation, so where both results agree,
        every combination between them has the same result.
        """
        text = str(marker)
        if str(Marker(text)) != text:
            return None  # a backslash in a value: the text would be read as an escape
        return _agreed(
            Marker(_COMPARISON.sub(self._substitute(assumed=assumed), text)).evaluate(
                environment, context="lock_file"
            )
            for assumed in (False, True)
        )

    def _substitute(self, *, assumed: bool) -> Callable[[re.Match[str]], str]:
        def replaced(match: re.Match[str]) -> str:
            key = (match[0], assumed)
            if key not in self._comparisons:
                self._comparisons[key] = self._compared(match, assumed=assumed)
            return self._comparisons[key]

        return replaced

    def _compared(self, match: re.Match[str], *, assumed: bool) -> str:
        variable = match[3] if match[1][0] in "\"'" else match[1]
        if variable not in self._unknown:
            return match[0]
        result: bool | None = None
        if variable in self._versioned:
            comparison = Marker(match[0])
            result = _agreed(comparison.evaluate({variable: version}) for version in self._versions)
        return _TRUE if (assumed if result is None else result) else _FALSE


def _agreed(results: Iterable[bool]) -> bool | None:
    """Return the result that all share, None where they differ."""
    distinct = set(results)
    return distinct.pop() if len(distinct) == 1 else None


def _comparable(version: str) -> Version:
    """Return a full version; a build from a checkout ends in `+`, which is not valid in PEP 440."""
    return Version(version + "local" if version.endswith("+") else version)
