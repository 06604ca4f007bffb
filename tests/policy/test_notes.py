"""Settings that have no effect on an audit."""

from __future__ import annotations

from auditor.model import (
    DeclaredNative,
    Degree,
    Expectation,
    Inventory,
    LockedPackage,
    Policy,
    PolicyNote,
    Requirement,
)
from auditor.policy import notes_on_files, notes_on_names
from tests.builders import Symlink, elf, rootfs_of

POLICY = Policy(
    path="auditor.toml",
    natives=(
        DeclaredNative("s", "by path", path="/lib/libx.so.1", sha256="1" * 64, line=3),
        DeclaredNative("s", "by name", soname="libx.so.1", build_id="ab"),
    ),
    requirements=(
        Requirement("numpy", Degree.BUILT, 2),
        Requirement("scikit-*", Degree.RECORDED, 3),
        Requirement("*", Degree.VERSION, 4),
    ),
)


def test_a_declaration_about_no_file() -> None:
    there = rootfs_of({"/usr/lib/libx.so.1": elf(soname="libx.so.1"), "/lib": Symlink("usr/lib")})
    assert list(notes_on_files(POLICY, there)) == []
    gone = rootfs_of({"/lib/libx.so.2": elf(soname="libx.so.2"), "/lib/libx.so": "text"})
    by_path, by_soname = notes_on_files(POLICY, gone)
    assert (by_path.entry, by_path.line) == ("[[native]] /lib/libx.so.1", 3)
    assert (by_soname.entry, by_soname.path) == ("[[native]] libx.so.1", "auditor.toml")


def notes(*names: str) -> list[PolicyNote]:
    expectation = Expectation({name: LockedPackage(name, None, None) for name in names})
    return list(notes_on_names(POLICY, (), Inventory((), None), expectation))


def test_a_requirement_about_no_package() -> None:
    why = "the lock selects no such package; did you mean nunpy?"
    expected = [PolicyNote("[require] numpy", why, "auditor.toml", 2)]
    assert notes("nunpy", "scikit-learn") == expected
    assert [each.line for each in notes("requests")] == [2, 3]


def test_nothing_is_noted_where_nothing_could_be_selected() -> None:
    assert notes() == []
    assert notes("numpy", "scikit-image") == []
