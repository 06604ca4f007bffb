from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import LockError
from auditor.lock import find_lock, python_version_file


def directory_with(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).write_text("")
    return directory


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["pylock.toml", "requirements.txt"], "pylock.toml"),
        (["pylock.runtime.toml", "pylock.a.b.toml", "uv.lock"], "pylock.runtime.toml"),
    ],
)
def test_the_one_lock_is_found(tmp_path: Path, names: list[str], found: str) -> None:
    assert find_lock(directory_with(tmp_path, *names)) == tmp_path / found


def test_a_directory_of_that_name_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").mkdir()
    directory_with(tmp_path, "pylock.dev.toml")
    assert find_lock(tmp_path).name == "pylock.dev.toml"


def test_the_working_directory_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(directory_with(tmp_path, "pylock.toml"))
    assert str(find_lock(Path())) == "pylock.toml"


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        ([], "no pylock.toml or pylock.<name>.toml", "--lock PATH"),
        (
            ["pylock.toml", "pylock.dev.toml"],
            "2 locks to choose from: pylock.dev.toml, pylock.toml",
            "--lock PATH",
        ),
        (
            ["requirements.txt", "uv.lock"],
            "no pylock.toml or pylock.<name>.toml; found uv.lock, requirements.txt",
            "`uv export --format pylock.toml -o pylock.toml`",
        ),
        (
            ["poetry.lock", "pyproject.toml"],
            "no pylock.toml or pylock.<name>.toml; found poetry.lock, pyproject.toml",
            "`poetry export",
        ),
        (
            ["requirements.txt"],
            "no pylock.toml or pylock.<name>.toml; found requirements.txt",
            "`uv pip compile requirements.txt",
        ),
        (
            ["pylock.a.b.toml", "PyLock.toml", "uv.lock"],
            "no pylock.toml or pylock.<name>.toml; found PyLock.toml, pylock.a.b.toml, uv.lock",
            "rename it",
        ),
    ],
    ids=["nothing", "two", "uv", "poetry", "requirements", "near miss"],
)
def test_none_or_several_locks(tmp_path: Path, names: list[str], message: str, hint: str) -> None:
    with pytest.raises(LockError) as caught:
        find_lock(directory_with(tmp_path, *names))
    assert caught.value.message == f"{tmp_path}: {message}"
    assert hint in caught.value.hint


def test_many_locks_are_counted_and_odd_names_escaped(tmp_path: Path) -> None:
    names = [f"pylock.{letter}.toml" for letter in "abcdefghij"]
    with pytest.raises(LockError) as caught:
        find_lock(directory_with(tmp_path, "pylock.\x1b.toml", *names))
    listed = ", ".join(["'pylock.\\x1b.toml'", *names[:7]])
    assert caught.value.message == f"{tmp_path}: 11 locks to choose from: {listed} and 3 more"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="No such file or directory"):
        find_lock(tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("3.11\n", "3.11"),
        ("3.11.7", "3.11.7"),
        ("  3.12.1  \r\n3.11.7\r\n", "3.12.1"),
        ("# for pyenv\n\n3.11 # not 3.12\n", "3.11"),
        ("3", "3"),
        ("3.14.0rc1", "3.14.0rc1"),
        ("3.13t", "3.13"),
        ("3.13.0t", "3.13.0"),
        ("3.13+freethreaded", "3.13"),
        ("3.12-dev", "3.12"),
        ("cpython-3.11.7-linux-x86_64-gnu", "3.11.7"),
        ("cpython-3.13.0+freethreaded-linux-x86_64-gnu", "3.13.0"),
        ("cpython@3.11", "3.11"),
        ("python3.11", "3.11"),
        ("cp3.11", "3.11"),
        ("pypy3.10-7.3.13", "3.10"),
        ("PyPy@3.10", "3.10"),
        ("system", None),
        (">=3.11", None),
        ("/usr/bin/python3", None),
        ("my-project-3.11", None),
        ("miniconda3-4.7.12", None),
        ("3.x", None),
        ("", None),
        ("# nothing\n", None),
        ("\udcff", None),
    ],
)
def test_the_python_version_beside_a_lock(tmp_path: Path, text: str, version: str | None) -> None:
    path = tmp_path / ".python-version"
    path.write_bytes(text.encode(errors="surrogateescape"))
    expected = (str(path), version) if version else None
    assert python_version_file(tmp_path / "pylock.toml") == expected


def test_no_python_version_beside_a_lock(tmp_path: Path) -> None:
    assert python_version_file(tmp_path / "pylock.toml") is None


def test_the_python_version_is_shown_as_the_lock_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".python-version").write_text("3.11")
    assert python_version_file(Path("pylock.toml")) == (".python-version", "3.11")
