"""Artifacts from servers, on their good and bad days: an in-process one that does as told."""

from __future__ import annotations

import base64
import os
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest

from auditor.artifacts import Absence, Absent, Manifest, ManifestCache
from auditor.artifacts import remote as remote_module
from auditor.artifacts import simple_index as index_module
from auditor.artifacts.artifact_client import ArtifactClient
from auditor.artifacts.manifest import ArtifactError
from auditor.artifacts.manifest_cache import manifest_files
from auditor.http import client as http_client_module
from auditor.http import transfer as transfer_module
from auditor.http.connections import HttpConnections
from auditor.http.retries import RetryPolicy
from tests.builders.certificates import certificates
from tests.builders.fake_registry import SOON, Answer, fake_registry
from tests.builders.wanted import (
    CONTENT,
    FILE,
    NAME,
    OTHER,
    SHA256,
    absent,
    artifact,
    at,
    html,
    listed,
    manifest,
    one,
    page,
    places,
    several,
    store,
)
from tests.builders.wheels import sdist, wheel

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from tests.builders.fake_registry import FakeRegistry

BIG = wheel({"demo.bin": os.urandom(1 << 20)})


def served(server: FakeRegistry, *answers: Answer, content: bytes = CONTENT) -> Manifest | Absent:
    """Return what is found where the server gives these answers in turn."""
    server.script[FILE] = list(answers)
    return one(at(server, content), places())


def paths(server: FakeRegistry) -> list[str]:
    return [asked.path for asked in server.asked]


# ------------------------------------------------------------------------------- fetching


def test_url_of_the_lock(server: FakeRegistry, tmp_path: Path) -> None:
    cache = ManifestCache(tmp_path)
    found = manifest(at(server), places(), cache)
    assert found.members[-1].path == "demo.py"
    assert manifest(at(server), places(), cache) == found
    assert paths(server) == [FILE]
    asked = server.asked[0]
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.headers["User-Agent"].startswith("pylock-auditor/")
    assert "Authorization" not in asked.headers


def test_offline_asks_nobody(server: FakeRegistry) -> None:
    wanted = artifact(path=None, url=at(server).url, index=f"http://{server.host}/simple")
    found = absent(wanted, places(offline=True, index_urls=(f"http://{server.host}/simple",)))
    assert found.absence is Absence.OFFLINE
    assert server.asked == []


def moved(location: str) -> Answer:
    return Answer(302, headers={"Location": location})


CHUNKED = Answer(headers={"Content-Length": "", "Connection": "close"}, cut=100)


@pytest.mark.parametrize(
    ("answer", "words", "asked"),
    [
        (Answer(body=OTHER), "the lock says sha256", 1),
        (Answer(body=CONTENT[:-1]), "bytes, it has", 1),
        (Answer(body=CONTENT + b"x"), "more than that", 1),
        *((Answer(status), f"answers {status}", 1) for status in (400, 401, 403, 404, 410)),
        *((Answer(status), f"answers {status}", 3) for status in (408, 503)),
        (Answer(429, headers={"Retry-After": "3600"}), "answers 429", 1),
        (Answer(body=CONTENT, cut=100), "closes the connection early", 3),
        (CHUNKED._replace(body=CONTENT[:100]), "closes the connection early", 3),
        (Answer(body=CONTENT, cut=0, stall=True), "does not answer in time", 3),
        (moved("http://example.org/x"), "redirects to example.org, which does not use TLS", 1),
        (moved("file:///etc/passwd"), "does not use TLS", 1),
        (moved(FILE), "redirects without end", 6),
        (moved("http://[::1"), "is not valid", 1),
        (Answer(302), "answers 302", 1),
    ],
)
def test_artifact_that_does_not_come(
    server: FakeRegistry, answer: Answer, words: str, asked: int
) -> None:
    found = served(server, answer)
    assert isinstance(found, Absent)
    other = answer.body and answer.cut is None
    assert found.absence is (Absence.MISMATCH if other else Absence.UNREACHABLE)
    assert words in found.why
    assert len(server.asked) == asked


def test_more_than_the_limit(server: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.artifacts.archive_limits.ARTIFACT_BYTES", 100)
    wanted = artifact(path=None, url=at(server).url, size=None)
    assert absent(wanted, places()).absence is Absence.LIMIT


def part(cut: int | None = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(body=BIG, headers=named, cut=cut)


WHOLE = part(ETag='"1"', Accept_Ranges="none")


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([Answer(503), Answer(503), part()], [None] * 3),
        ([part(400_000, ETag='"1"'), part(300_000, ETag='"1"'), part(ETag='"1"')],
         [None, (400_000, '"1"'), (700_000, '"1"')]),
        ([part(400_000, Last_Modified="x")._replace(stall=True), part()], [None, (400_000, "x")]),
        ([part(400_000, ETag='W/"1"'), part()], [None, None]),
        ([part(400_000, ETag='"1"'), WHOLE], [None, (400_000, '"1"')]),
        ([part(400_000, ETag='"1"'), Answer(206, BIG[7:], {"Content-Range": "bytes 7-9/9"}), WHOLE],
         [None, (400_000, '"1"'), (400_000, '"1"')]),
        ([part(400_000, ETag='"1"'), Answer(206, BIG[7:]), WHOLE],
         [None, (400_000, '"1"'), (400_000, '"1"')]),
        ([CHUNKED._replace(body=BIG[:100]), part()], [None, None]),
    ],
    ids=["passing", "resumed", "stalled", "weak", "from the first byte", "another part", "no part",
         "no length"],
)  # fmt: skip
def test_cut_download_goes_on_where_it_stopped(
    server: FakeRegistry, answers: list[Answer], asked: list[tuple[int, str] | None]
) -> None:
    assert isinstance(served(server, *answers, content=BIG), Manifest)
    ranges = [each and {"Range": f"bytes={each[0]}-", "If-Range": each[1]} for each in asked]
    assert [
        {name: sent.headers[name] for name in ("Range", "If-Range") if name in sent.headers} or None
        for sent in server.asked
    ] == ranges


@pytest.mark.parametrize(
    ("headers", "asked"), [({"ETag": '"x"'}, 5), ({}, SOON.tries)], ids=["goes on", "begins anew"]
)
def test_only_a_download_that_goes_on_is_tried_for_ever(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], asked: int
) -> None:
    monkeypatch.setattr(transfer_module, "_PROGRESS", 200_000)
    long, short = (part(cut, **headers) for cut in (250_000, 1000))
    found = served(server, *([long] if headers else [long, short] * 4), content=BIG)
    assert isinstance(found, Manifest if headers else Absent)
    assert len(server.asked) == asked


def test_trickle_is_given_up(server: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client_module, "_WINDOW", -1)
    monkeypatch.setattr(http_client_module, "_LEAST", 1 << 30)
    assert "sends too slowly" in absent(at(server), places()).why
    monkeypatch.setattr(http_client_module, "_LEAST", 1)
    assert manifest(at(server), places()).members


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/x.whl", "https://[::1/x.whl", "https:///x.whl", "x.whl", "http://a:b:c/"],
)
def test_url_that_leads_nowhere(url: str) -> None:
    found = absent(artifact(path=None, url=url), places())
    assert found.absence is Absence.UNREACHABLE


def test_no_room_for_the_file(server: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_module, "_IN_MEMORY", 10)
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    found = absent(at(server), places())
    assert found.absence is Absence.UNREACHABLE
    assert "cannot be kept in a temporary file: No such file" in found.why


def test_leaving_breaks_off_what_is_read(server: FakeRegistry) -> None:
    patient = RetryPolicy(connect=2, read=60, tries=3, pause=60, longest=60)
    server.script[FILE] = [Answer(body=BIG, cut=1000, stall=True)]
    server.script["/later"] = [Answer(429)]
    later = at(server, BIG, "/later")
    started = time.monotonic()
    with store(places(retry_policy=patient)) as manifests:
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
    server.rule = lambda _: None if together.wait() >= 0 else Answer(500)
    with store(places(retry_policy=RetryPolicy(read=60))) as manifests:
        found = manifests.get(several(server, 8))
    assert all(isinstance(each, Manifest) for each in found)


# ------------------------------------------------------------------------------ redirects


def test_redirect_takes_no_credentials_to_another_host(server: FakeRegistry) -> None:
    with fake_registry() as other:
        other.script["/there"] = [Answer(body=CONTENT)]
        server.script[FILE] = [moved(f"http://user:theirs@{other.host}/there")]
        assert manifest(at(server, login="me:secret@"), places()).members
        assert "Authorization" in server.asked[0].headers
        assert "Authorization" not in other.asked[0].headers
    server.script[FILE] = [Answer(body=CONTENT)]
    server.script["/old"] = [moved(FILE)._replace(status=301)]
    assert manifest(at(server, path="/old", login="me:secret@"), places()).members
    assert all("Authorization" in asked.headers for asked in server.asked)


def test_plain_http_to_elsewhere_only_if_an_option_says_so(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.artifacts.artifact_client.is_loopback", lambda _: False)
    found = absent(at(server), places())
    assert found.why == "its URL does not use TLS; --mirror URL=URL allows that"
    assert server.asked == []
    assert manifest(at(server), places(mirrors=((f"http://{server.host}/",) * 2,))).members


# ---------------------------------------------------------------------------- credentials


def guarded(server: FakeRegistry, pair: str) -> None:
    """Answer only to those who give these credentials."""
    basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
    refused = Answer(401, headers={"WWW-Authenticate": "Basic"})
    server.rule = lambda asked: None if asked.headers.get("Authorization") == basic else refused


def test_credentials_of_the_url(server: FakeRegistry) -> None:
    guarded(server, "me:p@ss")
    assert manifest(at(server, login="me:p%40ss@"), places()).members
    found = absent(at(server, login="me:hunter2@"), places())
    assert "answers 401" in found.why
    assert "hunter2" not in found.why


def test_credentials_of_netrc(server: FakeRegistry, home: Path) -> None:
    home.mkdir()
    guarded(server, "me:secret")
    assert "answers 401" in absent(at(server), places()).why
    (home / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    assert manifest(at(server), places()).members
    assert manifest(at(server, login="me@"), places()).members
    assert absent(at(server, login="you@"), places())


def test_credentials_of_the_environment_are_for_named_servers(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    guarded(server, "me:secret")
    monkeypatch.setenv("AUDITOR_INDEX_USERNAME", "me")
    monkeypatch.setenv("AUDITOR_INDEX_PASSWORD", "secret")
    assert absent(at(server), places())
    assert manifest(at(server), places(mirrors=((f"http://{server.host}/",) * 2,))).members


@pytest.mark.parametrize("program", ["echo secret", "exit 1", "sleep 60"])
def test_credentials_of_keyring(
    server: FakeRegistry, home: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.artifacts.logins._KEYRING_SECONDS", 0.2)
    guarded(server, "me:secret")
    home.mkdir()
    keyring = home / "keyring"
    keyring.write_text(f'#!/bin/sh\nPATH=/bin:/usr/bin\necho "$@" >> {home}/asked\n{program}\n')
    keyring.chmod(keyring.stat().st_mode | stat.S_IXUSR)
    assert absent(at(server), places())
    assert not (home / "asked").exists()
    wanted = at(server, login="me@")
    if program == "echo secret":
        assert manifest(wanted, places()).members
        assert (home / "asked").read_text() == f"get -- http://{server.host}/ me\n"
    else:
        assert "answers 401" in absent(wanted, places()).why


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
        found = absent(wanted, places())
        assert found.absence is Absence.UNREACHABLE
        assert "TLS fails (certificate verify failed" in found.why
        monkeypatch.setenv(variable, str(certificate))
        assert manifest(wanted, places()).members


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
            secure.script["/old"] = [moved(location)]
            found = absent(wanted, places(mirrors=((plain, plain),)))
            assert found.why == f"{secure.host} redirects to a URL without TLS"
        assert server.asked == []
        secure.script["/old"] = [moved(FILE)]
        assert manifest(wanted, places()).members
        server.script["/old"] = [moved(f"https://{secure.host}{FILE}")]
        assert manifest(at(server, path="/old"), places()).members


def test_proxy_of_the_environment(server: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    mirrors = (("https://example.org/", "http://example.org/"),)
    server.script[f"http://example.org{FILE}"] = [Answer(body=CONTENT)]
    wanted = artifact(path=None, url=f"https://example.org{FILE}")
    assert manifest(wanted, places(mirrors=mirrors)).members


# --------------------------------------------------------------------- mirrors and indexes


def test_mirror_replaces_the_beginning(server: FakeRegistry, tmp_path: Path) -> None:
    wanted = artifact(path=None, url=f"https://example.org/a{FILE}")
    mirrors = (
        ("https://other.example.org/", "http://nobody/"),
        ("https://example.org/a/", f"http://{server.host}/"),
    )
    assert manifest(wanted, places(mirrors=mirrors)).members
    (tmp_path / "files").mkdir()
    (tmp_path / FILE[1:]).write_bytes(CONTENT)
    files = (("https://example.org/a/", f"{tmp_path.as_uri()}/"),)
    assert manifest(wanted, places(mirrors=files, offline=True)).members


PAGE = "/simple/demo/"
LINK = f'<a href="{FILE}">x</a>'.encode()
OPEN = b"<!--" * 20_000


@pytest.mark.parametrize(
    "listing",
    [
        html(f'href="../../files/{NAME}#sha256={SHA256}"'),
        html('name="x"', 'href="https://[::1"', f'href="{FILE}"'),
        html(f'href="{FILE}#sha256={"0" * 64}"', f'href="{FILE}#sha256={SHA256}"'),
        html(f'href="../../files/{NAME.replace("-", "%2D")}#md5=00"'),
        page({"filename": NAME, "url": f"../..{FILE}", "hashes": {"sha256": SHA256}}),
        page(
            {"filename": "x.whl", "url": "x.whl", "hashes": {"sha256": SHA256}},
            {"filename": NAME, "url": FILE, "hashes": {}},
        ),
        Answer(body=f'<base href="/files/"><a href="{NAME}">'.encode()),
        Answer(body=LINK + OPEN),
        Answer(body=b"<!-- -->" * 20_000 + LINK),
    ],
)
@pytest.mark.parametrize("where", ["option", "lock"])
def test_index_finds_by_name_file_name_and_hash(
    server: FakeRegistry, listing: Answer, where: str
) -> None:
    server.script[PAGE] = [listing._replace(cut=5), listing]
    server.script[FILE.replace("-", "%2D")] = [Answer(body=CONTENT)]
    if where == "lock":
        assert manifest(listed(server), places()).members
    else:
        index = f"http://{server.host}/simple/"
        assert manifest(artifact(path=None), places(index_urls=(index,))).members
    assert paths(server)[:2] == [PAGE, PAGE]  # the first one was cut
    assert "simple.v1+json" in server.asked[0].headers["Accept"]


@pytest.mark.parametrize(
    ("listing", "words"),
    [
        (Answer(404), "answers 404"),
        (html(), "does not list it"),
        (Answer(body=OPEN + LINK), "does not list it"),
        (html(f'href="{FILE}#sha256={"0" * 64}"'), f"it has {'0' * 64} in the index 127"),
        (page({"filename": NAME}), "answers with something else than an index"),
        (page({"filename": NAME, "url": "", "hashes": []}), "something else than an index"),
        (Answer(body=b"[" * 100_000, headers={"Content-Type": "a/json"}), "something else"),
        (Answer(body=b"<![other[" + LINK), "something else than an index"),
        (Answer(body=b"x" * 2000), "more than 1000 bytes"),
        (Answer(body=b"x" * 90, cut=9), "closes the connection early"),
    ],
)
def test_index_that_does_not_have_it_is_asked_once(
    server: FakeRegistry, monkeypatch: pytest.MonkeyPatch, listing: Answer, words: str
) -> None:
    if len(listing.body) < 10_000:
        monkeypatch.setattr(index_module, "_PAGE", 1000)
    server.script[PAGE] = [listing]
    with store(places()) as manifests:
        found, _ = manifests.get([listed(server), listed(server, size=None)])
    assert isinstance(found, Absent)
    mismatch = words.startswith("it has")
    assert found.absence is (Absence.MISMATCH if mismatch else Absence.UNREACHABLE)
    assert words in found.why
    assert len(server.asked) == (1 if listing.cut is None else SOON.tries)


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
    found = absent(listed(server, filename=filename), places())
    assert paths(server) == ([f"/simple/{project}/"] if project else [])
    assert project or "does not say which project" in found.why


def test_page_is_asked_for_once(server: FakeRegistry) -> None:
    source = sdist({"demo.py": ""})
    server.script[PAGE] = [html(f'href="{FILE}"', 'href="/files/demo-1.0.tar.gz"')]
    server.script["/files/demo-1.0.tar.gz"] = [Answer(body=source)]
    wanted = [listed(server), listed(server, source, filename="demo-1.0.tar.gz")]
    with store(places()) as manifests:
        assert all(isinstance(each, Manifest) for each in manifests.get(wanted))
    assert paths(server).count(PAGE) == 1


def test_another_source_mends_a_mismatch(server: FakeRegistry) -> None:
    server.script["/bad"] = [Answer(body=OTHER)]
    server.script[PAGE] = [html(f'href="{FILE}"')]
    assert absent(at(server, path="/bad"), places()).absence is Absence.MISMATCH
    assert manifest(listed(server, url=f"http://{server.host}/bad"), places()).members


# ------------------------------------------------------------------------ quick: by ranges

LARGE = wheel({"demo/data.bin": os.urandom(1 << 20), "demo/__init__.py": "x = 1\n"})


def test_index_of_a_wheel_is_read_by_ranges(server: FakeRegistry) -> None:
    server.script[FILE] = [Answer(body=LARGE)]
    found = manifest(at(server, LARGE), places(indexed=True))
    full = manifest(at(server, LARGE), places())
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
    assert manifest(sizeless, places(indexed=True)) == found
    assert server.asked[-1].headers["Range"] == "bytes=-67584"


def test_cut_range_is_asked_for_again(server: FakeRegistry) -> None:
    cut = Answer(body=LARGE, cut=100)
    server.script[FILE] = [cut, Answer(body=LARGE)]
    assert not manifest(at(server, LARGE), places(indexed=True)).verified
    assert len(server.asked) == 2
    server.script[FILE] = [cut]
    found = absent(at(server, LARGE), places(indexed=True))
    assert found.why == f"{server.host} closes the connection early"
    assert len(server.asked) == 2 + SOON.tries


def test_metadata_at_the_beginning_takes_one_range_more(server: FakeRegistry) -> None:
    info = "demo-1.0.dist-info"
    content = wheel(
        {f"{info}/WHEEL": "Tag: x\n", f"{info}/RECORD": "", "demo": os.urandom(1 << 20)}
    )
    server.script[FILE] = [Answer(body=content)]
    assert manifest(at(server, content), places(indexed=True)).tags == ("x",)
    assert len(server.asked) == 2


def test_sdists_are_read_as_a_whole(server: FakeRegistry) -> None:
    source = sdist({"demo.py": ""})
    server.script["/demo-1.0.tar.gz"] = [Answer(body=source)]
    assert manifest(at(server, source, "/demo-1.0.tar.gz"), places(indexed=True)).verified


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
    assert manifest(at(server, LARGE), places(indexed=True)).verified


def test_index_of_another_file(server: FakeRegistry) -> None:
    server.script[FILE] = [Answer(body=LARGE + b"x")]
    found = absent(at(server, LARGE), places(indexed=True))
    assert found.absence is Absence.MISMATCH
    info = "demo-1.0.dist-info"
    early = wheel({f"{info}/WHEEL": "Tag: x\n", f"{info}/RECORD": "", "x": os.urandom(1 << 20)})
    changed = Answer(body=early + b"x")
    server.script[FILE] = [Answer(body=early), changed]
    assert "changes while" in absent(at(server, early), places(indexed=True)).why


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
