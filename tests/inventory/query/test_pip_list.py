from __future__ import annotations

import ensurepip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import model
from auditor.image.engine.container_run import Completed
from auditor.inventory.query import pip_list
from auditor.inventory.query.pip_list import ARGUMENTS, read_pip_list, run_pip_list
from tests.builders.images import image_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IMAGE = image_of({"/opt/venv/pyvenv.cfg": ""}, architecture="arm64")
VENV = model.Environment("/opt/venv", "/opt/venv/bin/python", runtime=True)
GOOD = b'[{"name": "requests", "version": "2.0"}]'
REQUESTS = model.PipListRow("requests", "2.0")


def told(completed: Completed) -> model.PipListResult:
    return run_pip_list(IMAGE, VENV, lambda _argv, _env: completed)


def test_command() -> None:
    """The environment's own interpreter by its absolute path, and nothing from the outside."""
    asked: list[tuple[list[str], dict[str, str]]] = []

    def run(argv: Sequence[str], env: Mapping[str, str]) -> Completed:
        asked.append((list(argv), dict(env)))
        return Completed(0, GOOD, b"")

    assert run_pip_list(IMAGE, VENV, run) == model.PipListResult(packages=(REQUESTS,))
    assert asked == [
        (
            [
                "/opt/venv/bin/python",
                *("-m", "pip", "--isolated", "--disable-pip-version-check"),
                *("list", "--format", "json"),
            ],
            {"PYTHONSAFEPATH": "1"},
        )
    ]


def test_no_interpreter_is_never_replaced_by_another() -> None:
    environment = model.Environment("/opt/venv", runtime=True)

    def run(_argv: Sequence[str], _env: Mapping[str, str]) -> Completed:
        pytest.fail("something was run")

    assert run_pip_list(IMAGE, environment, run).failure == "/opt/venv has no interpreter"


FAILURES = {
    "no-pip": (
        Completed(1, b"", b"/opt/venv/bin/python: No module named pip\n"),
        "pip is not installed in /opt/venv",
    ),
    "architecture": (
        Completed(None, b"", b"", "/p cannot be started in a container: exec format error"),
        "/p cannot be started in a container: exec format error (the image is for linux/arm64)",
    ),
    "time": (
        Completed(None, GOOD, b"", "it did not end within 60 seconds"),
        "it did not end within 60 seconds",
    ),
    "killed": (Completed(137, b"", b""), "SIGKILL killed it"),
    "crashed": (Completed(139, b"", b"oops\n"), "SIGSEGV killed it: oops"),
    "exit-code": (Completed(255, b"", b""), "it ended with exit code 255"),
    "last-line": (
        Completed(2, GOOD, b"Traceback:\n  File\n\x1b[31mValueError:\x07 no\n\n"),
        "it ended with exit code 2: \\x1b[31mValueError:\\x07 no",
    ),
    "broken-pip": (
        Completed(1, b"", b"ModuleNotFoundError: No module named 'pip._vendor'"),
        "it ended with exit code 1: ModuleNotFoundError: No module named 'pip._vendor'",
    ),
    "not-text": (Completed(1, b"", b"\xff\xfe"), "it ended with exit code 1: \ufffd\ufffd"),
    "no-code": (Completed(None, b"", b""), "it did not end by itself"),
    "silent": (Completed(0, b"", b""), "its output holds no list of packages"),
    "table": (Completed(0, b"Package Version\n", b""), "its output holds no list of packages"),
    "too-much": (
        Completed(0, GOOD + b" " * pip_list.OUTPUT_BYTES, b""),
        "its output is larger than 1,048,576 bytes",
    ),
}


@pytest.mark.parametrize(("completed", "failure"), FAILURES.values(), ids=FAILURES)
def test_failures(completed: Completed, failure: str) -> None:
    assert told(completed) == model.PipListResult(failure=failure)


def test_last_line_is_cut() -> None:
    failure = told(Completed(1, b"", b"x" * 10**6)).failure
    assert failure is not None
    assert len(failure) < 250


LISTS = {
    "plain": (GOOD, [REQUESTS]),
    "empty": (b"[]", []),
    "empty-line": (b"[]\n", []),
    "bom": (b"\xef\xbb\xbf" + GOOD, [REQUESTS]),
    "noise": (b"WARNING: [pip] is old\n" + GOOD + b"\n[notice] bye [", [REQUESTS]),
    "noise-on-the-line": (b"loading..." + GOOD + b"\x00\xff", [REQUESTS]),
    "other-arrays": (b"[1, 2]\n" + GOOD + b'\n["x"]', [REQUESTS]),
    "last-wins": (b'[{"name": "old", "version": "1"}]\n' + GOOD, [REQUESTS]),
    "empty-last": (GOOD + b"\n[]\n", [REQUESTS]),
    "empty-first": (b"[]\n" + GOOD, [REQUESTS]),
    "normalised": (
        b'[{"name": "Zope.Interface_X", "version": "1"}, {"name": "a", "version": "2"}]',
        [model.PipListRow("a", "2"), model.PipListRow("zope-interface-x", "1")],
    ),
    "same-twice": (
        b'[{"name": "A", "version": "1"}, {"name": "a", "version": "1"}]',
        [model.PipListRow("a", "1")],
    ),
    "two-versions": (
        b'[{"name": "a", "version": "2"}, {"name": "a", "version": "10"}]',
        [model.PipListRow("a", "10"), model.PipListRow("a", "2")],
    ),
    "editable": (
        b'[{"name": "a", "version": "1", "editable_project_location": "/src/a", "more": [1]}]',
        [model.PipListRow("a", "1", "/src/a")],
    ),
    "odd-location": (
        b'[{"name": "a", "version": "1", "editable_project_location": 7}]',
        [model.PipListRow("a", "1")],
    ),
    "odd-version": (
        b'[{"name": "a", "version": "not a version"}]',
        [model.PipListRow("a", "not a version")],
    ),
    "wrapped": (b'{"packages": [{"name": "a", "version": "1"}]}', [model.PipListRow("a", "1")]),
}


@pytest.mark.parametrize(("stdout", "expected"), LISTS.values(), ids=LISTS)
def test_read_pip_list(stdout: bytes, expected: list[model.PipListRow]) -> None:
    assert read_pip_list(stdout) == tuple(expected)


NO_LISTS = {
    "nothing": b"",
    "words": b"no list",
    "bracket": b"[",
    "number": b"[1]",
    "nested": b"[[]]",
    "no-version": b'[{"name": "a"}]',
    "null": b'[{"name": "a", "version": null}]',
    "name-no-text": b'[{"name": 1, "version": "1"}]',
    "name-empty": b'[{"name": "", "version": "1"}]',
    "one-bad-row": b'[{"name": "a", "version": "1"}, 5]',
    "cut": b'[{"name": "a", "version": "1"}',
    "long-name": b'[{"name": "%b", "version": "1"}]' % (b"a" * 257),
    "long-version": b'[{"name": "a", "version": "%b"}]' % (b"1" * 257),
    "deep-open": b"[" * 100_000,
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep-objects": b'[{"a":' * 100_000,
    "long-number": b"[" + b"9" * 100_000 + b"]",
    "more-noise-than-pip-makes": b"[x" * 40 + GOOD,
}


@pytest.mark.parametrize("stdout", NO_LISTS.values(), ids=NO_LISTS)
def test_no_list(stdout: bytes) -> None:
    assert read_pip_list(stdout) is None


@given(st.binary(max_size=300))
def test_any_bytes(stdout: bytes) -> None:
    read_pip_list(stdout)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["name", "version", "x"]), inner)
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json(value: object) -> None:
    rows = read_pip_list(json.dumps(value).encode())
    assert rows is None or all(row.name and isinstance(row.version, str) for row in rows)


NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True)
NOISE = st.text(st.characters(exclude_characters="[", codec="utf-8"))


@given(NOISE, st.dictionaries(NAMES, NAMES, min_size=1), NOISE)
def test_whatever_stands_around_it(before: str, packages: dict[str, str], after: str) -> None:
    rows: list[dict[str, Any]] = [{"name": key, "version": text} for key, text in packages.items()]
    found = read_pip_list(f"{before}{json.dumps(rows)}{after}".encode())
    assert found is not None
    assert {row.version for row in found} == set(packages.values())


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PIP_FORMAT": "", "PIP_EXCLUDE": "", "PIP_CONFIG_FILE": "", "PIP_PATH": ""},
        {"PIP_FORMAT": "columns", "PIP_EXCLUDE": "pip", "PIP_PATH": "/nowhere"},
    ],
    ids=["none", "emptied", "isolated"],
)
def test_real_pip(tmp_path: Path, variables: dict[str, str]) -> None:
    """A real pip takes the command, and variables that are emptied say nothing to it."""
    bundled = next(Path(ensurepip.__file__).with_name("_bundled").glob("pip-*.whl"))
    site = tmp_path / "site"
    metadata = site / "Some_Thing-1.5.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: Some.Thing\nVersion: 1.5\n")
    done = subprocess.run(
        [sys.executable, *ARGUMENTS],
        capture_output=True,
        cwd="/",
        check=True,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{bundled}{os.pathsep}{site}",
            **pip_list.ENVIRONMENT,
            **variables,
        },
    )
    rows = read_pip_list(done.stdout)
    assert rows is not None
    assert model.PipListRow("some-thing", "1.5") in rows
