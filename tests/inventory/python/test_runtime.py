"""Which python an image runs, from its configuration and files."""

from __future__ import annotations

import pytest

from auditor.inventory.python.runtime import (
    Runtime,
    configured_runtime,
    named_runtime,
    shebang,
    which,
)
from tests.builders import File, Files, Symlink, elf, image_of

PYTHON = File(elf(), 0o755)
VENV = "/opt/venv"
FILES: Files = {
    "/usr/local/bin/python3.11": PYTHON,
    "/usr/local/bin/python3": Symlink("python3.11"),
    "/usr/local/bin/python": Symlink("python3"),
    "/usr/bin/tini": PYTHON,
    "/bin/sh": PYTHON,
    "/opt/venv/pyvenv.cfg": "home = /usr/local/bin\n",
    "/opt/venv/bin/python": Symlink("/usr/local/bin/python3.11"),
    "/opt/venv/bin/uvicorn": File("#!/opt/venv/bin/python\n", 0o755),
    "/opt/venv/bin/moved": File(
        '#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")"/\'python\' "$0" "$@"\n',
        0o755,
    ),
    "/opt/venv/bin/long": File("#!/bin/sh\n'''exec' /opt/venv/bin/python \"$0\" \"$@\"\n", 0o755),
    "/opt/venv/bin/blank": File(
        '#!/bin/sh\n\'\'\'exec\' "/opt/venv/bin/python" "$0" "$@"\n', 0o755
    ),
    "/app/.venv/bin/python": Symlink("/usr/local/bin/python3.11"),
    "/app/.venv/bin/serve": File("#!/app/.venv/bin/python\n", 0o755),
    "/app/run.py": File("#!/usr/bin/env -S python3 -u\n", 0o755),
    "/entry.sh": File('#!/bin/sh\nexec "$@"\n', 0o755),
    "/not-executable": "#!/opt/venv/bin/python\n",
}
PATH = "/usr/local/bin:/usr/bin:/bin"
ENV = {"PATH": PATH, "VENV": VENV}


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "executable"),
    [
        ((), ("python", "-m", "app"), "/usr/local/bin/python"),
        ((), ("/opt/venv/bin/python", "app.py"), "/opt/venv/bin/python"),
        (("/opt/venv/bin/uvicorn",), ("app:app",), "/opt/venv/bin/python"),
        (("/usr/bin/tini", "--"), ("/opt/venv/bin/uvicorn",), "/opt/venv/bin/python"),
        (
            ("tini", "-g", "-e", "143", "--", "env", "A=1"),
            ("/opt/venv/bin/python",),
            "/opt/venv/bin/python",
        ),
        ((), ("/bin/sh", "-c", "exec /opt/venv/bin/uvicorn app:app"), "/opt/venv/bin/python"),
        ((), ("sh", "-c", "cd /app && A=1 /opt/venv/bin/python -m app"), "/opt/venv/bin/python"),
        (
            (),
            ("bash", "-o", "pipefail", "-c", "$VENV/bin/python a | tee b"),
            "/opt/venv/bin/python",
        ),
        ((), ("timeout", "-s", "INT", "60", "/opt/venv/bin/python"), "/opt/venv/bin/python"),
        ((), ("uv", "run", "--with", "x", "-m", "app"), "/app/.venv/bin/python"),
        (("/entry.sh",), ("/opt/venv/bin/uvicorn",), "/opt/venv/bin/python"),
        (("gosu", "app"), ("/opt/venv/bin/python",), "/opt/venv/bin/python"),
        (("env", "-S", "A=1 /opt/venv/bin/python"), (), "/opt/venv/bin/python"),
        ((), ("uv", "run", "--no-sync", "serve"), "/app/.venv/bin/python"),
        ((), ("uv", "run", "main.py"), "/app/.venv/bin/python"),
        ((), ("uv", "run", "python", "main.py"), "/app/.venv/bin/python"),
        ((), ("./run.py",), "/usr/local/bin/python3"),
        ((), ("/opt/venv/bin/moved",), "/opt/venv/bin/python"),
        ((), ("/opt/venv/bin/long",), "/opt/venv/bin/python"),
        ((), ("/opt/venv/bin/blank",), "/opt/venv/bin/python"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else words,
)
def test_the_command_decides(
    entrypoint: tuple[str, ...], cmd: tuple[str, ...], executable: str
) -> None:
    image = image_of(FILES, entrypoint=entrypoint, cmd=cmd, working_dir="/app", env=ENV)
    runtime = configured_runtime(image.rootfs, image.config, [VENV])
    assert runtime is not None
    assert runtime.executable == executable
    assert runtime.reason.startswith("the image's ")


USR, OPT = "/usr/local/bin/python", "/opt/venv/bin/python"
OTHERWISE: dict[str, tuple[tuple[str, ...], dict[str, str], str, str]] = {
    "virtual-env": (("/not-there",), {"VIRTUAL_ENV": VENV}, OPT, "VIRTUAL_ENV=/opt/venv"),
    "not-executable": (("/not-executable",), {"VIRTUAL_ENV": VENV}, OPT, "VIRTUAL_ENV=/opt/venv"),
    "empty-shell": (("sh", "-c", ""), {"PATH": PATH}, USR, "python on PATH"),
    "path": (("sh", "/entry.sh"), {"PATH": f"/opt/venv/bin:{PATH}"}, OPT, "python on PATH"),
    "single-venv": (
        (), {"PATH": "/nowhere", "VIRTUAL_ENV": "/gone"}, OPT, "the only virtual environment"
    ),
    "default-path": ((), {}, USR, "python on PATH"),
    "endless": (("tini",) * 40, {"PATH": PATH}, USR, "python on PATH"),
}  # fmt: skip


@pytest.mark.parametrize(("cmd", "env", "executable", "reason"), OTHERWISE.values(), ids=OTHERWISE)
def test_then_the_environment(
    cmd: tuple[str, ...], env: dict[str, str], executable: str, reason: str
) -> None:
    image = image_of(FILES, cmd=cmd, env=env)
    assert configured_runtime(image.rootfs, image.config, [VENV]) == Runtime(executable, reason)


def test_several_venvs_and_no_sign_are_no_answer() -> None:
    image = image_of(FILES, env={"PATH": "/nowhere"})
    assert configured_runtime(image.rootfs, image.config, [VENV, "/app/.venv"]) is None


@pytest.mark.parametrize(
    ("python", "executable"),
    [
        ("/opt/venv", "/opt/venv/bin/python"),
        ("/opt/venv/", "/opt/venv/bin/python"),
        ("/usr/local/bin/python3.11", "/usr/local/bin/python3.11"),
        ("/nowhere", None),
        ("/entry.d", None),
        ("/usr", None),
    ],
)
def test_the_caller_names_it(python: str, executable: str | None) -> None:
    named = named_runtime(image_of(FILES).rootfs, python)
    assert (named and named.executable) == executable


def test_a_program_is_no_script() -> None:
    rootfs = image_of({**FILES, "/empty": "#!", "/text": "print()\n"}).rootfs
    assert shebang(rootfs, "/usr/local/bin/python") is None
    assert shebang(rootfs, "/empty") is None
    assert shebang(rootfs, "/text") is None


def test_a_command_is_looked_up_as_the_kernel_does() -> None:
    image = image_of(FILES, env={"PATH": ":/usr/local/bin"}, working_dir="/opt/venv/bin")
    assert which(image.rootfs, image.config, "uvicorn") == "/opt/venv/bin/uvicorn"
    assert which(image.rootfs, image.config, "python3") == "/usr/local/bin/python3"
    assert which(image.rootfs, image.config, "../pyvenv.cfg") is None
