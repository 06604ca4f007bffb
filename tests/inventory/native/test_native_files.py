"""Which native libraries are in scope."""

from __future__ import annotations

from dataclasses import replace

from auditor.inventory.collect import collect_inventory
from auditor.inventory.native.native_files import native_files
from tests.builders import Files, Symlink, elf, image_of

PYTHON: Files = {
    "/usr/local/bin/python3.11": elf(strings=["3.11.7"]),
    "/usr/local/lib/python3.11/os.py": "",
}
VENV = "/opt/venv/lib/python3.11/site-packages"


def test_a_base_interpreters_own_packages_are_out_of_scope() -> None:
    library = elf(needed=["libc.so.6"])
    image = image_of(
        {
            **PYTHON,
            "/opt/venv/pyvenv.cfg": "home = /usr/local/bin\n",
            "/opt/venv/bin/python": Symlink("/usr/local/bin/python3.11"),
            f"{VENV}/fast.so": library,
            "/usr/local/lib/python3.11/site-packages/numpy/core.so": library,
            "/usr/local/lib/python3.11/lib-dynload/_x.so": library,
        }
    )
    inventory = collect_inventory(image, "/opt/venv")
    # A live environment is audited without the other environments of its machine.
    alone = replace(inventory, environments=inventory.environments[:1])
    for each in (inventory, alone):
        found = native_files(image, each, None, lambda path: None)
        assert [file.path for file in found] == [
            f"{VENV}/fast.so",
            "/usr/local/lib/python3.11/lib-dynload/_x.so",
        ]
