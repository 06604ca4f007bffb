"""Native builds that the policy declares: which one a file of the image is meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import FileType, PolicyNote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import DeclaredNative, Policy, Rootfs


def declared(
    policy: Policy, path: str, soname: str | None, sha256: str | None, build_id: str | None
) -> DeclaredNative | None:
    """Return the declaration that means a file of the image; None where nobody declared it.

    Of several (a build for each platform) the one that the file equals is given. Whether it
    does equal is `DeclaredNative.difference`: a file that is declared and another one is
    drift, not excused.
    """
    meant = [each for each in policy.natives if _means(each, path, soname)]
    return next(
        (each for each in meant if each.difference(sha256, build_id) is None),
        meant[0] if meant else None,
    )


def _means(entry: DeclaredNative, path: str, soname: str | None) -> bool:
    return entry.path in {None, path} and entry.soname in {None, soname}


def absent(policy: Policy, rootfs: Rootfs) -> Iterator[PolicyNote]:
    """Yield a note for every declaration that means no file of the image."""
    # A whole walk, so only where someone asks for it.
    by_name = any(each.path is None for each in policy.natives)
    sonames = set(_sonames(rootfs)) if by_name else set()
    for each in policy.natives:
        there = each.soname in sonames if each.path is None else rootfs.lstat(each.path) is not None
        if not there:
            entry = f"[[native]] {each.path or each.soname}"
            yield PolicyNote(entry, "there is no such file", policy.path, each.line)


def _sonames(rootfs: Rootfs) -> Iterator[str]:
    """Yield what the image's libraries call themselves."""
    for path, entry in rootfs.walk():
        if (
            entry.type is FileType.FILE
            and (elf := rootfs.facts(path).elf) is not None
            and elf.soname
        ):
            yield elf.soname
