from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from auditor.cli import run
from auditor.report.schema import schema
from tests.builders import docker_archive, interpreter
from tests.builders.wheels import distribution, installed, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.files import Content


@dataclass(frozen=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str

    @cached_property
    def report(self) -> dict[str, Any]:
        """The report on standard output, which follows the schema."""
        return document(self.stdout)

    @property
    def codes(self) -> list[str]:
        """Codes of the findings that count."""
        return [each["code"] for each in self.report["findings"] if each["ignored"] is None]

    def error(self, exit_code: int) -> tuple[str, str]:
        """Return the error and its hint, which have to be all that is printed."""
        assert (self.exit_code, self.stdout) == (exit_code, ""), self
        error, hint = self.stderr.splitlines()
        assert error.startswith("auditor: error: ")
        assert hint.startswith("hint: ")
        return error.removeprefix("auditor: error: "), hint.removeprefix("hint: ")


Invoke = Callable[..., Result]


def document(text: str) -> dict[str, Any]:
    """Return a report in JSON, which follows the schema."""
    value: dict[str, Any] = json.loads(text)
    jsonschema.validate(value, schema())
    return value


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns and nothing from the developer's own environment."""
    for name in [name for name in os.environ if name.startswith("AUDITOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def invoke(capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Runs a command line in this process."""

    def invoked(*arguments: str | Path) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return invoked


SITE = "/usr/local/lib/python3.11/site-packages"


@dataclass(frozen=True)
class Project:
    """A directory with a lock, and a saved image beside it."""

    root: Path
    archive: Path
    files: dict[str, Content] = field(default_factory=interpreter)

    @property
    def image(self) -> str:
        """The image as it is now, to be given on the command line."""
        archive = docker_archive(self.files, cmd=["python", "-m", "app"])
        self.archive.write_bytes(archive)
        return f"docker-archive:{self.archive}"

    @property
    def wheels(self) -> Path:
        """The folder of the locked wheels, beside the project."""
        return self.root.parent / "wheels"

    @property
    def digest(self) -> str:
        with tarfile.open(self.archive) as archive:
            (config,) = (name for name in archive.getnames() if len(name) == 64 + len(".json"))
        return f"sha256:{config.removesuffix('.json')}"

    def install(self, name: str, version: str) -> None:
        """Lay down a distribution of one module, as an installer would."""
        self.files.update(installed(distribution(f"{name}=={version}"), SITE, "uv"))

    def lock(self, *packages: str, top: str = "", file: str = "pylock.toml") -> Path:
        """Write a lock of `name==version` packages, each with one wheel beside it."""
        entries = []
        for package in packages:
            name, _, rest = package.partition("==")
            version, _, marker = rest.partition(";")
            filename = f"{name}-{version}-py3-none-any.whl"
            content = wheel(distribution(f"{name}=={version}"), name=f"{name}-{version}")
            self.wheels.mkdir(exist_ok=True)
            (self.wheels / filename).write_bytes(content)
            sha256 = hashlib.sha256(content).hexdigest()
            entries.append(
                f'[[packages]]\nname = "{name}"\nversion = "{version}"\n'
                + (f'marker = "{marker}"\n' if marker else "")
                + f'wheels = [{{ path = "../wheels/{filename}",'
                + f' hashes = {{ sha256 = "{sha256}" }} }}]\n'
            )
        path = self.root / file
        head = f'lock-version = "1.0"\ncreated-by = "hand"\n{top}\n'
        path.write_text(head + "\n".join(entries))
        return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of one distribution whose image is consistent; the tests run in it."""
    made = Project(tmp_path / "project", tmp_path / "image.tar")
    made.root.mkdir()
    made.install("idna", "3.10")
    made.lock("idna==3.10")
    monkeypatch.chdir(made.root)
    return made
