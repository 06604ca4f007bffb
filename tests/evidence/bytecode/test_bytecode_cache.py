"""What is kept about compiled files, and when it is compared again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from auditor.evidence.bytecode.bytecode_check import Bytecode, check_bytecode
from auditor.image.layers.layer_cache import LayerCache
from auditor.inventory.collect import collect_inventory
from tests.builders import image_of
from tests.builders.bytecode import (
    CACHE,
    EVIL,
    SOURCE,
    TAG,
    TEXT,
    VERSION,
    base,
    comparisons,
    compiled,
    hashed,
    timestamp,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Files

PYC = f"{CACHE}/mod.{TAG}.pyc"


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return LayerCache(tmp_path / "cache")


def audit(cache: LayerCache | None, *layers: Files) -> tuple[Bytecode, int]:
    """Return what is found, and of how many files the code was read for it."""
    image = image_of(list(layers))
    with comparisons() as asked:
        found = check_bytecode(image, collect_inventory(image), cache=cache)
    return found, len(asked)


GOOD: Files = {PYC: timestamp(compiled())}
BAD: Files = {PYC: timestamp(EVIL)}


@pytest.mark.parametrize(
    "pyc",
    [timestamp(compiled()), timestamp(EVIL), timestamp("no code"), hashed(EVIL, "another")],
    ids=["same", "other", "unreadable", "stale"],
)
def test_nothing_is_read_twice(cache: LayerCache, pyc: bytes) -> None:
    first = audit(cache, base(), {PYC: pyc})
    again = audit(cache, base(), {PYC: pyc})
    assert (first[1], again[1]) == (1, 0)
    assert again[0] == first[0] == audit(None, base(), {PYC: pyc})[0]


def test_what_cannot_be_told_is_remembered_too(cache: LayerCache) -> None:
    files = base(text=TEXT.replace("def", "DEF"))
    assert audit(cache, files, BAD) == (Bytecode(), 1)
    assert audit(cache, files, BAD) == (Bytecode(), 0)


CHANGES = {
    "compiled-file": (base(), BAD),
    "source": (base(text=TEXT.replace("'no'", "'on'")), GOOD),
    "level-of-optimisation": (base(), {f"{CACHE}/mod.{TAG}.opt-2.pyc": GOOD[PYC]}),
}


@pytest.mark.parametrize(("files", "pyc"), CHANGES.values(), ids=CHANGES)
def test_what_changed_is_compared_again(cache: LayerCache, files: Files, pyc: Files) -> None:
    assert audit(cache, base(), GOOD)[0].faults == ()
    found, asked = audit(cache, files, pyc)
    assert (len(found.faults), asked) == (1, 1)


def test_another_interpreter_in_the_image(cache: LayerCache) -> None:
    other: Files = {PYC: timestamp(compiled().replace(co_stacksize=99))}
    assert len(audit(cache, base(), other)[0].faults) == 1
    assert audit(cache, base(f"{VERSION}.99"), other) == (Bytecode(), 1)


@pytest.mark.parametrize(
    "name", ["platform.python_version", "auditor.evidence.bytecode.bytecode_cache._code_digest"]
)
def test_another_interpreter_or_other_code_here(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    audit(cache, base(), GOOD)
    monkeypatch.setattr(name, lambda: "another")
    assert audit(cache, base(), GOOD)[1] == 1


@pytest.mark.parametrize(("text", "asked"), [(TEXT + "x = 1\n", 1), (TEXT, 0)])
def test_only_what_is_new_is_looked_into(cache: LayerCache, text: str, asked: int) -> None:
    size = len(text)
    more: Files = {f"{CACHE}/new.{TAG}.pyc": timestamp(compiled(text), size=size)}
    layers = ({**base(), SOURCE.replace("mod", "new"): text}, GOOD, more)
    assert audit(cache, *layers[:2])[1] == 1
    found, now = audit(cache, *layers)
    assert (len(found.verified), now) == (2, asked)
    assert audit(cache, *layers)[1] == 0


def test_files_of_one_content_are_one(cache: LayerCache) -> None:
    files: Files = {**base(), SOURCE.replace("mod", "two"): TEXT}
    both: Files = {**GOOD, PYC.replace("mod", "two"): GOOD[PYC]}
    first, again = audit(cache, files, both), audit(cache, files, both)
    assert (first[1], again[1]) == (2, 0)
    assert len(again[0].verified) == 2


@pytest.mark.parametrize("content", [b"", b"x" * 200], ids=["empty", "other"])
def test_a_damaged_entry_is_an_absent_one(
    cache: LayerCache, content: bytes, tmp_path: Path
) -> None:
    audit(cache, base(), BAD)
    entries = list((tmp_path / "cache").rglob("*.document"))
    assert len(entries) == 1
    entries[0].write_bytes(content)
    found, asked = audit(cache, base(), BAD)
    assert (len(found.faults), asked) == (1, 1)


@pytest.mark.parametrize("content", [b"ss", b"", b"?", b"\xff"])
def test_an_entry_about_something_else_is_an_absent_one(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(cache, "document", lambda _: content)
    assert len(audit(cache, base(), BAD)[0].faults) == 1


def test_nothing_is_kept_where_a_process_died(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("auditor.evidence.bytecode.code_process._COMMAND", ("/bin/false",))
        assert audit(cache, base(), BAD)[0] == Bytecode(deaths=1)
    assert cache.usage().entries == 0
    assert len(audit(cache, base(), BAD)[0].faults) == 1


def test_several_at_a_time(cache: LayerCache) -> None:
    """Each writes the same whole entry under the same name."""
    found: list[Bytecode] = []

    def run() -> None:
        image = image_of([base(), BAD])
        found.append(check_bytecode(image, collect_inventory(image), cache=cache))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(each == found[0] for each in found)
    assert cache.usage().entries == 1
    assert audit(cache, base(), BAD)[1] == 0
