from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import LockError
from auditor.lock import read_lock, select
from auditor.lock.checks import KEYS
from tests.builders.targets import LINUX

if TYPE_CHECKING:
    import pytest

REAL = Path(__file__).parent / "assets" / "real"

MARKERS = [
    "os_name == 'posix'",
    "platform_release > '5'",
    "'dev' in dependency_groups",
    "os_name in extras",
    "python_version ~= '3'",
    "'a' == 'b'",
    "extra == 'x'",
]
WORDS = ["", "a", "1.0", "a-1-py3-none-any.whl", ">=3", "http://[", "\x1b", "(" * 300, *MARKERS]
TABLE_KEYS = sorted({"sha256", *(key for keys in KEYS.values() for key in keys.split())})
TOP_KEYS = [*KEYS[""].split(), "metadata", "package", "version"]
HASHES = {"sha256": "0" * 64}
SOURCES: list[dict[str, object]] = [
    {"directory": {"path": "."}},
    {"wheels": [{"path": "a-1-py3-none-any.whl", "hashes": HASHES}]},
    {"wheels": [{"url": "https://example.org/a-1-cp39-cp39-win32.whl", "hashes": HASHES}]},
    {"sdist": {"path": "a-1.tar.gz", "hashes": HASHES}},
    {"archive": {"url": "https://example.org/%2e%2e", "hashes": HASHES}},
    {"vcs": {"type": "git", "path": ".", "commit-id": "00"}},
]

values = st.recursive(
    st.sampled_from([1, 1.5, True, *WORDS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(TABLE_KEYS), inner, max_size=4)
    ),
    max_leaves=25,
)
packages = st.builds(
    lambda source, marker, python: {
        "name": "a",
        "marker": marker,
        "requires-python": python,
        **source,
    },
    st.sampled_from(SOURCES),
    st.sampled_from(MARKERS),
    st.sampled_from([">=3", "<3", "==3.11.*"]),
)


def as_toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{key} = {as_toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ",\n".join(map(as_toml, value)) + "]"
        case str():
            return '"' + "".join(f"\\u{ord(character):04x}" for character in value) + '"'
        case _:
            return str(value)


def read_and_select(directory: Path, content: bytes) -> str:
    """Return what is said about a lock: a line for an invalid one, else the selection's words."""
    path = directory / "pylock.toml"
    path.write_bytes(content)
    try:
        lock = read_lock(path, "pylock.toml")
    except LockError as error:
        return error.message
    expectation = select(lock, LINUX)
    messages = [mismatch.message for mismatch in expectation.mismatches]
    return "".join([*messages, *(problem.why for problem in expectation.problems)])


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_give_anything_but_a_lock_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    assert read_and_select(tmp_path_factory.getbasetemp(), content).isprintable()


@given(
    document=st.dictionaries(st.sampled_from(TOP_KEYS), values, max_size=5),
    entries=st.lists(values | packages, max_size=3),
)
def test_no_toml_gives_anything_but_a_lock_error(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object], entries: list[object]
) -> None:
    document = {"lock-version": "1.0", "created-by": "x", "packages": entries, **document}
    text = "".join(f"{key} = {as_toml(value)}\n" for key, value in document.items())
    assert read_and_select(tmp_path_factory.getbasetemp(), text.encode()).isprintable()


@given(entries=st.lists(packages, max_size=3))
def test_no_valid_lock_stops_the_selection(
    tmp_path_factory: pytest.TempPathFactory, entries: list[object]
) -> None:
    text = f'lock-version = "1.0"\ncreated-by = "x"\npackages = {as_toml(entries)}\n'
    assert read_and_select(tmp_path_factory.getbasetemp(), text.encode()).isprintable()


@given(position=st.integers(0, 4000), length=st.integers(0, 40), replacement=st.binary(max_size=20))
def test_no_damaged_lock_gives_anything_but_a_lock_error(
    tmp_path_factory: pytest.TempPathFactory, position: int, length: int, replacement: bytes
) -> None:
    content = (REAL / "pylock.pdm.toml").read_bytes()
    damaged = content[:position] + replacement + content[position + length :]
    assert read_and_select(tmp_path_factory.getbasetemp(), damaged).isprintable()
