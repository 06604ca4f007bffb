"""Compiled files against their sources, with the interpreter that runs these tests."""

from __future__ import annotations

import importlib.util
import marshal
import platform
import sys
from typing import TYPE_CHECKING

import pytest

from auditor.evidence.bytecode import Bytecode, check_bytecode
from auditor.evidence.code_digest import answer
from auditor.evidence.code_process import CodeProcess, ExhaustedError
from auditor.inventory import take_inventory
from tests.builders import File, Symlink, elf, image_of

if TYPE_CHECKING:
    from types import CodeType

    from tests.builders import Files

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag
TOP = f"/usr/local/lib/python{VERSION}"
SOURCE = f"{TOP}/site-packages/mod.py"
CACHE = f"{TOP}/site-packages/__pycache__"
TEXT = (
    "KNOWN = {'a', 'b', (1, 2.0)}\ndef f(x):\n    assert x, 'no'\n    return x in {1, 'b', None}\n"
)


def base(version: str = platform.python_version(), text: str = TEXT) -> Files:
    return {
        f"/usr/local/bin/python{VERSION}": File(elf(strings=[version]), 0o755),
        "/usr/local/bin/python": Symlink(f"python{VERSION}"),
        f"{TOP}/os.py": "",
        SOURCE: text,
    }


def compiled(text: str = TEXT, level: int = 0) -> CodeType:
    code: CodeType = compile(text, "/build/mod.py", "exec", optimize=level, dont_inherit=True)
    return code


def timestamp(code: CodeType | str, *, size: int = len(TEXT), mtime: int = 0) -> bytes:
    numbers = b"".join(number.to_bytes(4, "little") for number in (0, mtime, size))
    return importlib.util.MAGIC_NUMBER + numbers + marshal.dumps(code)


def hashed(code: CodeType, text: str = TEXT) -> bytes:
    flags = (0b11).to_bytes(4, "little")
    digest = importlib.util.source_hash(text.encode())
    return importlib.util.MAGIC_NUMBER + flags + digest + marshal.dumps(code)


def look(
    pyc: bytes,
    *,
    name: str = f"mod.{TAG}.pyc",
    folder: str = CACHE,
    files: Files | None = None,
    env: dict[str, str] | None = None,
    together: bool = False,
    everything: bool = False,
) -> Bytecode:
    layers = [files or base(), {f"{folder}/{name}": pyc}]
    image = image_of({**layers[0], **layers[1]} if together else layers, env=env or {})
    return check_bytecode(image, take_inventory(image), everything=everything)


def whys(found: Bytecode) -> list[str]:
    return [fault.why for fault in found.faults]


EVIL = compiled("import os\n")


@pytest.mark.parametrize(
    ("pyc", "name"),
    [
        (timestamp(compiled()), f"mod.{TAG}.pyc"),
        (timestamp(compiled(level=1)), f"mod.{TAG}.opt-1.pyc"),
        (timestamp(compiled(level=2)), f"mod.{TAG}.opt-2.pyc"),
        (hashed(compiled()), f"mod.{TAG}.pyc"),
    ],
    ids=["plain", "opt-1", "opt-2", "checked-hash"],
)
def test_what_its_source_compiles_to(pyc: bytes, name: str) -> None:
    found = look(pyc, name=name)
    assert found.faults == ()
    assert found.verified == {f"{CACHE}/{name}": SOURCE}


@pytest.mark.parametrize(
    ("pyc", "why"),
    [
        (timestamp(EVIL), "is not what its source compiles to"),
        (hashed(EVIL), "is not what its source compiles to"),
        (timestamp(compiled(level=2)), "is not what its source compiles to"),
        (timestamp(compiled().replace(co_stacksize=99)), "is not what its source compiles to"),
        (timestamp("no code"), "holds no readable code"),
        (timestamp(compiled())[:40], "holds no readable code"),
    ],
    ids=["timestamp", "hash", "other-level", "executes-otherwise", "no-code", "cut-short"],
)
def test_what_is_loaded_and_is_another_program(pyc: bytes, why: str) -> None:
    assert whys(look(pyc)) == [why]


@pytest.mark.parametrize(
    "pyc",
    [
        timestamp(EVIL, size=1),
        timestamp(EVIL, mtime=1),
        hashed(EVIL, "another source"),
        b"\0\0\r\n" + timestamp(EVIL)[4:],
        importlib.util.MAGIC_NUMBER,
        importlib.util.MAGIC_NUMBER + b"\xff\0\0\0" + bytes(8),
    ],
    ids=["size", "time", "hash", "magic", "header", "flags"],
)
def test_what_python_ignores(pyc: bytes) -> None:
    found = look(pyc)
    assert (found.faults, found.verified) == ((), {f"{CACHE}/mod.{TAG}.pyc": SOURCE})


@pytest.mark.parametrize("everything", [True, False])
def test_one_layer_is_looked_into_when_asked(*, everything: bool) -> None:
    found = look(timestamp(EVIL), together=True, everything=everything)
    assert len(found.faults) == everything


def test_another_place_for_bytecode() -> None:
    env = {"PYTHONPYCACHEPREFIX": "/cache/"}
    found = look(timestamp(EVIL), folder=f"/cache{TOP}/site-packages", env=env)
    assert [fault.source for fault in found.faults] == [SOURCE]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("mod.pyc", CACHE),
        ("mod.cpython-36.pyc", CACHE),
        ("other.pyc", CACHE),
        (f"gone.{TAG}.pyc", CACHE),
        (f"mod.{TAG}.pyc", f"{TOP}/site-packages"),
    ],
)
def test_what_this_interpreter_never_looks_at(name: str, folder: str) -> None:
    assert look(timestamp(EVIL), name=name, folder=folder) == Bytecode()


def test_another_patch_level_may_choose_other_jumps() -> None:
    files = base(f"{VERSION}.99")
    assert look(timestamp(compiled().replace(co_stacksize=99)), files=files) == Bytecode()
    assert whys(look(timestamp(EVIL), files=files)) == ["is not what its source compiles to"]
    assert len(look(timestamp(compiled()), files=files).verified) == 1


def test_a_source_that_does_not_compile_is_left_out() -> None:
    text = TEXT.replace("def", "DEF")
    assert look(timestamp(EVIL), files=base(text=text)) == Bytecode()


def test_no_interpreter_or_an_unknown_one_is_left_out() -> None:
    image = image_of({})
    assert check_bytecode(image, take_inventory(image)) == Bytecode()
    unknown: Files = {
        "/usr/local/bin/python3.6": File(elf(strings=["3.6.1"]), 0o755),
        "/usr/local/bin/python": Symlink("python3.6"),
        "/usr/local/lib/python3.6/os.py": "",
        "/usr/local/lib/python3.6/__pycache__/os.cpython-36.pyc": timestamp(EVIL),
    }
    image = image_of(unknown)
    assert check_bytecode(image, take_inventory(image), everything=True) == Bytecode()


def test_a_process_that_dies_is_started_again_only_so_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auditor.evidence.code_process._COMMAND", (sys.executable, "-c", "0"))
    with CodeProcess() as process:
        for _ in range(5):
            assert process.ask(b"P", 0, bytes(1 << 20)) == []
        with pytest.raises(ExhaustedError):
            process.ask(b"P", 0, b"")
    assert look(timestamp(EVIL)) == Bytecode(deaths=1)


def test_code_that_eats_memory_ends_its_process_alone() -> None:
    deep = b"(" + (1 << 28).to_bytes(4, "little") + b"N"
    with CodeProcess() as process:
        assert process.ask(b"P", 0, deep) == []
        assert len(process.ask(b"S", 0, b"x = 1")) == 3


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (b"P", marshal.dumps(compiled()), 2),
        (b"P", marshal.dumps([1]), 0),
        (b"P", b"", 0),
        (b"S", TEXT.encode(), 3),
        (b"S", b"def", 0),
    ],
)
def test_answers(kind: bytes, data: bytes, words: int) -> None:
    said = answer(kind, 0, data)
    assert said == "-" if words == 0 else len(said.split()) == words


def test_constants_are_told_apart_as_they_act() -> None:
    texts = ["x = 0.0", "x = -0.0", "x = 0", "x = False", "x = (0,)", "x = '0'", "x = ()"]
    digests = {answer(b"S", 0, text.encode()).split()[1] for text in texts}
    assert len(digests) == len(texts)


@pytest.mark.parametrize(
    "source",
    ["é = 1\n".encode(), *(f"# coding: {name}\n".encode() for name in ("iso-8859-5", "shift_jis"))],
    ids=["identifier", "iso-8859-5", "shift_jis"],
)
def test_what_the_compiler_loads_late_is_loaded_before_the_limits(source: bytes) -> None:
    with CodeProcess() as process:
        assert len(process.ask(b"S", 0, source)) == 3
        assert process.deaths == 0
