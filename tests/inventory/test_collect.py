"""Every environment of an image, and what each imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditor.errors import UsageError
from auditor.inventory.collect import collect_inventory
from tests.builders import File, Files, Symlink, elf, image_of, interpreter

if TYPE_CHECKING:
    from auditor.model import Environment, Image


def metadata(name: str, version: str) -> str:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


BASE: Files = {
    **interpreter(),
    "/usr/local/lib/python3.11/site-packages/pip-24.0.dist-info/METADATA": metadata("pip", "24.0"),
}
VENV: Files = {
    "/opt/venv/pyvenv.cfg": "home = /usr/local/bin\nversion = 3.11.9\n",
    "/opt/venv/bin/python": Symlink("/usr/local/bin/python3.11"),
    "/opt/venv/lib/python3.11/site-packages/idna-3.10.dist-info/METADATA": metadata("idna", "3.10"),
    "/opt/venv/lib64": Symlink("lib"),
}
DEBIAN: Files = {
    "/bin": Symlink("usr/bin"),
    "/usr/bin/python3.11": File(elf(strings=["3.11.7"]), 0o755),
    "/usr/bin/python3": Symlink("python3.11"),
    "/usr/lib/python3.11/os.py": "",
    "/usr/lib/python3/dist-packages/six-1.16.0.egg-info": metadata("six", "1.16.0"),
    "/usr/local/lib/python3.11/dist-packages/idna-3.10.dist-info/METADATA": metadata(
        "idna", "3.10"
    ),
    "/usr/local/lib/python3.11/site-packages/no.txt": "not on Debian's path",
}
STANDARD = ("/usr/local/lib/python3.11", "/usr/local/lib/python3.11/lib-dynload")


def runtime_of(image: Image, python: str | None = None) -> Environment:
    runtime = collect_inventory(image, python).runtime
    assert runtime is not None
    return runtime


def names(environment: Environment) -> list[str]:
    return [each.name for each in environment.distributions]


def test_a_venv_imports_its_own_packages_and_the_standard_library() -> None:
    image = image_of([BASE, VENV], env={"VIRTUAL_ENV": "/opt/venv"}, cmd=["/opt/venv/bin/python"])
    inventory = collect_inventory(image)
    runtime, other = inventory.environments
    assert runtime.prefix == "/opt/venv"
    assert runtime.import_paths == (*STANDARD, "/opt/venv/lib/python3.11/site-packages")
    assert runtime.python_version == "3.11.7"
    assert names(runtime) == ["idna"]
    assert (other.prefix, other.interpreter, names(other)) == (
        "/usr/local",
        "/usr/local/bin/python3.11",
        ["pip"],
    )


def test_system_site_packages_come_behind() -> None:
    cfg = "home = /usr/local/bin\ninclude-system-site-packages = true\n"
    home = {"/root/.local/lib/python3.11/site-packages/x-1.dist-info/METADATA": metadata("x", "1")}
    image = image_of(
        [BASE, {**VENV, "/opt/venv/pyvenv.cfg": cfg, **home}], env={"VIRTUAL_ENV": "/opt/venv"}
    )
    assert names(runtime_of(image)) == ["x", "idna", "pip"]


def test_debian_looks_in_dist_packages() -> None:
    runtime = runtime_of(image_of(DEBIAN))
    assert runtime.prefix == "/usr"
    assert runtime.interpreter == "/usr/bin/python3"
    assert runtime.import_paths == (
        "/usr/lib/python3.11",
        "/usr/local/lib/python3.11/dist-packages",
        "/usr/lib/python3/dist-packages",
    )
    assert names(runtime) == ["idna", "six"]


@pytest.mark.parametrize(
    ("env", "files", "first"),
    [
        ({"PYTHONPATH": "/deps:/gone"}, {"/deps/x.py": ""}, "/deps"),
        ({"PYTHONPATH": "deps"}, {"/app/deps/x.py": ""}, "/app/deps"),
        ({"PYTHONPATH": "/deps:"}, {"/deps/x.py": "", "/app/x.py": ""}, "/deps"),
        ({"PYTHONPATH": ":/gone"}, {"/app/x.py": ""}, "/app"),
        ({"PYTHONPATH": ""}, {"/app/x.py": ""}, STANDARD[0]),
    ],
    ids=["absolute", "relative", "trailing-colon", "leading-colon", "empty"],
)
def test_pythonpath_comes_first(env: dict[str, str], files: Files, first: str) -> None:
    image = image_of([BASE, files], env=env, working_dir="/app")
    assert runtime_of(image).import_paths[0] == first


@pytest.mark.parametrize(
    ("env", "user", "base", "found"),
    [
        ({}, "", "/root/.local", True),
        ({}, "app", "/home/app/.local", True),
        ({}, "1000:1000", "/home/app/.local", True),
        ({}, "1001", "/.local", True),
        ({"HOME": "/h"}, "", "/h/.local", True),
        ({"PYTHONUSERBASE": "/ub"}, "", "/ub", True),
        ({"PYTHONNOUSERSITE": "1"}, "", "/root/.local", False),
        ({}, "app", "/root/.local", False),
    ],
    ids=["root", "name", "uid", "unknown-uid", "home", "userbase", "switched-off", "another's"],
)
def test_the_users_own_site(env: dict[str, str], user: str, base: str, *, found: bool) -> None:
    files = {
        f"{base}/lib/python3.11/site-packages/x-1.dist-info/METADATA": metadata("x", "1"),
        "/etc/passwd": "app:x:1000:1000::/home/app:/bin/sh\n",
    }
    assert ("x" in names(runtime_of(image_of([BASE, files], env=env, user=user)))) is found


def test_pth_lines_add_directories_that_exist() -> None:
    site = "/usr/local/lib/python3.11/site-packages"
    files = {
        f"{site}/a.pth": "# comment\n/src\n/gone\nimport os\n\n../../../../../opt/more\n",
        f"{site}/.hidden.pth": "/hidden\n",
        "/src/our_app.egg-info/PKG-INFO": "Name: our-app\nVersion: 1.0\n",
        "/opt/more/x.py": "",
        "/usr/opt/more/x.py": "",
        "/hidden/x.py": "",
    }
    paths = runtime_of(image_of([BASE, files])).import_paths
    assert paths[2:] == (site, "/src", "/opt/more")


def test_an_interpreter_that_is_gone_is_said() -> None:
    image = image_of({**VENV}, env={"VIRTUAL_ENV": "/opt/venv"})
    inventory = collect_inventory(image)
    assert inventory.interpreter is None
    assert inventory.runtime is not None
    assert inventory.runtime.interpreter is None
    assert inventory.runtime.unusable_reason == (
        "/opt/venv/bin/python leads to /usr/local/bin/python3.11, which does not exist"
    )
    assert names(inventory.runtime) == ["idna"]


def test_a_runtime_that_is_no_program_is_a_problem() -> None:
    script = {"/opt/venv/bin/python": File("#!/bin/sh\n", 0o755)}
    inventory = collect_inventory(
        image_of([BASE, {**VENV, **script}], cmd=["/opt/venv/bin/python"])
    )
    assert inventory.interpreter is None
    assert [problem.subject for problem in inventory.problems] == ["/opt/venv/bin/python"]


def test_links_in_a_circle_lead_nowhere() -> None:
    circle = {
        "/opt/venv/bin/python": Symlink("python3"),
        "/opt/venv/bin/python3": Symlink("python"),
    }
    runtime = runtime_of(image_of([BASE, {**VENV, **circle}], cmd=["/opt/venv/bin/python"]))
    assert runtime.unusable_reason.endswith("does not exist")


def test_directories_that_hold_distributions_are_found_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auditor.inventory.python.discovery._MOST_TARGETS", 1)
    files = {f"/app/{x}/idna-3.10.dist-info/METADATA": metadata("idna", "3.10") for x in "ab"}
    inventory = collect_inventory(image_of([BASE, files]))
    assert [each.prefix for each in inventory.environments] == ["/usr/local", "/app/a"]
    assert [(each.subject, each.limit) for each in inventory.problems] == [("/app/b", True)]


def test_no_sign_of_which_one_runs() -> None:
    second = {path.replace("/opt/venv", "/srv/venv"): content for path, content in VENV.items()}
    inventory = collect_inventory(image_of([BASE, VENV, second], env={"PATH": "/nowhere"}))
    assert inventory.runtime is None
    assert inventory.candidates == ("/opt/venv", "/srv/venv", "/usr/local")


def test_the_caller_may_name_it() -> None:
    image = image_of([BASE, VENV])
    assert runtime_of(image, "/opt/venv").prefix == "/opt/venv"
    with pytest.raises(UsageError, match="has no such interpreter") as error:
        collect_inventory(image, "/srv/venv")
    assert error.value.hint == "the image's virtual environments are /opt/venv"
    with pytest.raises(UsageError) as error:
        collect_inventory(image_of(BASE), "/srv/venv")
    assert "leave out --python" in error.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seed = pip", True),
        ("uv-seed = true", True),
        ("home = /usr/bin", False),
        ("no equals", False),
    ],
)
def test_seed_packages_of_a_venv(text: str, expected: bool) -> None:
    image = image_of(
        [BASE, {**VENV, "/opt/venv/pyvenv.cfg": text}], env={"VIRTUAL_ENV": "/opt/venv"}
    )
    assert runtime_of(image).has_seed_packages is expected
