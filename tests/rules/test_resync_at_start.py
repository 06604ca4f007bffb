"""Commands with which containers start, and which of them change the environment first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditor.rules.resync_at_start import resynced_at_start
from tests.builders import File, elf, image_of
from tests.builders.bare import facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.model import Observation

CHANGES = {
    "uv run main.py": "synchronises",
    "uv run uvicorn app:app --host 0.0.0.0": "synchronises",
    "uv run --python 3.12 main.py": "synchronises",
    "uv run main.py --frozen": "synchronises",
    "uv run --frozen --with httpx main.py": "further packages",
    "uv sync": "installs",
    "uv --directory /app sync": "installs",
    "uv pip install foo": "installs",
    "uv tool run ruff": "installs",
    "uvx ruff": "installs",
    "pip install -r pylock.toml": "installs",
    "python -m pip install foo": "installs",
    "poetry install": "installs",
    "poetry run pip install foo": "installs",
    "pipenv sync": "installs",
    "pdm sync": "installs",
    "conda install foo": "installs",
    "conda run -n app pip install foo": "installs",
    "sh -c 'pip install foo && exec python main.py'": "installs",
    "tini -- uv run main.py": "synchronises",
    "/start.sh python main.py": "installs",
    "sh /start.sh": "installs",
    "bash -e start.sh": "installs",
    "/outer.sh python main.py": "installs",
    ". /start.sh && exec python main.py": "installs",
    "/sourcing.sh": "installs",
    "/sourcing-beside.sh": "installs",
    "/sourcing-next-to-it.sh": "installs",
}

CHANGES_NOTHING = (
    "",
    "python main.py",
    "uvicorn app:app",
    "uv run --no-sync main.py",
    "uv run --frozen main.py",
    "uv run --locked uvicorn app:app",
    "UV_NO_SYNC=1 uv run main.py",
    "env UV_FROZEN=true uv run main.py",
    "uv sync --check",
    "uv --version",
    "poetry run python main.py",
    "pipenv run python main.py",
    "conda run -n app python main.py",
    "pip list",
    "sh -c 'exec python main.py'",
    "/quiet.sh uv",
    "/missing.sh",
    "/python.py",
    "sh",
    "sh /missing.sh",
    "/endless.sh",
    "/sourcing-nothing.sh",
    ". $(dirname $0)/start",
    "$START",
    "/native",
)

FILES: dict[str, File | str] = {
    "/start.sh": File('#!/usr/bin/env bash\npip install foo\nexec "$@"\n', 0o755),
    "/outer.sh": File('#!/bin/sh\nif true; then\n  exec /lib/inner.sh "$@"\nfi\n', 0o755),
    "/lib/inner.sh": File('#!/bin/sh\ntini -- start.sh "$@"\n', 0o755),
    "/bin/start.sh": File("#!/bin/sh\npip install foo\n", 0o755),
    "/sourcing.sh": File("#!/bin/bash\nsource ./lib/common\n", 0o755),
    "/sourcing-beside.sh": File('#!/bin/sh\n. "$(dirname "$0")/lib/common"\n', 0o755),
    "/sourcing-next-to-it.sh": File("#!/bin/sh\n. ${0%/*}/lib/common\n", 0o755),
    "/sourcing-nothing.sh": File("#!/bin/sh\n. ./lib/variables\n. /missing\n.\n", 0o755),
    "/lib/common": "pip install foo\n",
    "/lib/variables": "UV_NO_SYNC=1\n",
    "/endless.sh": File('#!/bin/sh\nexec "$0" /endless.sh\nsh /endless.sh\n', 0o755),
    "/native": File(elf(strings=["\npip install foo\n"]), 0o755),
    "/start": "pip install foo\n",
    "/quiet.sh": File('#!/bin/sh -e\nexport UV_NO_SYNC=1\nuv run main.py\nexec "$@"\n', 0o755),
    "/python.py": File("#!/usr/bin/python3\npip install foo\n", 0o755),
}
DEEPEST = 40
"""Scripts of a chain in which only the last one installs."""
FILES |= {
    f"/chain{number}.sh": File(f"#!/bin/sh\n. /chain{number + 1}.sh\n", 0o755)
    for number in range(DEEPEST)
}
FILES[f"/chain{DEEPEST}.sh"] = File("#!/bin/sh\npip install foo\n", 0o755)


def observed(command: str, env: Mapping[str, str] | None = None) -> list[Observation]:
    image = image_of(FILES, cmd=["/bin/sh", "-c", command], env=env or {})
    return list(resynced_at_start(facts_of(image)))


@pytest.mark.parametrize(("command", "what"), CHANGES.items(), ids=CHANGES)
def test_changes_the_environment(command: str, what: str) -> None:
    [found] = observed(command)
    assert what in found.message
    assert found.subject.startswith('CMD ["/bin/sh", "-c", ')


@pytest.mark.parametrize("command", CHANGES_NOTHING)
def test_changes_nothing(command: str) -> None:
    assert observed(command) == []


@pytest.mark.parametrize("name", ["UV_NO_SYNC", "UV_FROZEN"])
def test_the_image_may_switch_it_off(name: str) -> None:
    assert observed("uv run main.py", {name: "1"}) == []
    assert observed("uv run main.py", {name: "0"})


def test_a_script_is_named() -> None:
    image = image_of(FILES, entrypoint=["/start.sh"], cmd=["uv", "run", "--with", "x", "y"])
    facts = facts_of(image)
    assert [(each.subject, each.path) for each in resynced_at_start(facts)] == [
        ('ENTRYPOINT ["/start.sh"]', "/start.sh"),
        ('CMD ["uv", "run", "--with", "x", "y"]', None),
    ]


def test_the_script_that_installs_is_named_not_the_first() -> None:
    [found] = observed("/outer.sh")
    assert found.path == "/bin/start.sh"
    assert found.message.endswith("(in /bin/start.sh)")


def test_scripts_are_followed_to_a_limit() -> None:
    assert observed(f"/chain{DEEPEST - 31}.sh")
    assert observed(f"/chain{DEEPEST - 32}.sh") == []
