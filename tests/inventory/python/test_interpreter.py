from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.image.open import open_image
from auditor.inventory.python.interpreter import read_interpreter
from auditor.model import Interpreter, Libc, Platform, UnreadableError
from tests.builders import Symlink, elf, rootfs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.model import Rootfs
    from tests.builders import Files

GNU = "GNU C Library (Debian GLIBC 2.36-9+deb12u9) stable release version 2.36."
GLIBC = {"/lib/x86_64-linux-gnu/libc.so.6": elf(strings=[GNU])}
MUSL = {"/lib/ld-musl-x86_64.so.1": elf(strings=["1.2.4"])}
OFFICIAL: Files = {
    "/usr/local/bin/python3.11": elf(),
    "/usr/local/bin/python3": Symlink("python3.11"),
    "/usr/local/bin/python": Symlink("python3"),
    "/usr/local/lib/libpython3.11.so.1.0": elf(strings=["3.11.7"]),
    "/usr/local/lib/libpython3.11.so": Symlink("libpython3.11.so.1.0"),
    "/usr/local/lib/python3.11/os.py": "",
    **GLIBC,
}
DEBIAN: Files = {
    "/bin": Symlink("usr/bin"),
    "/lib": Symlink("usr/lib"),
    "/usr/bin/python3.11": elf(strings=["3.11.2", "3.2.0"]),
    "/usr/bin/python3": Symlink("python3.11"),
    "/usr/lib/python3.11/os.py": "",
    "/usr/lib/python3/dist-packages/six.py": "",
    "/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0": elf(strings=["3.11.2"]),
    "/usr/lib/x86_64-linux-gnu/libc.so.6": elf(strings=[GNU]),
}
HEADER = '#define PY_MINOR_VERSION 11\n#define PY_VERSION \t "3.11.7"\n'


def interpreter(
    path: str, prefix: str, full_version: str, libc: Libc | None = None, **more: object
) -> Interpreter:
    facts: dict[str, object] = {
        "implementation": "cpython",
        "free_threaded": False,
        "machine": "x86_64",
        "libc": libc,
        **more,
    }
    return Interpreter(path=path, prefix=prefix, full_version=full_version, **facts)  # type: ignore[arg-type]


DEB12 = Libc("glibc", (2, 36))


INTERPRETERS = {
    "official image, shared libpython": (
        OFFICIAL,
        "/usr/local/bin/python",
        interpreter("/usr/local/bin/python3.11", "/usr/local", "3.11.7", DEB12),
    ),
    "Debian, static, merged /usr": (
        DEBIAN,
        "/bin/python3",
        interpreter("/usr/bin/python3.11", "/usr", "3.11.2", DEB12),
    ),
    "venv of links, made elsewhere": (
        {
            **OFFICIAL,
            "/opt/venv/bin/python": Symlink("/usr/local/bin/python3"),
            "/opt/venv/lib/python3.11/site-packages/six.py": "",
            "/opt/venv/pyvenv.cfg": "home = /builder/bin\nversion = 3.10.1\n",
        },
        "/opt/venv/bin/python",
        interpreter("/usr/local/bin/python3.11", "/usr/local", "3.11.7", DEB12),
    ),
    "venv with a copied binary": (
        {
            **OFFICIAL,
            "/opt/venv/bin/python3": elf(strings=["3.11.7"]),
            "/opt/venv/lib/python3.11/site-packages/six.py": "",
            "/opt/venv/pyvenv.cfg": "home = /usr/local/bin\nversion = 3.11.4\n",
        },
        "/opt/venv/bin/python3",
        interpreter("/opt/venv/bin/python3", "/usr/local", "3.11.7", DEB12),
    ),
    "home goes before what lies above": (
        {
            "/usr/local/venv/bin/python3.11": elf(strings=["3.11.9"]),
            "/usr/local/venv/pyvenv.cfg": "home = /opt/python/bin",
            "/usr/local/lib/python3.11/os.py": "",
            "/opt/python/bin/other": "",
            "/opt/python/lib/python3.11/os.py": "",
        },
        "/usr/local/venv/bin/python3.11",
        interpreter("/usr/local/venv/bin/python3.11", "/opt/python", "3.11.9"),
    ),
    "home of links, landmark without source": (
        {
            **OFFICIAL,
            "/venv/bin/python": elf(strings=["3.11.7"]),
            "/venv/bin/pyvenv.cfg": "home = /links",
            "/links/python": Symlink("/srv/python/bin/python3.11"),
            "/srv/python/bin/python3.11": elf(),
            "/srv/python/lib/python3.11/os.pyc": "",
        },
        "/venv/bin/python",
        interpreter("/venv/bin/python", "/srv/python", "3.11.7", DEB12),
    ),
    "base gone, its bytes still tell": (
        {
            "/venv/bin/python3.11": elf(strings=["3.11.7"]),
            "/venv/pyvenv.cfg": "home = gone/bin\nversion_info = 3.11.1\n",
        },
        "/venv/bin/python3.11",
        interpreter("/venv/bin/python3.11", "/venv", "3.11.7"),
    ),
    "the header goes before the system's libpython": (
        {
            **DEBIAN,
            "/home/dev/.pyenv/versions/3.11.7/bin/python3.11": elf(),
            "/home/dev/.pyenv/versions/3.11.7/lib/python3.11/os.py": "",
            "/home/dev/.pyenv/versions/3.11.7/lib/libpython3.11.so.1.0": elf(),
            "/home/dev/.pyenv/versions/3.11.7/include/python3.11/patchlevel.h": HEADER,
        },
        "/home/dev/.pyenv/versions/3.11.7/bin/python3.11",
        interpreter(
            "/home/dev/.pyenv/versions/3.11.7/bin/python3.11",
            "/home/dev/.pyenv/versions/3.11.7",
            "3.11.7",
            DEB12,
        ),
    ),
    "its own libpython does not tell, so nobody's does": (
        {
            **DEBIAN,
            "/opt/py/bin/python3.11": elf(),
            "/opt/py/lib/python3.11/os.py": "",
            "/opt/py/lib/libpython3.11.so.1.0": elf(),
        },
        "/opt/py/bin/python3.11",
        interpreter("/opt/py/bin/python3.11", "/opt/py", "3.11", DEB12),
    ),
    "no libpython of its own": (
        {**DEBIAN, "/opt/py/bin/python3.11": elf(), "/opt/py/lib/python3.11/os.py": ""},
        "/opt/py/bin/python3.11",
        interpreter("/opt/py/bin/python3.11", "/opt/py", "3.11.2", DEB12),
    ),
    "nothing that agrees": (
        {
            "/opt/py/bin/python3.11": elf(),
            "/opt/py/lib/python3.11/os.py": "",
            "/usr/lib/libpython3.11.so.1": elf("aarch64", strings=["3.11.2"]),
            "/usr/local/lib/libpython3.11.so.1": elf(strings=["3.12.2"]),
            "/opt/py/include/python3.11/patchlevel.h": HEADER.replace("3.11", "3.10"),
        },
        "/opt/py/bin/python3.11",
        interpreter("/opt/py/bin/python3.11", "/opt/py", "3.11"),
    ),
    "bytes that contradict each other": (
        {
            "/usr/bin/python3": elf(strings=["3.11.2", "3.11.7", "3.12"]),
            "/usr/lib/python3.11/os.py": "",
            "/usr/include/python3.11/patchlevel.h": "no version here",
        },
        "/usr/bin/python3",
        interpreter("/usr/bin/python3", "/usr", "3.11"),
    ),
    "Fedora's lib64, a release candidate": (
        {
            "/usr/bin/python3.13": elf(strings=["3.13.0rc2"]),
            "/usr/lib64/python3.13/os.py": "",
            "/usr/lib/python3.13/site-packages/six.py": "",
        },
        "/usr/bin/python3.13",
        interpreter("/usr/bin/python3.13", "/usr", "3.13.0rc2"),
    ),
    "the library that the bytes agree with": (
        {
            "/usr/local/bin/python3": elf(strings=["3.12.1"]),
            "/usr/local/lib/python3.11/os.py": "",
            "/usr/local/lib/python3.12/os.py": "",
            "/usr/local/lib/python3.13/os.py": "",
        },
        "/usr/local/bin/python3",
        interpreter("/usr/local/bin/python3", "/usr/local", "3.12.1"),
    ),
    "the newest where nothing tells": (
        {
            "/usr/local/bin/python3": elf(),
            "/usr/local/lib/python3.9/os.py": "",
            "/usr/local/lib/python3.11/os.py": "",
            "/usr/local/lib/python3.99999/os.py": "",
            "/usr/local/lib/python3.12/no.py": "",
        },
        "/usr/local/bin/python3",
        interpreter("/usr/local/bin/python3", "/usr/local", "3.11"),
    ),
    "compiled-in prefix": (
        {"/app/python3.11": elf(), "/usr/lib/python3.11/os.py": ""},
        "/app/python3.11",
        interpreter("/app/python3.11", "/usr", "3.11"),
    ),
    "free-threaded by name": (
        {
            "/usr/local/bin/python3": Symlink("python3.13t"),
            "/usr/local/bin/python3.13t": elf(),
            "/usr/local/lib/python3.13t/os.py": "",
            "/usr/local/lib/python3.13/os.py": "",
            "/usr/local/lib/libpython3.13t.so.1.0": elf(strings=["3.13.1"]),
            "/usr/local/lib/libpython3.13.so.1.0": elf(strings=["3.13.0"]),
        },
        "/usr/local/bin/python3",
        interpreter("/usr/local/bin/python3.13t", "/usr/local", "3.13.1", free_threaded=True),
    ),
    "free-threaded by its bytes": (
        {
            "/usr/local/bin/python3.13": elf(
                strings=["3.13.1", "/lib/x.cpython-313t-x86_64-linux-gnu.so"]
            ),
            "/usr/local/lib/python3.13t/os.py": "",
            "/usr/local/lib/python3.13/os.py": "",
        },
        "/usr/local/bin/python3.13",
        interpreter("/usr/local/bin/python3.13", "/usr/local", "3.13.1", free_threaded=True),
    ),
    "free-threaded by its library": (
        {"/usr/local/bin/python3.13": elf(), "/usr/local/lib/python3.13t/os.py": ""},
        "/usr/local/bin/python3.13",
        interpreter("/usr/local/bin/python3.13", "/usr/local", "3.13", free_threaded=True),
    ),
    "free-threaded without a library": (
        {"/opt/py/bin/python3.13t": elf()},
        "/opt/py/bin/python3.13t",
        interpreter("/opt/py/bin/python3.13t", "/opt/py", "3.13", free_threaded=True),
    ),
    "PyPy": (
        {
            "/opt/pypy/bin/pypy3.10": elf(),
            "/opt/pypy/bin/libpypy3.10-c.so": elf(strings=["3.10.13"]),
            "/opt/pypy/lib/pypy3.10/os.py": "",
        },
        "/opt/pypy/bin/pypy3.10",
        interpreter("/opt/pypy/bin/pypy3.10", "/opt/pypy", "3.10.13", implementation="pypy"),
    ),
    "PyPy without a library": (
        {"/opt/pypy/bin/pypy3.10": elf()},
        "/opt/pypy/bin/pypy3.10",
        interpreter("/opt/pypy/bin/pypy3.10", "/opt/pypy", "3.10", implementation="pypy"),
    ),
    "the architecture is the file's": (
        {"/usr/bin/python3.11": elf("aarch64", ["3.11.7"]), "/usr/lib/python3.11/os.py": ""},
        "/usr/bin/python3.11",
        interpreter("/usr/bin/python3.11", "/usr", "3.11.7", machine="aarch64"),
    ),
    "absent": ({}, "/usr/bin/python3", None),
    "dangling": ({"/python3": Symlink("/gone")}, "/python3", None),
    "loop": ({"/python3": Symlink("python3")}, "/python3", None),
    "script": ({**DEBIAN, "/usr/bin/python": "#!/bin/sh\nexec python3\n"}, "/usr/bin/python", None),
    "ELF of no known Python": ({"/bin/python3": elf()}, "/bin/python3", None),
    "two versions and no library": (
        {"/opt/bin/python3": elf(strings=["3.11.2", "3.12.7"])},
        "/opt/bin/python3",
        None,
    ),
    "directory": ({"/usr/bin/python3/x": ""}, "/usr/bin/python3", None),
}


@pytest.mark.parametrize(
    ("files", "executable", "expected"), INTERPRETERS.values(), ids=INTERPRETERS
)
def test_an_interpreter_is_read_from_files_alone(
    files: Files, executable: str, expected: Interpreter | None
) -> None:
    found = read_interpreter(rootfs_of(files), executable, Platform("linux", "amd64"))
    assert found == expected


@pytest.mark.parametrize(
    ("variant", "machine"), [("v6", "armv6l"), ("v7", "armv7l"), ("", "armv7l"), (None, "armv7l")]
)
def test_the_platform_tells_the_variants_of_arm_apart(variant: str | None, machine: str) -> None:
    rootfs = rootfs_of({"/usr/bin/python3": elf("armv7l"), "/usr/lib/python3.11/os.py": ""})
    image = None if variant is None else Platform("linux", "arm", variant)
    found = read_interpreter(rootfs, "/usr/bin/python3", image)
    assert found is not None
    assert found.machine == machine


PYTHON: Files = {"/usr/bin/python3.11": elf(), "/usr/lib/python3.11/os.py": ""}
DYNLOAD = "/usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-"


C_LIBRARIES = {
    "glibc by its bytes": (GLIBC, DEB12),
    "glibc by its name, the other architecture's left alone": (
        {
            "/lib64/libc.so.6": Symlink("libc-2.17.so"),
            "/lib64/libc-2.17.so": elf(),
            "/lib/libc.so.6": elf("i686", [GNU]),
        },
        Libc("glibc", (2, 17)),
    ),
    "glibc of unknown version": ({"/usr/lib64/libc.so.6": elf()}, Libc("glibc", None)),
    "glibc of two versions": (
        {"/lib/libc.so.6": elf(strings=[GNU, GNU.replace("2.36", "2.17")])},
        Libc("glibc", None),
    ),
    "no ELF": ({"/lib/libc.so.6": "a linker script"}, None),
    "musl by its bytes": (MUSL, Libc("musl", (1, 2))),
    "musl, no version": ({"/usr/lib/ld-musl-x86_64.so.1": elf()}, Libc("musl", None)),
    "of another machine": ({"/lib/ld-musl-aarch64.so.1": elf("aarch64", ["1.2.4"])}, None),
    "musl with a glibc name": (
        {**MUSL, "/lib/libc.so.6": Symlink("ld-musl-x86_64.so.1")},
        Libc("musl", (1, 2)),
    ),
    "both, no sign": ({**GLIBC, **MUSL}, DEB12),
    "both, modules for glibc": ({**GLIBC, **MUSL, DYNLOAD + "gnu.so": elf()}, DEB12),
    "both, modules for musl": ({**GLIBC, **MUSL, DYNLOAD + "musl.so": elf()}, Libc("musl", (1, 2))),
    "both, configured for musl": (
        {**GLIBC, **MUSL, "/usr/lib/python3.11/_sysconfigdata__linux_x86_64-linux-musl.py": ""},
        Libc("musl", (1, 2)),
    ),
    "none, configured for glibc": (
        {"/usr/lib/python3.11/_sysconfigdata__linux_arm-linux-gnueabihf.py": ""},
        Libc("glibc", None),
    ),
    "none, no sign": ({"/usr/lib/python3.11/lib-dynload/_ssl.abi3.so": elf()}, None),
}


@pytest.mark.parametrize(("files", "libc"), C_LIBRARIES.values(), ids=C_LIBRARIES)
def test_the_c_library(files: Files, libc: Libc | None) -> None:
    found = read_interpreter(rootfs_of({**PYTHON, **files}), "/usr/bin/python3.11", None)
    assert found is not None
    assert found.libc == libc


class Refusing:
    """A root file system that does not let its directories be listed."""

    def __init__(self, rootfs: Rootfs) -> None:
        self.resolve, self.stat, self.lstat = rootfs.resolve, rootfs.stat, rootfs.lstat
        self.read, self.contents, self.digests = rootfs.read, rootfs.contents, rootfs.digests
        self.facts, self.walk = rootfs.facts, rootfs.walk

    def names(self, path: str) -> Sequence[str]:
        raise UnreadableError(path, "permission denied")


def test_directories_that_may_not_be_listed_leave_what_the_binary_says() -> None:
    found = read_interpreter(Refusing(rootfs_of(DEBIAN)), "/usr/bin/python3.11", None)
    assert found == interpreter("/usr/bin/python3.11", "/usr", "3.11.2", DEB12)


def test_the_running_interpreter_is_read_as_it_says_of_itself() -> None:
    rootfs = open_image(f"env:{sys.prefix}").rootfs
    found = read_interpreter(rootfs, sys.executable, None)
    assert found is not None
    assert found.path == str(Path(sys.executable).resolve())
    assert found.prefix == str(Path(sys.base_prefix).resolve())
    assert found.full_version == platform.python_version()
    assert found.implementation == sys.implementation.name
    assert found.machine == platform.machine()
    family, release = platform.libc_ver()
    if family == "glibc":
        assert found.libc is not None
        assert found.libc.family == "glibc"
        assert found.libc.version == tuple(int(part) for part in release.split("."))
