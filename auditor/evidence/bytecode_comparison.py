"""Compiled files compared with their sources: each compiled, and read, by processes of its own."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from auditor.evidence.code_digest import CODE, SOURCE
from auditor.evidence.code_process import Request
from auditor.evidence.compiled_files import CHECKED, HEADER, Match

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from auditor.evidence.code_process import CodeProcesses
    from auditor.evidence.compiled_files import Compiled
    from auditor.model import Rootfs

_LIMIT = 32 * 1024 * 1024
"""Bytes of the largest file that is read."""


def compare(
    rootfs: Rootfs, suspects: Collection[Compiled], processes: CodeProcesses, *, exact: bool
) -> tuple[dict[str, Match], int]:
    """Return the match of each compiled file that could be compared, and how many processes died.

    Without `exact` our compiler is of another patch level, which may choose other jumps.
    """
    by_source: defaultdict[str, set[int]] = defaultdict(set)
    for each in suspects:
        by_source[each.source].add(each.level)
    found: dict[str, Match] = {}
    with processes.queries(SOURCE) as sources:
        expected = {
            (request.path, request.optimize): words
            for request, words in sources.answers(_sources(rootfs, by_source))
        }
    waiting = {}
    for each in suspects:
        words = expected.get((each.source, each.level))
        if words:
            waiting[each.path] = (each, words)
        elif words is not None:
            found[each.path] = Match.UNKNOWN
    with processes.queries(CODE) as codes:
        for request, words in codes.answers(_codes(rootfs, waiting, found)):
            found[request.path] = _match(words, waiting[request.path][1], exact=exact)
    return found, sources.deaths + codes.deaths


def _sources(rootfs: Rootfs, wanted: Mapping[str, Collection[int]]) -> Iterator[Request]:
    """Yield every source once for each level."""
    for path, content in _contents(rootfs, wanted):
        for level in sorted(wanted[path]):
            yield Request(path, level, content)


def _codes(
    rootfs: Rootfs, waiting: Mapping[str, tuple[Compiled, list[str]]], found: dict[str, Match]
) -> Iterator[Request]:
    """Yield the code of every file; add those that name another source to `found`, as stale."""
    for path, content in _contents(rootfs, waiting):
        each, words = waiting[path]
        if each.flags == CHECKED and content[8:HEADER].hex() != words[2]:
            found[path] = Match.SAME
        else:
            yield Request(path, 0, content[HEADER:])


def _match(words: list[str], expected: list[str], *, exact: bool) -> Match:
    if words[:1] == expected[:1]:
        return Match.SAME
    if not exact and words[1:] == expected[1:2]:
        return Match.UNKNOWN
    return Match.OTHER if words else Match.UNREADABLE


def _contents(rootfs: Rootfs, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the contents of those files that still have the digest that the index has."""
    wanted = sorted(paths)
    digests = rootfs.digests(wanted)
    for path, content in rootfs.contents(wanted, _LIMIT):
        if hashlib.sha256(content).digest() == digests.get(path):
            yield path, content
