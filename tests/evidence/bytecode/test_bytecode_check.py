"""Compiled files against their sources, with the interpreter that runs these tests."""

from __future__ import annotations

import importlib.util
import itertools
import marshal
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from auditor.evidence.bytecode import code_digest
from auditor.evidence.bytecode.bytecode_check import Bytecode, check_bytecode
from auditor.evidence.bytecode.code_digest import CODE, answer, parts
from auditor.evidence.bytecode.code_digest import SOURCE as SOURCE_KIND
from auditor.evidence.bytecode.code_process import CodeProcess, CodeProcesses, Request
from auditor.inventory.collect import collect_inventory
from tests.builders import File, Symlink, elf, image_of
from tests.builders.bytecode import (
    CACHE,
    EVIL,
    SOURCE,
    TAG,
    TEXT,
    TOP,
    VERSION,
    base,
    compiled,
    hashed,
    timestamp,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Files


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
    return check_bytecode(image, collect_inventory(image), everything=everything)


def whys(found: Bytecode) -> list[str]:
    return [fault.why for fault in found.faults]


SAME = {
    "plain": (timestamp(compiled()), f"mod.{TAG}.pyc"),
    "opt-1": (timestamp(compiled(level=1)), f"mod.{TAG}.opt-1.pyc"),
    "opt-2": (timestamp(compiled(level=2)), f"mod.{TAG}.opt-2.pyc"),
    "checked-hash": (hashed(compiled()), f"mod.{TAG}.pyc"),
}


@pytest.mark.parametrize(("pyc", "name"), SAME.values(), ids=SAME)
def test_what_its_source_compiles_to(pyc: bytes, name: str) -> None:
    found = look(pyc, name=name)
    assert found.faults == ()
    assert found.verified == {f"{CACHE}/{name}": SOURCE}


OTHER = {
    "timestamp": (timestamp(EVIL), "is not what its source compiles to"),
    "hash": (hashed(EVIL), "is not what its source compiles to"),
    "other-level": (timestamp(compiled(level=2)), "is not what its source compiles to"),
    "executes-otherwise": (
        timestamp(compiled().replace(co_stacksize=99)),
        "is not what its source compiles to",
    ),
    "no-code": (timestamp("no code"), "contains no readable code"),
    "cut-short": (timestamp(compiled())[:40], "contains no readable code"),
}


@pytest.mark.parametrize(("pyc", "why"), OTHER.values(), ids=OTHER)
def test_what_is_loaded_and_is_another_program(pyc: bytes, why: str) -> None:
    assert whys(look(pyc)) == [why]


IGNORED = {
    "size": timestamp(EVIL, size=1),
    "time": timestamp(EVIL, mtime=1),
    "hash": hashed(EVIL, "another source"),
    "magic": b"\0\0\r\n" + timestamp(EVIL)[4:],
    "header": importlib.util.MAGIC_NUMBER,
    "flags": importlib.util.MAGIC_NUMBER + b"\xff\0\0\0" + bytes(8),
}


@pytest.mark.parametrize("pyc", IGNORED.values(), ids=IGNORED)
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
    assert check_bytecode(image, collect_inventory(image)) == Bytecode()
    unknown: Files = {
        "/usr/local/bin/python3.6": File(elf(strings=["3.6.1"]), 0o755),
        "/usr/local/bin/python": Symlink("python3.6"),
        "/usr/local/lib/python3.6/os.py": "",
        "/usr/local/lib/python3.6/__pycache__/os.cpython-36.pyc": timestamp(EVIL),
    }
    image = image_of(unknown)
    assert check_bytecode(image, collect_inventory(image), everything=True) == Bytecode()


@pytest.mark.parametrize(("count", "size"), [(50, 200_000), (100_000, 1)])
def test_processes_that_die_are_started_again_only_so_often(
    monkeypatch: pytest.MonkeyPatch, count: int, size: int
) -> None:
    monkeypatch.setattr(
        "auditor.evidence.bytecode.code_process._COMMAND", (sys.executable, "-c", "0")
    )
    asked = (Request(str(number), 0, bytes(size)) for number in range(count))
    with closing(CodeProcesses()) as processes, processes.queries(CODE) as queries:
        answers = [(request.path, words) for request, words in queries.answers(asked)]
    assert answers == [(str(number), []) for number in range(5)]
    assert queries.deaths == 5
    assert look(timestamp(EVIL)) == Bytecode(deaths=1)


def test_a_process_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = (sys.executable, "-c", "import time; time.sleep(60)")
    monkeypatch.setattr("auditor.evidence.bytecode.code_process._COMMAND", waiting)
    monkeypatch.setattr("auditor.evidence.bytecode.code_process._SECONDS", 0.1)
    with closing(CodeProcess(CODE)) as process:
        assert process.ask(0, b"N") is None
        assert process.ask(0, bytes(1 << 20)) is None


def test_answers_come_in_the_order_of_the_requests() -> None:
    sources = [f"x = {number}\n{'#' * (number % 7) * 20_000}" for number in range(60)]
    asked = [Request(str(at), 0, text.encode()) for at, text in enumerate(sources)]
    with closing(CodeProcesses()) as processes, processes.queries(SOURCE_KIND) as queries:
        answers = list(queries.answers(asked))
    assert [request for request, _ in answers] == asked
    assert len({words[0] for _, words in answers}) == len(asked)


def use_script(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Start processes by a line of shell, which knows the kind as $0."""
    start = f"exec {sys.executable} -I -S -B {code_digest.__file__} $0"
    command = ("/bin/sh", "-c", text.format(start=start))
    monkeypatch.setattr("auditor.evidence.bytecode.code_process._COMMAND", command)


def test_audits_at_the_same_time_count_their_own_deaths(monkeypatch: pytest.MonkeyPatch) -> None:
    use_script(monkeypatch, "test $0 = source && {start}")
    requests = [Request(str(at), 0, b"x = 1\n".ljust(9_999)) for at in range(200)]
    found: list[tuple[int, int]] = []

    def audit(kind: str) -> None:
        with processes.queries(kind) as queries:
            found.append((len(list(queries.answers(requests))), queries.deaths))

    with closing(CodeProcesses()) as processes:
        audits = [threading.Thread(target=audit, args=[kind]) for kind in [SOURCE_KIND, CODE] * 3]
        for each in audits:
            each.start()
        for each in audits:
            each.join()
    assert sorted(found) == [(5, 5)] * 3 + [(200, 0)] * 3


def test_audits_share_what_compiles_and_nothing_that_read_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_script(monkeypatch, f"echo $0 >> {tmp_path}/started; {{start}}")
    image = image_of([base(), {f"{CACHE}/mod.{TAG}.pyc": timestamp(EVIL)}])
    with closing(CodeProcesses()) as processes:
        for _ in range(2):
            found = check_bytecode(image, collect_inventory(image), processes=lambda: processes)
            assert len(found.faults) == 1
    assert (tmp_path / "started").read_text().split() == [SOURCE_KIND, CODE, CODE]


def test_an_audit_that_fails_ends_its_processes() -> None:
    def fail(processes: CodeProcesses) -> None:
        endless = (Request("x", 0, b"x = 1\n" * 9_999) for _ in itertools.count())
        with processes.queries(SOURCE_KIND) as queries:
            next(queries.answers(endless))
            raise KeyError

    with closing(CodeProcesses()) as processes:
        with pytest.raises(KeyError):
            fail(processes)
        with processes.queries(SOURCE_KIND) as queries:
            assert len(list(queries.answers([Request("x", 0, b"x = 1")]))) == 1


def test_code_that_eats_memory_ends_its_process_alone() -> None:
    deep = b"(" + (1 << 28).to_bytes(4, "little") + b"N"
    with closing(CodeProcess(CODE)) as process:
        assert process.ask(0, deep) == []
        assert len(process.ask(0, marshal.dumps(compiled())) or ()) == 2


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (CODE, marshal.dumps(compiled()), 2),
        (CODE, marshal.dumps([1]), 0),
        (CODE, b"", 0),
        (SOURCE_KIND, TEXT.encode(), 3),
        (SOURCE_KIND, b"def", 0),
    ],
)
def test_answers(kind: str, data: bytes, words: int) -> None:
    said = answer(kind, 0, data)
    assert said == "-" if words == 0 else len(said.split()) == words


def test_constants_are_told_apart_as_they_act() -> None:
    texts = ["0.0", "-0.0", "0", "False", "(0,)", "'0'", "b'0'", "()", "...", "0j", "(0, (0,))"]
    digests = {answer(SOURCE_KIND, 0, f"x = {text}".encode()).split()[1] for text in texts}
    assert len(digests) == len(texts)


def test_constants_are_the_same_however_they_were_made() -> None:
    """Sets have no order, not-a-number has a sign that processors disagree on."""
    code = compiled("x = y in {'a', 'b', 'c'}\n")
    first, *_ = (value for value in code.co_consts if isinstance(value, frozenset))
    again = frozenset(sorted(first, reverse=True))
    nan = float("nan")
    for one, other in (((first,), (again,)), ((nan,), (-nan,)), (((nan,),), ((-nan,),))):
        lines = {answer(CODE, 0, marshal.dumps(code.replace(co_consts=c))) for c in (one, other)}
        assert len(lines) == 1


def test_nothing_else_is_taken_for_code() -> None:
    """A tuple that is written as code is, inside, is no code."""
    code = compiled()
    inner = next(value for value in code.co_consts if hasattr(value, "co_code"))
    agreed, _ = parts(inner)
    fake = tuple(("code", agreed) if value is inner else value for value in code.co_consts)
    lines = {answer(CODE, 0, marshal.dumps(each)) for each in (code, code.replace(co_consts=fake))}
    assert len({line.split()[1] for line in lines}) == 2


def test_place_and_lines_make_no_difference() -> None:
    moved = compiled().replace(co_filename="/elsewhere.py", co_firstlineno=7)
    assert answer(CODE, 0, marshal.dumps(moved)) == answer(CODE, 0, marshal.dumps(compiled()))


@pytest.mark.skipif(sys.version_info < (3, 14), reason="slices are constants from 3.14 on")
def test_slices_are_constants() -> None:
    texts = ["x[1:2]", "x[1:3]", "x[1:2, 3:4]", "x[(1, 2)]"]
    assert len({answer(SOURCE_KIND, 0, text.encode()).split()[1] for text in texts}) == len(texts)


@pytest.mark.parametrize(
    "source",
    ["é = 1\n".encode(), *(f"# coding: {name}\n".encode() for name in ("iso-8859-5", "shift_jis"))],
    ids=["identifier", "iso-8859-5", "shift_jis"],
)
def test_what_the_compiler_loads_late_is_loaded_before_the_limits(source: bytes) -> None:
    with closing(CodeProcess(SOURCE_KIND)) as process:
        assert len(process.ask(0, source) or ()) == 3
