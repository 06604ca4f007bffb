"""Family 3: native libraries that come neither from the lock nor from the operating system."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from auditor.model import Observation, OwnerKind
from auditor.policy import declared
from auditor.wording import and_more, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from auditor.inventory.native.libraries import LibraryCopies, Preload
    from auditor.inventory.native.native_files import NativeFile
    from auditor.model import DeclaredNative, Elf, Owner
    from auditor.rules.facts import Facts

_MOST_NAMED = 3
"""Distributions of one sort that a message names."""


def unowned_library(facts: Facts) -> Iterator[Observation]:
    """LI301: a library that belongs to no distribution, OS package or interpreter."""
    for library in facts.natives.unowned_libraries:
        if library.file.owner is not None:
            continue
        elf = library.file.elf
        declaration = _declaration(facts, library.paths, elf, library.sha256)
        expected, actual = None, None
        if declaration is not None:
            difference = declaration.difference(library.sha256, elf.build_id or None)
            if difference is None:
                continue
            expected, actual = difference
        path, message = library.file.path, "; ".join(_description(facts, library, declaration))
        yield facts.about(path, message, path, expected=expected, actual=actual)


def _description(
    facts: Facts, library: LibraryCopies, declaration: DeclaredNative | None
) -> Iterator[str]:
    """Yield what is known of a library without an owner, in clauses."""
    elf = library.file.elf
    other = declaration and f"is not the build that the policy declares ({declaration.source})"
    yield other or "has no owner"
    identity = [f"SONAME {elf.soname}" if elf.soname else "no SONAME"]
    identity.append(f"build-id {elf.build_id}" if elf.build_id else "no build-id")
    yield ", ".join([*identity, plural(library.file.size, "byte")])
    if library.aliases:
        yield "also as " + ", ".join(sorted(map(posixpath.basename, library.aliases)))
    if not library.is_module:
        yield _place(facts, library)
    yield from _users(facts, library)


def _place(facts: Facts, library: LibraryCopies) -> str:
    """Return which library the loader takes for its name."""
    name = library.names[0]
    found = facts.natives.loaded_by_name.get(library.file.path)
    if found is None:
        return f"the loader does not find {name}"
    taken = "it" if found.real in library.paths else found.real
    return f"the loader takes {taken} for {name} ({found.by})"


def _users(facts: Facts, library: LibraryCopies) -> Iterator[str]:
    """Yield which locked distributions bundle, need or name it."""
    bundling = [
        f"{_owner_name(each.owner)} bundles the same SONAME"
        for each in _same_soname(facts, library)
        if _is_locked(facts, each.owner)
    ]
    yield from dict.fromkeys(bundling)
    needing = {
        f"{link.distribution} needs it ({posixpath.basename(link.path)})"
        for link in facts.natives.needed
        if link.found.real in library.paths and link.distribution in facts.expectation.packages
    }
    naming = {
        f"{each.distribution} names it in {each.call} ({posixpath.basename(each.path)})"
        for each in facts.natives.dlopen_calls.get(library.file.path, ())
        if each.distribution in facts.expectation.packages
    }
    for several in filter(None, (needing, naming)):
        yield and_more(sorted(several), _MOST_NAMED, "; ")


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
    """LI302: of two libraries with one SONAME the loader takes the one without an owner."""
    for library in facts.natives.unowned_libraries:
        reasons = list(_taken(facts, library))
        others = _same_soname(facts, library) if reasons else []
        if others and not _is_as_declared(facts, library):
            path, other = library.file.path, others[0]
            message = f"{'; '.join(reasons)}, instead of {other.path} of {_owner_name(other.owner)}"
            yield facts.about(path, message, path, expected=other.path, actual=path)


def _taken(facts: Facts, library: LibraryCopies) -> Iterator[str]:
    """Yield the loads that take it."""
    found = facts.natives.loaded_by_name.get(library.file.path)
    if found is not None and found.real in library.paths:
        yield f"the loader takes it for {library.names[0]} ({found.by})"
    linked = {
        f"{link.distribution} gets it for {link.name} ({link.found.by})"
        for link in facts.natives.needed
        if link.found.real in library.paths and link.distribution in facts.expectation.packages
    }
    if linked:
        yield and_more(sorted(linked), _MOST_NAMED, "; ")


def library_not_found(facts: Facts) -> Iterator[Observation]:
    """LI303: a library that a locked distribution's module needs is not there."""
    for each in facts.natives.missing:
        if each.distribution in facts.expectation.packages:
            module = posixpath.basename(each.path)
            message = f"{module} needs {each.name}, which the loader does not find"
            yield facts.about(each.distribution, message, each.path)


def loader_setting(facts: Facts) -> Iterator[Observation]:
    """LI304: a setting of the image makes processes load a library without an owner."""
    for preload in facts.natives.preloads:
        yield from _preloaded(facts, preload)
    seen: set[tuple[str, str]] = set()
    for element, folder in facts.natives.library_path:
        for library in facts.natives.unowned_libraries:
            key = (folder, library.file.path)
            if key in seen or not _is_offered(facts, library, folder):
                continue
            seen.add(key)
            empty = "an empty element of LD_LIBRARY_PATH means the working directory"
            setting = f"LD_LIBRARY_PATH names {element}" if element else empty
            message = f"{setting}, where {library.names[0]} has no owner"
            yield facts.about(library.file.path, message, library.file.path)


def _is_offered(facts: Facts, library: LibraryCopies, folder: str) -> bool:
    interpreter = facts.inventory.interpreter
    return (
        any(posixpath.dirname(path) == folder for path in library.paths)
        and interpreter is not None
        and library.file.elf.machine == interpreter.machine
        and not _is_as_declared(facts, library)
    )


def _preloaded(facts: Facts, preload: Preload) -> Iterator[Observation]:
    found = preload.found
    if found is None:
        path = preload.name if preload.name.startswith("/") else None
        message = f"{preload.setting} names {preload.name}, which does not exist"
        yield Observation(path or f"{preload.setting}={preload.name}", message, path)
        return
    owner = facts.ownership.owner(found.real)
    foreign = (
        owner is not None and owner.kind is OwnerKind.DISTRIBUTION and owner.prefix != facts.prefix
    )
    sha256 = facts.image.rootfs.digests([found.real]).get(found.real, b"").hex()
    declaration = _declaration(facts, {found.path, found.real}, found.elf, sha256)
    if (owner is None or foreign) and not _equals(declaration, found.elf, sha256):
        other = f"belongs to {_owner_name(owner)} of another environment"
        whose = other if foreign else "has no owner"
        message = f"{preload.setting} loads it into every process, but it {whose}"
        yield facts.about(found.real, message, found.real)


def _declaration(
    facts: Facts, paths: Iterable[str], elf: Elf, sha256: str
) -> DeclaredNative | None:
    known = (elf.soname or None, sha256, elf.build_id or None)
    return declared(facts.policy, sorted(paths), *known)


def _equals(declaration: DeclaredNative | None, elf: Elf, sha256: str) -> bool:
    return declaration is not None and declaration.difference(sha256, elf.build_id or None) is None


def _is_as_declared(facts: Facts, library: LibraryCopies) -> bool:
    """Return whether the policy declares it, with just the bytes that it has."""
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
    return owner.name if owner else "no owner"
