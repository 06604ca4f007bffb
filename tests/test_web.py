"""What is shared by everything that speaks HTTP."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from urllib3.exceptions import ProtocolError

from auditor.web import shut_down

if TYPE_CHECKING:
    import requests


def answering(error: Exception | None, told: list[str]) -> requests.Response:
    def shutdown() -> None:
        told.append("asked")
        if error is not None:
            raise error

    answer: Any = SimpleNamespace(raw=SimpleNamespace(shutdown=shutdown))
    return cast("requests.Response", answer)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("already been released to the pool"),
        ValueError("not set"),
        TypeError("'NoneType' object is not callable"),
        OSError("not connected"),
        ProtocolError("cut"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_ends_meanwhile_keeps_no_other_open(error: Exception) -> None:
    told: list[str] = []
    shut_down([answering(error, told), answering(None, told)])
    assert told == ["asked", "asked"]
