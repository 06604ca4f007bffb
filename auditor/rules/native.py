"""Family 3: native libraries that neither the lock nor the operating system accounts for."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.model import Observation, OwnerKind
from auditor.policy import declared
from auditor.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.inventory.native import LibraryCopies, NativeFile
    from auditor.inventory.native.preloads import Preload
    from auditor.model import DeclaredNative, Elf, Owner
    from auditor.rules.facts import Facts

_SHOWN = 3
"""Callers named in one message."""


def unowned_library(facts: Facts) -> Iterator[Observation]:
    """LI301: a library that no distribution, OS package or interpreter owns."""
    for library in facts.natives.unowned_libraries:
        if library.file.owner is not None:
            continue
        declaration = _declaration(facts, library.paths, library.file.elf, library.sha256)
        difference: tuple[str, str] | None = None
        if declaration is not None:
            difference = declaration.difference(library.sha256, library.file.elf.build_id or None)
            if difference is None:
                continue
        yield Observation(
            subject=library.file.path,
            message="; ".join(_description(facts, library, declaration)),
            path=library.file.path,
            environment=facts.prefix,
            expected=difference[0] if difference else None,
            actual=difference[1] if difference else None,
        )


def _description(
    facts: Facts, library: LibraryCopies, declaration: DeclaredNative | None
) -> Iterator[str]:
    """Yield what is known of a library that nobody owns."""
    elf = library.file.elf
    if declaration is not None:
        yield f"is not the build that the policy declares ({declaration.source})"
    else:
        yield "nobody owns it"
    identity = [f"SONAME {elf.soname}" if elf.soname else "no SONAME"]
    identity.append(f"build-id {elf.build_id}" if elf.build_id else "no build-id")
    yield ", ".join([*identity, plural(library.file.size, "byte")])
    if library.aliases:
        yield "also as " + ", ".join(sorted(map(posixpath.basename, library.aliases)))
    if not library.is_module:
        yield _place(facts, library)
    yield from _users(facts, library)


def _place(facts: Facts, library: LibraryCopies) -> str:
    """Say whether the loader takes it for its name."""
    name = library.names[0]
    found = facts.natives.choices.get(library.file.path)
    if found is None:
        return f"no load of {name} by name finds it"
    if found.real in library.paths:
        return f"first for a load of {name} by name ({found.by})"
    return f"a load of {name} by name takes {found.real} ({found.by})"


def _users(facts: Facts, library: LibraryCopies) -> Iterator[str]:
    """Yield which locked distributions have to do with it."""
    bundling = [
        f"{_owner_name(each.owner)} bundles the same SONAME"
        for each in _same_soname(facts, library)
        if _is_locked(facts, each.owner)
    ]
    yield from dict.fromkeys(bundling)
    needing = {
        f"{link.distribution} needs it ({posixpath.basename(link.path)})"
        for link in facts.natives.links
        if link.found.real in library.paths and link.distribution in facts.expectation.packages
    }
    naming = {
        f"{each.distribution} names it in {each.call} ({posixpath.basename(each.path)})"
        for each in facts.natives.mentions.get(library.file.path, ())
        if each.distribution in facts.expectation.packages
    }
    yield from _few(sorted(needing))
    yield from _few(sorted(naming))


def _few(texts: list[str]) -> list[str]:
    more = len(texts) - _SHOWN
    return [*texts[:_SHOWN], f"and {more} more"] if more > 0 else texts


def _same_soname(facts: Facts, library: LibraryCopies) -> list[NativeFile]:
    """Return the owned libraries of the same SONAME and other bytes, locked ones first."""
    if library.is_module:
        return []
    name = library.file.elf.soname or posixpath.basename(library.file.path)
    own = {each.file.path for each in facts.natives.unowned_libraries}
    same = [
        each
        for each in facts.natives.files
        if (each.elf.soname or posixpath.basename(each.path)) == name and each.path not in own
    ]
    digests = facts.image.rootfs.digests(each.path for each in same)
    other = [each for each in same if digests.get(each.path, b"").hex() != library.sha256]
    return sorted(other, key=lambda each: (not _is_locked(facts, each.owner), each.path))


def soname_taken_over(facts: Facts) -> Iterator[Observation]:
    """LI302: of two libraries with one SONAME the loader takes the one that is nobody's."""
    for library in facts.natives.unowned_libraries:
        reasons = list(_taken(facts, library))
        twins = _same_soname(facts, library) if reasons else []
        if twins and not _is_excused(facts, library):
            yield Observation(
                subject=library.file.path,
                message=f"{'; '.join(reasons)}, and not {twins[0].path} of "
                f"{_owner_name(twins[0].owner)}",
                path=library.file.path,
                environment=facts.prefix,
                expected=twins[0].path,
                actual=library.file.path,
            )


def _taken(facts: Facts, library: LibraryCopies) -> Iterator[str]:
    """Yield the loads that take it."""
    found = facts.natives.choices.get(library.file.path)
    if found is not None and found.real in library.paths:
        yield f"a load of {library.names[0]} by name takes it ({found.by})"
    yield from _few(
        sorted(
            {
                f"{link.distribution} gets it for {link.name} ({link.found.by})"
                for link in facts.natives.links
                if link.found.real in library.paths
                and link.distribution in facts.expectation.packages
            }
        )
    )


def library_not_found(facts: Facts) -> Iterator[Observation]:
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


def loader_setting(facts: Facts) -> Iterator[Observation]:
    """LI304: a setting of the image makes processes load a library that is nobody's."""
    for preload in facts.natives.preloads:
        yield from _preloaded(facts, preload)
    seen: set[tuple[str, str]] = set()
    for element, folder in facts.natives.library_path:
        for library in facts.natives.unowned_libraries:
            key = (folder, library.file.path)
            if key in seen or not _is_offered(facts, library, folder):
                continue
            seen.add(key)
            said = (
                f"LD_LIBRARY_PATH names {element}"
                if element
                else ("an empty element of LD_LIBRARY_PATH means the working directory")
            )
            yield Observation(
                subject=library.file.path,
                message=f"{said}, where {library.names[0]} is nobody's",
                path=library.file.path,
                environment=facts.prefix,
            )


def _is_offered(facts: Facts, library: LibraryCopies, folder: str) -> bool:
    interpreter = facts.inventory.interpreter
    return (
        any(posixpath.dirname(path) == folder for path in library.paths)
        and interpreter is not None
        and library.file.elf.machine == interpreter.machine
        and not _is_excused(facts, library)
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
    owner = facts.ownership.owner(found.real)
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
    """Return what the policy declares for a file; of several the one that it equals."""
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


def _is_excused(facts: Facts, library: LibraryCopies) -> bool:
    """Return whether the policy declares it and it is what is declared."""
    elf = library.file.elf
    return _equals(_declaration(facts, library.paths, elf, library.sha256), elf, library.sha256)


def _is_locked(facts: Facts, owner: Owner | None) -> bool:
    return (
        owner is not None
        and owner.kind is OwnerKind.DISTRIBUTION
        and owner.prefix == facts.prefix
        and owner.name in facts.expectation.packages
    )


def _owner_name(owner: Owner | None) -> str:
    return owner.name if owner else "nobody"
