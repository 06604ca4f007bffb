from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.cli.progress_bar import Throttle, progress

if TYPE_CHECKING:
    import pytest


def test_only_what_is_worth_drawing_is_drawn() -> None:
    times = iter([0.00, 0.01, 0.02, 0.20, 0.21])
    drawn: list[tuple[str, int, int | None]] = []

    def draw(what: str, done: int, total: int | None) -> None:
        drawn.append((what, done, total))

    throttle = Throttle(draw, lambda: next(times))
    throttle("a", 1, 9)
    throttle("a", 2, 9)
    throttle("b", 1, 9)
    throttle("b", 8, 9)
    throttle("b", 9, 9)
    assert drawn == [("a", 1, 9), ("b", 1, 9), ("b", 8, 9), ("b", 9, 9)]


def test_no_terminal_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(None) as show:
        assert show is None
    assert capsys.readouterr() == ("", "")


def test_a_bar_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(wanted=True) as show:
        assert show is not None
        show("[red]layer 1\x1b[2J", 5, 10)
        show("layer 2", 5, None)
    out, err = capsys.readouterr()
    assert out == ""
    assert "layer 2" in err
    assert "\x1b[2J" not in err
