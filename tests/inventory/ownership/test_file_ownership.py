"""File ownership, by what the files of the image say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.directories import open_environment
from auditor.inventory.collect import collect_inventory
from auditor.inventory.distributions.console_scripts import is_console_script
from auditor.inventory.ownership.by_products import (
    bytecode_source,
    only_adds_paths,
    only_exits,
)
from auditor.inventory.ownership.file_ownership import FileOwnership
from auditor.model import Owner, OwnerKind
from tests.builders import File, Opaque, Symlink, elf, image_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.builders import Files
    from tests.builders.images import Config

LIB = "/usr/local/lib/python3.11"
SITE = f"{LIB}/site-packages"
INTERPRETER: Files = {
    "/usr/local/bin/python3.11": File(elf(strings=["3.11.7"]), 0o755),
    "/usr/local/bin/python": Symlink("python3.11"),
    f"{LIB}/os.py": "",
    f"{LIB}/json/__init__.py": "",
    f"{SITE}/README.txt": (
        "This directory exists so that 3rd party packages can be installed\n"
        "here.  Read the source for site.py for more details.\n"
    ),
}
VENV: Files = {
    "/venv/pyvenv.cfg": "home = /usr/local/bin\nversion = 3.11.7\n",
    "/venv/bin/python": Symlink("/usr/local/bin/python3.11"),
}


def ownership(*layers: Files, base_layers: int = 0, **config: object) -> FileOwnership:
    image = image_of([{**INTERPRETER, **layers[0]}, *layers[1:]], **_config(config))
    return FileOwnership(image, collect_inventory(image), base_layers)


def _config(config: dict[str, object]) -> Config:
    return {"env": {"PATH": "/usr/local/bin:/usr/bin:/bin"}, **config}  # type: ignore[typeddict-item]


def distribution(name: str, rows: Sequence[str], site: str = SITE, **files: str) -> dict[str, str]:
    """Return the metadata folder of a distribution whose RECORD lists `rows`."""
    info = f"{site}/{name}-1.dist-info"
    return {
        f"{info}/METADATA": f"Name: {name}\nVersion: 1\n",
        f"{info}/RECORD": "".join(f"{row},,\n" for row in rows),
        **{f"{info}/{key}": text for key, text in files.items()},
    }


def kind(book: FileOwnership, path: str) -> str | None:
    owner = book.owner(path)
    return None if owner is None else str(owner.kind)


def test_rows_of_a_record_are_its_distributions() -> None:
    book = ownership(
        {
            f"{SITE}/x/__init__.py": "",
            f"{SITE}/x/other.py": "",
            "/usr/local/bin/x": "",
            **distribution("x", ["x/__init__.py", "../../../bin/x"], INSTALLER="pip"),
        }
    )
    owner = Owner(OwnerKind.DISTRIBUTION, "x", "/usr/local")
    assert book.owner(f"{SITE}/x/__init__.py") == owner
    assert book.owner("/usr/local/bin/x") == owner
    assert kind(book, f"{SITE}/x-1.dist-info/INSTALLER") == "distribution"
    assert book.owner(f"{SITE}/x/other.py") is None
    assert book.owner(f"{SITE}/absent.py") is None


def test_rows_are_real_paths() -> None:
    book = ownership(
        VENV,
        {
            "/venv/lib/python3.11/site-packages/x.py": "",
            "/venv/lib64": Symlink("lib"),
            **distribution("x", ["../../../lib64/python3.11/site-packages/x.py"],
                           "/venv/lib/python3.11/site-packages"),
        },
        env={"PATH": "/venv/bin"},
    )  # fmt: skip
    owner = book.owner("/venv/lib/python3.11/site-packages/x.py")
    assert owner == Owner(OwnerKind.DISTRIBUTION, "x", "/venv")


def test_the_package_database_comes_first() -> None:
    book = ownership(
        {
            "/usr/bin/tool": "",
            "/var/lib/dpkg/info/tool.list": "/.\n/usr/bin/tool\n",
            **distribution("x", ["../../../../bin/tool"]),
        }
    )
    assert book.owner("/usr/bin/tool") == Owner(OwnerKind.OS_PACKAGE, "tool")


@pytest.mark.parametrize(
    ("info", "files", "owned", "stray"),
    [
        ("x-1.egg-info", {"top_level.txt": "x\ny\n"}, ["x/a.py", "y.py"], "z.py"),
        ("x_y-1.egg-info", {}, ["x_y/a.py"], "z.py"),
        ("x-1.egg-info", {"installed-files.txt": "../x/a.py\n../../../../e"}, ["x/a.py"], "x/b.py"),
    ],
    ids=["top_level.txt", "its name", "installed-files.txt"],
)  # fmt: skip
def test_older_metadata(info: str, files: dict[str, str], owned: list[str], stray: str) -> None:
    name = info.partition("-")[0]
    book = ownership(
        {
            f"{SITE}/{info}/PKG-INFO": f"Name: {name}\nVersion: 1\n",
            **{f"{SITE}/{info}/{key}": text for key, text in files.items()},
            **{f"{SITE}/{path}": "" for path in [*owned, stray]},
        }
    )
    assert {kind(book, f"{SITE}/{path}") for path in owned} == {"distribution"}
    assert kind(book, f"{SITE}/{info}/PKG-INFO") == "distribution"
    assert book.owner(f"{SITE}/{stray}") is None


def test_an_egg_is_one_distribution() -> None:
    egg = f"{SITE}/x-1-py3.11.egg"
    book = ownership(
        {
            f"{SITE}/easy-install.pth": "./x-1-py3.11.egg\n",
            f"{egg}/EGG-INFO/PKG-INFO": "Name: x\nVersion: 1\n",
            f"{egg}/x/__init__.py": "",
        }
    )
    assert kind(book, f"{egg}/x/__init__.py") == "distribution"
    assert kind(book, f"{SITE}/easy-install.pth") == "by-product"


def test_editable_sources_are_their_distributions() -> None:
    url = '{"url": "file:///code/x", "dir_info": {"editable": true}}'
    system = url.replace("/code/x", "/usr/local/lib")
    book = ownership(
        {
            "/code/x/src/x.py": "",
            "/code/x/build.so": elf(),
            "/usr/local/lib/liblc3.so": elf(),
            **distribution("x", [], **{"direct_url.json": url}),
            **distribution("evil", [], **{"direct_url.json": system}),
        }
    )
    assert kind(book, "/code/x/src/x.py") == "distribution"
    assert kind(book, "/code/x/build.so") == "distribution"
    assert book.owner("/usr/local/lib/liblc3.so") is None


def test_scripts_of_a_target_installation() -> None:
    site = "/deps"
    book = ownership(
        {
            f"{site}/x.py": "",
            f"{site}/bin/tool.sh": "",
            **distribution("x", ["x.py", "../../bin/tool.sh"], "/deps"),
            "/opt/deps/bin/tool.sh": "",
            **distribution("y", ["../../bin/tool.sh"], "/opt/deps"),
        },
        env={"PYTHONPATH": "/deps:/opt/deps"},
    )
    assert kind(book, "/deps/x.py") == "distribution"
    assert kind(book, "/opt/deps/bin/tool.sh") == "distribution"


# ------------------------------------------------------------------------------ interpreter


def test_the_layout_of_an_interpreter() -> None:
    book = ownership(
        {
            "/usr/local/bin/pydoc3.11": "",
            "/usr/local/bin/other": "",
            "/usr/local/lib/libpython3.11.so.1.0": elf(),
            "/usr/local/lib/libother.so": elf(),
            "/usr/local/include/python3.11/Python.h": "",
        }
    )
    owner = Owner(OwnerKind.INTERPRETER, "/usr/local")
    mine = [
        "/usr/local/bin/python3.11",
        "/usr/local/bin/pydoc3.11",
        "/usr/local/lib/libpython3.11.so.1.0",
        "/usr/local/include/python3.11/Python.h",
        f"{LIB}/json/__init__.py",
    ]
    assert [book.owner(path) for path in mine] == [owner] * 5
    assert book.owner("/usr/local/bin/python") == owner
    assert book.owner("/usr/local/bin/other") is None
    assert book.owner("/usr/local/lib/libother.so") is None
    assert book.owner(f"{SITE}/x.py") is None
    assert kind(book, f"{SITE}/README.txt") == "by-product"


def test_later_layers_did_not_bring_the_interpreter() -> None:
    book = ownership(
        {"/usr/local/bin/idle3.11": ""},
        {f"{LIB}/json/evil.py": "", "/usr/local/bin/pydoc3.11": ""},
    )
    assert kind(book, "/usr/local/bin/idle3.11") == "interpreter"
    assert book.owner(f"{LIB}/json/evil.py") is None
    assert book.owner("/usr/local/bin/pydoc3.11") is None


PROGRAM = "/usr/local/bin/python3.11"
PYDOC = "/usr/local/bin/pydoc3.11"
OTHER = File(elf(strings=["3.11.7", "another build"]), 0o755)


@pytest.mark.parametrize(
    "again",
    [
        {PYDOC: File("pydoc", 0o755), PROGRAM: INTERPRETER[PROGRAM]},
        {f"{LIB}/json/__init__.py": File("", 0o666)},
        {**INTERPRETER, PYDOC: "pydoc"},
        {"/usr/local": Opaque(), **INTERPRETER, PYDOC: "pydoc"},
    ],
    ids=["programs", "modes", "everything", "everything-instead"],
)
def test_what_is_written_again_with_the_same_bytes_stays_the_interpreters(again: Files) -> None:
    book = ownership({PYDOC: "pydoc"}, again, {f"{LIB}/evil.py": ""})
    mine = [PROGRAM, PYDOC, f"{LIB}/os.py", f"{LIB}/json/__init__.py"]
    assert {kind(book, path) for path in mine} == {"interpreter"}
    assert book.owner(f"{LIB}/evil.py") is None


def test_writing_everything_again_does_not_adopt_what_was_changed_before() -> None:
    changed: Files = {f"{LIB}/json/__init__.py": "evil", f"{LIB}/evil.py": ""}
    book = ownership({}, changed, {**INTERPRETER, **changed})
    assert kind(book, f"{LIB}/os.py") == "interpreter"
    assert book.owner(f"{LIB}/json/__init__.py") is None
    assert book.owner(f"{LIB}/evil.py") is None


def test_another_interpreter_in_place_of_the_first() -> None:
    """Most of its library may well have the same bytes: patch levels differ in few files."""
    book = ownership(
        {f"{LIB}/site.py": "", PYDOC: "old"},
        {**INTERPRETER, PROGRAM: OTHER, PYDOC: "new", f"{LIB}/site.py": "other"},
    )
    mine = [PROGRAM, PYDOC, f"{LIB}/os.py", f"{LIB}/site.py"]
    assert {kind(book, path) for path in mine} == {"interpreter"}


def test_an_interpreter_may_come_in_parts() -> None:
    library = "/usr/local/lib/libpython3.11.so.1.0"
    program = File(elf(needed=["libpython3.11.so.1.0"], strings=["3.11.7"]), 0o755)
    parts: list[Files] = [
        {**INTERPRETER, PROGRAM: Symlink("nowhere")},
        {PROGRAM: program, PYDOC: "pydoc"},
        {library: elf(soname="libpython3.11.so.1.0")},
        {f"{LIB}/evil.py": ""},
    ]
    image = image_of(parts, **_config({}))
    book = FileOwnership(image, collect_inventory(image))
    assert {kind(book, path) for path in (PROGRAM, PYDOC, library)} == {"interpreter"}
    assert book.owner(f"{LIB}/evil.py") is None


def test_a_program_that_replaced_the_interpreters_is_nobodys() -> None:
    book = ownership(VENV, {PROGRAM: OTHER, PYDOC: "", "/venv/bin/python3.11": OTHER})
    assert book.owner(PROGRAM) is None
    assert book.owner("/venv/bin/python3.11") is None
    assert book.owner(PYDOC) is None


def test_a_python_that_is_no_program_is_nobodys() -> None:
    book = ownership({"/usr/local/bin/python3": File("#!/bin/sh\n", 0o755)})
    assert book.owner("/usr/local/bin/python3") is None


def test_an_interpreter_of_the_system_is_its_packages() -> None:
    book = ownership(
        {
            "/usr/bin/python3.11": File(elf(strings=["3.11.2"]), 0o755),
            "/usr/lib/python3.11/os.py": "",
            "/usr/lib/python3.11/evil.py": "",
            "/usr/lib/python3.11/__pycache__/os.cpython-311.pyc": "",
            "/usr/lib/python3/dist-packages/six.py": "",
            "/var/lib/dpkg/info/python3.list": "/usr/bin/python3.11\n/usr/lib/python3.11/os.py\n",
        }
    )
    assert kind(book, "/usr/lib/python3.11/os.py") == "os-package"
    assert kind(book, "/usr/lib/python3.11/__pycache__/os.cpython-311.pyc") == "by-product"
    assert book.owner("/usr/lib/python3.11/evil.py") is None


# ------------------------------------------------------------------------------ by-products


def test_bytecode_belongs_to_its_source() -> None:
    cache = f"{SITE}/x/__pycache__"
    book = ownership(
        {
            f"{SITE}/x/a.py": "",
            f"{SITE}/x/stray.py": "",
            **{
                f"{cache}/{name}": ""
                for name in (
                    "a.cpython-311.pyc",
                    "a.cpython-311.opt-1.pyc",
                    "a.cpython-312.pyc",
                    "gone.cpython-311.pyc",
                    "stray.cpython-311.pyc",
                    "a.cpython-311.so",
                )
            },
            **distribution("x", ["x/a.py"]),
        }
    )
    kinds = {
        name: kind(book, f"{cache}/{name}")
        for name in book._rootfs.names(cache)  # noqa: SLF001 - the image of this test
    }
    assert kinds == {
        "a.cpython-311.pyc": "by-product",
        "a.cpython-311.opt-1.pyc": "by-product",
        "a.cpython-312.pyc": None,
        "gone.cpython-311.pyc": None,
        "stray.cpython-311.pyc": None,
        "a.cpython-311.so": None,
    }


def test_what_a_virtual_environment_holds() -> None:
    bin_, site = "/venv/bin", "/venv/lib/python3.11/site-packages"
    book = ownership(
        {
            **VENV,
            f"{bin_}/activate": "",
            f"{bin_}/python3.11": INTERPRETER["/usr/local/bin/python3.11"],
            f"{bin_}/python3": File(elf(strings=["3.11.9"]), 0o755),
            f"{bin_}/tool": "#!/venv/bin/python\nfrom x import main\nsys.exit(main())\n",
            f"{bin_}/evil": "#!/venv/bin/python\nprint()\n",
            f"{site}/_virtualenv.pth": "import _virtualenv",
            f"{site}/_virtualenv.py": "evil",
            f"{site}/setuptools.pth": "import evil\n",
            f"{site}/~x/a.py": "",
            **distribution("x", [], site, **{"entry_points.txt": "[console_scripts]\ntool=x:main"}),
        },
        env={"PATH": bin_},
    )  # fmt: skip
    assert {
        name: kind(book, path)
        for path in (
            "/venv/pyvenv.cfg",
            *(f"{bin_}/{name}" for name in ("activate", "python3.11", "python3", "tool", "evil")),
            *(f"{site}/{name}" for name in ("_virtualenv.pth", "_virtualenv.py")),
            *(f"{site}/{name}" for name in ("setuptools.pth", "~x/a.py")),
        )
        for name in (path.rpartition("/")[2],)
    } == {
        "pyvenv.cfg": "by-product",
        "activate": "by-product",
        "python3.11": "by-product",
        "python3": None,
        "tool": "by-product",
        "evil": None,
        "_virtualenv.pth": "by-product",
        "_virtualenv.py": None,
        "setuptools.pth": None,
        "a.py": None,
    }


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
RELOCATABLE = """#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"
' '''
"""
CALLS = "#!/usr/bin/python3\nimport sys\nfrom x.cli import App\nsys.exit(App.main())\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PIP, True),
        (NEW_PIP, True),
        (UV, True),
        (RELOCATABLE + UV.partition("\n")[2], True),
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


def test_bytecode_source() -> None:
    assert bytecode_source("a.cpython-311.pyc", "3.11") == "a.py"
    assert bytecode_source("a.cpython-313t.opt-2.pyc", "3.13") == "a.py"
    assert bytecode_source("a.pypy311.pyc", "3.11") == "a.py"
    assert bytecode_source("a.cpython-311-pytest-8.3.pyc", "3.11") is None
    assert bytecode_source("a.pyc", "3.11") is None


def test_small_judgements() -> None:
    assert only_adds_paths("# x\n\n./a\n/b\n")
    assert not only_adds_paths("./a\nimport os\n")
    assert not only_adds_paths("import\tos\n")
    assert only_exits("#!/bin/sh\n\n# why\n# more\nexit 101\n")
    assert not only_exits("#!/bin/sh\nexit 1; evil\n")
    assert not only_exits("exit 101\n")


def test_image_makers_keep_services_from_starting() -> None:
    book = ownership(
        {
            "/usr/sbin/policy-rc.d": "#!/bin/sh\n# For most users\nexit 101\n",
            "/sbin/policy-rc.d": "#!/bin/sh\ncurl evil\nexit 101\n",
        }
    )
    assert kind(book, "/usr/sbin/policy-rc.d") == "by-product"
    assert book.owner("/sbin/policy-rc.d") is None


# ------------------------------------------------------------------------------ application


def test_the_application() -> None:
    book = ownership(
        {
            "/code/main.py": "",
            "/code/native.so": elf(),
            "/app/x.py": "",
            "/opt/job/run.sh": "",
            "/opt/job/lib.py": "",
            "/usr/local/bin/start": File("#!/bin/sh\n", 0o755),
            "/usr/local/bin/other": File("#!/bin/sh\n", 0o755),
            "/more/y.py": "",
            "/elsewhere/z.py": "",
        },
        working_dir="/code",
        entrypoint=["start", "/opt/job/run.sh"],
        env={"PATH": "/usr/local/bin", "PYTHONPATH": "/more"},
    )
    mine = ["/code/main.py", "/app/x.py", "/opt/job/lib.py", "/usr/local/bin/start", "/more/y.py"]
    assert {kind(book, path) for path in mine} == {"application"}
    for path in ("/code/native.so", "/usr/local/bin/other", "/elsewhere/z.py"):
        assert book.owner(path) is None


@pytest.mark.parametrize("folder", ["/", "/usr", "/usr/local", "/usr/local/bin", SITE])
def test_the_system_is_no_application(folder: str) -> None:
    book = ownership(
        {"/usr/local/bin/evil": "", f"{SITE}/evil.py": "", "/x": ""}, working_dir=folder
    )
    assert book.owner("/usr/local/bin/evil") is None
    assert book.owner(f"{SITE}/evil.py") is None


def test_an_environment_in_the_application_is_none_of_it() -> None:
    site = "/app/.venv/lib/python3.11/site-packages"
    files: Files = {
        "/app/.venv/pyvenv.cfg": "home = /usr/local/bin\n",
        "/app/.venv/bin/python": Symlink("/usr/local/bin/python3.11"),
        "/app/.venv/bin/evil": "",
        f"{site}/evil.py": "",
        "/app/main.py": "",
        f"{site}/code": Symlink("/app/src"),
        "/app/src/a.py": "",
        f"{site}/dangling": Symlink("/gone"),
    }
    book = ownership(files, working_dir="/app", env={"PATH": "/app/.venv/bin"})
    assert kind(book, "/app/main.py") == "application"
    assert kind(book, f"{site}/code") == "application"
    assert book.owner("/app/.venv/bin/evil") is None
    assert book.owner(f"{site}/evil.py") is None
    assert book.owner(f"{site}/dangling") is None


# ----------------------------------------------------------------------------------- others


def test_the_base_images_layers() -> None:
    layers: tuple[Files, Files] = ({f"{SITE}/base.py": ""}, {f"{SITE}/later.py": ""})
    book = ownership(*layers, base_layers=1)
    assert kind(book, f"{SITE}/base.py") == "base"
    assert book.owner(f"{SITE}/later.py") is None


def test_an_unread_package_database_may_own_the_systems_files() -> None:
    book = ownership(
        {
            "/var/lib/rpm/Packages": "x",
            "/usr/lib64/libfoo.so": elf(),
            "/usr/local/lib/libfoo.so": elf(),
        }
    )
    assert kind(book, "/usr/lib64/libfoo.so") == "os-package"
    assert book.owner("/usr/local/lib/libfoo.so") is None


def test_paths_of_any_depth() -> None:
    deep = "/deep" + "/d" * 2000 + "/x"
    assert ownership({deep: ""}).owner(deep) is None


def test_a_live_environment() -> None:
    image = open_environment(Path(sys.prefix), ImageQuery(f"env:{sys.prefix}", None, None))
    inventory = collect_inventory(image)
    book = FileOwnership(image, inventory)
    runtime = inventory.runtime
    assert runtime is not None
    site = next(path for path in runtime.import_paths if path.endswith("-packages"))
    assert kind(book, f"{site}/packaging/__init__.py") == "distribution"
