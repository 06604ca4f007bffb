"""What an interpreter's command line puts first on sys.path."""

from __future__ import annotations

import pytest

from auditor.inventory.commands.python_options import command_line, first_entries
from auditor.model import ImageConfig, PathOrigin, Platform
from tests.builders import Symlink, rootfs_of

ROOT = rootfs_of(
    {
        "/app/main.py": "",
        "/app/serve/__main__.py": "",
        "/app/serve.pyz": "",
        "/usr/bin/tool": Symlink("/opt/tool/run"),
        "/opt/tool/run": "",
    }
)
SCRIPT, HERE = PathOrigin.SCRIPT, PathOrigin.WORKING_DIRECTORY


@pytest.mark.parametrize(
    ("arguments", "options", "script"),
    [
        ("-u main.py -x", "u", "main.py"),
        ("-uBW ignore -X dev main.py", "uB", "main.py"),
        ("-Wignore -Xdev main.py", "", "main.py"),
        ("-um app", "u", ""),
        ("-c pass", "", ""),
        ("--check-hash-based-pycs never main.py", "", "main.py"),
        ("--help", "", ""),
        ("-I -", "I", ""),
        ("", "", ""),
        ("-W", "", ""),
    ],
)
def test_options_and_script(arguments: str, options: str, script: str) -> None:
    assert command_line(arguments.split())[:2] == (frozenset(options), script)


@pytest.mark.parametrize("arguments", ["-m app -x", "-umapp -x", "-W ignore -m app -x"])
def test_a_module_and_its_arguments(arguments: str) -> None:
    assert command_line(arguments.split()).module == ("app", "-x")


@pytest.mark.parametrize(
    ("arguments", "env", "entries"),
    [
        ("main.py", {}, [("/app", SCRIPT)]),
        ("-P main.py", {}, []),
        ("main.py", {"PYTHONSAFEPATH": "1"}, []),
        ("-E main.py", {"PYTHONSAFEPATH": "1"}, [("/app", SCRIPT)]),
        ("-m serve", {}, [("/app", HERE)]),
        ("-Im serve", {}, []),
        ("serve", {}, [("/app/serve", SCRIPT)]),
        ("-P serve.pyz", {}, [("/app/serve.pyz", SCRIPT)]),
        ("/usr/bin/tool", {}, [("/opt/tool", SCRIPT)]),
        ("/gone/gunicorn", {}, [("/app", HERE)]),
        (None, {}, []),
    ],
)
def test_first_entries(
    arguments: str | None, env: dict[str, str], entries: list[tuple[str, PathOrigin]]
) -> None:
    config = ImageConfig(Platform("linux", "amd64"), env=env, working_dir="/app")
    words = None if arguments is None else arguments.split()
    assert first_entries(ROOT, config, words) == entries


@pytest.mark.parametrize(
    ("arguments", "env", "allowed"),
    [
        ("", {}, True),
        ("-s", {}, False),
        ("-I", {}, False),
        ("", {"PYTHONNOUSERSITE": "1"}, False),
        ("-E", {"PYTHONNOUSERSITE": "1"}, True),
    ],
)
def test_the_users_site(arguments: str, env: dict[str, str], *, allowed: bool) -> None:
    config = ImageConfig(Platform("linux", "amd64"), env=env)
    assert command_line(arguments.split()).allows_user_site(config) is allowed
