from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.artifacts import archive_limits
from auditor.artifacts.manifest import Absence, ArtifactError, Manifest, Member
from auditor.artifacts.read_artifact import parse_record
from auditor.artifacts.wheel import read_wheel
from auditor.model import ArtifactKind
from tests.builders.wheels import wheel, zipped

if TYPE_CHECKING:
    from collections.abc import Callable

INFO = "demo-1.0.dist-info"
DATA = "demo-1.0.data"
CODE = "print('hello')\n" * 100


def read(content: bytes) -> Manifest:
    return read_wheel(io.BytesIO(content), "demo-1.0-py3-none-any.whl", "ab" * 32)


def fault(content: bytes) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        read(content)
    return caught.value


def sha(content: str | bytes) -> bytes:
    return hashlib.sha256(content if isinstance(content, bytes) else content.encode()).digest()


def test_manifest_of_a_wheel() -> None:
    content = wheel(
        {
            "demo/__init__.py": CODE,
            "demo/lib.so": b"\x7fELF",
            f"{DATA}/scripts/run": "#!python\nprint(1)\n",
            f"{DATA}/scripts/tool": "#!/bin/sh\nexit\n",
            f"{DATA}/data/share/x": "",
            f"{INFO}/entry_points.txt": "[console_scripts]\ndemo = demo:main\n"
            "Other = demo.sub : app.run [extra]\nnone = demo\n[gui_scripts]\nwin=demo:gui\n"
            "[other]\nx = y:z\n",
        },
        tags=("cp311-cp311-linux_x86_64", "cp311-cp311-manylinux_2_17_x86_64"),
    )
    found = read(content)
    assert found.kind is ArtifactKind.WHEEL
    assert (found.filename, found.sha256) == ("demo-1.0-py3-none-any.whl", "ab" * 32)
    assert found.size == len(content)
    assert found.verified
    assert (found.dist_info, found.data) == (INFO, DATA)
    assert found.tags == ("cp311-cp311-linux_x86_64", "cp311-cp311-manylinux_2_17_x86_64")
    assert found.scripts == (
        ("demo", "demo:main"),
        ("Other", "demo.sub:app.run"),
        ("win", "demo:gui"),
    )
    members = {member.path: member for member in found.members}
    assert list(members) == sorted(members)
    assert members["demo/__init__.py"] == Member("demo/__init__.py", sha(CODE), len(CODE))
    run = members[f"{DATA}/scripts/run"]
    assert (run.sha256, run.body) == (sha("#!python\nprint(1)\n"), sha("print(1)\n"))
    assert members[f"{DATA}/scripts/tool"].body == b""
    assert members[f"{DATA}/data/share/x"].size == 0


def test_wheel_for_more_tags_than_any_real_one_is_over_a_limit() -> None:
    parts = ["-".join(".".join(f"{each}{at}" for at in range(10)) for each in "abc")]
    assert read(wheel({}, tags=tuple(parts))).tags == tuple(parts)  # a thousand
    for tags in ((*parts, "py3-none-any"), (parts[0] + ".c10",)):
        assert fault(wheel({}, tags=tags)).absence is Absence.LIMIT


def test_wheel_without_metadata_files_says_nothing_of_them() -> None:
    found = read(zipped({"demo.py": "", f"{INFO}/METADATA": ""}))
    assert (found.data, found.tags, found.scripts) == ("", (), ())


@pytest.mark.parametrize(
    "row",
    ["demo.py", "demo.py,md5=AA,1", "demo.py,sha256=AA,1", "demo.py,sha256=?!,1", '"demo.py'],
    ids=["short", "md5", "short digest", "no base64", "open quote"],
)
def test_row_of_record_without_a_sha256_is_left_out(row: str) -> None:
    right = f"right.py,sha256={'A' * 43},1"
    assert parse_record(f"{right}\n{row}".encode()) == {"right.py": bytes(32)}


def test_record_that_no_csv_reader_takes_is_empty() -> None:
    assert parse_record(b"x" * 200_000 + b",sha256=,1\n") == {}


def test_stored_members_and_folders() -> None:
    content = wheel({"demo/": "", "demo/a.py": CODE}, compression=zipfile.ZIP_STORED)
    members = {member.path: member for member in read(content).members}
    assert members["demo/a.py"] == Member("demo/a.py", sha(CODE), len(CODE))
    assert "demo/" not in members


def test_data_descriptors_and_zip64_are_read() -> None:
    class Pipe(io.BytesIO):
        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(f"{INFO}/WHEEL", "w", force_zip64=True) as member:
            member.write(b"Tag: a-b-c\n")
        with archive.open("demo.py", "w") as member:
            member.write(CODE.encode())
    found = read(pipe.getvalue())
    assert found.tags == ("a-b-c",)
    assert found.members[1].sha256 == sha(CODE)


def zip64(content: bytes) -> bytes:
    """Turn the ends of a zip archive with one member into zip64 ones."""
    at = content.rfind(b"PK\5\6")
    count, size, start = struct.unpack_from("<H2L", content, at + 10)
    central = bytearray(content[start : start + size])
    packed, unpacked = struct.unpack_from("<2L", central, 20)
    names = struct.unpack_from("<H", central, 28)[0]
    struct.pack_into("<2L", central, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", central, 30, 20)
    central[46 + names : 46 + names] = struct.pack("<2H2Q", 1, 16, unpacked, packed)
    sizes = count, count, len(central), start
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *sizes)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, start + len(central), 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:start] + bytes(central) + record + locator + last


def test_zip64_directory_is_read() -> None:
    content = zip64(zipped({f"{INFO}/WHEEL": "Tag: x\n"}))
    assert zipfile.ZipFile(io.BytesIO(content)).read(f"{INFO}/WHEEL") == b"Tag: x\n"
    assert read(content).tags == ("x",)


def test_zip64_that_is_damaged() -> None:
    content = zip64(zipped({f"{INFO}/WHEEL": "Tag: x\n"}))
    for signature in (b"PK\6\6", struct.pack("<2H", 1, 16)):
        assert fault(content.replace(signature, b"\0\0\0\0")).absence is Absence.UNREADABLE
    far = _patch(content, content.rfind(b"PK\6\7") + 8, "<Q", 1 << 63)
    assert fault(far).absence is Absence.UNREADABLE


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../up.py", "demo/../../up.py", "demo\\up.py", "./demo.py", "demo//x.py",
     "demo/..", "a" * 5000],
)  # fmt: skip
def test_name_that_leads_elsewhere_is_unreadable(name: str) -> None:
    error = fault(wheel({name: CODE}))
    assert error.absence is Absence.UNREADABLE
    assert "name" in error.why


def test_name_with_a_zero_byte_or_wrong_utf8_is_unreadable() -> None:
    assert "plain relative" in fault(wheel({"dXmo.py": ""}).replace(b"dXmo", b"d\0mo")).why
    assert "UTF-8" in fault(wheel({"d\xe9mo.py": ""}).replace(b"d\xc3\xa9mo", b"d\xc3\xc3mo")).why


def test_member_twice_counts_once_where_it_is_the_same() -> None:
    same = wheel({"demo/a.py": CODE, "demo/b.py": CODE}).replace(b"demo/b.py", b"demo/a.py")
    other = wheel({"demo/a.py": CODE, "demo/b.py": "x"}).replace(b"demo/b.py", b"demo/a.py")
    # RECORD is packed, so that it keeps its rows.
    assert [member.path for member in read(same).members].count("demo/a.py") == 1
    assert "twice" in fault(other).why


def _patch(content: bytes, at: int, form: str, *values: int) -> bytes:
    changed = bytearray(content)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


def _central(content: bytes) -> int:
    return int(struct.unpack_from("<L", content, content.rfind(b"PK\5\6") + 16)[0])


ONE = zipped({f"{INFO}/WHEEL": CODE})
END = ONE.rfind(b"PK\5\6")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: b"", "no zip archive"),
        (lambda: ONE[:-1], "ends early"),
        (lambda: ONE + b"x", "behind its end"),
        (lambda: b"x" + ONE, "not where it says"),
        (lambda: _patch(ONE, END + 4, "<H", 1), "a part of"),
        (lambda: _patch(ONE, END + 8, "<H", 2), "a part of"),
        (lambda: _patch(ONE, END + 8, "<2H", 2, 2), "ends early"),
        (lambda: _patch(ONE, END + 8, "<2H", 0, 0), "another size"),
        (lambda: _patch(ONE, _central(ONE), "<L", 1), "directory is damaged"),
        (lambda: _patch(ONE, _central(ONE) + 8, "<H", 1), "encrypted"),
        (lambda: _patch(ONE, _central(ONE) + 34, "<H", 1), "elsewhere"),
        (lambda: _patch(ONE, _central(ONE) + 10, "<H", 12), "method 12"),
        (lambda: _patch(ONE, _central(ONE) + 42, "<L", 1), "ends early|contradict|overlap"),
        (lambda: _patch(ONE, _central(ONE) + 42, "<L", 5000), "overlap"),
        (lambda: _patch(ONE, _central(ONE) + 16, "<L", 7), "contradict"),
        (lambda: _patch(ONE, 0, "<L", 7), "contradict"),
        (lambda: _patch(ONE, 8, "<H", 0), "contradict"),
        (lambda: _patch(ONE, 14, "<L", 7), "contradict"),
        (lambda: _patch(ONE, 18, "<L", 7), "contradict"),
        (lambda: _patch(ONE, 30, "<H", 7), "contradict"),
        (lambda: _patch(ONE, 28, "<H", 9000), "overlap"),
        (lambda: _patch(ONE, 60, "<L", 7), "damaged"),
        (lambda: ONE.replace(struct.pack("<L", len(CODE)), struct.pack("<L", 5)), "damaged"),
        (lambda: ONE.replace(struct.pack("<L", len(CODE)), struct.pack("<L", 9999)), "damaged"),
        (lambda: ONE.replace(*_crc(CODE)), "damaged"),
    ],
)
def test_archive_that_contradicts_itself_is_unreadable(
    change: Callable[[], bytes], words: str
) -> None:
    error = fault(change())
    assert error.absence is Absence.UNREADABLE
    assert any(word in error.why for word in words.split("|")), error.why


def _crc(text: str) -> tuple[bytes, bytes]:
    crc = zlib.crc32(text.encode())
    return struct.pack("<L", crc), struct.pack("<L", crc ^ 1)


def test_data_behind_a_deflated_member_is_unreadable() -> None:
    packed = zlib.compressobj(wbits=-15)
    stream = packed.compress(CODE.encode()) + packed.flush()
    content = zipped({f"{INFO}/WHEEL": stream + b"more"}, compression=zipfile.ZIP_STORED)
    size, crc = len(stream) + 4, zlib.crc32(CODE.encode())
    head = struct.pack("<3L", crc, size, len(CODE))
    old = struct.pack("<3L", zlib.crc32(stream + b"more"), size, size)
    at = content.index(b"PK\1\2")
    content = content.replace(old, head)
    content = _patch(_patch(content, 8, "<H", 8), at + 10, "<H", 8)
    assert "damaged" in fault(content).why
    assert len(read(_patch(ONE, 0, "<L", 0x04034B50)).members) == 1  # the near miss


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"demo.py": ""}, "it has none"),
        ({f"{INFO}/WHEEL": "", "other-1.dist-info/WHEEL": ""}, "other-1.dist-info"),
        ({f"{INFO}/WHEEL": "", "a.data/data/x": "", "b.data/data/x": ""}, ".data"),
        ({"demo.dist-info": ""}, "it has none"),
    ],
)
def test_wheel_without_its_one_metadata_folder_is_unreadable(
    files: dict[str, str], words: str
) -> None:
    error = fault(zipped(files))
    assert error.absence is Absence.UNREADABLE
    assert words in error.why


@pytest.mark.parametrize(
    ("files", "ok"),
    [
        ({f"{INFO}/WHEEL": "\n" * (64 << 10)}, True),
        ({f"{INFO}/WHEEL": "\n" * ((64 << 10) + 1)}, False),
        ({f"{INFO}/entry_points.txt": "\n" * (1 << 20)}, True),
        ({f"{INFO}/entry_points.txt": "\n" * ((1 << 20) + 1)}, False),
        ({f"{INFO}/RECORD": "\n" * (4 << 20)}, True),
        ({f"{at}.dist-info/entry_points.txt": "\n" * (1 << 20) for at in range(4)}, False),
    ],
    ids=["WHEEL", "longer", "entry points", "more", "RECORD", "several folders"],
)
def test_metadata_of_a_wheel_is_bounded_in_all(
    monkeypatch: pytest.MonkeyPatch, files: dict[str, str], ok: bool
) -> None:
    monkeypatch.setattr(archive_limits, "METADATA_BYTES", 3 << 20)
    content = zipped({f"{INFO}/WHEEL": "", **files})
    if ok:
        assert read(content).members
    else:
        assert fault(content).absence is Absence.LIMIT


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    content = wheel({"demo.py": "0" * 100_000})
    assert read(content).members
    limits = {"UNPACKED_BYTES": 50_000, "MEMBERS": 2, "DIRECTORY_BYTES": 60, "METADATA_BYTES": 10}
    for name, value in limits.items():
        with monkeypatch.context() as patch:
            patch.setattr(archive_limits, name, value)
            assert fault(content).absence is Absence.LIMIT
    monkeypatch.setattr(archive_limits, "UNSUSPICIOUS", 1000)
    monkeypatch.setattr(archive_limits, "RATIO", 1000)
    assert read(content).members
    monkeypatch.setattr(archive_limits, "RATIO", 10)
    assert "unpacks to more" in fault(content).why


@settings(max_examples=300)
@given(st.data())
def test_any_damage_gives_a_manifest_or_the_error(data: st.DataObject) -> None:
    content = bytearray(wheel({"demo/a.py": CODE, f"{DATA}/scripts/x": "#!python\n"}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        found = read(bytes(content))
    except ArtifactError:
        return
    assert found.size == len(content)
