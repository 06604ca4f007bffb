"""What launchers start, and what they set for it."""

from __future__ import annotations

import shlex

import pytest

from auditor.inventory.commands.launchers import Launch, run_as_module, run_by_tool, unwrap

LAUNCHES = {
    "sudo -E -u app --chdir /srv A=1 pip x": Launch(
        ("pip", "x"), {"A": "1"}, directory="/srv", user="app", launchers=("sudo",)
    ),
    "tini -g -e 143 -- gosu app:app python -m x": Launch(
        ("python", "-m", "x"), user="app:app", launchers=("tini", "gosu")
    ),
    "env -u B -C /a env --chdir=b A=1 x": Launch(
        ("x",), {"B": None, "A": "1"}, directory="/a/b", launchers=("env", "env")
    ),
    "A=1 env -i B=2 x": Launch(("x",), {"B": "2"}, clears_environment=True, launchers=("env",)),
    "env - x -y": Launch(("x", "-y"), clears_environment=True, launchers=("env",)),
    "env -S '-i A=1 x' y": Launch(
        ("x", "y"), {"A": "1"}, clears_environment=True, launchers=("env",)
    ),
    "env -v --split-string 'A=1 x' -y": Launch(("x", "-y"), {"A": "1"}, launchers=("env",)),
    'env -S "it\'s" y': Launch(("it's", "y"), launchers=("env",)),
    "nice -n 5 timeout -k 5 10 x": Launch(("x",), launchers=("nice", "timeout")),
    "uv run x": Launch(("uv", "run", "x")),
    "! A=1 x": Launch(("x",), {"A": "1"}),
    "sudo": Launch(launchers=("sudo",)),
    "": Launch(),
}


@pytest.mark.parametrize(("text", "launch"), LAUNCHES.items(), ids=LAUNCHES)
def test_unwrapped(text: str, launch: Launch) -> None:
    assert unwrap(shlex.split(text)) == launch


def test_the_environment_of_the_program() -> None:
    inherited = {"A": "0", "B": "0"}
    assert unwrap(["env", "-u", "B", "C=1", "x"]).environment(inherited) == {"A": "0", "C": "1"}
    assert unwrap(["env", "-i", "C=1", "x"]).environment(inherited) == {"C": "1"}


RUN = {
    "uv --directory /app run --with x -- env A=1 y -z": ("y", "-z"),
    "uv run -m app --port 1": ("python", "-m", "app", "--port", "1"),
    "conda run -n app --cwd /app y": ("y",),
    "uv pip run": None,
    "python -m run": None,
    "": None,
}


@pytest.mark.parametrize(("text", "words"), RUN.items(), ids=RUN)
def test_run_by_a_tool(text: str, words: tuple[str, ...] | None) -> None:
    launch = run_by_tool(unwrap(text.split()))
    assert (launch and launch.words) == words
    assert launch is None or launch.launchers[0] == text.split(maxsplit=1)[0]


def test_run_as_a_module() -> None:
    launch = run_as_module(unwrap(["python3", "-Im", "pip", "install"]))
    assert launch == Launch(("pip", "install"), launchers=("python3",))
    assert run_as_module(unwrap(["python3", "-c", "pip"])) is None
