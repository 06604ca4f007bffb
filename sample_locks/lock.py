"""Resolve the sample locks again: `python -m sample_locks.lock [NAME ...]`.

Each lock is the unchanged output of the tool that its project would use, but for one thing:
`url = ".../FILE"` becomes `path = "wheels/FILE"` and `index` is dropped, so that a lock names
files and hashes and no server. `sample_locks.fetch` finds the files again by both.

Needs `uv`, and an index as uv is configured to use it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

SAMPLES = Path(__file__).parent

_COMPILE = [
    "uv",
    "pip",
    "compile",
    "--quiet",
    "--format",
    "pylock.toml",
    "--python-version",
    "3.11",
]

RECIPES: dict[str, tuple[str, list[list[str]]]] = {
    # One platform and one Python, as a production image is locked.
    "backend": (
        "pylock.runtime.toml",
        [[*_COMPILE, "requirements.in", "--python-platform", "x86_64-manylinux_2_28"]],
    ),
    # A project's own lock for several Pythons and architectures.
    "agent-proxy": (
        "pylock.toml",
        [
            ["uv", "lock", "--quiet", "--upgrade"],
            ["uv", "export", "--quiet", "--format", "pylock.toml", "--no-header"],
        ],
    ),
    # Extras, a group, default groups and markers, in one lock for several uses.
    "pusher": (
        "pylock.toml",
        [["uvx", "--from", "pdm[locked]", "pdm", "lock", "--quiet", "-G", ":all"]],
    ),
    "drift": ("pylock.toml", [[*_COMPILE, "requirements.in", "--universal", "--no-deps"]]),
    "demo": ("pylock.toml", [[*_COMPILE, "requirements.in", "--universal"]]),
    "tools": ("pylock.toml", [[*_COMPILE, "requirements.in", "--universal"]]),
}
"""Sample -> the lock's file name, and the commands that write it or print it."""

_URL = re.compile(r'\burl = "([^"]+)"')
_INDEX = re.compile(r'^index = "[^"]*"\n', re.MULTILINE)


def without_servers(lock: str) -> str:
    """Return the lock's text with every `url` turned into a `path` below `wheels/`."""

    def path(match: re.Match[str]) -> str:
        filename = PurePosixPath(unquote(urlsplit(match[1]).path)).name
        return f'path = "wheels/{filename}"'

    return _INDEX.sub("", _URL.sub(path, lock))


def resolve(name: str) -> Path:
    """Resolve one sample's lock in a copy of its folder and write it beside its sources."""
    filename, commands = RECIPES[name]
    command = f"python -m sample_locks.lock {name}"
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, name)
        leave_out = shutil.ignore_patterns("wheels", "pylock*.toml")
        shutil.copytree(SAMPLES / name, project, ignore=leave_out)
        printed = ""
        for argv in commands:
            run = subprocess.run(
                argv,
                cwd=project,
                env={**os.environ, "UV_CUSTOM_COMPILE_COMMAND": command},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            printed = run.stdout
        written = project / filename
        text = written.read_text() if written.exists() else printed
    target = SAMPLES / name / filename
    target.write_text(without_servers(text))
    return target


def main() -> None:
    """Resolve the samples named on the command line, or all of them."""
    for name in sys.argv[1:] or RECIPES:
        print(resolve(name))


if __name__ == "__main__":
    main()
