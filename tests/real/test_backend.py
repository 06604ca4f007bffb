"""The production-shaped image: consistent as locked, and each drift named for what it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sample_locks.build import base_image
from sample_locks.fetch import LOCKS, SAMPLES, fetch
from tests.builders.audits import PROJECT, check, due, run

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.engine, pytest.mark.network]

LOCK = SAMPLES / "backend" / LOCKS["backend"]
SITE = "/opt/venv/lib/python3.11/site-packages"


PIP = "RUN /opt/venv/bin/pip"
NEWER = f"COPY wheels /tmp/drift\n{PIP} install --no-index --find-links=/tmp/drift"

DRIFTS: dict[str, tuple[str, tuple[str, str], tuple[str, ...]]] = {
    "upgraded": (
        f"{NEWER} --no-deps --upgrade requests", ("LI103", "requests"), ("2.32.5", "2.34.2")
    ),
    "uninstalled": (f"{PIP} uninstall --yes tenacity", ("LI101", "tenacity"), ("tenacity",)),
    "extra": (f"{NEWER} humanize", ("LI102", "humanize"), ("4.17.0",)),
    "edited": (
        f"RUN echo '# edited' >> {SITE}/jinja2/loaders.py",
        ("LI201", "jinja2"), (f"{SITE}/jinja2/loaders.py",),
    ),
    "deleted": (
        f"RUN rm {SITE}/jinja2/sandbox.py", ("LI202", "jinja2"), (f"{SITE}/jinja2/sandbox.py",)
    ),
    "twice": (
        (f"RUN cd {SITE} && cp -r requests-2.32.5.dist-info requests-2.0.0.dist-info"
         " && sed -i 's/^Version: .*/Version: 2.0.0/' requests-2.0.0.dist-info/METADATA"),
        ("LI104", "requests"), ("2.32.5", "2.0.0"),
    ),
    "editable": (
        ("RUN mkdir -p /src/tenacity"
        """ && printf '[project]\\nname = "tenacity"\\nversion = "0.1"\\n'"""
        " > /src/tenacity/pyproject.toml && touch /src/tenacity/tenacity.py"
        " && /opt/venv/bin/pip install --no-index --no-build-isolation --no-deps"
        " --editable /src/tenacity"),
        ("LI107", "tenacity"), ("/src/tenacity",),
    ),
    "lying": (
        f"""RUN echo 'print("[]")' > {SITE}/pip/__main__.py\nRUN rm -rf {SITE}/pip/__pycache__""",
        ("LI401", "requests"), (),
    ),
}  # fmt: skip
"""Ways to leave the lock: instructions, code and subject of a finding, words that are in it."""


def test_as_locked_it_is_consistent(sample: Callable[[str], str]) -> None:
    audit = check(f"docker:{sample('backend-clean')}", LOCK)
    audit.assert_consistent()
    assert len(audit.degrees) > 100
    assert audit.degrees == due(LOCK, audit)
    assert set(audit.degrees.values()) == {"proven", "built"}
    assert {row["unproven_files"] for row in audit.report["packages"]} == {0}
    assert {"grpcio", "lc3py", "numpy", "onnxruntime", "scipy", "webrtcvad"} <= audit.degrees.keys()


@pytest.mark.parametrize(("variant", "code"), [("clean", 0), ("drifted", 1)])
def test_the_readme_shows_what_is_printed(
    variant: str, code: int, sample: Callable[[str], str]
) -> None:
    command = f"check docker:auditor-sample/backend:{variant}\n"
    shown = (PROJECT / "README.md").read_text(encoding="utf-8")
    shown = shown.partition(command)[2].partition("```")[0]
    tag = sample(f"backend-{variant}")
    done = run("check", f"docker:{tag}", "--lock", LOCK.name, cwd=LOCK.parent)

    assert done.returncode == code
    above, elided, below = _without_digests(shown).partition("  ...\n")
    printed = _without_digests(done.stdout)
    assert elided
    assert printed.startswith(above)
    assert printed.endswith(below)


def _without_digests(text: str) -> str:
    """Take out what differs from one build of the image to the next."""
    return re.sub(r"sha256:[0-9a-f]{64}|\b\d\d\d,\d\d\d bytes", "-", text)


def test_writing_the_same_bytes_again_is_no_drift(derived: Callable[..., str]) -> None:
    library = "/usr/local/lib/python3.11"
    tag = derived(
        "backend-again",
        "backend-clean",
        f"RUN chmod -R g+w {library}/json {library}/os.py /usr/local/bin {SITE}/requests",
        f"COPY --from={base_image('python')} /usr/local/bin /usr/local/bin",
    )

    audit = check(f"docker:{tag}", LOCK)
    audit.assert_consistent()


@pytest.mark.parametrize("name", DRIFTS)
def test_a_further_layer_that_leaves_the_lock_is_told(
    name: str, derived: Callable[..., str]
) -> None:
    instructions, finding, words = DRIFTS[name]
    fetch("drift")
    tag = derived(f"backend-{name}", "backend-clean", instructions, context=SAMPLES / "drift")

    audit = check(f"docker:{tag}", LOCK)

    assert audit.code == 1, audit.above_note
    assert finding in audit.findings
    told = [f for f in audit.report["findings"] if (f["code"], f["subject"]) == finding]
    for word in words:
        assert any(word in str(found) for found in told)


def test_the_environment_that_runs_is_the_locked_one_whatever_else_is_wrong(
    sample: Callable[[str], str],
) -> None:
    audit = check(f"docker:{sample('backend-drifted')}", LOCK)

    assert [env["prefix"] for env in audit.report["environments"]] == ["/opt/venv", "/usr/local"]
    assert audit.degrees == due(LOCK, audit)
    in_it = [
        found
        for found in audit.report["findings"]
        if found["environment"] == "/opt/venv" and found["code"][:3] in {"LI1", "LI2"}
    ]
    assert {found["code"] for found in in_it} <= {"LI108"}


def test_the_hand_built_library_is_told_with_all_that_is_known_of_it(
    sample: Callable[[str], str],
) -> None:
    audit = check(f"docker:{sample('backend-drifted')}", LOCK)

    library = "/usr/local/lib/liblc3.so.1.1.3"
    codes = {found["code"]: found for found in audit.report["findings"] if found["path"] == library}
    assert {"LI301", "LI302", "LI304"} <= codes.keys()
    for word in (
        "SONAME liblc3.so.1",
        "also as liblc3.so, liblc3.so.1",
        "the loader takes it for liblc3.so.1 (LD_LIBRARY_PATH)",
        "lc3py bundles the same SONAME",
        "lc3py names it in find_library (lc3.py)",
    ):
        assert word in codes["LI301"]["message"]
    assert "COPY" in codes["LI301"]["layer"]["created_by"]
    assert codes["LI302"]["expected"].endswith("/.lc3py.mesonpy.libs/liblc3.so.1")
    assert not [line for line in audit.findings if "jemalloc" in str(line)]
    assert audit.report["checked"]["native_libraries"] > 700
