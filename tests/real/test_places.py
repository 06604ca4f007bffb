"""The same lock installed by every installer in a container: /usr/local, and Debian's python3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sample_locks.build import base_image
from sample_locks.fetch import LOCKS, SAMPLES, Target, fetch, requirement_lines, wanted
from tests.builders.audits import check, do
from tests.real.conftest import RUN, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.network]

LOCK = SAMPLES / "agent-proxy" / LOCKS["agent-proxy"]

# Each line but the last is the way there; what is audited is the environment of `{python}`.
UV = "/installers/bin/uv pip sync --python={python} --no-index {options} /src/pylock.toml"
PIP = "/installers/bin/pip --python={python} install --no-index {options}"
PIP_HASHES = f"{PIP} --find-links=/src/wheels --require-hashes --requirement=/src/requirements.txt"
PIP_LOCK = f"{PIP} --requirement=/src/pylock.toml"

DOCKERFILE = """\
FROM {base} AS builder
COPY tools/wheels /tools
RUN python3 -m venv /installers \
 && /installers/bin/python -m pip install --no-index --find-links=/tools --upgrade pip uv
COPY agent-proxy/wheels /src/wheels
COPY agent-proxy/pylock.toml /src/
COPY agent-proxy/requirements.txt /src/
RUN {make}
RUN {install}
FROM {base}
{copies}
CMD ["{python}"]
"""

PLACES = {
    "usr-local": (
        "python",
        "/usr/local/bin/python3",
        # As many images are made: nothing but the interpreter's own place for packages.
        "true",
        ("/usr/local/lib/python3.11/site-packages", "/usr/local/bin"),
    ),
    "debian-venv": ("debian", "/opt/venv/bin/python", "python3 -m venv /opt/venv", ("/opt/venv",)),
}

INSTALLS = {
    "uv-pip-sync": (UV, "", "--compile-bytecode"),
    "pip-require-hashes": (PIP_HASHES, "--no-compile", "--compile"),
    "pip-pylock": (PIP_LOCK, "--no-compile", "--compile"),
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build context with the lock, its files, and it as requirements with hashes."""
    folder = tmp_path_factory.mktemp("context")
    for name in ("tools", "agent-proxy"):
        with one_at_a_time(f"fetch-{name}"):
            wheels = fetch(name)
        (folder / name / "wheels").mkdir(parents=True)
        for wheel in wheels.iterdir():
            if wheel.is_file():
                (folder / name / "wheels" / wheel.name).write_bytes(wheel.read_bytes())
    (folder / "agent-proxy" / "pylock.toml").write_bytes(LOCK.read_bytes())
    lines = requirement_lines(wanted(LOCK, Target.glibc()))
    (folder / "agent-proxy" / "requirements.txt").write_text(lines)
    return folder


@pytest.fixture
def tag(request: pytest.FixtureRequest) -> Iterator[str]:
    """A name for an image that is removed afterwards."""
    name = f"auditor-test/place-{RUN}:{request.node.callspec.id.lower()}"
    yield name
    do("docker", "image", "rm", "--force", name)


@pytest.mark.parametrize("bytecode", [False, True], ids=["sources", "bytecode"])
@pytest.mark.parametrize("installer", INSTALLS)
@pytest.mark.parametrize("place", PLACES)
def test_installed_in_a_container_it_is_consistent(
    place: str, installer: str, bytecode: bool, context: Path, tag: str
) -> None:
    base, python, make, copied = PLACES[place]
    command, without, compiled = INSTALLS[installer]
    with one_at_a_time("build"):
        image = base_image(base)
    dockerfile = context / f"Dockerfile.{tag.rpartition(':')[2]}"
    dockerfile.write_text(
        DOCKERFILE.format(
            base=image,
            make=make,
            install=command.format(python=python, options=compiled if bytecode else without),
            copies="\n".join(f"COPY --from=builder {path} {path}" for path in copied),
            python=python,
        )
    )
    do("docker", "build", "--quiet", "--force-rm", f"--tag={tag}", f"--file={dockerfile}", context)

    audit = check(f"docker:{tag}", LOCK)
    audit.assert_consistent("proven")


def test_beside_debians_own_distributions_it_is_consistent(context: Path) -> None:
    tag = f"auditor-test/place-{RUN}:beside"
    with one_at_a_time("build"):
        image = base_image("debian")
    dockerfile = context / "Dockerfile.beside"
    dockerfile.write_text(
        f"FROM {image}\n"
        "COPY agent-proxy /src\n"
        "RUN pip install --no-index --no-deps --break-system-packages --find-links=/src/wheels"
        " --require-hashes --requirement=/src/requirements.txt\n"
        'CMD ["python3"]\n'
    )
    do("docker", "build", "--quiet", "--force-rm", f"--tag={tag}", f"--file={dockerfile}", context)
    try:
        audit = check(f"docker:{tag}", LOCK)
    finally:
        do("docker", "image", "rm", "--force", tag)

    # Debian's python3-* packages are on this interpreter's path, and no part of the lock.
    assert [line for line in audit.above_note if not line.startswith("LI110")] == []
    assert set(audit.degrees.values()) == {"proven"}
