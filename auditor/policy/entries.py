"""The entries of a policy, each read and checked: ignores, native builds, degrees, severities."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from packaging.utils import canonicalize_name

from auditor.catalogue import KINDS, codes_hint, codes_of
from auditor.model import DeclaredNative, Degree, IgnoreEntry, Requirement, Severity
from auditor.policy.config_file import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from auditor.lock.toml_lines import KeyPath
    from auditor.policy.config_file import Document

_Choice = TypeVar("_Choice", Severity, Degree)

IGNORE, NATIVE, REQUIRE, SEVERITY = "ignore", "native", "require", "severity"

_IGNORE_KEYS = ("code", "subject", "path", "reason", "until")
_NATIVE_KEYS = ("path", "soname", "sha256", "build-id", "source", "reason")
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_BUILD_ID = re.compile(r"(?:[0-9a-f]{2})+")


def ignores(document: Document) -> Iterator[IgnoreEntry]:
    """Yield the `[[ignore]]` entries; raises `UsageError`."""
    for key, table in _tables(document, IGNORE, _IGNORE_KEYS):
        text = _Texts(document, key, table)
        code = text.required("code", "name a finding's code, or the beginning of some codes")
        yield IgnoreEntry(
            code=code,
            codes=known_codes(document, (*key, "code"), code),
            subject=text.required(
                "subject", 'name a distribution, a path or a glob; "*" matches all'
            ),
            reason=text.required("reason", "say why this finding may be set aside"),
            path=text.optional("path"),
            until=_until(document, key, table),
            line=document.line(key),
        )


def natives(document: Document) -> Iterator[DeclaredNative]:
    """Yield the `[[native]]` entries; raises `UsageError`."""
    for key, table in _tables(document, NATIVE, _NATIVE_KEYS):
        text = _Texts(document, key, table)
        for either, other in (("path", "soname"), ("sha256", "build-id")):
            if either not in table and other not in table:
                raise document.error(
                    key, f"has neither {either} nor {other}", "give one of the two"
                )
        path = text.optional("path")
        if path is not None and not _is_absolute(path):
            raise document.error(
                (*key, "path"), f"{path!r} is not absolute", "write it as /usr/local/lib/x.so"
            )
        yield DeclaredNative(
            source=text.required("source", "say what it is built from: a repository, a commit"),
            reason=text.required("reason", "say why it is not in a locked distribution"),
            path=path,
            soname=text.optional("soname"),
            sha256=text.matching("sha256", _SHA256, "64 lower-case hex digits; see sha256sum"),
            build_id=text.matching("build-id", _BUILD_ID, "lower-case hex digits; see readelf -n"),
            line=document.line(key),
        )


def severities(document: Document) -> dict[str, Severity]:
    """Return the severity of every code that `[severity]` changes; raises `UsageError`.

    Of two entries for one code, the longer one decides: `LI402` beats `LI4`.
    """
    table = document.table.get(SEVERITY, {})
    if not isinstance(table, dict):
        raise document.error((SEVERITY,), f"{kind_of(table)}, not a table", "write [severity]")
    changed: dict[str, Severity] = {}
    for code in sorted(table, key=lambda code: (code in _NAMES, len(code))):
        key = (SEVERITY, code)
        level = _member(document, key, table[code], Severity)
        changed |= dict.fromkeys(known_codes(document, key, code), level)
    return changed


def _member(document: Document, key: KeyPath, value: object, choices: type[_Choice]) -> _Choice:
    text = document.text_at(key, value)
    if text not in list(choices):
        noun = choices.__name__.lower()
        raise document.error(key, f"{text!r} is not a {noun}", f"use {', '.join(choices)}")
    return choices(text)


def requirements(document: Document) -> tuple[Requirement, ...]:
    """Return the `[require]` entries, the most exact names first; raises `UsageError`.

    A string in its place is the option's default.
    """
    table = document.table.get(REQUIRE)
    if not isinstance(table, dict):
        return ()
    found = []
    for name in table:
        key = (REQUIRE, name)
        degree = _member(document, key, table[name], Degree)
        glob = name if _GLOB.search(name) else canonicalize_name(name)
        found.append(Requirement(glob, degree, document.line(key)))
    return tuple(sorted(found, key=lambda each: (bool(_GLOB.search(each.name)), -len(each.name))))


_GLOB = re.compile(r"[*?[]")
_NAMES = frozenset(kind.name for kind in KINDS.values())


def _tables(
    document: Document, name: str, known: tuple[str, ...]
) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    tables = document.table.get(name, [])
    hint = f"write each one below its own [[{'.'.join((*map(str, document.prefix), name))}]]"
    if not isinstance(tables, list):
        raise document.error((name,), f"{kind_of(tables)}, not an array of tables", hint)
    for index, table in enumerate(tables):
        key = (name, index)
        if not isinstance(table, dict):
            raise document.error(key, f"{kind_of(table)}, not a table", hint)
        document.check_keys(key, table, known)
        yield key, table


class _Texts:
    """The strings of one entry."""

    def __init__(self, document: Document, key: KeyPath, table: Mapping[str, Any]) -> None:
        self._document, self._key, self._table = document, key, table

    def optional(self, name: str) -> str | None:
        if name not in self._table:
            return None
        return self._document.text_at((*self._key, name), self._table[name])

    def required(self, name: str, hint: str) -> str:
        text = self.optional(name)
        if text is None:
            raise self._document.error(self._key, f"has no {name}", hint)
        return text

    def matching(self, name: str, pattern: re.Pattern[str], hint: str) -> str | None:
        text = self.optional(name)
        if text is None:
            return None
        match = pattern.fullmatch(text)
        if match is None:
            raise self._document.error((*self._key, name), f"{text!r} is not a valid {name}", hint)
        return match[1] if pattern.groups else text


def known_codes(document: Document, key: KeyPath, code: str) -> frozenset[str]:
    """Return the codes that `code` stands for; raises `UsageError` where there are none."""
    found = codes_of(code)
    if not found:
        raise document.error(key, f"unknown finding code or name {code!r}", codes_hint(code))
    return found


def _is_absolute(path: str) -> bool:
    return path.startswith("/") and not {"", ".", ".."}.intersection(path[1:].split("/"))


def _until(document: Document, key: KeyPath, table: Mapping[str, Any]) -> date | None:
    until = table.get("until")
    if until is None:
        return None
    if not isinstance(until, date) or isinstance(until, datetime):
        raise document.error(
            (*key, "until"), f"{kind_of(until)}, not a date", "write it bare: until = 2030-12-31"
        )
    return until
