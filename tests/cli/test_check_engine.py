"""`auditor check` on an image that a real engine holds."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.cli.conftest import Invoke, Project

pytestmark = pytest.mark.engine


@pytest.fixture
def tag(engine: DockerClient, project: Project) -> Iterator[str]:
    """The project's image in the engine; its interpreter is a bare ELF header."""
    name = f"auditor-test-{uuid.uuid4().hex}:latest"
    archive = project.image.removeprefix("docker-archive:")
    with open(archive, "rb") as stream:
        (image,) = engine.images.load(stream.read())
    image.tag(name)
    yield name
    engine.images.remove(name)


@pytest.mark.parametrize(
    ("arguments", "codes"),
    [pytest.param((), ["LI904"], id="asked"), pytest.param(("--no-run",), [], id="not-asked")],
)
def test_pip_list_is_asked_of_the_engine_alone(
    invoke: Invoke,
    project: Project,
    tag: str,
    arguments: tuple[str, ...],
    codes: list[str],
) -> None:
    result = invoke("check", tag, "--format", "json", *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.codes == codes
    unasked = "pip list" in [item["what"] for item in result.report["not_checked"]]
    assert unasked is bool(arguments)
    assert result.report["image"]["digest"] == project.digest


def test_an_image_that_the_engine_does_not_have(invoke: Invoke, project: Project) -> None:
    assert project.root.is_dir()
    invoke("check", f"docker:auditor-test-{uuid.uuid4().hex}").error(3)
