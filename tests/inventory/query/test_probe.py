"""What an interpreter states: by a real one, in a process of its own, and by hostile ones."""

from __future__ import annotations
import __future__

import ast
import json
import os
import platform
import subprocess
import sys
import venv
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ImageError, UsageError
from auditor.image.engine.container_run import Completed
from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.root_directory import open_directory
from auditor.image.tree.partial_tree import NotReadError
from auditor.inventory.distributions.installed import read_distributions
from auditor.inventory.query.pip_list import PIP
from auditor.inventory.query.probe_command import ProbeCommand
from auditor.inventory.query.probe_result import MARK, read_probe_result
from auditor.inventory.query.probed_inventory import probed_inventory
from auditor.inventory.query.probed_tree import ProbedTree
from auditor.model import Entry, FileType, ImageConfig, Interpreter, Libc, Platform, UnreadableError
from tests.builders import File, Files, Symlink, image_of
from tests.builders.probes import INTERPRETER, probe_output, probe_result_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from auditor.model import Distribution, Image, OsPackages, Rootfs

INSIDE = files("auditor.inventory.query").joinpath("probe_script.py").read_text("utf-8")
CONFIG = ImageConfig(Platform("linux", "amd64"))
ROOTFS = image_of({}).rootfs
SITE = "/usr/local/lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment without pip, with one folder of every shape."""
    prefix = tmp_path_factory.mktemp("stated") / "venv"
    venv.create(prefix, with_pip=False)
    (site,) = prefix.glob("lib/python3*/site-packages")
    texts = {
        "plain-1.0.dist-info/METADATA": "Name: plain\r\nVersion: 1.0\r\n\r\nVersion: 2.0\n",
        "plain-1.0.dist-info/WHEEL": "Tag: py3-none-any\n",
        "plain-1.0.dist-info/INSTALLER": "uv\n",
        "plain-1.0.dist-info/RECORD": "",
        "plain-1.0.dist-info/uv_build.json": "{}",
        "gone-1.0.dist-info/METADATA": "Name: gone\nVersion: 1.0\n",
        "gone-1.0.dist-info/direct_url.json": (
            '{"url": "file:///no/such/place", "dir_info": {"editable": true}}'
        ),
        "bare-1.0.dist-info/INSTALLER": "pip\n",
        "~lain-0.9.dist-info/METADATA": "Name: plain\nVersion: 0.9\n",
        "egg-1.0-py3.11.egg-info": "Name: egg\nVersion: 1.0\n",
        "folder-1.0.egg-info/PKG-INFO": "Name: folder\nVersion: 1.0\n",
        "linked.egg-link": f"{site}/source\n.",
        "source/linked.egg-info/PKG-INFO": "Name: linked\nVersion: 3.0\n",
        "nowhere.egg-link": "/no/such/place\n.",
        "na\udcffme-1.0.dist-info/METADATA": "Name: na\udcffme\nVersion: 1.0\n",
    }
    for path, text in texts.items():
        file = site / path
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
    return prefix


def run_probe(prefix: Path, *beside: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    argv = [str(prefix / "bin/python"), "-c", INSIDE, json.dumps([str(path) for path in beside])]
    surroundings = {"PATH": os.environ["PATH"], "PYTHONSAFEPATH": "1", **env}
    return subprocess.run(
        [*argv, *PIP], env=surroundings, cwd="/", capture_output=True, check=False
    )


def without_record(found: list[Distribution]) -> list[dict[str, Any]]:
    fields = ("name", "version", "kind", "metadata_path", "location", "installer", "direct_url")
    more = ("wheel_tags", "built", "requested", "source")
    return [{name: getattr(each, name) for name in (*fields, *more)} for each in found]


def test_a_real_interpreter_states_what_the_files_say(environment: Path) -> None:
    done = run_probe(environment)
    result, rest = read_probe_result(done.stdout)
    assert result is not None
    assert b"No module named pip" in done.stderr
    assert rest.strip() == b""
    (site,) = environment.glob("lib/python3*/site-packages")
    assert str(site) in result.paths
    assert result.prefix == str(environment)
    rootfs = open_directory(Path("/"), ImageQuery("dir:/", None, None)).rootfs
    wanted, problems = read_distributions(rootfs, str(site), {})
    found, same_problems = read_distributions(result.rootfs, str(site), {})
    assert len(found) == 8
    assert without_record(found) == without_record(wanted)
    assert {each.record for each in found} == {None}
    assert same_problems == problems


def test_a_real_interpreter_states_itself(environment: Path) -> None:
    result, _ = read_probe_result(run_probe(environment).stdout)
    assert result is not None
    interpreter = result.interpreter
    assert interpreter.full_version == platform.python_version()
    assert interpreter.implementation == sys.implementation.name
    assert interpreter.machine == platform.machine()
    assert interpreter.prefix == os.path.realpath(sys.base_prefix)
    if platform.libc_ver()[0] == "glibc":
        release = platform.libc_ver()[1].split(".")
        assert interpreter.libc == Libc("glibc", (int(release[0]), int(release[1])))


def test_directories_beside_the_path(environment: Path, tmp_path: Path) -> None:
    """Those of the command alone come first, and only where something was installed."""
    (tmp_path / "empty" / "own.egg-info").mkdir(parents=True)
    (tmp_path / "full" / "a-1.dist-info").mkdir(parents=True)
    (tmp_path / "named" / "b-1.dist-info").mkdir(parents=True)
    done = run_probe(
        environment,
        tmp_path / "empty",
        tmp_path / "full",
        tmp_path / "gone",
        PYTHONPATH=str(tmp_path / "named"),
    )
    result, _ = read_probe_result(done.stdout)
    assert result is not None
    assert result.paths[0] == str(tmp_path / "full")
    assert str(tmp_path / "named") in result.paths
    assert not {str(tmp_path / "empty"), str(tmp_path / "gone")} & set(result.paths)


def test_metadata_without_end_is_refused(environment: Path, tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / f"a{number}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_bytes(b"Name: a\n" + b"x" * (1 << 18))
    done = run_probe(environment, tmp_path)
    assert done.returncode == 1
    assert b"more than 8,388,608 bytes" in done.stderr
    assert read_probe_result(done.stdout)[0] is None


def test_older_interpreters_understand_it() -> None:
    """Its syntax is that of 3.7, and no annotation is evaluated: `list[str]` is one of 3.9."""
    ast.parse(INSIDE, feature_version=(3, 7))
    code = compile(INSIDE, "inside", "exec", dont_inherit=True)
    assert code.co_flags & __future__.annotations.compiler_flag


def test_it_imports_nothing_that_python_does_not_bring_along() -> None:
    """An image's packages must not be able to break, or to be loaded by, the question itself."""
    imported = {
        line.split()[1] for line in INSIDE.splitlines() if line.startswith(("import", "from"))
    }
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


# ------------------------------------------------------------------------------- parsing


def answer(**changes: object) -> dict[str, Any]:
    return {
        "interpreter": dict(INTERPRETER),
        "prefix": "/usr/local",
        "paths": [SITE],
        "files": {f"{SITE}/idna-3.10.dist-info/METADATA": "Name: idna\nVersion: 3.10\n"},
        "folders": [SITE, f"{SITE}/idna-3.10.dist-info"],
        "unreadable": {},
        "absent": ["/usr/local/pyvenv.cfg"],
        **changes,
    }


def test_statement_between_noise() -> None:
    result, rest = read_probe_result(b"hook [1]\n" + probe_output(answer(), [("idna", "3.10")]))
    assert result is not None
    assert rest == b'hook [1]\n\n[{"name": "idna", "version": "3.10"}]\n'


@pytest.mark.parametrize(
    "changes",
    [
        {"paths": ["/elsewhere"]},
        {"paths": ["relative"]},
        {"paths": ["/a/../b"]},
        {"prefix": "//usr"},
        {"prefix": "/nul\0"},
        {"prefix": 1},
        {"files": []},
        {"files": {SITE: 1}},
        {"unreadable": {"/a": 1}},
        {"absent": None},
        {"interpreter": {}},
        {"interpreter": {**INTERPRETER, "implementation": "jython"}},
        {"interpreter": {**INTERPRETER, "version": "2.7.18"}},
        {"interpreter": {**INTERPRETER, "version": "3.11"}},
        {"interpreter": {**INTERPRETER, "version": 3}},
        {"interpreter": {**INTERPRETER, "machine": "x86\n"}},
        {"interpreter": {**INTERPRETER, "libc": 1, "libc_version": []}},
    ],
    ids=str,
)
def test_what_cannot_be_understood(changes: Mapping[str, object]) -> None:
    output = probe_output(answer(**changes))
    assert read_probe_result(output) == (None, output)


PATHS = {
    "long": (["/" + "a" * 4095], True),
    "too long": (["/" + "a" * 4096], False),
    "deep": (["/a" * 2048], True),
    "too deep": (["/a" * 20_000], False),
    "many directories": ([f"/{at}" + "/a" * 100 for at in range(190)], True),
    "too many directories": ([f"/{at}" + "/a" * 100 for at in range(210)], False),
}


@pytest.mark.parametrize(("absent", "taken"), PATHS.values(), ids=PATHS)
def test_paths_are_as_long_and_as_many_as_linux_takes(absent: list[str], *, taken: bool) -> None:
    result, _ = read_probe_result(probe_output(answer(absent=absent)))
    assert (result is not None) == taken


@pytest.mark.parametrize(
    "output",
    [b"", b"\n" + MARK, b"\n" + MARK + b"{", b"\n" + MARK + b"[" * 100_000, b"\n" + MARK + b"[]\n"],
    ids=["nothing", "empty", "cut", "deep", "list"],
)
def test_what_is_no_statement(output: bytes) -> None:
    assert read_probe_result(output) == (None, output)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=9),
        lambda each: (
            st.lists(each, max_size=3)
            | st.dictionaries(st.sampled_from([*answer(), "/a"]), each, max_size=8)
        ),
    )
)
def test_any_json_is_taken(value: object) -> None:
    read_probe_result(b"\n" + MARK + json.dumps(value).encode() + b"\n")


def stated(**changes: object) -> Interpreter:
    result, _ = read_probe_result(probe_output(answer(interpreter={**INTERPRETER, **changes})))
    assert result is not None
    return result.interpreter


@pytest.mark.parametrize(
    ("machine", "bits", "expected"),
    [
        ("x86_64", 64, "x86_64"),
        ("x86_64", 32, "i686"),
        ("aarch64", 32, "armv7l"),
        ("armv8l", 32, "armv7l"),
        ("armv6l", 32, "armv6l"),
        ("s390x", 64, "s390x"),
    ],
)
def test_machine_is_the_interpreters(machine: str, bits: int, expected: str) -> None:
    assert stated(machine=machine, bits=bits).machine == expected


@pytest.mark.parametrize(
    ("family", "version", "expected"),
    [
        ("glibc", "2.36", Libc("glibc", (2, 36))),
        ("glibc", "2.36.9", Libc("glibc", (2, 36))),
        ("glibc", "new", Libc("glibc", None)),
        ("musl", "", Libc("musl", None)),
        ("", "", None),
        ("uclibc", "1.0", None),
    ],
)
def test_libc(family: str, version: str, expected: Libc | None) -> None:
    assert stated(libc=family, libc_version=version).libc == expected


# ---------------------------------------------------------------------------------- tree


def test_tree_knows_absent_from_not_read() -> None:
    tree = ProbedTree(
        {"/site/a.dist-info/METADATA": b"text", "/other/file": b""},
        ["/site", "/site/a.dist-info", "/closed"],
        {"/site/a.dist-info/WHEEL": "Permission denied", "/closed": "Permission denied"},
        ["/gone", "/above/gone"],
    )
    for path in ("/site", "/other", "/above"):
        assert tree.node(path) == Entry(FileType.DIRECTORY, 0o755, 0)
    assert tree.node("/site/a.dist-info/METADATA") == Entry(FileType.FILE, 0o644, 4)
    for path in ("/site/a.dist-info/RECORD", "/gone", "/above/gone"):
        assert tree.node(path) is None
    assert tree.names("/site") == ["a.dist-info"]
    assert tree.read("/site/a.dist-info/METADATA", 9) == b"text"
    with pytest.raises(UnreadableError, match="Permission denied"):
        tree.read("/site/a.dist-info/WHEEL", 9)
    with pytest.raises(UnreadableError, match="Permission denied"):
        tree.names("/closed")
    for path in ("/etc", "/other/sibling", "/above/sibling"):
        with pytest.raises(NotReadError, match=f"{path} was not read"):
            tree.node(path)
    with pytest.raises(NotReadError):
        tree.names("/other")


# ------------------------------------------------------------------------------ question

FILES: Files = {
    "/usr/local/bin/python3.11": File("", 0o755),
    "/usr/local/bin/python": Symlink("python3.11"),
    "/app/main.py": "",
    "/srv/x": "",
}


def command_of(image: Image, python: str | None = None) -> tuple[str, ...]:
    probe = ProbeCommand("image", python)
    return tuple(word for word in probe(image.rootfs, image.config) if word != INSIDE)


def test_command_asks_the_image_s_own_interpreter() -> None:
    image = image_of(FILES, cmd=["python", "/app/main.py"], env={"PYTHONPATH": "/srv:/none"})
    assert command_of(image) == ("/usr/local/bin/python", "-c", '["/app", "/srv"]', *PIP)
    image = image_of(FILES, cmd=["python", "-I", "-m", "x"], env={"PYTHONPATH": "/srv"})
    assert command_of(image) == ("/usr/local/bin/python", "-E", "-s", "-c", "[]", *PIP)
    assert command_of(image, "/usr/local") == ("/usr/local/bin/python", "-c", '["/srv"]', *PIP)


@pytest.mark.parametrize(
    ("layer", "python", "error", "message"),
    [
        ({"/bin/sh": ""}, None, ImageError, "neither its command nor VIRTUAL_ENV nor PATH"),
        (FILES, "/opt/venv", UsageError, "image has no such interpreter"),
        ({"/venv/bin/python": Symlink("/gone")}, "/venv", ImageError, "python is a broken link"),
    ],
    ids=["no-python", "not-named", "dangling"],
)
def test_nobody_to_ask(
    layer: dict[str, Any], python: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        command_of(image_of(layer), python)


@pytest.mark.parametrize(
    ("completed", "why"),
    [
        (Completed(None, b"", b"", "it took too long"), "it took too long"),
        (Completed(0, b"[]", b""), "its output is not understood"),
        (Completed(1, b"", b"SyntaxError: x\n"), "it ended with exit code 1: SyntaxError: x"),
    ],
    ids=["failure", "nonsense", "exit-code"],
)
def test_no_answer(completed: Completed, why: str) -> None:
    image = image_of(FILES)
    probe = ProbeCommand("image")
    probe(image.rootfs, image.config)
    with pytest.raises(ImageError) as caught:
        probed_inventory(probe, completed, CONFIG, lambda read: read(ROOTFS))
    assert caught.value.message == f"image: /usr/local/bin/python did not answer: {why}"
    assert caught.value.hint.startswith("leave out --quick")


def test_an_answer_that_nobody_asked_for() -> None:
    with pytest.raises(ImageError, match="no interpreter was run"):
        probed_inventory(
            ProbeCommand("image"), Completed(0, b"", b""), CONFIG, lambda read: read(ROOTFS)
        )


@pytest.mark.parametrize(
    ("known", "looked"), [(("idna",), False), ((), True)], ids=["as-locked", "another-name"]
)
def test_package_databases_are_read_where_they_matter(
    known: tuple[str, ...], *, looked: bool
) -> None:
    owned = "/usr/local/lib/python3.11/site-packages/idna-3.10.dist-info"
    image = image_of(
        {
            **FILES,
            f"{owned}/METADATA": "Name: idna\nVersion: 3.10\n",
            "/var/lib/dpkg/info/python3-idna.list": f"/.\n{owned}\n{owned}/METADATA\n",
        }
    )
    times = []

    def read_files(read: Callable[[Rootfs], OsPackages]) -> OsPackages:
        times.append(1)
        return read(image.rootfs)

    probe = ProbeCommand("image")
    probe(image.rootfs, image.config)
    output = probe_output(probe_result_of(image.rootfs, "/usr/local", [SITE]))
    probed = probed_inventory(probe, Completed(0, output, b""), CONFIG, read_files, known)
    assert bool(times) is looked
    (environment,) = probed.inventory.environments
    (distribution,) = environment.distributions
    assert distribution.os_package == ("python3-idna" if looked else None)
