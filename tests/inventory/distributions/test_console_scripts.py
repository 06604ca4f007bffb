"""What starts a script, and that nothing else hides in it."""

from __future__ import annotations

import pytest

from auditor.inventory.distributions.console_scripts import (
    is_console_script,
    may_appear,
    opening_of,
)
from tests.builders import Symlink, rootfs_of

BODY = "import sys\nfrom x.cli import main\nsys.exit(main())\n"


def exec_line(command: str) -> str:
    return f"#!/bin/sh\n'''exec' {command} \"$0\" \"$@\"\n' '''\n"


@pytest.mark.parametrize(
    ("opening", "interpreter"),
    [
        ("#!/opt/venv/bin/python\n", "/opt/venv/bin/python"),
        ("#!/opt/venv/bin/python -I -B\n", "/opt/venv/bin/python"),
        ("#!/opt/coding:utf-8/python\n", "/opt/coding:utf-8/python"),
        ("#!/opt/venv/bin/python3.11 -sE\n", "/opt/venv/bin/python3.11"),
        ("#! /usr/bin/pypy3\r\n", "/usr/bin/pypy3"),
        ("#!/usr/bin/env python3\n", ""),
        ("#!/usr/bin/env -S python -I\n", ""),
        (exec_line("/long/bin/python"), "/long/bin/python"),
        (exec_line("'/with blank/bin/python'"), "/with blank/bin/python"),
        (exec_line('"/with blank/bin/python" -E'), "/with blank/bin/python"),
        (exec_line('"$(dirname -- "$(realpath -- "$0")")"/\'python\''), "python"),
        (exec_line('"$(dirname "$0")"/\'python3.12\''), "python3.12"),
    ],
)
def test_what_installers_write_starts_a_python(opening: str, interpreter: str) -> None:
    found = opening_of(opening + BODY)
    assert found is not None
    assert (found.interpreter, (opening + BODY)[found.end :]) == (interpreter, BODY)
    assert is_console_script(opening + BODY, ["x.cli:main"])


@pytest.mark.parametrize(
    "opening",
    [
        "",
        "#!/bin/sh\n",
        "#!/bin/sh /tmp/python\n",
        "#!/bin/sh -c /tmp/python\n",
        "#!/usr/bin/env sh python\n",
        "#!/usr/bin/env -S LD_PRELOAD=x python\n",
        "#!/tmp/python/sh\n",
        "#!/usr/bin/python /tmp/other.py\n",
        "#!/usr/bin/python -mantigravity\n",
        "#!/usr/bin/python -cimport\n",
        "#!/usr/bin/python -Im\n",
        "#!/usr/bin/env -S python -msite\n",
        exec_line("/bin/python -mantigravity"),
        "#!/opt/coding:utf-7/python3\n",
        exec_line("/bin/sh -c 'curl | sh' /bin/python"),
        exec_line("/bin/sh"),
        exec_line('"/$(curl evil)/python"'),
        exec_line("/bin/python; curl evil"),
        exec_line("/bin/python && curl"),
        "#!/bin/sh\ncurl evil\n'''exec' /bin/python \"$0\" \"$@\"\n' '''\n",
        "#!/bin/sh\n'''exec' /bin/python \"$0\" \"$@\"\n' '''; import evil\n",
    ],
)
def test_anything_else_does_not(opening: str) -> None:
    assert opening_of(opening + BODY) is None
    assert not is_console_script(opening + BODY, ["x.cli:main"])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("# -*- coding: utf-8 -*-", True),
        ("# -*- coding: utf-7 -*-", False),
        ("# vim: set fileencoding=rot13", False),
        ("# a comment", True),
    ],
)
def test_a_comment_is_no_code_in_any_encoding(line: str, expected: bool) -> None:
    assert is_console_script(f"#!/bin/python\n{line}\n{BODY}", ["x.cli:main"]) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/proc/self/cwd/python3", True),
        ("/dev/shm/python3", True),  # noqa: S108
        ("/tmp/build/bin/python3", False),  # noqa: S108 - where a builder had its own
        ("/opt/../proc/self/cwd/python3", True),
        ("/opt/here/python3", True),
        ("/opt/climbing/python3", True),
        ("/opt/round/python3", True),
        ("/var/run/python3", True),
        ("/build/venv/bin/python3", False),
        ("/processes/python3", False),
        ("/opt/uv/bin/python3", False),
        ("/opt/venv/bin/python", False),
    ],
)
def test_what_a_running_container_may_bring_along(path: str, expected: bool) -> None:
    rootfs = rootfs_of(
        {
            "/opt/here": Symlink("/proc/self/cwd"),
            "/opt/climbing": Symlink("../proc/self/cwd"),
            "/opt/round": Symlink("round"),
            "/opt/uv": Symlink("/root/.local/uv"),
            "/opt/venv/bin/python": Symlink("python3"),
            "/run/lock": "",
            "/var/run": Symlink("/run"),
        }
    )
    assert may_appear(rootfs, path) is expected


PIP = """#!/venv/bin/python
# -*- coding: utf-8 -*-
import re
import sys
from x.cli import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""
NEW_PIP = """#!/venv/bin/python
import sys
from x.cli import main
if __name__ == '__main__':
    sys.argv[0] = sys.argv[0].removesuffix('.exe')
    sys.exit(main())
"""
UV = """#!/venv/bin/python
# -*- coding: utf-8 -*-
import sys
from x.cli import main
if __name__ == "__main__":
    if sys.argv[0].endswith("-script.pyw"):
        sys.argv[0] = sys.argv[0][:-11]
    elif sys.argv[0].endswith(".exe"):
        sys.argv[0] = sys.argv[0][:-4]
    sys.exit(main())
"""
CALLS = "#!/usr/bin/python3\nimport sys\nfrom x.cli import App\nsys.exit(App.main())\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PIP, True),
        (NEW_PIP, True),
        (UV, True),
        (
            exec_line('"$(dirname -- "$(realpath -- "$0")")"/\'python\'') + UV.partition("\n")[2],
            True,
        ),
        (CALLS, True),
        (UV.replace("x.cli", "y"), False),
        (UV.replace("import sys\n", "import sys, os\n"), False),
        (UV + "main()\n", False),
        (UV.replace("#!/venv/bin/python", "#!/bin/evil"), False),
        (UV + "from y import z\n", False),
        ("", False),
    ],
)
def test_console_scripts_call_one_entry_point(text: str, expected: bool) -> None:
    assert is_console_script(text, ["x.cli:main", "x.cli:App.main"]) is expected
