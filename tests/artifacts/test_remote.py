"""Artifacts from servers, on their good and bad days: an in-process one that does as told."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.artifacts import Absence, Absent, Manifest, ManifestCache
from auditor.artifacts import remote as remote_module
from auditor.artifacts import simple_index as index_module
from auditor.artifacts.artifact_client import ArtifactClient
from auditor.artifacts.manifest import ArtifactError
from auditor.artifacts.manifest_cache import manifest_files
from auditor.http import client as http_client_module
from auditor.http import transfer as transfer_module
from auditor.http.connections import HttpConnections, RetryPolicy
from auditor.model import ArtifactKind
from tests.builders.certificates import certificates
from tests.builders.fake_registry import Answer, fake_registry
from tests.builders.wanted import (
    CONTENT,
    NAME,
    OTHER,
    Places,
    absent,
    artifact,
    manifest,
    one,
    places,
    store,
)
from tests.builders.wheels import sdist, wheel

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from auditor.model import Artifact
    from tests.builders.fake_registry import Asked, FakeRegistry

SOON = RetryPolicy(connect=2, read=0.3, tries=3, pause=0.01, longest=1)
HERE = Path("/nowhere")
FILE = f"/files/{NAME}"
BIG = wheel({"demo.bin": os.urandom(1 << 20)})


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No credentials, proxies or certificates but the test's own; gives the home folder."""
    for name in (
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"),
        *("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "no_proxy"),
    ):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", str(home))
    return home


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    with fake_registry() as served:
        served.script[FILE] = [Answer(body=CONTENT)]
        yield served


def sources(**changes: Any) -> Places:  # noqa: ANN401 -- any option
    return places(HERE, **{"retry_policy": SOON, **changes})


def at(server: FakeRegistry, content: bytes = CONTENT, path: str = FILE) -> Artifact:
    return artifact(content, path=None, url=f"http://{server.host}{path}")


def paths(server: FakeRegistry) -> list[str]:
    return [asked.path for asked in server.asked]


# ------------------------------------------------------------------------------- fetching


def test_url_of_the_lock(server: FakeRegistry, tmp_path: Path) -> None:
    cache = ManifestCache(tmp_path)
    found = manifest(at(server), sources(), cache)
    assert found.members[-1].path == "demo.py"
    assert manifest(at(server), sources(), cache) == found
    assert paths(server) == [FILE]
    asked = server.asked[0]
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.headers["User-Agent"].startswith("pylock-auditor/")
    assert "Authorization" not in asked.headers


def test_offline_asks_nobody(server: FakeRegistry) -> None:
    wanted = artifact(path=None, url=at(server).url, index=f"http://{server.host}/simple")
    found = absent(wanted, sources(offline=True, index_urls=(f"http://{server.host}/simple",)))
    assert found.absence is Absence.OFFLINE
    assert server.asked == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (OTHER, "sha256"),
        (CONTENT[:-1], "bytes, it has"),
        (CONTENT + b"x", "more than that"),
        (CONTENT[:-1] + b"x", "sha256"),
    ],
)
def test_other_bytes_are_a_mismatch(server: FakeRegistry, content: bytes, words: str) -> None:
    server.script[FILE] = [Answer(body=content)]
    found = absent(at(server), sources())
    assert found.absence is Absence.MISMATCH
    assert words in found.why


def test_more_than_the_limit(server: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.artifacts.archive_limits.ARTIFACT_BYTES", 100)
    wanted = artifact(path=None, url=at(server).url, size=None)
    assert absent(wanted, sources()).absence is Absence.LIMIT


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_refusal_is_final(server: FakeRegistry, status: int) -> None:
    server.script[FILE] = [Answer(status)]
    found = absent(at(server), sources())
    assert found.absence is Absence.UNREACHABLE
    assert f"{server.host} answers {status}" in found.why
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_trouble_is_tried_again(server: FakeRegistry, status: int) -> None:
    server.script[FILE] = [Answer(status), Answer(status), Answer(body=CONTENT)]
    assert manifest(at(server), sources()).members
    server.script[FILE] = [Answer(status)]
    assert f"answers {status}" in absent(at(server), sources()).why
    assert len(server.asked) == 6


def test_retry_after_is_kept_to_a_limit(server: FakeRegistry) -> None:
    wait = {"Retry-After": "1"}
    server.script[FILE] = [Answer(429, headers=wait), Answer(body=CONTENT)]
    started = time.monotonic()
    assert manifest(at(server), sources()).members
    assert time.monotonic() - started >= 1
    server.script[FILE] = [Answer(429, headers={"Retry-After": "3600"})]
    assert "answers 429" in absent(at(server), sources()).why


def test_cut_goes_on_where_it_stopped(server: FakeRegistry) -> None:
    tag = {"ETag": '"one"'}
    server.script[FILE] = [
        Answer(body=BIG, headers=tag, cut=400_000),
        Answer(body=BIG, headers=tag, cut=300_000),
        Answer(body=BIG, headers=tag),
    ]
    assert manifest(at(server, BIG), sources()).size == len(BIG)
    ranges = [asked.headers.get("Range") for asked in server.asked]
    assert ranges == [None, "bytes=400000-", "bytes=700000-"]
    assert server.asked[1].headers["If-Range"] == '"one"'


def test_stall_counts_as_a_cut(server: FakeRegistry) -> None:
    first = Answer(body=BIG, headers={"Last-Modified": "x"}, cut=400_000, stall=True)
    server.script[FILE] = [first, Answer(body=BIG)]
    assert manifest(at(server, BIG), sources()).size == len(BIG)
    assert server.asked[1].headers["If-Range"] == "x"
    server.script[FILE] = [Answer(body=BIG, cut=0, stall=True)]
    assert "in time" in absent(at(server, BIG), sources()).why


@pytest.mark.parametrize(
    "second",
    [
        Answer(body=BIG, headers={"ETag": '"two"', "Accept-Ranges": "none"}),
        Answer(206, body=BIG[7:], headers={"Content-Range": "bytes 7-9/9"}),
        Answer(206, body=BIG[7:]),
    ],
    ids=["changed", "another part", "no part"],
)
def test_server_that_does_not_go_on_gives_all(server: FakeRegistry, second: Answer) -> None:
    tag = {"ETag": '"one"', "Accept-Ranges": "none"}
    first = Answer(body=BIG, headers=tag, cut=400_000)
    last = Answer(body=BIG, headers=tag)
    server.script[FILE] = [first, second, last, last]
    assert manifest(at(server, BIG), sources()).size == len(BIG)


def test_nothing_to_recognise_the_file_by_begins_anew(server: FakeRegistry) -> None:
    weak = {"ETag": 'W/"one"'}
    first = Answer(body=BIG, headers=weak, cut=400_000)
    server.script[FILE] = [first, Answer(body=BIG, headers=weak)]
    assert manifest(at(server, BIG), sources()).size == len(BIG)
    assert "Range" not in server.asked[1].headers


def test_cut_without_a_length_is_told_by_the_lock(server: FakeRegistry) -> None:
    chunked = {"Content-Length": "", "Connection": "close"}
    short = Answer(body=CONTENT[:100], headers=chunked, cut=100)
    server.script[FILE] = [short, Answer(body=CONTENT)]
    assert manifest(at(server), sources()).members
    server.script[FILE] = [short]
    assert "closes the connection early" in absent(at(server), sources()).why


def test_server_that_always_cuts(server: FakeRegistry) -> None:
    server.script[FILE] = [Answer(body=BIG, headers={"ETag": '"x"'}, cut=1000)]
    found = absent(at(server, BIG), sources())
    assert found.absence is Absence.UNREACHABLE
    assert found.why == f"{server.host} closes the connection early"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("headers", "asked"), [({"ETag": '"x"'}, 5), ({}, SOON.tries)], ids=["goes on", "begins anew"]
)
def test_only_a_download_that_goes_on_is_tried_for_ever(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], asked: int
) -> None:
    monkeypatch.setattr(transfer_module, "_PROGRESS", 200_000)
    long, short = (Answer(body=BIG, headers=headers, cut=cut) for cut in (250_000, 1000))
    server.script[FILE] = [long] if headers else [long, short] * 4
    found = one(at(server, BIG), sources())
    assert isinstance(found, Manifest if headers else Absent)
    assert len(server.asked) == asked


def test_trickle_is_given_up(server: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client_module, "_WINDOW", -1)
    monkeypatch.setattr(http_client_module, "_LEAST", 1 << 30)
    assert "sends too slowly" in absent(at(server), sources()).why
    monkeypatch.setattr(http_client_module, "_LEAST", 1)
    assert manifest(at(server), sources()).members


def test_nobody_listens() -> None:
    with fake_registry() as gone:
        wanted = at(gone)
    found = absent(wanted, sources())
    assert found.why == f"{gone.host} cannot be reached"


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/x.whl", "https://[::1/x.whl", "https:///x.whl", "x.whl", "http://a:b:c/"],
)
def test_url_that_leads_nowhere(url: str) -> None:
    found = absent(artifact(path=None, url=url), sources())
    assert found.absence is Absence.UNREACHABLE


def test_no_room_for_the_file(server: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "_IN_MEMORY", 10)
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    found = absent(at(server), sources())
    assert found.absence is Absence.UNREACHABLE
    assert "cannot be kept in a temporary file: No such file" in found.why


def test_leaving_breaks_off_what_is_read(server: FakeRegistry) -> None:
    patient = RetryPolicy(connect=2, read=60, tries=3, pause=60, longest=60)
    server.script[FILE] = [Answer(body=BIG, cut=1000, stall=True)]
    server.script["/later"] = [Answer(429)]
    later = artifact(BIG, path=None, url=f"http://{server.host}/later")
    started = time.monotonic()
    with store(sources(retry_policy=patient)) as manifests:
        manifests.prefetch([at(server, BIG), later])
        while len(server.asked) < 2:
            time.sleep(0.01)
    assert time.monotonic() - started < 20
    assert not [each for each in threading.enumerate() if each.name.startswith("artifacts")]


def test_answer_that_comes_after_leaving_is_not_read(server: FakeRegistry) -> None:
    client = ArtifactClient(HttpConnections())
    server.rule = lambda _: client.close()
    url = f"http://{server.host}{FILE}"
    with pytest.raises(ArtifactError, match="interrupted"), client.response(url, {}):
        pytest.fail("nobody waits for it any more")


def test_several_are_fetched_at_once(server: FakeRegistry) -> None:
    together = threading.Barrier(8, timeout=30)

    def rule(asked: Asked) -> Answer | None:
        together.wait()
        return None

    server.rule = rule
    wanted = []
    for number in range(8):
        content = wheel({"demo.py": str(number)})
        server.script[f"/{number}"] = [Answer(body=content)]
        wanted.append(at(server, content, f"/{number}"))
    with store(sources(retry_policy=RetryPolicy(read=60))) as manifests:
        assert all(isinstance(each, Manifest) for each in manifests.get(wanted))


# ------------------------------------------------------------------------------ redirects


def test_redirect_takes_no_credentials_to_another_host(server: FakeRegistry) -> None:
    with fake_registry() as other:
        other.script["/there"] = [Answer(body=CONTENT)]
        elsewhere = f"http://user:theirs@{other.host}/there"
        server.script[FILE] = [Answer(302, headers={"Location": elsewhere})]
        wanted = artifact(path=None, url=f"http://me:secret@{server.host}{FILE}")
        assert manifest(wanted, sources()).members
        assert "Authorization" in server.asked[0].headers
        assert "Authorization" not in other.asked[0].headers


def test_redirect_on_one_host_keeps_them(server: FakeRegistry) -> None:
    server.script["/old"] = [Answer(301, headers={"Location": FILE})]
    wanted = artifact(path=None, url=f"http://me:secret@{server.host}/old")
    assert manifest(wanted, sources()).members
    assert "Authorization" in server.asked[1].headers


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://example.org/x", "redirects to example.org, which does not use TLS"),
        ("file:///etc/passwd", "does not use TLS"),
        (FILE, "redirects without end"),
        ("http://[::1", "is not valid"),
    ],
)
def test_redirect_that_is_not_followed(server: FakeRegistry, location: str, words: str) -> None:
    server.script[FILE] = [Answer(302, headers={"Location": location})]
    assert words in absent(at(server), sources()).why


def test_redirect_without_a_place_is_a_refusal(server: FakeRegistry) -> None:
    server.script[FILE] = [Answer(302)]
    assert "answers 302" in absent(at(server), sources()).why


def test_plain_http_to_elsewhere_only_if_an_option_says_so(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.artifacts.artifact_client.is_loopback", lambda _: False)
    found = absent(at(server), sources())
    assert found.why == "its URL does not use TLS; --mirror URL=URL allows that"
    assert server.asked == []
    url = f"http://{server.host}/"
    assert manifest(at(server), sources(mirrors=((url, url),))).members


# ---------------------------------------------------------------------------- credentials


def basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def guarded(server: FakeRegistry, pair: str) -> None:
    """Answer only to those who give these credentials."""

    def rule(asked: Asked) -> Answer | None:
        right = asked.headers.get("Authorization") == basic(pair)
        return None if right else Answer(401, headers={"WWW-Authenticate": "Basic"})

    server.rule = rule


def test_credentials_of_the_url(server: FakeRegistry) -> None:
    guarded(server, "me:p@ss")
    wanted = artifact(path=None, url=f"http://me:p%40ss@{server.host}{FILE}")
    assert manifest(wanted, sources()).members
    wrong = artifact(path=None, url=f"http://me:hunter2@{server.host}{FILE}")
    found = absent(wrong, sources())
    assert "answers 401" in found.why
    assert "hunter2" not in found.why


def test_credentials_of_netrc(server: FakeRegistry, nobody: Path) -> None:
    guarded(server, "me:secret")
    assert "answers 401" in absent(at(server), sources()).why
    (nobody / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    assert manifest(at(server), sources()).members
    named = artifact(path=None, url=f"http://me@{server.host}{FILE}")
    assert manifest(named, sources()).members
    other = artifact(path=None, url=f"http://you@{server.host}{FILE}")
    assert absent(other, sources())


def test_credentials_of_the_environment_are_for_named_servers(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded(server, "me:secret")
    monkeypatch.setenv("AUDITOR_INDEX_USERNAME", "me")
    monkeypatch.setenv("AUDITOR_INDEX_PASSWORD", "secret")
    assert absent(at(server), sources())
    url = f"http://{server.host}/"
    assert manifest(at(server), sources(mirrors=((url, url),))).members


@pytest.mark.parametrize("program", ["echo secret", "exit 1", "sleep 60"])
def test_credentials_of_keyring(
    server: FakeRegistry, nobody: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.artifacts.logins._KEYRING_SECONDS", 0.2)
    guarded(server, "me:secret")
    keyring = nobody / "keyring"
    keyring.write_text(f'#!/bin/sh\nPATH=/bin:/usr/bin\necho "$@" >> {nobody}/asked\n{program}\n')
    keyring.chmod(keyring.stat().st_mode | stat.S_IXUSR)
    assert absent(at(server), sources())
    assert not (nobody / "asked").exists()
    wanted = artifact(path=None, url=f"http://me@{server.host}{FILE}")
    if program == "echo secret":
        assert manifest(wanted, sources()).members
        assert (nobody / "asked").read_text() == f"get -- http://{server.host}/ me\n"
    else:
        assert "answers 401" in absent(wanted, sources()).why


# ------------------------------------------------------------------------ TLS and proxies


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """An authority's certificate, and what serves 127.0.0.1 by another one of it."""
    folder = tmp_path_factory.mktemp("tls")
    context = certificates(folder)
    return folder / "ca.crt", context


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_private_authority(
    authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    certificate, context = authority
    with fake_registry(context) as server:
        server.script[FILE] = [Answer(body=CONTENT)]
        wanted = artifact(path=None, url=f"https://{server.host}{FILE}")
        found = absent(wanted, sources())
        assert found.absence is Absence.UNREACHABLE
        assert "TLS fails (certificate verify failed" in found.why
        monkeypatch.setenv(variable, str(certificate))
        assert manifest(wanted, sources()).members


def test_no_redirect_leaves_tls(
    authority: tuple[Path, ssl.SSLContext],
    server: FakeRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not to this machine nor to what an option names, either: both are reached otherwise."""
    certificate, context = authority
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    plain = f"http://{server.host}{FILE}"
    with fake_registry(context) as secure:
        secure.script[FILE] = [Answer(body=CONTENT)]
        wanted = artifact(path=None, url=f"https://{secure.host}/old")
        for location in (plain, "http://example.org/x", "file:///etc/passwd"):
            secure.script["/old"] = [Answer(302, headers={"Location": location})]
            found = absent(wanted, sources(mirrors=((plain, plain),)))
            assert found.why == f"{secure.host} redirects to a URL without TLS"
        assert server.asked == []
        secure.script["/old"] = [Answer(302, headers={"Location": FILE})]
        assert manifest(wanted, sources()).members
        server.script["/old"] = [Answer(302, headers={"Location": f"https://{secure.host}{FILE}"})]
        assert manifest(artifact(path=None, url=f"http://{server.host}/old"), sources()).members


def test_server_that_does_not_speak_tls(server: FakeRegistry) -> None:
    found = absent(artifact(path=None, url=f"https://{server.host}{FILE}"), sources())
    assert found.why == f"{server.host} does not speak TLS"


def test_proxy_of_the_environment(server: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    mirrors = (("https://example.org/", "http://example.org/"),)
    server.script[f"http://example.org{FILE}"] = [Answer(body=CONTENT)]
    wanted = artifact(path=None, url=f"https://example.org{FILE}")
    assert manifest(wanted, sources(mirrors=mirrors)).members


# --------------------------------------------------------------------- mirrors and indexes


def test_mirror_replaces_the_beginning(server: FakeRegistry, tmp_path: Path) -> None:
    wanted = artifact(path=None, url=f"https://example.org/a{FILE}")
    mirrors = (
        ("https://other.example.org/", "http://nobody/"),
        ("https://example.org/a/", f"http://{server.host}/"),
    )
    assert manifest(wanted, sources(mirrors=mirrors)).members
    (tmp_path / "files").mkdir()
    (tmp_path / FILE[1:]).write_bytes(CONTENT)
    files = (("https://example.org/a/", f"{tmp_path.as_uri()}/"),)
    assert manifest(wanted, sources(mirrors=files, offline=True)).members


def html(*links: str) -> Answer:
    body = "".join(f"<a {link}>x</a>\n" for link in links)
    return Answer(
        body=f"<!doctype html><body>{body}".encode(), headers={"Content-Type": "text/html"}
    )


def page(*files: dict[str, object]) -> Answer:
    kind = {"Content-Type": "application/vnd.pypi.simple.v1+json; charset=utf-8"}
    return Answer(body=json.dumps({"files": files}).encode(), headers=kind)


SHA = artifact().hashes["sha256"]
PAGE = "/simple/demo/"


@pytest.mark.parametrize(
    "listing",
    [
        html(f'href="../../files/{NAME}#sha256={SHA}"'),
        html('name="x"', 'href="https://[::1"', f'href="{FILE}"'),
        html(f'href="{FILE}#sha256={"0" * 64}"', f'href="{FILE}#sha256={SHA}"'),
        html(f'href="../../files/{NAME.replace("-", "%2D")}#md5=00"'),
        page({"filename": NAME, "url": f"../..{FILE}", "hashes": {"sha256": SHA}}),
        page(
            {"filename": "x.whl", "url": "x.whl", "hashes": {"sha256": SHA}},
            {"filename": NAME, "url": FILE, "hashes": {}},
        ),
    ],
)
@pytest.mark.parametrize("where", ["option", "lock"])
def test_index_finds_by_name_file_name_and_hash(
    server: FakeRegistry, listing: Answer, where: str
) -> None:
    server.script[PAGE] = [listing]
    server.script[FILE.replace("-", "%2D")] = [Answer(body=CONTENT)]
    index = f"http://{server.host}/simple/"
    wanted = artifact(path=None, index=index if where == "lock" else None)
    given = () if where == "lock" else (index,)
    assert manifest(wanted, sources(index_urls=given)).members
    assert paths(server)[0] == PAGE
    assert "simple.v1+json" in server.asked[0].headers["Accept"]


@pytest.mark.parametrize(
    ("before", "behind", "why"),
    [
        ("", "<!--" * 20_000, None),
        ("<!-- -->" * 20_000, "", None),
        ("<!--" * 20_000, "", "does not list it"),
        ("<![other[", "", "answers with something else than an index"),
    ],
    ids=["left open behind", "closed", "left open before", "no declaration"],
)
def test_html_that_is_left_open_is_read_once(
    server: FakeRegistry, before: str, behind: str, why: str | None
) -> None:
    body = f'{before}<a href="{FILE}">x</a>{behind}'
    server.script[PAGE] = [Answer(body=body.encode(), headers={"Content-Type": "text/html"})]
    found = one(artifact(path=None, index=f"http://{server.host}/simple"), sources())
    assert isinstance(found, Manifest if why is None else Absent), found
    assert why is None or (isinstance(found, Absent) and why in found.why)


def test_html_base_counts(server: FakeRegistry) -> None:
    base = f'<base href="http://{server.host}/files/">'
    server.script[PAGE] = [Answer(body=f'{base}<a href="{NAME}">'.encode())]
    assert manifest(artifact(path=None, index=f"http://{server.host}/simple"), sources()).members


@pytest.mark.parametrize(
    ("listing", "absence", "words"),
    [
        (Answer(404), Absence.UNREACHABLE, "answers 404"),
        (html(), Absence.UNREACHABLE, "does not list it"),
        (html(f'href="{FILE}#sha256={"0" * 64}"'), Absence.MISMATCH, f"it has {'0' * 64} in the"),
        (page({"filename": NAME}), Absence.UNREACHABLE, "something else than an index"),
        (page({"filename": NAME, "url": "", "hashes": []}), Absence.UNREACHABLE, "something else"),
        (
            Answer(body=b"[" * 100_000, headers={"Content-Type": "application/json"}),
            Absence.UNREACHABLE,
            "something else",
        ),
        (Answer(body=b"x" * 2000), Absence.UNREACHABLE, "more than 1000 bytes"),
        (Answer(body=b"x" * 90, cut=9), Absence.UNREACHABLE, "closes the connection early"),
    ],
)
def test_index_that_does_not_have_it(
    server: FakeRegistry,
    monkeypatch: pytest.MonkeyPatch,
    listing: Answer,
    absence: Absence,
    words: str,
) -> None:
    if len(listing.body) < 10_000:
        monkeypatch.setattr(index_module, "_PAGE", 1000)
    server.script[PAGE] = [listing]
    found = absent(artifact(path=None, index=f"http://{server.host}/simple"), sources())
    assert found.absence is absence
    assert words in found.why


@pytest.mark.parametrize(
    ("filename", "project"),
    [
        ("Demo.X-1.0-py3-none-any.whl", "demo-x"),
        ("Demo_X-1.0.tar.gz", "demo-x"),
        ("Demo.X-1.0.tgz", "demo-x"),
        ("nothing", None),
    ],
)
def test_project_of_a_file_name(server: FakeRegistry, filename: str, project: str | None) -> None:
    index = f"http://{server.host}/simple"
    found = absent(artifact(path=None, filename=filename, index=index), sources())
    assert paths(server) == ([f"/simple/{project}/"] if project else [])
    assert project or "does not say which project" in found.why


def test_page_is_asked_for_once(server: FakeRegistry) -> None:
    source = sdist({"demo.py": ""})
    server.script[PAGE] = [html(f'href="{FILE}"', 'href="/files/demo-1.0.tar.gz"')]
    server.script["/files/demo-1.0.tar.gz"] = [Answer(body=source)]
    index = f"http://{server.host}/simple"
    second = artifact(
        source, path=None, filename="demo-1.0.tar.gz", kind=ArtifactKind.SDIST, index=index
    )
    with store(sources()) as manifests:
        found = manifests.get([artifact(path=None, index=index), second])
    assert not [each for each in found if isinstance(each, Absent)]
    assert paths(server).count(PAGE) == 1


def test_cut_page_is_asked_for_again(server: FakeRegistry) -> None:
    page = Answer(body=f'<a href="{FILE}">{NAME}</a>'.encode())
    server.script["/simple/demo/"] = [page._replace(cut=5), page]
    wanted = artifact(path=None, url=None)
    manifest(wanted, sources(index_urls=(f"http://{server.host}/simple/",)))
    assert paths(server) == ["/simple/demo/", "/simple/demo/", FILE]


def test_index_that_failed_is_asked_once(server: FakeRegistry) -> None:
    index = f"http://{server.host}/simple"
    wanted = [artifact(path=None, index=index), artifact(OTHER, path=None, index=index)]
    with store(sources()) as manifests:
        assert all(isinstance(each, Absent) for each in manifests.get(wanted))
    assert paths(server) == [PAGE]


def test_another_source_mends_a_mismatch(server: FakeRegistry) -> None:
    server.script["/bad"] = [Answer(body=OTHER)]
    server.script[PAGE] = [html(f'href="{FILE}"')]
    url = f"http://{server.host}/bad"
    assert absent(artifact(path=None, url=url), sources()).absence is Absence.MISMATCH
    index = f"http://{server.host}/simple"
    assert manifest(artifact(path=None, url=url, index=index), sources()).members


# ------------------------------------------------------------------------ quick: by ranges

LARGE = wheel({"demo/data.bin": os.urandom(1 << 20), "demo/__init__.py": "x = 1\n"})


def test_index_of_a_wheel_is_read_by_ranges(server: FakeRegistry) -> None:
    server.script[FILE] = [Answer(body=LARGE)]
    found = manifest(at(server, LARGE), sources(indexed=True))
    full = manifest(at(server, LARGE), sources())
    assert not found.verified
    record = f"{found.dist_info}/RECORD"
    assert {each.path: each.sha256 for each in found.members} == {
        each.path: each.sha256 if each.path != record else b"" for each in full.members
    }
    assert [each.size for each in found.members] == [each.size for each in full.members]
    assert (found.tags, found.size) == (full.tags, full.size)
    assert [asked.headers.get("Range") for asked in server.asked] == [
        f"bytes={len(LARGE) - 67584}-",
        None,
    ]
    sizeless = artifact(LARGE, path=None, url=at(server).url, size=None)
    assert manifest(sizeless, sources(indexed=True)) == found
    assert server.asked[-1].headers["Range"] == "bytes=-67584"


def test_cut_range_is_asked_for_again(server: FakeRegistry) -> None:
    cut = Answer(body=LARGE, cut=100)
    server.script[FILE] = [cut, Answer(body=LARGE)]
    assert not manifest(at(server, LARGE), sources(indexed=True)).verified
    assert len(server.asked) == 2
    server.script[FILE] = [cut]
    found = absent(at(server, LARGE), sources(indexed=True))
    assert found.why == f"{server.host} closes the connection early"
    assert len(server.asked) == 2 + SOON.tries


def test_metadata_at_the_beginning_takes_one_range_more(server: FakeRegistry) -> None:
    info = "demo-1.0.dist-info"
    content = wheel(
        {f"{info}/WHEEL": "Tag: x\n", f"{info}/RECORD": "", "demo": os.urandom(1 << 20)}
    )
    server.script[FILE] = [Answer(body=content)]
    assert manifest(at(server, content), sources(indexed=True)).tags == ("x",)
    assert len(server.asked) == 2


def test_sdists_are_read_as_a_whole(server: FakeRegistry) -> None:
    source = sdist({"demo.py": ""})
    server.script["/demo-1.0.tar.gz"] = [Answer(body=source)]
    wanted = artifact(
        source,
        path=None,
        filename="demo-1.0.tar.gz",
        kind=ArtifactKind.SDIST,
        url=f"http://{server.host}/demo-1.0.tar.gz",
    )
    assert manifest(wanted, sources(indexed=True)).verified


@pytest.mark.parametrize(
    "first",
    [
        Answer(body=LARGE, headers={"Accept-Ranges": "none"}),
        Answer(206, body=LARGE[-67584:]),
        Answer(206, body=LARGE[:100], headers={"Content-Range": f"bytes 0-99/{len(LARGE)}"}),
        Answer(206, body=b"x" * 67584, headers={
            "Content-Range": f"bytes {len(LARGE) - 67584}-{len(LARGE) - 1}/{len(LARGE)}"
        }),
        Answer(206, body=LARGE[-9:], headers={
            "Content-Range": f"bytes {len(LARGE) - 67584}-{len(LARGE) - 1}/{len(LARGE)}"
        }),
    ],
    ids=["ignores ranges", "says none", "another part", "other bytes", "fewer bytes"],
)  # fmt: skip
def test_server_without_ranges_gives_the_whole_file(server: FakeRegistry, first: Answer) -> None:
    whole = Answer(body=LARGE, headers={"Accept-Ranges": "none"})
    server.script[FILE] = [first, whole]
    assert manifest(at(server, LARGE), sources(indexed=True)).verified


def test_index_of_another_file(server: FakeRegistry) -> None:
    server.script[FILE] = [Answer(body=LARGE + b"x")]
    found = absent(at(server, LARGE), sources(indexed=True))
    assert found.absence is Absence.MISMATCH
    info = "demo-1.0.dist-info"
    early = wheel({f"{info}/WHEEL": "Tag: x\n", f"{info}/RECORD": "", "x": os.urandom(1 << 20)})
    changed = Answer(body=early + b"x")
    server.script[FILE] = [Answer(body=early), changed]
    assert "changes while" in absent(at(server, early), sources(indexed=True)).why


def test_index_of_a_local_file(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    found = manifest(artifact(), places(tmp_path, indexed=True))
    assert not found.verified
    cache = ManifestCache(tmp_path)
    manifest(artifact(), places(tmp_path, indexed=True), cache)
    assert manifest_files(tmp_path).usage().entries == 0
    assert manifest(artifact(), places(tmp_path), cache).verified
    # What is proven already is better than a wheel's word.
    assert manifest(artifact(), places(tmp_path, indexed=True), cache).verified


def test_index_of_a_wheel_with_a_huge_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    monkeypatch.setattr("auditor.artifacts.archive_limits.METADATA_BYTES", 10)
    found = absent(artifact(), places(tmp_path, indexed=True))
    assert found.absence is Absence.LIMIT
