"""`auditor check IMAGE --quick`; a real HTTP server plays the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from auditor.catalogue import QUICK_NOT_CHECKED
from tests.builders.container_archive import files_of
from tests.builders.fake_engine import cut, fake_engine, status, value
from tests.builders.probes import INTERPRETER, probe_output
from tests.cli.conftest import SITE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.builders.fake_engine import Answer, Call
    from tests.cli.conftest import Invoke, Project, Result

    Ask = Callable[..., Result]

IMAGE: dict[str, Any] = {
    "Id": "sha256:" + "a" * 64,
    "RepoDigests": ["registry.example/thing@sha256:" + "b" * 64],
    "Config": {"Cmd": ["python", "-m", "app"], "Env": ["PATH=/usr/local/bin"]},
    "Architecture": "amd64",
    "Os": "linux",
    "RootFS": {"Layers": ["sha256:" + "c" * 64]},
}
PYTHON = "/usr/local/bin/python"
FILES = {f"{PYTHON}3.11": "", PYTHON: f"-> {PYTHON}3.11"}
INSPECT = "GET /images/thing/json"
ATTACH, START = "POST /containers/NAME/attach", "POST /containers/NAME/start"
REMOVE = "DELETE /containers/NAME"


def statement(*installed: str) -> dict[str, Any]:
    """Return what the interpreter says of these `name==version`."""
    said: dict[str, Any] = {
        "interpreter": INTERPRETER,
        "prefix": "/usr/local",
        "paths": [SITE],
        "files": {},
        "folders": [SITE],
        "unreadable": {},
        "absent": ["/usr/local/pyvenv.cfg"],
    }
    for each in installed:
        name, _, version = each.partition("==")
        folder = f"{SITE}/{name}-{version}.dist-info"
        said["folders"].append(folder)
        said["files"][f"{folder}/METADATA"] = f"Name: {name}\nVersion: {version}\n"
    return said


def answers(*installed: str, files: Mapping[str, str | bytes] = FILES) -> dict[str, Answer]:
    said = probe_output(statement(*installed), [(*each.split("=="),) for each in installed])  # type: ignore[misc]
    frame = b"\1\0\0\0" + len(said).to_bytes(4, "big") + said
    return {
        INSPECT: value(IMAGE),
        f"GET /images/{IMAGE['Id']}/json": value(IMAGE),
        "POST /containers/create": value({"Id": "c0ffee"}),
        ATTACH: lambda call: call.send(frame),
        START: lambda call: call.send(b"", 204),
        "POST /containers/NAME/wait": value({"StatusCode": 0}),
        "GET /containers/NAME/json": value({"State": {}}),
        REMOVE: lambda call: call.send(b"", 204),
        **files_of(files),
    }


@pytest.fixture
def ask(invoke: Invoke, project: Project, engine_socket: Path) -> Ask:
    """Runs `check thing --quick` against an engine; nothing may be left in it, nothing saved."""
    assert project.root.is_dir()

    def asked(told: Mapping[str, Answer], *arguments: str) -> Result:
        with fake_engine(engine_socket, told) as calls:
            result = invoke("check", "docker:thing", "--quick", *arguments)
        engine_socket.unlink()
        assert calls.count("POST /containers/create") == calls.count(REMOVE)
        assert not [call for call in calls if call.endswith(("/get", "/export"))]
        return result

    return asked


def test_as_locked(ask: Ask) -> None:
    result = ask(answers("idna==3.10"), "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    found = result.report
    assert (found["mode"], found["verdict"], found["findings"]) == ("quick", "consistent", [])
    assert found["image"] == {
        "reference": "docker:thing",
        "digest": IMAGE["Id"],
        "manifest_digest": "sha256:" + "b" * 64,
        "platform": "linux/amd64",
        "layers": [],
        "kind": "image",
    }
    assert found["checked"] == {"files": 0, "bytes": 0, "packages": 1, "native_libraries": 0}
    assert [row["evidence"] for row in found["packages"]] == ["version"]
    assert {item["what"] for item in found["not_checked"]} == {
        each.what for each in QUICK_NOT_CHECKED
    }


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ([], [("LI101", "idna")]),
        (["idna==3.10", "chardet==5.0"], [("LI102", "chardet")]),
        (["idna==3.11"], [("LI103", "idna")]),
        (["idna==3.10", "pip==24.0"], [("LI108", "pip")]),
    ],
    ids=["missing", "extra", "other-version", "bootstrap"],
)
def test_what_differs(ask: Ask, installed: list[str], expected: list[tuple[str, str]]) -> None:
    result = ask(answers(*installed), "--format", "json")
    found = result.report["findings"]
    assert [(each["code"], each["subject"]) for each in found] == expected
    assert result.exit_code == (0 if expected[0][0] == "LI108" else 1)
    assert {each["layer"] for each in found} == {None}


def test_table_says_that_it_was_quick(ask: Ask) -> None:
    result = ask(answers("idna==3.10"))
    assert result.exit_code == 0
    assert result.stdout.startswith("consistent (quick audit): docker:thing sha256:aaa")
    listed = " ".join(result.stdout.partition("Not checked\n")[2].split())
    for each in QUICK_NOT_CHECKED:
        assert f"{each.what}: {each.why}" in listed


def test_image_without_pip(ask: Ask) -> None:
    output = probe_output(statement("idna==3.10")).replace(b"\n[]\n", b"\n")
    error = b"ImportError: No module named pip"
    frames = b"".join(
        bytes([number, 0, 0, 0]) + len(text).to_bytes(4, "big") + text
        for number, text in ((1, output), (2, error))
    )
    told = {
        **answers(),
        ATTACH: lambda call: call.send(frames),
        "POST /containers/NAME/wait": value({"StatusCode": 1}),
    }
    result = ask(told, "--format", "json")
    assert (result.exit_code, result.codes) == (0, ["LI904"])
    message = "pip list could not run: pip is not installed in /usr/local"
    assert result.report["findings"][0]["message"] == message


def refuse(call: Call) -> None:
    status(400, 'exec: "/usr/local/bin/python": permission denied: unknown')(call)


CONTRADICTED = "--quick reads no file and asks one interpreter"
MORE = (("--bytecode",), ("--attestations",), ("--no-run",), ("--base", "x"))


@pytest.mark.parametrize(
    ("told", "arguments", "code", "message"),
    [
        ({INSPECT: status(404, "no such image")}, (), 3, "the container engine has no image thing"),
        ({INSPECT: cut()}, (), 3, "the container engine closed the connection"),
        ({**files_of({"/bin/sh": ""})}, (), 3, "docker:thing: neither its command nor VIRTUAL_ENV"),
        ({START: refuse}, (), 3, f"docker:thing: {PYTHON} did not answer: {PYTHON} cannot"),
        ({}, ("--python", "/opt/venv"), 2, "--python /opt/venv: docker:thing has no such"),
        ({}, ("--platform", "linux/arm64"), 3, "docker:thing is for linux/amd64, not for"),
        ({}, ("--expect-digest", "sha256:" + "0" * 64), 3, "docker:thing is sha256:aaa"),
        ({}, ("--lock", "none.toml"), 2, "none.toml: No such file"),
        *(({}, option, 2, f"{CONTRADICTED}: {option[0]}") for option in MORE),
    ],
    ids=[
        "no-image",
        "engine-dies",
        "no-python",
        "not-started",
        "not-named",
        "platform",
        "digest",
        "no-lock",
        *(option.strip("-") for option, *_ in MORE),
    ],
)
def test_no_audit(
    ask: Ask, told: Mapping[str, Answer], arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = ask({**answers("idna==3.10"), **told}, *arguments, "--format", "json")
    assert result.error(code)[0].startswith(message)


@pytest.mark.parametrize("image", ["container:x", "registry:example.org/x:y", "dir:."])
def test_only_an_engine_s_image_can_be_asked(invoke: Invoke, project: Project, image: str) -> None:
    assert project.root.is_dir()
    message, _ = invoke("check", image, "--quick").error(2)
    assert message == f"--quick asks an image that an engine holds, and {image} is not one"


def test_what_asks_for_more_may_be_a_default(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_BYTECODE", "1")
    assert ask(answers("idna==3.10")).exit_code == 0


def test_attestations_as_a_default_are_said_to_be_left(
    ask: Ask, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_ATTESTATIONS", "1")
    named = 'version = "3.10"\nattestation-identities = [{ kind = "GitHub" }]\n'
    lock = project.root / "pylock.toml"
    lock.write_text(lock.read_text().replace('version = "3.10"\n', named))
    result = ask(answers("idna==3.10"), "--format", "json")
    assert result.exit_code == 0
    assert "attestations" in [each["what"] for each in result.report["not_checked"]]


def test_less_evidence_than_required_is_no_pass(ask: Ask) -> None:
    result = ask(answers("idna==3.10"), "--require", "recorded", "--format", "json")
    assert (result.exit_code, result.codes) == (3, ["LI903"])


def test_verbose(ask: Ask) -> None:
    result = ask(answers("idna==3.10"), "-v")
    assert result.stderr == f"auditor: pylock.toml, docker:thing: {PYTHON} was asked\n"
