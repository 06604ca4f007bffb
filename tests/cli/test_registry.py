"""Images in Debian's docker-registry, with TLS by an authority of its own and a password."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.builders.certificates import certificates
from tests.builders.files import layer_tar
from tests.builders.images import oci_index, oci_layout, oci_manifest, oci_members, write_members
from tests.cli.conftest import SITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Invoke, Project, Result

pytestmark = [pytest.mark.registry, pytest.mark.xdist_group("registry")]

USER, PASSWORD = "alice", "correct-horse"


@dataclass(frozen=True)
class Registry:
    host: str
    folder: Path
    """With `ca.crt`."""
    tls: bool

    @property
    def login(self) -> dict[str, Any]:
        """What docker keeps after `docker login`."""
        return {"auths": {self.host: {"auth": base64.b64encode(self.pair.encode()).decode()}}}

    @property
    def pair(self) -> str:
        return f"{USER}:{PASSWORD}"

    @property
    def options(self) -> list[str]:
        return ["--tls-ca", f"{self.folder}/ca.crt"] if self.tls else ["--plain-http"]

    def copy(self, layout: str, name: str, *options: str) -> None:
        """Put an image of a layout into the registry."""
        trust = f"--dest-cert-dir={self.folder}" if self.tls else "--dest-tls-verify=false"
        subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "--quiet", trust, f"--dest-creds={self.pair}",
             *options, f"oci:{layout}", f"docker://{self.host}/{name}"],
            check=True,
        )  # fmt: skip


def configuration(registry: Registry) -> str:
    folder = registry.folder
    tls = {"certificate": f"{folder}/it.pem", "key": f"{folder}/server-key.pem"}
    return json.dumps(
        {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": f"{folder}/blobs"}},
            "http": {"addr": registry.host} | ({"tls": tls} if registry.tls else {}),
            "auth": {"htpasswd": {"realm": "here", "path": f"{folder}/htpasswd"}},
        }
    )


@pytest.fixture(scope="module", params=[True, False], ids=["tls", "plain"])
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{found.getsockname()[1]}"
    made = Registry(host, folder, tls=request.param)
    certificates(folder)
    words = subprocess.run(
        ["htpasswd", "-Bbn", USER, PASSWORD], check=True, capture_output=True, text=True
    )
    (folder / "htpasswd").write_text(words.stdout)
    (folder / "config.yml").write_text(configuration(made))  # JSON is YAML
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            ["docker-registry", "serve", f"{folder}/config.yml"], stdout=log, stderr=log
        )
        try:
            address, _, port = host.partition(":")
            for _ in range(100):
                with socket.socket() as attempt:
                    if attempt.connect_ex((address, int(port))) == 0:
                        break
                time.sleep(0.1)
            yield made
        finally:
            server.terminate()
            server.wait(timeout=30)


@pytest.fixture(autouse=True)
def logged_in(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration, with the right password; gives its file."""
    for name in ("DOCKER_AUTH_CONFIG", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "docker"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(registry.login))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder / "config.json"


@pytest.fixture
def layout(project: Project, tmp_path: Path) -> str:
    """The project's image, in two layers, with something wrong in the upper one."""
    project.install("six", "1.0")
    changed = {f"{SITE}/idna/__init__.py": "changed"}
    path = tmp_path / "layout"
    oci_layout(path, [project.files, changed], cmd=["python"], created_by=["COPY", "RUN sed"])
    return f"{path}:latest"


def report(result: Result) -> dict[str, Any]:
    return {**result.report, "image": {**result.report["image"], "reference": ""}}


def test_the_same_as_from_a_layout(
    invoke: Invoke, project: Project, registry: Registry, layout: str
) -> None:
    registry.copy(layout, "team/app:1")
    here = invoke("check", f"oci:{layout}", "--format", "json")
    name = f"registry:{registry.host}/team/app"
    there = invoke("check", f"{name}:1", *registry.options, "--format", "json")
    assert here.exit_code == there.exit_code == 1
    assert report(there) == report(here)
    assert {"LI102", "LI201"} <= set(there.codes)
    digest = there.report["image"]["manifest_digest"]
    again = invoke("check", f"{name}@{digest}", *registry.options, "--format", "json")
    assert report(again) == report(here)
    message, _ = invoke("check", f"{name}:gone", *registry.options).error(3)
    assert "the registry has no such image" in message


@pytest.mark.parametrize(("kind", "packing"), [("v2s2", "gzip"), ("oci", "gzip"), ("oci", "zstd")])
def test_media_types(
    invoke: Invoke, registry: Registry, layout: str, kind: str, packing: str
) -> None:
    registry.copy(
        layout, f"{kind}:{packing}", f"--format={kind}", f"--dest-compress-format={packing}"
    )
    name = f"registry:{registry.host}/{kind}:{packing}"
    found = invoke("check", name, *registry.options, "--format", "json")
    here = invoke("check", f"oci:{layout}", "--format", "json")
    assert found.exit_code == 1
    for key in ("packages", "findings", "environments", "checked", "not_checked"):
        assert found.report[key] == here.report[key]


def test_platforms(invoke: Invoke, project: Project, registry: Registry, tmp_path: Path) -> None:
    members = oci_members({})
    made = [
        oci_manifest(members, [layer_tar(project.files)], {"cmd": ["python"], "architecture": name})
        for name in ("amd64", "s390x")
    ]
    top = oci_index(members, made)
    members["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [top]}).encode()
    write_members(tmp_path / "many", members)
    registry.copy(f"{tmp_path}/many", "many:1", "--all")
    audit = ("check", f"registry:{registry.host}/many:1", *registry.options, "--platform")
    found = invoke(*audit, "linux/s390x", "--format", "json")
    assert found.report["image"]["platform"] == "linux/s390x"
    assert found.report["image"]["manifest_digest"] == made[1]["digest"]
    assert "other platforms" in {each["what"] for each in found.report["not_checked"]}
    compared = invoke(*audit, "linux/s390x", "--all-platforms", "--format", "json")
    assert compared.report["findings"] == found.report["findings"]
    assert not [each for each in compared.report["not_checked"] if "platform" in each["what"]]
    assert "linux/amd64, linux/s390x" in " ".join(invoke(*audit, "linux/arm64").error(2))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "wants credentials"), (f"{USER}:wrong-horse", "are not accepted")],
    ids=["nobody", "wrong-password"],
)
@pytest.mark.usefixtures("project")
def test_without_the_right_password(
    invoke: Invoke, registry: Registry, logged_in: Path, content: str | None, message: str
) -> None:
    logged_in.unlink()
    if content is not None:
        auth = base64.b64encode(content.encode()).decode()
        logged_in.write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
    result = invoke("check", f"registry:{registry.host}/app", *registry.options)
    error, hint = result.error(3)
    assert message in error
    assert hint.startswith("log in with `docker login")
    assert "horse" not in result.stderr


def test_who_is_trusted(
    invoke: Invoke, registry: Registry, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.copy(layout, "trusted:1")
    name = f"registry:{registry.host}/trusted:1"
    error, hint = invoke("check", name).error(3)
    if not registry.tls:
        assert error.endswith("does not speak TLS")
        assert hint.startswith("give --plain-http")
        return
    assert "TLS fails (certificate verify failed" in error
    assert "--tls-ca" in hint
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        with monkeypatch.context() as patched:
            patched.setenv(variable, f"{registry.folder}/ca.crt")
            assert invoke("check", name).exit_code == 1
    assert "drop --plain-http" in invoke("check", name, "--plain-http").error(3)[1]
