"""File ownership, by what the files of the image say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.live_environment import open_environment
from auditor.inventory.collect import collect_inventory
from auditor.inventory.ownership.file_ownership import FileOwnership
from auditor.model import Owner, OwnerKind
from tests.builders import File, Opaque, Symlink, elf, image_of
from tests.builders.images import layers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.builders import Files
    from tests.builders.images import Config, Layers

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
    whole: Config = {"env": {"PATH": "/usr/local/bin:/usr/bin:/bin"}, **config}  # type: ignore[typeddict-item]
    image = image_of([{**INTERPRETER, **layers[0]}, *layers[1:]], **whole)
    return FileOwnership(image, collect_inventory(image), base_layers)


def distribution(name: str, rows: Sequence[str], site: str = SITE, **files: str) -> dict[str, str]:
    """Return the metadata folder of a distribution whose RECORD lists `rows`."""
    info = f"{site}/{name}-1.dist-info"
    return {
        f"{info}/METADATA": f"Name: {name}\nVersion: 1\n",
        f"{info}/RECORD": "".join(f"{row},,\n" for row in rows),
        **{f"{info}/{key}": text for key, text in files.items()},
    }


def kind(book: FileOwnership, path: str) -> str:
    owner = book.owner(path)
    return "" if owner is None else str(owner.kind)


PROGRAM = "/usr/local/bin/python3.11"
PYDOC = "/usr/local/bin/pydoc3.11"
LIBRARY = "/usr/local/lib/libpython3.11.so.1.0"
OTHER = File(elf(strings=["3.11.7", "another build"]), 0o755)
LINKED = File(elf(needed=["libpython3.11.so.1.0"], strings=["3.11.7"]), 0o755)
EDITABLE = '{"url": "file:///code/x", "dir_info": {"editable": true}}'
CHANGED: Files = {f"{LIB}/json/__init__.py": "evil", f"{LIB}/evil.py": ""}
DEEP = "/deep" + "/d" * 2000 + "/x"
VENV_SITE = "/venv/lib/python3.11/site-packages"
APP_SITE = "/app/.venv/lib/python3.11/site-packages"
CACHE = f"{SITE}/x/__pycache__"


def owned(
    layers: Layers, owners: dict[str, str], **config: object
) -> tuple[Layers, dict[str, str], dict[str, object]]:
    """Return a case: the paths that each kind of owner has in an image, those of none by ""."""
    return layers, owners, config


OWNERS = {
    "rows of a record": owned(
        {
            f"{SITE}/x/__init__.py": "",
            f"{SITE}/x/other.py": "",
            "/usr/local/bin/x": "",
            **distribution("x", ["x/__init__.py", "../../../bin/x"], INSTALLER="pip"),
        },
        {
            "distribution": f"{SITE}/x/__init__.py /usr/local/bin/x {SITE}/x-1.dist-info/INSTALLER",
            "": f"{SITE}/x/other.py {SITE}/absent.py",
        },
    ),
    "rows of a record, behind a link": owned(
        [
            VENV,
            {
                f"{VENV_SITE}/x.py": "",
                "/venv/lib64": Symlink("lib"),
                **distribution("x", ["../../../lib64/python3.11/site-packages/x.py"], VENV_SITE),
            },
        ],
        {"distribution": f"{VENV_SITE}/x.py"},
        env={"PATH": "/venv/bin"},
    ),
    "the package database comes first": owned(
        {
            "/usr/bin/tool": "",
            "/var/lib/dpkg/info/tool.list": "/.\n/usr/bin/tool\n",
            **distribution("x", ["../../../../bin/tool"]),
        },
        {"os-package": "/usr/bin/tool"},
    ),
    "an egg": owned(
        {
            f"{SITE}/easy-install.pth": "./x-1-py3.11.egg\n",
            f"{SITE}/x-1-py3.11.egg/EGG-INFO/PKG-INFO": "Name: x\nVersion: 1\n",
            f"{SITE}/x-1-py3.11.egg/x/__init__.py": "",
        },
        {
            "distribution": f"{SITE}/x-1-py3.11.egg/x/__init__.py",
            "by-product": f"{SITE}/easy-install.pth",
        },
    ),
    "editable sources": owned(
        {
            "/code/x/src/x.py": "",
            "/code/x/build.so": elf(),
            "/usr/local/lib/liblc3.so": elf(),
            **distribution("x", [], **{"direct_url.json": EDITABLE}),
            **distribution(
                "evil", [], **{"direct_url.json": EDITABLE.replace("/code/x", "/usr/local/lib")}
            ),
        },
        {"distribution": "/code/x/src/x.py /code/x/build.so", "": "/usr/local/lib/liblc3.so"},
    ),
    "scripts of a target installation": owned(
        {
            "/deps/x.py": "",
            "/deps/bin/tool.sh": "",
            **distribution("x", ["x.py", "../../bin/tool.sh"], "/deps"),
            "/opt/deps/bin/tool.sh": "",
            **distribution("y", ["../../bin/tool.sh"], "/opt/deps"),
        },
        {"distribution": "/deps/x.py /deps/bin/tool.sh /opt/deps/bin/tool.sh"},
        env={"PYTHONPATH": "/deps:/opt/deps"},
    ),
    "the layout of an interpreter": owned(
        {
            PYDOC: "",
            "/usr/local/bin/other": "",
            LIBRARY: elf(),
            "/usr/local/lib/libother.so": elf(),
            "/usr/local/include/python3.11/Python.h": "",
        },
        {
            "interpreter": f"{PROGRAM} {PYDOC} {LIBRARY} /usr/local/include/python3.11/Python.h "
            f"{LIB}/json/__init__.py /usr/local/bin/python",
            "": f"/usr/local/bin/other /usr/local/lib/libother.so {SITE}/x.py",
            "by-product": f"{SITE}/README.txt",
        },
    ),
    "later layers": owned(
        [{"/usr/local/bin/idle3.11": ""}, {f"{LIB}/json/evil.py": "", PYDOC: ""}],
        {"interpreter": "/usr/local/bin/idle3.11", "": f"{LIB}/json/evil.py {PYDOC}"},
    ),
    "what was changed before everything was written again": owned(
        [{}, CHANGED, {**INTERPRETER, **CHANGED}],
        {"interpreter": f"{LIB}/os.py", "": f"{LIB}/json/__init__.py {LIB}/evil.py"},
    ),
    # Most of its library may well have the same bytes: patch levels differ in few files.
    "another interpreter in place of the first": owned(
        [
            {f"{LIB}/site.py": "", PYDOC: "old"},
            {**INTERPRETER, PROGRAM: OTHER, PYDOC: "new", f"{LIB}/site.py": "other"},
        ],
        {"interpreter": f"{PROGRAM} {PYDOC} {LIB}/os.py {LIB}/site.py"},
    ),
    "an interpreter in parts": owned(
        [
            {PROGRAM: Symlink("nowhere")},
            {PROGRAM: LINKED, PYDOC: "pydoc"},
            {LIBRARY: elf(soname="libpython3.11.so.1.0")},
            {f"{LIB}/evil.py": ""},
        ],
        {"interpreter": f"{PROGRAM} {PYDOC} {LIBRARY}", "": f"{LIB}/evil.py"},
    ),
    "a program that replaced the interpreter's": owned(
        [VENV, {PROGRAM: OTHER, PYDOC: "", "/venv/bin/python3.11": OTHER}],
        {"": f"{PROGRAM} {PYDOC} /venv/bin/python3.11"},
    ),
    "a python that is no program": owned(
        {"/usr/local/bin/python3": File("#!/bin/sh\n", 0o755)}, {"": "/usr/local/bin/python3"}
    ),
    "an interpreter of the system": owned(
        {
            "/usr/bin/python3.11": File(elf(strings=["3.11.2"]), 0o755),
            "/usr/lib/python3.11/os.py": "",
            "/usr/lib/python3.11/evil.py": "",
            "/usr/lib/python3.11/__pycache__/os.cpython-311.pyc": "",
            "/usr/lib/python3/dist-packages/six.py": "",
            "/var/lib/dpkg/info/python3.list": ("/usr/bin/python3.11\n/usr/lib/python3.11/os.py\n"),
        },
        {
            "os-package": "/usr/lib/python3.11/os.py",
            "by-product": "/usr/lib/python3.11/__pycache__/os.cpython-311.pyc",
            "": "/usr/lib/python3.11/evil.py",
        },
    ),
    "bytecode": owned(
        {
            f"{SITE}/x/a.py": "",
            f"{SITE}/x/stray.py": "",
            f"{CACHE}/a.cpython-311.pyc": "",
            f"{CACHE}/a.cpython-311.opt-1.pyc": "",
            f"{CACHE}/a.cpython-312.pyc": "",
            f"{CACHE}/gone.cpython-311.pyc": "",
            f"{CACHE}/stray.cpython-311.pyc": "",
            f"{CACHE}/a.cpython-311.so": "",
            **distribution("x", ["x/a.py"]),
        },
        {
            "by-product": f"{CACHE}/a.cpython-311.pyc {CACHE}/a.cpython-311.opt-1.pyc",
            "": f"{CACHE}/a.cpython-312.pyc {CACHE}/gone.cpython-311.pyc "
            f"{CACHE}/stray.cpython-311.pyc {CACHE}/a.cpython-311.so",
        },
    ),
    "a virtual environment": owned(
        {
            **VENV,
            "/venv/bin/activate": "",
            "/venv/bin/python3.11": INTERPRETER[PROGRAM],
            "/venv/bin/python3": File(elf(strings=["3.11.9"]), 0o755),
            "/venv/bin/tool": "#!/venv/bin/python\nfrom x import main\nsys.exit(main())\n",
            "/venv/bin/evil": "#!/venv/bin/python\nprint()\n",
            f"{VENV_SITE}/_virtualenv.pth": "import _virtualenv",
            f"{VENV_SITE}/_virtualenv.py": "evil",
            f"{VENV_SITE}/setuptools.pth": "import evil\n",
            f"{VENV_SITE}/easy-install.pth": "# x\n\n./a\n/b\n",
            f"{VENV_SITE}/~x/a.py": "",
            **distribution(
                "x", [], VENV_SITE, **{"entry_points.txt": "[console_scripts]\ntool=x:main"}
            ),
        },
        {
            "by-product": "/venv/pyvenv.cfg /venv/bin/activate /venv/bin/python3.11 /venv/bin/tool "
            f"{VENV_SITE}/_virtualenv.pth {VENV_SITE}/easy-install.pth",
            "": "/venv/bin/python3 /venv/bin/evil "
            f"{VENV_SITE}/_virtualenv.py {VENV_SITE}/setuptools.pth {VENV_SITE}/~x/a.py",
        },
        env={"PATH": "/venv/bin"},
    ),
    "what keeps services from starting": owned(
        {
            "/usr/sbin/policy-rc.d": "#!/bin/sh\n# For most users\nexit 101\n",
            "/sbin/policy-rc.d": "#!/bin/sh\ncurl evil\nexit 101\n",
        },
        {"by-product": "/usr/sbin/policy-rc.d", "": "/sbin/policy-rc.d"},
    ),
    "the application": owned(
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
        {
            "application": "/code/main.py /app/x.py /opt/job/lib.py /more/y.py "
            "/usr/local/bin/start",
            "": "/code/native.so /usr/local/bin/other /elsewhere/z.py",
        },
        working_dir="/code",
        entrypoint=["start", "/opt/job/run.sh"],
        env={"PATH": "/usr/local/bin", "PYTHONPATH": "/more"},
    ),
    "an environment in the application": owned(
        {
            "/app/.venv/pyvenv.cfg": "home = /usr/local/bin\n",
            "/app/.venv/bin/python": Symlink("/usr/local/bin/python3.11"),
            "/app/.venv/bin/evil": "",
            f"{APP_SITE}/evil.py": "",
            "/app/main.py": "",
            f"{APP_SITE}/code": Symlink("/app/src"),
            "/app/src/a.py": "",
            f"{APP_SITE}/dangling": Symlink("/gone"),
        },
        {
            "application": f"/app/main.py {APP_SITE}/code",
            "": f"/app/.venv/bin/evil {APP_SITE}/evil.py {APP_SITE}/dangling",
        },
        working_dir="/app",
        env={"PATH": "/app/.venv/bin"},
    ),
    "the base image's layers": owned(
        [{f"{SITE}/base.py": ""}, {f"{SITE}/later.py": ""}],
        {"base": f"{SITE}/base.py", "": f"{SITE}/later.py"},
        base_layers=1,
    ),
    "an unread package database": owned(
        {
            "/var/lib/rpm/Packages": "x",
            "/usr/lib64/libfoo.so": elf(),
            "/usr/local/lib/libfoo.so": elf(),
        },
        {"os-package": "/usr/lib64/libfoo.so", "": "/usr/local/lib/libfoo.so"},
    ),
    "a path of any depth": owned({DEEP: ""}, {"": DEEP}),
}


@pytest.mark.parametrize(("layers", "owners", "config"), OWNERS.values(), ids=OWNERS)
def test_owners(layers: Layers, owners: dict[str, str], config: dict[str, Any]) -> None:
    book = ownership(*layers_of(layers), **config)
    paths = {path: expected for expected, several in owners.items() for path in several.split()}
    assert {path: kind(book, path) for path in paths} == paths


def test_an_owner_has_a_name_and_a_place() -> None:
    book = ownership(
        VENV,
        {
            f"{VENV_SITE}/x.py": "",
            **distribution("x", ["x.py"], VENV_SITE),
            "/usr/bin/tool": "",
            "/var/lib/dpkg/info/tool.list": "/.\n/usr/bin/tool\n",
        },
    )
    assert book.owner(f"{VENV_SITE}/x.py") == Owner(OwnerKind.DISTRIBUTION, "x", "/venv")
    assert book.owner("/usr/bin/tool") == Owner(OwnerKind.OS_PACKAGE, "tool")
    assert book.owner(PROGRAM) == Owner(OwnerKind.INTERPRETER, "/usr/local")


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
    assert kind(book, f"{LIB}/evil.py") == ""


@pytest.mark.parametrize("folder", ["/", "/usr", "/usr/local", "/usr/local/bin", SITE])
def test_the_system_is_no_application(folder: str) -> None:
    book = ownership(
        {"/usr/local/bin/evil": "", f"{SITE}/evil.py": "", "/x": ""}, working_dir=folder
    )
    assert book.owner("/usr/local/bin/evil") is None
    assert book.owner(f"{SITE}/evil.py") is None


def test_a_live_environment() -> None:
    image = open_environment(Path(sys.prefix), ImageQuery(f"env:{sys.prefix}", None, None))
    inventory = collect_inventory(image)
    book = FileOwnership(image, inventory)
    runtime = inventory.runtime
    assert runtime is not None
    site = next(path for path in runtime.import_paths if path.endswith("-packages"))
    assert kind(book, f"{site}/packaging/__init__.py") == "distribution"
