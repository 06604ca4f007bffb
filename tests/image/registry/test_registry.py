"""Reading from a registry, on its good and bad days: an in-process one that does as told."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.errors import AuditorError, ImageError, UsageError
from auditor.http.connections import HttpConnections
from auditor.http.plain_session import trusted_certificates
from auditor.image.open import open_image
from auditor.image.read_options import ReadOptions
from auditor.image.reference import Access, parse_reference
from auditor.image.registry import open_registry_image
from auditor.model import UnreadableError
from tests.builders.fake_registry import SOON, Answer, fake_registry
from tests.builders.files import layer_tar
from tests.builders.images import oci_index, oci_manifest, oci_members, write_members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from auditor.http.retries import RetryPolicy
    from auditor.model import Image
    from tests.builders.fake_registry import Asked, FakeRegistry


LAYERS = [layer_tar({"a": "one", "b": b"\0" * 600_000}), layer_tar({"c": "two"})]
MEMBERS = oci_members({"latest": [(LAYERS, {"env": {"A": "1"}})]})
(LISTED,) = json.loads(MEMBERS["index.json"])["manifests"]
MANIFEST = json.loads(MEMBERS["blobs/" + LISTED["digest"].replace(":", "/")])
FIRST, SECOND = (f"/v2/app/blobs/{layer['digest']}" for layer in MANIFEST["layers"])
WHOLE = Answer(body=MEMBERS[FIRST.removeprefix("/v2/app/").replace(":", "/")])
NO_RANGES = WHOLE._replace(headers={"Accept-Ranges": "none"})
# The same content in other bytes: the time in gzip's header is another.
OTHER = Answer(body=WHOLE.body[:4] + b"\1" + WHOLE.body[5:])


def plain(patience: RetryPolicy = SOON) -> Access:
    return Access(plain_http=True, connections=HttpConnections(patience))


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No credentials but the test's own; gives the folder for docker's configuration."""
    for name in (
        *("DOCKER_AUTH_CONFIG", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"),
        *("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with fake_registry() as served:
        served.image(MEMBERS)
        yield served


def read(
    registry: FakeRegistry,
    name: str = "app",
    *,
    platform: str | None = None,
    progress: Any = None,  # noqa: ANN401 -- a list's append, or nothing
    access: Access | None = None,
) -> Image:
    reference = parse_reference(f"registry:{registry.host}/{name}")
    return open_registry_image(reference, platform, access or plain(), ReadOptions(progress))


def trouble(registry: FakeRegistry, name: str = "app", **options: Any) -> AuditorError:  # noqa: ANN401
    with pytest.raises(AuditorError) as caught:
        read(registry, name, **options)
    error = caught.value
    assert error.message
    assert "\n" not in error.message + error.hint
    assert error.hint
    return error


def test_the_same_as_from_a_layout(registry: FakeRegistry, tmp_path: Path) -> None:
    write_members(tmp_path / "layout", MEMBERS)
    told: list[tuple[str, int, int | None]] = []
    found = read(registry, progress=lambda *each: told.append(each))
    layout = open_image(f"oci:{tmp_path}/layout")
    assert found.reference == f"registry:{registry.host}/app"
    for name in ("digest", "manifest_digest", "config", "layers", "problems", "files"):
        assert getattr(found, name) == getattr(layout, name)
    assert list(found.rootfs.walk()) == list(layout.rootfs.walk())
    assert told[-1][0] == "layers"
    assert told[-1][1] == told[-1][2]
    assert all("Authorization" not in asked.headers for asked in registry.asked)


def test_by_tag_and_by_digest(registry: FakeRegistry) -> None:
    tagged = read(registry, "app:latest")
    assert tagged.manifest_digest is not None
    assert read(registry, f"app@{tagged.manifest_digest}").digest == tagged.digest
    assert read(registry, f"app:gone@{tagged.manifest_digest}").digest == tagged.digest
    other = f"sha256:{'0' * 64}"
    registry.script[f"/v2/app/manifests/{other}"] = registry.script["/v2/app/manifests/latest"]
    assert "other bytes than its digest" in trouble(registry, f"app@{other}").message


def test_a_second_reading_fetches_the_blob_and_verifies_it_again(registry: FakeRegistry) -> None:
    image = read(registry)
    before = len(registry.asked)
    assert image.rootfs.read("/b") == b"\0" * 600_000
    digest = image.rootfs.digests(["/b"], "sha512")["/b"]
    assert digest == hashlib.sha512(b"\0" * 600_000).digest()
    assert len(registry.asked) == before + 2
    registry.script[FIRST] = [OTHER]
    assert image.rootfs.digests(["/b"], "sha512") == {}
    with pytest.raises(UnreadableError, match="its layer has other bytes"):
        image.rootfs.read("/b")
    registry.script[FIRST] = [Answer(403)]
    with pytest.raises(UnreadableError, match="cannot be fetched again"):
        image.rootfs.read("/b")


# --------------------------------------------------------------------------- which image


def test_platforms(registry: FakeRegistry) -> None:
    members: dict[str, bytes] = {}
    made = {
        name: oci_manifest(members, [layer_tar({"name": name})], {"architecture": name})
        for name in ("amd64", "arm64", "s390x")
    }
    nested = oci_index(members, [made["arm64"], made["s390x"]])
    top = oci_index(members, [made["amd64"], nested])
    members["index.json"] = json.dumps({"manifests": [top]}).encode()
    registry.image(members, "many")
    for name in made:
        image = read(registry, "app:many", platform=f"linux/{name}")
        assert image.config.platform.architecture == name
        assert image.rootfs.read("/name") == name.encode()
        assert image.manifest_digest == made[name]["digest"]
    asked = [each.path for each in registry.asked if "manifests" in each.path]
    # The index, and the image that was chosen; a nested index can only be looked into.
    assert sum(made["s390x"]["digest"] in path for path in asked) == 1
    error = trouble(registry, "app:many", platform="linux/riscv64")
    assert "linux/amd64, linux/arm64, linux/s390x" in error.hint


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"schemaVersion": 1, "fsLayers": []}, "Docker's first schema"),
        ({"schemaVersion": 2}, "does not name a digest"),
        ({"schemaVersion": 2, "manifests": []}, "holds no image"),
        ({"config": {"digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}"}, "layers": []},
         "is not an image configuration"),
        (["x"], "is not a JSON object"),
    ],
)  # fmt: skip
def test_no_image_manifest(registry: FakeRegistry, manifest: object, message: str) -> None:
    registry.blob(b"{}")
    registry.manifest(json.dumps(manifest).encode(), "odd")
    assert message in trouble(registry, "app:odd").message


@pytest.mark.parametrize(
    "name",
    ["app", "host.example", "host.example/", "host.example/App", "host.example/a/../b",
     "host.example/a?x", "host.example/a:", "host.example/a@sha256:12", "h.example:x/a",
     "-h.example/a", "user@host.example/a", "[::1/a", "library/debian"],
)  # fmt: skip
def test_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="names no image of a registry"):
        open_image(f"registry:{name}")


# ------------------------------------------------------------------------------ bad days


def test_what_is_not_there(registry: FakeRegistry) -> None:
    error = trouble(registry, "app:gone")
    assert "the registry has no such image" in error.message
    del registry.script[FIRST]
    name = FIRST.rpartition("/")[2]
    assert f"layer {name} is missing from the registry" in trouble(registry).message


def test_a_foreign_layer_says_that_it_is_one(registry: FakeRegistry) -> None:
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": f"sha256:{'2' * 64}",
        "urls": [f"http://{registry.host}/elsewhere"],
    }
    manifest = {**MANIFEST, "layers": [foreign, MANIFEST["layers"][1]]}
    registry.manifest(json.dumps(manifest).encode(), "windows")
    error = trouble(registry, "app:windows")
    assert "is missing" in error.message
    assert "may not be redistributed" in error.hint
    assert not any("elsewhere" in asked.path for asked in registry.asked)


@pytest.mark.parametrize("ranges", [True, False], ids=["with-ranges", "without"])
def test_a_cut_connection_is_taken_up_again(registry: FakeRegistry, *, ranges: bool) -> None:
    half, last = len(WHOLE.body) // 2, WHOLE if ranges else NO_RANGES
    registry.script[FIRST] = [WHOLE._replace(cut=half), last._replace(cut=0), last]
    assert read(registry).rootfs.read("/a") == b"one"
    asked = [each.headers.get("Range") for each in registry.asked if each.path == FIRST]
    assert asked[:3] == [None, f"bytes={half}-", f"bytes={half}-" if ranges else None]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([WHOLE._replace(cut=1)], "closes the connection early"),
        ([Answer(body=WHOLE.body[:-8])], "of its manifest"),
        ([OTHER], "other bytes"),
        ([Answer(body=WHOLE.body + b"x")], "has more than"),
        ([WHOLE._replace(cut=100), NO_RANGES._replace(body=b"x")], "of its manifest"),
        ([Answer(500)], "answers 500 (Internal Server Error)"),
        ([Answer(418)], "answers 418"),
        ([Answer(403)], "answers 403 (Forbidden): no right to"),
    ],
    ids=["cut", "short", "other", "longer", "short-without-ranges", "500", "418", "403"],
)
def test_a_layer_that_does_not_come(
    registry: FakeRegistry, answers: list[Answer], message: str
) -> None:
    registry.script[FIRST] = answers
    assert message in trouble(registry).message


NOW = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("answers", "waited"),
    [
        ([Answer(500), Answer(503)], True),
        *(
            ([Answer(429, headers={"Retry-After": after, "Date": NOW})], True)
            for after in ("0", "1", "nonsense", NOW)
        ),
        ([Answer(429, headers={"Retry-After": "3600"})], False),
        ([Answer(503)] * 3, False),
        ([Answer(200, b"{}", cut=0)] * 3, False),
    ],
    ids=["twice", "at-once", "a-second", "nonsense", "date", "an-hour", "too-often", "cut"],
)
def test_patience(registry: FakeRegistry, answers: list[Answer], *, waited: bool) -> None:
    registry.script["/v2/app/manifests/latest"][:0] = answers
    started = time.monotonic()
    if waited:
        assert read(registry).digest
        least = 1 if answers[0].headers.get("Retry-After") == "1" else 0
        assert time.monotonic() - started >= least
        return
    error = trouble(registry)
    if answers[0].status == 429:
        assert "asks to wait 3600 s" in error.message
        assert "docker login" in error.hint


def test_the_registrys_words_are_told_on_one_line(registry: FakeRegistry) -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": "not\n\x1b[31m today"}]}).encode()
    registry.script["/v2/app/manifests/latest"] = [Answer(403, body)]
    assert "answers 403 (not \\x1b[31m today)" in trouble(registry).message


def test_a_document_has_a_limit(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.image.limits.JSON_BYTES", 100)
    assert "answers with more than 100 bytes" in trouble(registry).message


def test_nobody_there() -> None:
    with fake_registry() as registry:
        pass
    error = trouble(registry)
    assert error.message == f"{registry.host} cannot be reached"


def test_without_tls_only_when_asked(registry: FakeRegistry) -> None:
    error = trouble(registry, access=Access())
    assert "does not speak TLS" in error.message
    assert "--plain-http" in error.hint
    assert registry.asked == []


def test_a_layer_that_fails_ends_the_others(registry: FakeRegistry) -> None:
    registry.script[FIRST] = [WHOLE._replace(cut=10, stall=True)]
    registry.script[SECOND] = [Answer(403)]
    assert "answers 403" in trouble(registry, access=plain(SOON._replace(read=30))).message


def test_ctrl_c_does_not_wait_for_what_never_comes(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.script[FIRST] = [WHOLE._replace(cut=10, stall=True)]
    (tmp_path / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "x"\npackages = []')
    command = ["-m", "auditor", "check", f"registry:{registry.host}/app", "--plain-http"]
    with subprocess.Popen(
        [sys.executable, *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    ) as audit:  # fmt: skip
        while not any(asked.path == FIRST for asked in registry.asked):
            assert audit.poll() is None
            time.sleep(0.05)
        time.sleep(0.2)
        audit.send_signal(signal.SIGINT)
        _, words = audit.communicate(timeout=8)  # a stalled reading is waited for 30 s
    assert (audit.returncode, words) == (130, "auditor: interrupted\n")


# --------------------------------------------------------------------------- credentials


def login(folder: Path, **configuration: Any) -> None:  # noqa: ANN401
    (folder / "config.json").write_text(json.dumps(configuration), encoding="utf-8")


def pair(name: str, password: str) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


def helper(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def wants_basic(password: str) -> Callable[[Asked], Answer | None]:
    right = f"Basic {pair('alice', password)}"
    refused = Answer(401, headers={"WWW-Authenticate": 'Basic realm="here"'})
    return lambda asked: None if asked.headers.get("Authorization") == right else refused


def want_bearer(registry: FakeRegistry, scope: str = "", lives: int = 1 << 30) -> None:
    """Ask for a token of the server at /token, valid for `lives` questions."""
    registry.script["/token"] = [Answer(body=b'{"access_token": "secret-token"}')]
    left = {"token": 0}

    def rule(asked: Asked) -> Answer | None:
        if asked.path.startswith("/token"):
            left["token"] = lives
            return None
        if asked.headers.get("Authorization") == "Bearer secret-token" and left["token"]:
            left["token"] -= 1
            return None
        challenge = f'Bearer realm="http://{registry.host}/token",service="fake"'
        if scope:
            challenge += f',scope="{scope}"'
        return Answer(401, headers={"WWW-Authenticate": challenge})

    registry.rule = rule


ENTRY = {"auth": pair("alice", "s3cret")}
GIVEN = """echo '{"ServerURL":"x","Username":"alice","Secret":"s3cret"}'"""
LOGINS: dict[str, tuple[dict[str, object], str]] = {
    "file": ({"auths": {"HOST": ENTRY, "other.example": {}}}, ""),
    "url": ({"auths": {"https://HOST/v1/": ENTRY}}, ""),
    "variable": ({"auths": {"HOST": {"auth": pair("alice", "old")}}}, ""),
    "helper": ({"credHelpers": {"HOST": "here"}, "psFormat": "x"}, GIVEN),
    "store": ({"auths": {"HOST": {}}, "credsStore": "here"}, GIVEN),
    "store-and-file": (
        {"auths": {"HOST": ENTRY}, "credsStore": "here"},
        "echo credentials not found in native keychain; exit 1",
    ),
}
"""docker's configuration, and its helper; the variable comes before both."""


@pytest.mark.parametrize("where", LOGINS)
def test_docker_login(
    registry: FakeRegistry, nobody: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    registry.rule = wants_basic("s3cret")
    configuration, script = LOGINS[where]
    helper(nobody, "here", script, monkeypatch)
    text = json.dumps(configuration).replace("HOST", registry.host)
    (nobody / "config.json").write_text(text)
    if where == "variable":
        monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": {registry.host: ENTRY}}))
    assert read(registry).rootfs.read("/c") == b"two"
    # Asked once, and then told every time.
    assert sum("Authorization" not in each.headers for each in registry.asked) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}", "wants credentials"),
        (b'{"auths": {"HOST": {"auth": ""}}}', "wants credentials"),
        (b'{"auths": {"HOST": {"auth": "WRONG"}}}', "are not accepted"),
        (b'{"auths": {"HOST": {"identitytoken": "s3cret"}}}', "wants credentials"),
        (b"{s3cret", "is no configuration"),
        (b"[1]", "it is no JSON object"),
        (b"\xff", "it cannot be read"),
        (b'{"auths": ["s3cret"]}', "is no configuration"),
        (b'{"auths": {"HOST": {"auth": "s3cret"}}}', "is no configuration"),
        (b'{"auths": {"HOST": "s3cret"}}', "is no configuration"),
        (b'{"credsStore": "absent"}', "docker-credential-absent fails"),
        (b'{"credsStore": "broken"}', "docker-credential-broken fails"),
        (b'{"credsStore": "silent"}', "docker-credential-silent fails"),
    ],
)
def test_credentials_that_are_of_no_use(
    registry: FakeRegistry,
    nobody: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    message: str,
) -> None:
    registry.rule = wants_basic("right")
    helper(nobody, "broken", "echo s3cret; echo s3cret >&2; exit 3", monkeypatch)
    helper(nobody, "silent", "true", monkeypatch)
    wrong = pair("alice", "s3cret").encode()
    text = content.replace(b"HOST", registry.host.encode()).replace(b"WRONG", wrong)
    (nobody / "config.json").write_bytes(text)
    error = trouble(registry)
    assert message in error.message
    assert "s3cret" not in error.message + error.hint
    assert "docker login" in error.hint


@pytest.mark.parametrize(
    ("challenge", "message", "hint"),
    [
        ("Negotiate", "by an unknown scheme: negotiate", "Basic or Bearer"),
        ("", "by an unknown scheme: none", "Basic or Bearer"),
        ("Basic", "wants credentials", "docker login"),
        ('Bearer realm="ftp://example.org/token"', "does not use TLS", "--plain-http"),
        ('Bearer realm="http://HOST/gone"', "answers 404", "try again later"),
        ('Bearer realm="http://HOST/closed"', "answers 403 (Forbidden)", "docker login"),
    ],
)
def test_nobody_known_and_nobody_let_in(
    registry: FakeRegistry, challenge: str, message: str, hint: str
) -> None:
    registry.script["/closed"] = [Answer(403)]
    header = {"WWW-Authenticate": challenge.replace("HOST", registry.host)}
    registry.rule = lambda asked: Answer(401, headers=header) if "/v2" in asked.path else None
    error = trouble(registry)
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize("scope", ["", "repository:app:pull,push"], ids=["no-scope", "scope"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "anonymous"])
def test_a_token(registry: FakeRegistry, nobody: Path, scope: str, *, known: bool) -> None:
    want_bearer(registry, scope, lives=2)
    if known:
        login(nobody, auths={registry.host: ENTRY})
    assert read(registry).rootfs.read("/c") == b"two"
    asked = [each for each in registry.asked if each.path.startswith("/token")]
    assert len(asked) > 1  # it expires, and is asked for again
    for each in asked:
        wanted = (scope or "repository:app:pull").replace(":", "%3A").replace(",", "%2C")
        assert f"scope={wanted}" in each.path
        assert "service=fake" in each.path
        sent = each.headers.get("Authorization")
        assert sent == (f"Basic {pair('alice', 's3cret')}" if known else None)


def test_an_identity_token(registry: FakeRegistry, nobody: Path) -> None:
    want_bearer(registry)
    login(nobody, auths={registry.host: {"identitytoken": "s3cret"}})
    assert read(registry).digest
    (asked,) = (each for each in registry.asked if each.path.startswith("/token"))
    assert asked.method == "POST"
    assert b"grant_type=refresh_token&refresh_token=s3cret&service=fake" in asked.body


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(body=b"{}"), "sends no token"),
        (Answer(body=b"nonsense"), "sends no token"),
        (Answer(body=b'{"token": "a\\nb: c"}'), "sends no token"),
        (Answer(401), "answers 401 (Unauthorized): docker's"),
        (Answer(500), "answers 500"),
        (Answer(body=b"x" * ((1 << 20) + 1)), "answers with more than"),
        (Answer(body=b"{}", cut=0), "closes the connection early"),
    ],
    ids=["none", "no JSON", "injection", "refused", "500", "large", "cut"],
)
def test_a_token_server_on_a_bad_day(
    registry: FakeRegistry, nobody: Path, answer: Answer, message: str
) -> None:
    want_bearer(registry)
    registry.script["/token"] = [answer]
    login(nobody, auths={registry.host: ENTRY})
    error = trouble(registry)
    assert message in error.message
    assert "s3cret" not in error.message + error.hint


def test_netrc_is_not_asked(
    registry: FakeRegistry, nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nobody / "netrc").write_text("machine 127.0.0.1 login mallory password x\n")
    monkeypatch.setenv("NETRC", str(nobody / "netrc"))
    assert read(registry).digest
    assert all("Authorization" not in each.headers for each in registry.asked)


def test_whose_certificates_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, folder = tmp_path / "ca.pem", tmp_path / "certs"
    file.touch()
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert trusted_certificates(None) is True  # certifi's
    (folder / "one.pem").touch()
    assert trusted_certificates(None) == str(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert trusted_certificates(None) == str(file)
    monkeypatch.setenv("CURL_CA_BUNDLE", "curls.pem")
    assert trusted_certificates(None) == "curls.pem"
    assert trusted_certificates(str(file)) == str(file)
    with pytest.raises(UsageError, match="--tls-ca /nothing/here"):
        open_image("registry:h.example/a", access=Access(tls_ca="/nothing/here.pem"))


# ------------------------------------------------------------------------ several images


@pytest.mark.parametrize("threads", [1, 4])
def test_images_share_connections_and_tokens(registry: FakeRegistry, threads: int) -> None:
    members = oci_members({"latest": [([layer_tar({"d": "three"})], {})]})
    registry.image(members, "other")
    want_bearer(registry)
    registry.script["/token"] = [Answer(body=b'{"token": "secret-token"}')]
    connections = HttpConnections(SOON)
    access = Access(plain_http=True, connections=connections)
    names = ["app", "app:other"] * (1 if threads == 1 else 2)
    with ThreadPoolExecutor(threads) as pool:
        images = list(pool.map(lambda name: read(registry, name, access=access), names))
    assert [image.files for image in images] == [3, 1] * (len(names) // 2)
    assert sum(asked.path.startswith("/token") for asked in registry.asked) == 1
    # An image is read by one thread at first, then by as many as it has layers.
    assert registry.connections <= 2 * threads
    assert len(registry.asked) > 3 * registry.connections
    connections.close()
    with pytest.raises(ImageError, match="interrupted"):
        read(registry, access=access)


def test_a_failed_image_ends_no_other(registry: FakeRegistry) -> None:
    access = plain()
    other = read(registry, access=access)
    kept = registry.script[SECOND]
    registry.script[SECOND] = [Answer(403)]
    assert "answers 403" in trouble(registry, access=access).message
    registry.script[SECOND] = kept
    assert other.rootfs.read("/b") == b"\0" * 600_000


def test_logins_are_looked_up_once(
    registry: FakeRegistry, nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.rule = wants_basic("s3cret")
    helper(nobody, "here", f"echo asked >> {nobody}/asked; {GIVEN}", monkeypatch)
    login(nobody, credHelpers={registry.host: "here"})
    access = plain()
    for path, answers in list(registry.script.items()):
        registry.script[path.replace("/app/", "/another/")] = answers
    for name in ("app", "app", "another"):
        assert read(registry, name, access=access).digest
    assert (nobody / "asked").read_text() == "asked\n"
    assert sum("Authorization" not in each.headers for each in registry.asked) == 2
