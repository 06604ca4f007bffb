"""What nobody owns, and the system's own files against its package database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.live_environment import open_environment
from auditor.image.layout.root_directory import open_directory
from auditor.inventory.collect import collect_inventory
from auditor.inventory.ownership.file_ownership import FileOwnership
from auditor.inventory.ownership.os_file_changes import OsComparison, compare_os_files
from auditor.inventory.ownership.unowned_files import UnownedFile, unowned_code, unowned_programs
from auditor.model import OsFile, OsPackages
from tests.builders import Directory, Symlink, elf, image_of, interpreter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Files

LIB = "/usr/local/lib/python3.11"
INTERPRETER: Files = {**interpreter(), f"{LIB}/site-packages": Directory()}


def strays(files: Files, **env: str) -> list[tuple[str, int]]:
    image = image_of({**INTERPRETER, **files}, env={"PATH": "/usr/local/bin", **env})
    inventory = collect_inventory(image)
    runtime = inventory.runtime
    assert runtime is not None
    found = unowned_code(image, runtime, FileOwnership(image, inventory))
    return [(stray.path, stray.files) for stray in found]


def test_a_part_of_the_system_on_the_path_is_not_walked() -> None:
    files: Files = {"/evil.py": "x", "/etc/deep/evil.py": "", "/notes.txt": ""}
    assert strays(files, PYTHONPATH="/") == [("/evil.py", 1)]


def test_another_environments_packages_are_not_on_the_path() -> None:
    venv: Files = {
        "/venv/pyvenv.cfg": "home = /usr/local/bin\n",
        "/venv/bin/python": Symlink("/usr/local/bin/python3.11"),
        "/venv/lib/python3.11/site-packages/stray.py": "12345",
        f"{LIB}/site-packages/elsewhere.py": "",
    }
    found = strays(venv, PATH="/venv/bin")
    assert found == [("/venv/lib/python3.11/site-packages/stray.py", 1)]


def test_sizes_are_added_up() -> None:
    image = image_of(
        {**INTERPRETER, f"{LIB}/site-packages/x/a.py": "123", f"{LIB}/site-packages/x/b/c": "45"},
        env={"PATH": "/usr/local/bin"},
    )
    inventory = collect_inventory(image)
    assert inventory.runtime is not None
    ownership = FileOwnership(image, inventory)
    assert unowned_code(image, inventory.runtime, ownership) == (
        UnownedFile(f"{LIB}/site-packages/x", 2, 5),
    )


def test_a_live_environment_has_no_system_around_it(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    site.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to("/usr/bin/python3")
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
    image = open_environment(tmp_path, ImageQuery(f"env:{tmp_path}", None, None))
    inventory = collect_inventory(image)
    assert inventory.runtime is not None
    assert unowned_programs(image, inventory.runtime, FileOwnership(image, inventory)) == ()
    assert compare_os_files(image, inventory.os_packages) == OsComparison()


def packages(path: str, algorithm: str) -> OsPackages:
    return OsPackages({path: OsFile("libx", "/list", algorithm, bytes(16))})


def test_without_layers_everything_is_compared(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(elf())
    (tmp_path / "list").write_text("/lib.so\n", encoding="utf-8")
    image = open_directory(tmp_path, ImageQuery("dir:root", None, None))
    found = compare_os_files(image, packages("/lib.so", "md5"))
    assert [change.path for change in found.changed] == ["/lib.so"]
    assert (found.compared, found.taken_as_installed) == (1, 0)


def test_the_layer_of_the_list_installed_it() -> None:
    image = image_of({"/lib.so": elf(), "/list": "", "/text": ""})
    assert compare_os_files(image, packages("/lib.so", "md5")).taken_as_installed == 1
    assert compare_os_files(image, packages("/lib.so", "sha256")).compared == 1
    assert compare_os_files(image, packages("/text", "sha256")).compared == 0
    assert compare_os_files(image, packages("/gone", "sha256")).compared == 0
    assert compare_os_files(image, OsPackages({"/lib.so": OsFile("x", "/list")})).compared == 0
