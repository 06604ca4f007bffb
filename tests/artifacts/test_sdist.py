from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts import archive_limits
from auditor.artifacts.manifest import Absence, ArtifactError, Manifest
from auditor.artifacts.sdist import read_sdist
from auditor.model import ArtifactKind
from tests.builders.wheels import sdist, zipped

FILES = {"demo/a.py": "a = 1\n", "setup.py": "x" * 300_000}


def read(content: bytes) -> Manifest:
    return read_sdist(io.BytesIO(content), "demo-1.0.tar.gz", "ab" * 32)


def fault(content: bytes) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        read(content)
    return caught.value


def paths(content: bytes) -> list[str]:
    return [member.path for member in read(content).members]


def sha(content: str) -> bytes:
    return hashlib.sha256(content.encode()).digest()


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for member, content in members:
            member.size = member.size or len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w"])
def test_manifest_of_an_sdist_however_it_is_packed(mode: str) -> None:
    content = sdist(FILES, mode=mode)
    found = read(content)
    assert found.kind is ArtifactKind.SDIST
    assert (found.filename, found.sha256) == ("demo-1.0.tar.gz", "ab" * 32)
    assert found.size == len(content)
    assert [(member.path, member.sha256, member.size) for member in found.members] == [
        (path, sha(text), len(text)) for path, text in FILES.items()
    ]
    assert (found.dist_info, found.scripts) == ("", ())


def test_zip_sdist() -> None:
    content = zipped({f"demo-1.0/{path}": text for path, text in FILES.items()})
    assert {member.path: member.sha256 for member in read(content).members} == {
        path: sha(text) for path, text in FILES.items()
    }


def test_only_a_folder_that_holds_everything_is_left_out() -> None:
    assert paths(tar((entry("a/x"), b""), (entry("a/y/z"), b""))) == ["x", "y/z"]
    assert paths(tar((entry("a/x"), b""), (entry("b/x"), b""))) == ["a/x", "b/x"]
    assert paths(tar((entry("a/x"), b""), (entry("y"), b""))) == ["a/x", "y"]


def test_old_and_odd_spellings_of_names() -> None:
    folder = entry(".", tarfile.DIRTYPE)
    assert paths(tar((folder, b""), (entry("./demo/x.py"), b""))) == ["x.py"]
    long_name = "demo/" + "n" * 300 + "/x.py"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert paths(tar((entry(long_name), b""), form=form)) == [long_name[5:]]
    latin = tar((entry("demo/caf\udce9.py"), b""), form=tarfile.GNU_FORMAT)
    assert paths(latin) == ["caf\udce9.py"]


def test_links_count_as_the_file_that_they_lead_to() -> None:
    content = tar(
        (entry("demo/docs/a", tarfile.SYMTYPE, "../b"), b""),
        (entry("demo/b", tarfile.SYMTYPE, "c.py"), b""),
        (entry("demo/c.py"), b"code"),
        (entry("demo/hard.py", tarfile.LNKTYPE, "demo/c.py"), b""),
        (entry("demo/out", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (entry("demo/up", tarfile.SYMTYPE, "../../c.py"), b""),
        (entry("demo/loop", tarfile.SYMTYPE, "loop"), b""),
        (entry("demo/gone", tarfile.LNKTYPE, "demo/nothing"), b""),
        (entry("demo/pipe", tarfile.FIFOTYPE), b""),
    )
    found = {member.path: member.sha256 for member in read(content).members}
    assert set(found) == {"docs/a", "b", "c.py", "hard.py"}
    assert set(found.values()) == {sha("code")}


def test_of_two_members_with_one_name_the_later_counts() -> None:
    content = tar((entry("demo/a"), b"old"), (entry("demo/a"), b"new"))
    assert [member.sha256 for member in read(content).members] == [sha("new")]
    gone = tar(
        (entry("demo/a"), b"old"),
        (entry("demo/b"), b""),
        (entry("demo/a", tarfile.SYMTYPE, "/x"), b""),
    )
    assert paths(gone) == ["b"]


def test_gzip_parts_and_padding_are_read() -> None:
    plain = sdist(FILES, mode="w")
    parts = gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + bytes(1000)
    assert paths(parts) == ["demo/a.py", "setup.py"]
    parts = bz2.compress(plain[:700]) + bz2.compress(plain[700:])
    assert paths(parts) == ["demo/a.py", "setup.py"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x1f\x8b" + b"x" * 600,
        b"BZh9" + b"x" * 600,
        b"\xfd7zXZ\0" + b"x" * 600,
        sdist(FILES)[:-100],
        sdist(FILES, mode="w:xz")[:-100],
        sdist(FILES, mode="w:bz2")[:-100],
        sdist(FILES, mode="w")[:100_000],
        tar((entry("/etc/passwd"), b"")),
        tar((entry("demo/../../x"), b"")),
        tar((entry("demo\\x"), b"")),
    ],
)
def test_no_archive_is_unreadable(content: bytes) -> None:
    assert fault(content).absence is Absence.UNREADABLE


def test_sparse_member_is_unreadable() -> None:
    pax = entry("demo/holes")
    pax.pax_headers = {"GNU.sparse.size": "9", "GNU.sparse.map": "0,1", "GNU.sparse.numblocks": "1"}
    assert "sparse" in fault(tar((pax, b"x"), form=tarfile.PAX_FORMAT)).why


@pytest.mark.parametrize("more", [0, 1])
def test_keywords_for_all_members_are_few(more: int) -> None:
    packed = io.BytesIO()
    headers = {f"k{at}": "x" for at in range(archive_limits.TAR_GLOBALS + more)}
    with tarfile.open(fileobj=packed, mode="w", pax_headers=headers) as archive:
        archive.addfile(entry("demo/a"), io.BytesIO(b""))
    if more:
        assert fault(packed.getvalue()).absence is Absence.LIMIT
    else:
        assert paths(packed.getvalue()) == ["a"]


@pytest.mark.parametrize(("digits", "ok"), [(999, True), (1000, False), (900_000, False)])
def test_number_without_end_is_not_looked_through(digits: int, ok: bool) -> None:
    member = entry("demo/a")
    member.pax_headers = {"comment": "1" * digits}
    content = tar((member, b"x"), (entry("demo/b"), b""), form=tarfile.PAX_FORMAT)
    if ok:
        assert paths(content) == ["a", "b"]
    else:
        assert fault(content).absence is Absence.LIMIT


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    header = entry("demo/long", tarfile.XHDTYPE)
    header.size = 2 << 20
    bomb = header.tobuf() + bytes(3 << 20)
    assert "extended header" in fault(bomb).why
    content = sdist(FILES)
    assert read(content).members
    for name, value in [("UNPACKED_BYTES", 50_000), ("MEMBERS", 1), ("UNSUSPICIOUS", 1000)]:
        with monkeypatch.context() as patch:
            patch.setattr(archive_limits, name, value)
            patch.setattr(archive_limits, "RATIO", 10)
            assert fault(content).absence is Absence.LIMIT
    monkeypatch.setattr(archive_limits, "LZMA_MEMORY", 1 << 16)
    assert fault(sdist(FILES, mode="w:xz")).absence is Absence.UNREADABLE


@settings(max_examples=300)
@given(st.data())
def test_any_damage_gives_a_manifest_or_the_error(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    content = bytearray(
        tar(
            (entry("demo/" + "n" * 200), b"x" * 600),
            (entry("demo/link", tarfile.SYMTYPE, "a"), b""),
            form=form,
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 3000))
        content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    packed = gzip.compress(bytes(content), 1) if data.draw(st.booleans()) else bytes(content)
    try:
        found = read(packed)
    except ArtifactError:
        return
    assert found.size == len(packed)
