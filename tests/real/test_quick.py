"""`--quick` on the samples: what the full audit finds, as far as an interpreter can tell."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import docker
import pytest

from auditor.catalogue import KINDS, QUICK_KINDS, QUICK_NOT_CHECKED
from auditor.image.engine.container import LABEL
from sample_locks.build import RECIPES
from sample_locks.fetch import LOCKS, SAMPLES, fetch
from tests.builders.audits import PROJECT, check
from tests.real.conftest import RUN

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.engine, pytest.mark.network]

LOCK = SAMPLES / "backend" / LOCKS["backend"]
COVERED = KINDS.keys() - QUICK_KINDS


@pytest.mark.parametrize("name", RECIPES)
def test_no_finding_of_its_own_and_none_missing_in_silence(
    name: str, sample: Callable[[str], str]
) -> None:
    reference, lock = f"docker:{sample(name)}", RECIPES[name].lock
    quick, full = check(reference, lock, "--quick"), check(reference, lock)
    assert quick.code == 0
    assert quick.report["mode"] == "quick"
    assert quick.report["packages"]
    assert set(quick.degrees.values()) == {"version"}

    def identities(findings: list[dict[str, str]]) -> set[tuple[str, str]]:
        return {(each["code"], each["fingerprint"]) for each in findings}

    asked, read = identities(quick.report["findings"]), identities(full.report["findings"])
    assert asked <= read
    # Bootstrap tools of environments that nobody runs are other environments' matter.
    assert {code for code, _ in read - asked} <= COVERED | {"LI108"}
    assert {code for code, _ in asked} <= QUICK_KINDS
    said = {(item["what"], item["why"]) for item in quick.report["not_checked"]}
    assert {(each.what, each.why) for each in QUICK_NOT_CHECKED} <= said
    assert quick.report["environments"][0] == full.report["environments"][0]
    assert quick.report["image"]["digest"] == full.report["image"]["digest"]


@pytest.mark.parametrize(
    ("instruction", "finding"),
    [
        ("/opt/venv/bin/pip uninstall --yes tenacity", ("LI101", "tenacity")),
        (
            "/opt/venv/bin/pip install --no-index --find-links=/tmp/drift humanize",
            ("LI102", "humanize"),
        ),
        (
            "/opt/venv/bin/pip install --no-index --no-deps -U --find-links=/tmp/drift requests",
            ("LI103", "requests"),
        ),
    ],
    ids=["missing", "extra", "other-version"],
)
def test_what_pip_would_list_is_found(
    instruction: str, finding: tuple[str, str], derived: Callable[..., str]
) -> None:
    fetch("drift")
    tag = derived(
        f"quick-{finding[0].lower()}",
        "backend-clean",
        "COPY wheels /tmp/drift",
        f"RUN {instruction}",
        context=SAMPLES / "drift",
    )
    audit = check(f"docker:{tag}", LOCK, "--quick")
    assert audit.code == 1
    assert finding in audit.findings


@pytest.mark.parametrize("seconds", [0.3, 0.6, 0.9, 1.2])
@pytest.mark.parametrize("arguments", [("--quick",), ("--no-cache",)], ids=["quick", "full"])
def test_interrupted_at_any_time_nothing_is_left(
    derived: Callable[..., str], seconds: float, arguments: tuple[str, ...]
) -> None:
    # An image of its own: other audits of the sample have containers that come and go.
    label = f"{arguments[0].strip('-')}-{seconds}"
    tag = derived(f"interrupted-{label}", "backend-clean", f"LABEL interrupted={label}-{RUN}")
    command = [sys.executable, "-m", "auditor", "check", tag, "--lock", str(LOCK), *arguments]
    with subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        time.sleep(seconds)
        child.terminate()
        _, stderr = child.communicate(timeout=30)
    # It may be through by then; a signal while Python itself starts ends it without a word.
    assert (child.returncode, stderr) in [(130, b"auditor: interrupted\n"), (0, b""), (-15, b"")]
    client = docker.from_env()
    image = client.images.get(tag).id
    mine = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    client.close()
    assert [each for each in mine if each.attrs["Image"] == image] == []
