"""The options of `auditor check` about locked artifacts."""

from __future__ import annotations

import io
import json
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from auditor.http.retries import RetryPolicy
from tests.builders import interpreter
from tests.builders.attested import WHEEL as ATTESTED
from tests.builders.attested import Published, published
from tests.builders.fake_registry import Answer, fake_registry
from tests.cli.conftest import SITE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Invoke, Project, Result

WHEEL = "idna-3.10-py3-none-any.whl"


def evidence(result: Result) -> str:
    (package,) = result.report["packages"]
    return str(package["evidence"])


def report(invoke: Invoke, project: Project, *options: str | Path) -> Result:
    return invoke("check", project.image, "--format", "json", *options)


def locate(project: Project, place: str) -> None:
    """Have the lock say where its wheel is to be found."""
    lock = project.root / "pylock.toml"
    lock.write_text(lock.read_text().replace(f'path = "../wheels/{WHEEL}"', place))


def test_artifact_beside_the_lock_proves(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    result = report(invoke, project, "--cache-dir", tmp_path / "cache")
    assert (result.exit_code, evidence(result)) == (0, "proven")
    shutil.rmtree(project.wheels)
    again = report(invoke, project, "--cache-dir", tmp_path / "cache")
    assert again.stdout == result.stdout
    result = report(invoke, project, "--no-cache")
    assert (result.exit_code, evidence(result)) == (3, "recorded")
    assert "LI903" in result.stdout


def test_offline_is_no_finding(invoke: Invoke, project: Project) -> None:
    shutil.rmtree(project.wheels)
    result = report(invoke, project, "--offline")
    assert (result.exit_code, evidence(result)) == (0, "recorded")
    assert result.codes == []
    assert "not cached" in result.stdout


def test_wheelhouse(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    project.wheels.rename(tmp_path / "house")
    result = report(invoke, project, "--wheelhouse", tmp_path / "house")
    assert (result.exit_code, evidence(result)) == (0, "proven")
    message, _ = report(invoke, project, "--wheelhouse", tmp_path / "nowhere").error(2)
    assert message == f"--wheelhouse {tmp_path}/nowhere: no such folder"


def test_quick_proof(invoke: Invoke, project: Project) -> None:
    result = report(invoke, project, "--evidence", "index")
    assert (result.exit_code, evidence(result)) == (0, "indexed")


def test_mirror_and_index(invoke: Invoke, project: Project) -> None:
    with fake_registry() as server:
        content = (project.wheels / WHEEL).read_bytes()
        server.script[f"/files/{WHEEL}"] = [Answer(body=content)]
        listing = f'<a href="../../files/{WHEEL}">'.encode()
        server.script["/simple/idna/"] = [Answer(body=listing)]
        locate(project, f'url = "https://files.example.org/{WHEEL}"')
        mirror = f"https://files.example.org/=http://{server.host}/files/"
        result = report(invoke, project, "--no-cache", "--mirror", mirror)
        assert (result.exit_code, evidence(result)) == (0, "proven")
        project.lock("idna==3.10")
        locate(project, f'name = "{WHEEL}", path = "gone.whl"')
        result = report(invoke, project, "--index-url", f"http://{server.host}/simple/")
        assert (result.exit_code, evidence(result)) == (0, "proven")


BAD = {
    "cuts": Answer(body=b"x" * 99, cut=9),
    "stalls": Answer(body=b"x" * 99, cut=9, stall=True),
    "404": Answer(404),
    "429": Answer(429, headers={"Retry-After": "0"}),
    "500": Answer(500),
    "other bytes": Answer(body=b"PK nothing of the sort"),
    "redirects": Answer(302, headers={"Location": f"/{WHEEL}"}),
}


WAYS = ("url", "url by ranges", "simple index", "simple index by ranges")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    retry_policy = RetryPolicy(connect=2, read=0.2, tries=2, pause=0.01)
    monkeypatch.setattr("auditor.http.connections.RetryPolicy", lambda: retry_policy)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("trouble", BAD)
def test_servers_trouble_is_no_verdict(
    trouble: str, way: str, invoke: Invoke, project: Project
) -> None:
    with fake_registry() as server:
        server.script[f"/{WHEEL}"] = [BAD[trouble]]
        server.script["/simple/idna/"] = [Answer(body=f'<a href="/{WHEEL}">'.encode())]
        if way.startswith("url"):
            given = [f"--mirror=https://files.example.org/=http://{server.host}/"]
            there = f'url = "https://files.example.org/{WHEEL}"'
        else:
            given = [f"--index-url=http://{server.host}/simple/"]
            there = f'name = "{WHEEL}", path = "gone.whl"'
        locate(project, there)
        given += ["--evidence=index"] if way.endswith("ranges") else []
        result = report(invoke, project, "--no-cache", *given)
    assert (result.exit_code, evidence(result)) == (3, "recorded")
    (found,) = result.report["findings"]
    assert found["code"] == ("LI907" if trouble == "other bytes" else "LI903")
    assert found["message"].startswith(WHEEL)


def test_manifests_are_shared(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    shared = ("--manifests", f"file://{tmp_path}/shared")
    result = report(invoke, project, "--no-cache", *shared)
    assert evidence(result) == "proven"
    shutil.rmtree(project.wheels)
    assert evidence(report(invoke, project, "--no-cache", *shared)) == "proven"
    assert evidence(report(invoke, project, "--no-cache")) == "recorded"


def test_place_that_needs_an_extra(
    invoke: Invoke, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    _, hint = report(invoke, project, "--manifests", "s3://bucket/manifests").error(2)
    assert "pylock-auditor[bucket]" in hint


def test_altered_hash_is_incomplete(invoke: Invoke, project: Project) -> None:
    lock = project.root / "pylock.toml"
    text = lock.read_text()
    at = text.index('sha256 = "') + len('sha256 = "')
    lock.write_text(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])
    result = report(invoke, project)
    assert (result.exit_code, result.codes) == (3, ["LI907"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mirror", "https://user:hunter2@example.org/"], "--mirror: not FROM=TO"),
        (["--mirror", "https://a.example.org/=/srv/files"], "TO is no URL"),
        (["--index-url", "user:hunter2@example.org"], "--index-url: no http or https URL"),
        (["--mirror", "https://a.example.org/=https://u:hunter2@[bad/"], "TO is no URL"),
        (["--mirror", "https://a.example.org/=https://u:hunter2@b:70000/"], "TO is no URL"),
        (["--index-url", "http://u:hunter2@[bad/"], "--index-url: no http or https URL"),
        (["--index-url", "http://u:hunter2@a:port/"], "--index-url: no http or https URL"),
        (["--offline", "--index-url", "https://example.org/simple/"], "contradict each other"),
        (["--manifests", "nowhere://user:hunter2@place"], "--manifests nowhere://... cannot"),
    ],
)
def test_options_that_cannot_be_followed(
    invoke: Invoke, project: Project, options: list[str], words: str
) -> None:
    result = report(invoke, project, *options)
    assert words in result.error(2)[0]
    assert "hunter2" not in result.stderr


def test_offline_beside_a_default_index(invoke: Invoke, project: Project) -> None:
    (project.root / "auditor.toml").write_text(
        'index-url = ["https://example.org/simple/"]\nwheelhouse = ["../wheels"]\n'
    )
    result = report(invoke, project, "--offline")
    assert (result.exit_code, evidence(result)) == (0, "proven")


def test_pip_cache(invoke: Invoke, project: Project, tmp_path: Path) -> None:
    from auditor.artifacts.local_files import in_pip_cache  # noqa: PLC0415 -- the one use of it

    url = f"https://example.org/{WHEEL}"
    locate(project, f'url = "{url}"')
    path = in_pip_cache(url, tmp_path)
    path.parent.mkdir(parents=True)
    (project.wheels / WHEEL).rename(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_CACHE_DIR", str(tmp_path))
        assert evidence(report(invoke, project, "--offline", "--no-cache")) == "proven"
    assert evidence(report(invoke, project, "--offline", "--no-cache")) == "recorded"


# --------------------------------------------------------------------------- attestations


@pytest.fixture
def named(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project, whose lock names who is to have attested its package."""
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(project.root.parent / "home"))
    lock = project.root / "pylock.toml"
    identity = '{ kind = "GitHub", repository = "a/b", workflow = "release.yml" }'
    entry = f'version = "3.10"\nattestation-identities = [{identity}]\n'
    lock.write_text(lock.read_text().replace('version = "3.10"\n', entry))
    return project


def test_attestations_are_verified_only_where_asked(invoke: Invoke, named: Project) -> None:
    result = report(invoke, named)
    (package,) = result.report["packages"]
    assert (result.exit_code, package["attested"]) == (0, None)
    assert "attestations" in [each["what"] for each in result.report["not_checked"]]


@pytest.mark.parametrize("where", ["option", "file"])
@pytest.mark.parametrize(
    ("provenance", "why"),
    [
        (None, "no server is asked (--offline)"),
        (b"{", "its provenance cannot be read"),
        (b'{"version": 1, "attestation_bundles": []}', "its provenance holds no attestation"),
    ],
)
def test_attestations_that_are_unknown(
    invoke: Invoke, named: Project, provenance: bytes | None, why: str, where: str
) -> None:
    if provenance is not None:
        (named.wheels / f"{WHEEL}.provenance").write_bytes(provenance)
    if where == "file":
        (named.root / "auditor.toml").write_text("attestations = true\n")
    option = ("--attestations",) if where == "option" else ()
    result = report(invoke, named, "--offline", *option)
    assert (result.exit_code, result.stderr) == (3, "")
    (package,) = result.report["packages"]
    (finding,) = result.report["findings"]
    assert (package["evidence"], package["attested"]) == ("proven", "unknown")
    assert (finding["code"], finding["lock_line"]) == ("LI903", 4)
    assert finding["expected"] == "GitHub a/b, release.yml"
    assert why in finding["message"]
    assert "attested   1 unknown\n" in invoke("check", named.image, "--offline", *option).stdout


def test_attestations_of_a_lock_that_names_nobody(invoke: Invoke, project: Project) -> None:
    result = report(invoke, project, "--attestations")
    assert result.exit_code == 0
    assert "names no identities" in result.stdout


def test_attestations_need_an_extra(
    invoke: Invoke, named: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pypi_attestations", None)
    assert report(invoke, named).exit_code == 0
    # Before any work: there is no such image.
    _, hint = invoke("check", "docker-archive:none.tar", "--attestations").error(2)
    assert "pip install 'pylock-auditor[attestations]'" in hint


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return published(ATTESTED, tmp_path_factory.mktemp("attested"))


def install(project: Project, real: Published, identity: dict[str, str]) -> None:
    """Make it a project of one published wheel, which that identity is to have attested."""
    name, version = real.filename.split("-")[:2]
    shown = ", ".join(f'{key} = "{value}"' for key, value in identity.items())
    (project.root / real.filename).write_bytes(real.content)
    (project.root / f"{real.filename}.provenance").write_bytes(real.provenance)
    (project.root / "pylock.toml").write_text(
        f'lock-version = "1.0"\ncreated-by = "hand"\n'
        f'[[packages]]\nname = "{name.replace("_", "-")}"\nversion = "{version}"\n'
        f"attestation-identities = [{{ {shown} }}]\n"
        f'wheels = [{{ path = "{real.filename}", hashes = {{ sha256 = "{real.sha256}" }} }}]\n'
    )
    project.files.clear()
    project.files.update(interpreter())
    with zipfile.ZipFile(io.BytesIO(real.content)) as archive:
        files = {each: archive.read(each) for each in archive.namelist() if each[-1] != "/"}
    project.files.update({f"{SITE}/{path}": content for path, content in files.items()})


@pytest.mark.network
@pytest.mark.parametrize(
    ("repository", "attested"),
    [("sign-and-publish-examples", "verified"), ("another", "refused")],
)
def test_attestations_of_a_published_wheel(
    invoke: Invoke, named: Project, real: Published, repository: str, attested: str
) -> None:
    publisher = json.loads(real.provenance)["attestation_bundles"][0]["publisher"]
    origin = f"github.com/CircleCI-Public/{repository}"
    install(named, real, {**publisher, "vcs_origin": origin})
    result = report(invoke, named, "--attestations")
    (package,) = result.report["packages"]
    assert (package["evidence"], package["attested"]) == ("proven", attested)
    assert (result.exit_code, result.stderr) == (0 if attested == "verified" else 3, "")
    assert result.codes == ([] if attested == "verified" else ["LI907"])
    for finding in result.report["findings"]:
        assert origin in finding["expected"]
        assert publisher["vcs_origin"] in finding["actual"]
