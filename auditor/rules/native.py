"""Family 3: native libraries that neither the lock nor the operating system accounts for."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.model import Observation, OwnerKind
from auditor.policy import declared
from auditor.units import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.inventory.native import NativeFile, Twins
    from auditor.inventory.native.preloads import Preload
    from auditor.model import DeclaredNative, Elf, Owner
    from auditor.rules.facts import Facts

_SHOWN = 3
"""Callers named in one message."""


def unowned_library(facts: Facts) -> Iterator[Observation]:
    """LI301: a library that no distribution, OS package or interpreter owns."""
    for stranger in facts.natives.strangers:
        if stranger.file.owner is not None:
            continue
        declaration = _declaration(facts, stranger.paths, stranger.file.elf, stranger.sha256)
        difference: tuple[str, str] | None = None
        if declaration is not None:
            difference = declaration.difference(stranger.sha256, stranger.file.elf.build_id or None)
            if difference is None:
                continue
        yield Observation(
            subject=stranger.file.path,
            message="; ".join(_description(facts, stranger, declaration)),
            path=stranger.file.path,
            environment=facts.prefix,
            expected=difference[0] if difference else None,
            actual=difference[1] if difference else None,
        )


def _description(
    facts: Facts, stranger: Twins, declaration: DeclaredNative | None
) -> Iterator[str]:
    """Yield what is known of a library that nobody owns."""
    elf = stranger.file.elf
    if declaration is not None:
        yield f"is not the build that the policy declares ({declaration.source})"
    else:
        yield "nobody owns it"
    identity = [f"SONAME {elf.soname}" if elf.soname else "no SONAME"]
    identity.append(f"build-id {elf.build_id}" if elf.build_id else "no build-id")
    yield ", ".join([*identity, plural(stranger.file.size, "byte")])
    if stranger.aliases:
        yield "also as " + ", ".join(sorted(map(posixpath.basename, stranger.aliases)))
    if not stranger.is_module:
        yield _place(facts, stranger)
    yield from _users(facts, stranger)


def _place(facts: Facts, stranger: Twins) -> str:
    """Say whether the loader takes it for its name."""
    name = stranger.names[0]
    found = facts.natives.choices.get(stranger.file.path)
    if found is None:
        return f"no load of {name} by name finds it"
    if found.real in stranger.paths:
        return f"first for a load of {name} by name ({found.by})"
    return f"a load of {name} by name takes {found.real} ({found.by})"


def _users(facts: Facts, stranger: Twins) -> Iterator[str]:
    """Yield which locked distributions have to do with it."""
    bundling = [
        f"{_owner_name(each.owner)} bundles the same SONAME"
        for each in _same_soname(facts, stranger)
        if _is_locked(facts, each.owner)
    ]
    yield from dict.fromkeys(bundling)
    needing = {
        f"{link.distribution} needs it ({posixpath.basename(link.path)})"
        for link in facts.natives.links
        if link.found.real in stranger.paths and link.distribution in facts.expectation.packages
    }
    naming = {
        f"{each.distribution} names it in {each.call} ({posixpath.basename(each.path)})"
        for each in facts.natives.mentions.get(stranger.file.path, ())
        if each.distribution in facts.expectation.packages
    }
    yield from _few(sorted(needing))
    yield from _few(sorted(naming))


def _few(texts: list[str]) -> list[str]:
    more = len(texts) - _SHOWN
    return [*texts[:_SHOWN], f"and {more} more"] if more > 0 else texts


def _same_soname(facts: Facts, stranger: Twins) -> list[NativeFile]:
    """Give the owned libraries of the same SONAME and other bytes, locked ones first."""
    if stranger.is_module:
        return []
    name = stranger.file.elf.soname or posixpath.basename(stranger.file.path)
    own = {each.file.path for each in facts.natives.strangers}
    same = [
        each
        for each in facts.natives.files
        if (each.elf.soname or posixpath.basename(each.path)) == name and each.path not in own
    ]
    digests = facts.image.rootfs.digests(each.path for each in same)
    other = [each for each in same if digests.get(each.path, b"").hex() != stranger.sha256]
    return sorted(other, key=lambda each: (not _is_locked(facts, each.owner), each.path))


def ambiguous_soname(facts: Facts) -> Iterator[Observation]:
    """LI302: of two libraries with one SONAME the loader takes the one that is nobody's."""
    for stranger in facts.natives.strangers:
        reasons = list(_taken(facts, stranger))
        twins = _same_soname(facts, stranger) if reasons else []
        if twins and not _is_excused(facts, stranger):
            yield Observation(
                subject=stranger.file.path,
                message=f"{'; '.join(reasons)}, and not {twins[0].path} of "
                f"{_owner_name(twins[0].owner)}",
                path=stranger.file.path,
                environment=facts.prefix,
                expected=twins[0].path,
                actual=stranger.file.path,
            )


def _taken(facts: Facts, stranger: Twins) -> Iterator[str]:
    """Yield the loads that take it."""
    found = facts.natives.choices.get(stranger.file.path)
    if found is not None and found.real in stranger.paths:
        yield f"a load of {stranger.names[0]} by name takes it ({found.by})"
    yield from _few(
        sorted(
            {
                f"{link.distribution} gets it for {link.name} ({link.found.by})"
                for link in facts.natives.links
                if link.found.real in stranger.paths
                and link.distribution in facts.expectation.packages
            }
        )
    )


def missing_library(facts: Facts) -> Iterator[Observation]:
    """LI303: a library that a locked distribution's module needs is not there."""
    for each in facts.natives.missing:
        package = facts.expectation.packages.get(each.distribution)
        if package is not None:
            yield Observation(
                subject=each.distribution,
                message=f"{posixpath.basename(each.path)} needs {each.name}, which no loader finds",
                path=each.path,
                environment=facts.prefix,
                lock_line=package.line,
            )


def unowned_library_by_setting(facts: Facts) -> Iterator[Observation]:
    """LI304: a setting of the image makes processes load a library that is nobody's."""
    for preload in facts.natives.preloads:
        yield from _preloaded(facts, preload)
    seen: set[tuple[str, str]] = set()
    for element, folder in facts.natives.library_path:
        for stranger in facts.natives.strangers:
            key = (folder, stranger.file.path)
            if key in seen or not _is_offered(facts, stranger, folder):
                continue
            seen.add(key)
            said = (
                f"LD_LIBRARY_PATH names {element}"
                if element
                else ("an empty element of LD_LIBRARY_PATH means the working directory")
            )
            yield Observation(
                subject=stranger.file.path,
                message=f"{said}, where {stranger.names[0]} is nobody's",
                path=stranger.file.path,
                environment=facts.prefix,
            )


def _is_offered(facts: Facts, stranger: Twins, folder: str) -> bool:
    interpreter = facts.inventory.interpreter
    return (
        any(posixpath.dirname(path) == folder for path in stranger.paths)
        and interpreter is not None
        and stranger.file.elf.machine == interpreter.machine
        and not _is_excused(facts, stranger)
    )


def _preloaded(facts: Facts, preload: Preload) -> Iterator[Observation]:
    found = preload.found
    if found is None:
        yield Observation(
            subject=preload.name
            if preload.name.startswith("/")
            else f"{preload.setting}={preload.name}",
            message=f"{preload.setting} names {preload.name}, which does not exist",
            path=preload.name if preload.name.startswith("/") else None,
        )
        return
    owner = facts.ledger.owner(found.real)
    foreign = (
        owner is not None
        and owner.kind is OwnerKind.DISTRIBUTION
        and (owner.prefix != facts.prefix)
    )
    sha256 = facts.image.rootfs.digests([found.real]).get(found.real, b"").hex()
    declaration = _declaration(facts, {found.path, found.real}, found.elf, sha256)
    if (owner is None or foreign) and not _equals(declaration, found.elf, sha256):
        whose = f"{_owner_name(owner)} of another environment" if foreign else "nobody"
        yield Observation(
            subject=found.real,
            message=f"{preload.setting} loads it into every process, and it belongs to {whose}",
            path=found.real,
            environment=facts.prefix,
        )


def _declaration(
    facts: Facts, paths: Iterable[str], elf: Elf, sha256: str
) -> DeclaredNative | None:
    """Give what the policy declares for a file; of several the one that it equals."""
    found = [
        declaration
        for path in sorted(paths)
        if (
            declaration := declared(
                facts.policy, path, elf.soname or None, sha256, elf.build_id or None
            )
        )
    ]
    equal = (each for each in found if _equals(each, elf, sha256))
    return next(equal, found[0] if found else None)


def _equals(declaration: DeclaredNative | None, elf: Elf, sha256: str) -> bool:
    return declaration is not None and declaration.difference(sha256, elf.build_id or None) is None


def _is_excused(facts: Facts, stranger: Twins) -> bool:
    """Tell whether the policy declares it and it is what is declared."""
    elf = stranger.file.elf
    return _equals(_declaration(facts, stranger.paths, elf, stranger.sha256), elf, stranger.sha256)


def _is_locked(facts: Facts, owner: Owner | None) -> bool:
    return (
        owner is not None
        and owner.kind is OwnerKind.DISTRIBUTION
        and owner.prefix == facts.prefix
        and owner.name in facts.expectation.packages
    )


def _owner_name(owner: Owner | None) -> str:
    return owner.name if owner else "nobody"
