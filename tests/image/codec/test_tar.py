from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.image.codec import tar
from auditor.image.codec.stream import DamagedError, Source
from tests.builders.files import patched

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
TYPES = [
    tarfile.REGTYPE,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.FIFOTYPE,
]

Listed = list[tuple[str, bytes, int, str, bytes]]


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def listed(data: bytes, chunk: int = 700, *, trailer: bool = True) -> Listed:
    """What our walk sees: name, type, mode, link and content of every member."""
    source = Source(chunked(data, chunk))
    return [
        (
            member.name.rstrip("/"),
            member.flag,
            member.mode,
            member.link if member.flag in {tar.HARD_LINK, tar.SYMLINK} else "",
            source.take(member.size),
        )
        for member in tar.walk(source, trailer=trailer)
    ]


def expected(data: bytes) -> Listed:
    """What the standard library sees."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            found.append(
                (
                    member.name,
                    tar.FILE if member.type == tarfile.AREGTYPE else member.type,
                    member.mode & 0o7777,
                    member.linkname if member.type in {b"1", b"2"} else "",
                    file.read() if file else b"",
                )
            )
    return found


def archive_of(
    *members: tuple[tarfile.TarInfo, bytes], tar_format: int = tarfile.GNU_FORMAT
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **facts: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in facts.items():
        setattr(info, key, value)
    return info


NAMES = st.text(
    st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=60
)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    tar_format = draw(st.sampled_from(sorted(FORMATS.values())))
    long = tar_format != tarfile.USTAR_FORMAT
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        for _ in range(draw(st.integers(0, 6))):
            info = tarfile.TarInfo("/".join(draw(st.lists(NAMES, min_size=1, max_size=6))))
            info.type = draw(st.sampled_from(TYPES))
            info.mode = draw(st.integers(0, 0o7777))
            info.uid = draw(st.sampled_from([0, 1000, 1 << 21, 1 << 40])) if long else 0
            info.mtime = draw(st.sampled_from([0, 1, 1 << 34])) if long else 0
            if info.type in {tarfile.SYMTYPE, tarfile.LNKTYPE}:
                info.linkname = draw(st.lists(NAMES, min_size=1, max_size=6).map("/".join))
            content = b""
            if info.type == tarfile.REGTYPE:
                content = draw(st.binary(max_size=1500))
                info.size = len(content)
            if tar_format == tarfile.PAX_FORMAT and draw(st.booleans()):
                info.pax_headers = {"SCHILY.xattr.user.x": "a=b\n"}
            try:
                archive.addfile(info, io.BytesIO(content))
            except ValueError:  # a name that ustar cannot hold
                continue
    return buffer.getvalue()


@given(archives(), st.integers(1, 3000))
def test_sees_what_tarfile_sees(data: bytes, chunk: int) -> None:
    assert listed(data, chunk) == expected(data)


@pytest.mark.parametrize("tar_format", FORMATS.values(), ids=FORMATS)
def test_members_between_which_nothing_is_read(tar_format: int) -> None:
    data = archive_of(
        *((member(f"{'d' * 90}/{number}"), b"x" * number * 400) for number in range(6)),
        tar_format=tar_format,
    )
    source = Source(chunked(data, 1000))
    assert [found.size for found in tar.walk(source)] == [0, 400, 800, 1200, 1600, 2000]


@pytest.mark.parametrize("cut", range(0, len(archive_of((member("f"), b"x" * 2000))), 512))
def test_cut_archive_is_told(cut: int) -> None:
    whole = archive_of((member("f"), b"x" * 2000))
    end = 512 + 2048
    if cut > end:
        assert listed(whole[:cut]) == expected(whole)
    else:
        with pytest.raises(DamagedError, match="ends early"):
            listed(whole[:cut])


@pytest.mark.parametrize("shift", [0, 1, 511])
def test_every_cut_of_every_header_is_told(shift: int) -> None:
    parts = (
        (member("n" * 300), b""),
        (member("link", tarfile.SYMTYPE, linkname="t" * 300), b""),
        (member("file"), b"content" * 200),
    )
    for tar_format in FORMATS.values():
        if tar_format == tarfile.USTAR_FORMAT:
            continue
        data = archive_of(*parts, tar_format=tar_format)
        end = len(data.rstrip(b"\0"))
        for cut in range(shift, end, 512):
            with pytest.raises(DamagedError):
                listed(data[:cut])


def test_missing_trailer_is_accepted_where_a_digest_vouches() -> None:
    data = archive_of((member("f"), b"x"))[:1024]
    assert listed(data, trailer=False) == [("f", b"0", 0o644, "", b"x")]
    assert listed(b"", trailer=False) == []


def header(at: int, value: bytes) -> bytes:
    return patched(at, value, data=archive_of((member("f"), b"x" * 10)))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"no tar" * 200, "is not a tar archive, plain", id="text"),
        pytest.param(b"no tar", "is not a tar archive, plain", id="short-text"),
        pytest.param(archive_of((member("f"), b"x"))[:1024] + b"no tar", "ends early", id="cut"),
        pytest.param(header(124, b"00000000018\0"), "malformed number", id="no-octal"),
        pytest.param(header(124, b"-0000000001\0"), "malformed number", id="negative-octal"),
        pytest.param(header(124, b"0000_000001\0"), "malformed number", id="underscore"),
        pytest.param(header(124, b"\xff" * 12), "negative number", id="negative-base-256"),
        pytest.param(header(124, b"\x80" + b"\x7f" * 11), "a file of", id="huge"),
        pytest.param(header(124, b"77777777777\0"), "ends early", id="beyond-the-end"),
        pytest.param(header(156, b"L" + bytes(10)), "no member", id="long-name-of-nothing"),
        pytest.param(
            patched(156, b"x", data=header(124, b"\x80" + (1 << 21).to_bytes(11, "big"))),
            "extended tar header",
            id="huge-extension",
        ),
        pytest.param(header(156, b"x"), "malformed pax", id="pax-without-records"),
    ],
)
def test_malformed_header(data: bytes, why: str) -> None:
    with pytest.raises(DamagedError, match=why):
        listed(data)


def pax(body: bytes, *, flag: bytes = b"x") -> bytes:
    header = archive_of((member("pax"), body))[: 512 + tar.padded(len(body))]
    return patched(156, flag, data=header) + archive_of((member("plain"), b"content"))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"12 size=abc\n", "malformed size", id="size-no-number"),
        pytest.param(b"30 size=%s\n" % (b"1" * 21), "malformed size", id="size-too-long"),
        pytest.param(b"10 size=-1\n", "malformed", id="size-negative"),
        pytest.param(b"99 path=x\n", "malformed pax", id="length-too-long"),
        pytest.param(b"0 path=x\n", "malformed pax", id="length-zero"),
        pytest.param(b"x path=x\n", "malformed pax", id="length-no-number"),
        pytest.param(b"7 path\n", "malformed pax", id="no-equals"),
    ],
)
def test_malformed_pax(body: bytes, why: str) -> None:
    with pytest.raises(DamagedError, match=why):
        listed(pax(body))


def record(key: bytes, value: bytes) -> bytes:
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length += 1
    return b"%d %s=%s\n" % (length, key, value)


@pytest.mark.parametrize(
    ("body", "flag", "name"),
    [
        pytest.param(record(b"path", b"other"), b"x", "other", id="path"),
        pytest.param(record(b"path", b"o\xff\xfe"), b"x", "o\udcff\udcfe", id="not-utf-8"),
        pytest.param(record(b"path", b""), b"x", "plain", id="empty-says-nothing"),
        pytest.param(record(b"mtime", b"1.5") + b"\0\0", b"x", "plain", id="zero-padding"),
        pytest.param(record(b"path", b"a=b\nc"), b"x", "a=b\nc", id="newline-and-equals"),
        pytest.param(record(b"path", b"global"), b"g", "plain", id="global-says-nothing"),
    ],
)
def test_pax_says_the_name(body: bytes, flag: bytes, name: str) -> None:
    assert listed(pax(body, flag=flag))[0][0] == name


def test_gnu_name_wins_over_pax_and_the_second_pax_over_the_first() -> None:
    long_name = archive_of((member("n" * 120), b""))[:1024]
    first, second = (
        patched(156, b"x", data=archive_of((member("pax"), body))[:1024])
        for body in (record(b"path", b"first"), record(b"mtime", b"1"))
    )
    plain = archive_of((member("plain"), b""))
    assert listed(long_name + first + plain)[0][0] == "n" * 120
    assert listed(first + long_name + plain)[0][0] == "n" * 120
    assert listed(first + plain)[0][0] == "first"
    assert listed(first + second + plain)[0][0] == "plain"


@pytest.mark.parametrize(
    ("field", "size"),
    [
        (b"\0\0" + b"0000000017", 15),
        (b"         17\0", 15),
        (b"00000000017 ", 15),
        (b"000000000017", 15),
        (b"17\0" + b"9" * 9, 15),
        (b"\x80" + bytes(10) + b"\x0f", 15),
        (bytes(12), 0),
    ],
)
def test_numbers(field: bytes, size: int) -> None:
    data = patched(124, field, data=archive_of((member("f"), b"x" * 15)))
    found = next(iter(tar.walk(Source([data]))))
    assert found.size == size


def test_what_goes_on_behind_its_end_is_damaged() -> None:
    data = archive_of((member("f"), b"x"))[:1024]
    assert listed(data + bytes(512)) == listed(data + bytes(1024) + b"more" * 200)
    with pytest.raises(DamagedError, match="behind its end"):
        listed(data + bytes(512) + data)


def test_pax_size_counts() -> None:
    content = archive_of((member("f"), b"x" * 600))
    block = patched(124, b"00000000000\0", data=content)
    data = pax(record(b"size", b"600"))[:1024] + block
    assert listed(data) == [("f", b"0", 0o644, "", b"x" * 600)]


def test_old_directory_is_marked_by_a_slash() -> None:
    data = patched(156, b"\0", data=archive_of((member("folder/"), b"")))
    assert listed(data)[0][:2] == ("folder", tar.DIRECTORY)


def test_signed_checksum_is_accepted() -> None:
    data = bytearray(archive_of((member("f\xe9"), b"")))
    unsigned = sum(data[:148]) + 256 + sum(data[156:512])
    high = sum(byte > 127 for byte in data[:512])
    data[148:156] = b"%06o\0 " % (unsigned - 256 * high)
    assert high
    assert listed(bytes(data))[0][0] == "f\xe9"


def test_star_prefix_ends_where_the_times_begin() -> None:
    data = archive_of((member("f"), b""), tar_format=tarfile.USTAR_FORMAT)
    data = patched(345, b"p" * 131 + b"00000000000 ", data=data)
    data = patched(508, b"tar\0", data=data)
    assert listed(data)[0][0] == "p" * 131 + "/f"


def sparse_gnu() -> bytes:
    """A GNU sparse file whose map takes another block."""
    block = patched(156, b"S", data=archive_of((member("s"), b"x" * 512)))
    block = patched(482, b"\1", data=block)
    return block[:512] + bytes(512) + block[512:]


def test_sparse_members_are_marked_and_passed_over() -> None:
    records = record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.name", b"s")
    for data in (sparse_gnu(), pax(records)):
        found = list(tar.walk(Source([data])))
        assert [(entry.name, entry.sparse) for entry in found] == [("s", True)]


def test_header_or_not() -> None:
    assert tar.is_header(bytes(512))
    assert tar.is_header(archive_of((member("f"), b""))[:512])
    assert not tar.is_header(b"\x80" * 512)
    assert not tar.is_header(b"x")


def test_long_name_cut_at_a_slash_is_no_directory() -> None:
    data = archive_of((member("d/" * 60 + "f"), b"x"), tar_format=tarfile.PAX_FORMAT)
    assert listed(data) == expected(data)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("usr/bin/x", "/usr/bin/x"),
        ("./usr/bin/x", "/usr/bin/x"),
        ("/usr/bin/x/", "/usr/bin/x"),
        ("usr//bin/./x", "/usr/bin/x"),
        ("usr/lib/../bin/x", "/usr/bin/x"),
        (".", "/"),
        ("./", "/"),
        ("", "/"),
        (".hidden", "/.hidden"),
        ("a/.hidden", "/a/.hidden"),
        ("..x/...", "/..x/..."),
        ("..", None),
        ("a/../../b", None),
        ("/../etc", None),
        ("./../etc", None),
    ],
)
def test_names_become_absolute_paths(name: str, path: str | None) -> None:
    assert tar.absolute_path(name) == path
