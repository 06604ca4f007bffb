"""`auditor cache`, and the options of `auditor check` that concern it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders import oci_layout
from tests.builders.bytecode import CACHE, TAG, base, comparisons, compiled, timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Files
    from tests.cli.conftest import Invoke, Project, Result


def check(invoke: Invoke, project: Project, *options: str | Path) -> Result:
    layout = oci_layout(project.root / "layout", project.files, cmd=["python", "-m", "app"])
    return invoke("check", f"oci:{layout}", *options)


def test_says_where_and_how_much(
    invoke: Invoke, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cache"
    empty = (
        f"{folder}/layers: 0 entries, 0.0 MiB of at most 2,048.0 MiB\n"
        f"{folder}/manifests: 0 entries, 0.0 MiB, kept for ever\n"
    )
    result = invoke("cache", "--cache-dir", folder)
    assert (result.exit_code, result.stdout, result.stderr) == (0, empty, "")
    assert check(invoke, project, "--cache-dir", folder).exit_code == 0
    layers, manifests = invoke("cache", "--cache-dir", folder).stdout.splitlines()
    # The layer's index and the image's configuration; the one locked wheel.
    assert layers.startswith(f"{folder}/layers: 2 entries, 0.0 MiB of")
    assert manifests.startswith(f"{folder}/manifests: 1 entry, 0.0 MiB")
    monkeypatch.setenv("AUDITOR_CACHE_DIR", str(folder))
    result = invoke("cache", "clear")
    assert result.stdout.splitlines() == [
        f"{folder}/layers: removed 2 entries, 0.0 MiB",
        f"{folder}/manifests: removed 1 entry, 0.0 MiB",
    ]
    assert invoke("cache").stdout == empty


def test_default_is_the_users_own(
    invoke: Invoke, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    check(invoke, project)
    assert list((tmp_path / "auditor/layers").iterdir())
    assert invoke("cache").stdout.startswith(f"{tmp_path}/auditor/layers: 2 entries")


def test_no_cache(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert check(invoke, project, "--cache-dir", folder, "--no-cache").exit_code == 0
    assert not folder.exists()


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--verify",), 3), (("--no-cache",), 3)])
def test_verify_reads_again(
    invoke: Invoke, project: Project, options: tuple[str, ...], code: int
) -> None:
    layout = oci_layout(project.root / "layout", project.files, cmd=["python", "-m", "app"])
    cold = invoke("check", f"oci:{layout}")
    assert cold.exit_code == 0
    for blob in (layout / "blobs/sha256").iterdir():
        content = blob.read_bytes()
        if not content.startswith(b"{"):
            blob.write_bytes(content[:-20])
    result = invoke("check", f"oci:{layout}", *options)
    assert result.exit_code == code
    if not code:
        assert result.stdout == cold.stdout


@pytest.mark.parametrize(
    ("options", "read"), [((), 0), (("--verify",), 1), (("--no-cache",), 1)], ids=str
)
def test_bytecode_is_compared_again(
    invoke: Invoke, project: Project, options: tuple[str, ...], read: int
) -> None:
    layers: list[Files] = [base(), {f"{CACHE}/mod.{TAG}.pyc": timestamp(compiled())}]
    layout = oci_layout(project.root / "layout", layers, cmd=["python", "-m", "app"])
    with comparisons() as asked:
        assert invoke("check", f"oci:{layout}").exit_code == 1  # nobody has installed that module
        assert len(asked) == 1
        invoke("check", f"oci:{layout}", *options)
        assert len(asked) == 1 + read


def test_action_has_to_exist(invoke: Invoke) -> None:
    assert "'shrink'" in invoke("cache", "shrink").error(2)[0]
