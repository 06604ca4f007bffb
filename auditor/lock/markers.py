"""Deciding a lock's markers and Python requirements from what an image tells.

`Marker.evaluate` fills keys that it is not given with the host's own values. An image does
not tell all of them (`platform_release` is the kernel's), so a marker that mentions such a
key is decided only where its outcome is the same whatever the value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from packaging.specifiers import SpecifierSet

    from auditor.model import Target

_KEYS = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
)
"""PEP 508's variables but `extra`, which a lock does not have."""

_OPERAND = r"""("[^"]*"|'[^']*'|[a-z_]+)"""
_COMPARISON = re.compile(rf"{_OPERAND} (not in|in|[<>=!~]{{1,3}}) {_OPERAND}")
"""One comparison in the canonical text of a marker."""

_TRUE, _FALSE = 'python_version >= "0"', 'python_version < "0"'

_LAST_PARTS = range(100)
"""The patch levels that a Python known only as X.Y may have."""


class Decider:
    """Decides markers and requirements for one target.

    Every answer is True, False or None: None where it depends on a key that the image does
    not tell, or where the marker compares what cannot be compared.
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
        """Return the keys that a marker mentions and the image does not tell."""
        text = str(marker)
        return [key for key in self._unknown if key in text]

    def marker(
        self, marker: Marker, extras: Collection[str] = (), groups: Collection[str] = ()
    ) -> bool | None:
        """Decide a marker of a lock with these extras and dependency groups selected."""
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
        """Decide a `requires-python`; a pre-release counts as its release would."""
        return _agreed(
            required.contains(_comparable(version), prereleases=True) for version in self._versions
        )

    def _bounds(
        self, marker: Marker, environment: Mapping[str, str | frozenset[str]]
    ) -> bool | None:
        """Evaluate with every unknown comparison false, then true.

        `and` and `or` are monotone and markers have no negation, so where both ways agree,
        every combination between them does.
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


def _agreed(answers: Iterable[bool]) -> bool | None:
    """Return the one answer that all have, None where they differ."""
    distinct = set(answers)
    return distinct.pop() if len(distinct) == 1 else None


def _comparable(version: str) -> Version:
    """Read a full version; a build from a checkout ends in `+`, which PEP 440 does not know."""
    return Version(version + "local" if version.endswith("+") else version)
