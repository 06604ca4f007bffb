from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from auditor.cli.outputs import Output, check_writable, outputs_of, write_files
from auditor.errors import UsageError

F, O = "format", "output"  # noqa: E741 -- as short as -o


PAIRS: dict[str, tuple[list[str], list[str], list[str], list[tuple[str, str | None]]]] = {
    "default": ([], ["table"], [], [("table", None)]),
    "default-to-a-file": ([O], ["table"], ["a"], [("table", "a")]),
    "one": ([F], ["json"], [], [("json", None)]),
    "one-file": ([F, O], ["json"], ["a"], [("json", "a")]),
    "second": ([F, F, O], ["table", "json"], ["a"], [("table", None), ("json", "a")]),
    "first": ([F, O, F], ["json", "table"], ["a"], [("json", "a"), ("table", None)]),
    "two": ([F, O, F, O], ["json", "github"], ["a", "b"], [("json", "a"), ("github", "b")]),
    "dash-is-standard-output": ([F, O], ["json"], ["-"], [("json", None)]),
    "file-from-the-environment": ([F], ["json"], ["a"], [("json", "a")]),
    "all-from-there": ([], ["json", "table"], ["a"], [("json", "a"), ("table", None)]),
}


@pytest.mark.parametrize(("order", "formats", "files", "outputs"), PAIRS.values(), ids=PAIRS)
def test_pairing(
    order: list[str], formats: list[str], files: list[str], outputs: list[tuple[str, str | None]]
) -> None:
    expected = tuple(Output(name, None if file is None else Path(file)) for name, file in outputs)
    assert outputs_of(order, formats, files) == expected


IMPOSSIBLE: dict[str, tuple[list[str], list[str], list[str], str]] = {
    "before": ([O, F], ["json"], ["a"], "-o a comes before any --format"),
    "two-files": ([F, O, O], ["json"], ["a", "b"], "has two files: -o b"),
    "default-two": ([O, O], ["table"], ["a", "b"], "has two files: -o b"),
    "both": ([F, F], ["json", "table"], [], "two reports would go to standard output"),
    "same-file": ([F, O, F, O], ["json", "table"], ["a", "./a"], "two reports would go to a"),
}


@pytest.mark.parametrize(
    ("order", "formats", "files", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE
)
def test_impossible_pairing(
    order: list[str], formats: list[str], files: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        outputs_of(order, formats, files)
    assert "its own -o FILE" in caught.value.hint


def test_files_are_written_whole_and_keep_their_mode(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("before")
    old.chmod(0o640)
    write_files({old: "after \udcff", new: "new"})
    assert old.read_text() == "after \\udcff"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(new.stat().st_mode) == 0o666 & ~umask
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link, target = tmp_path / "link", tmp_path / "target"
    link.symlink_to(target)
    write_files({link: "text"})
    assert link.is_symlink()
    assert target.read_text() == "text"


def test_where_one_file_fails_none_changes(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text("before")
    with pytest.raises(UsageError, match="cannot be written"):
        write_files({first: "after", tmp_path / "absent" / "second": "x"})
    assert first.read_text() == "before"
    assert list(tmp_path.iterdir()) == [first]


def test_a_pipe_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        check_writable(pipe)
        write_files({pipe: "text"})
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_writable_files_are_left_as_they_are(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text("before")
    check_writable(old)
    check_writable(tmp_path / "new")
    assert old.read_text() == "before"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("absent/report", "No such file or directory", id="no-directory"),
        pytest.param("file/report", "Not a directory", id="parent-is-a-file"),
        pytest.param("directory", "is a directory", id="directory"),
        pytest.param("x" * 300, "File name too long", id="long-name"),
    ],
)
def test_unwritable(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    with pytest.raises(UsageError, match=f"cannot be written: {why}"):
        check_writable(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_file(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.touch(0o400)
    with pytest.raises(UsageError, match="no permission"):
        check_writable(path)
