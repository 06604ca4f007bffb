"""Package databases: which file is whose, and what is said where a database cannot be read."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from auditor.image.layout.blob_store import ImageQuery
from auditor.image.layout.root_directory import open_directory
from auditor.inventory.ownership.os_packages import database as limits
from auditor.inventory.ownership.os_packages import metadata_owners, read_os_packages
from auditor.inventory.ownership.os_packages.rpm_header import HeaderError, Tag, read_header
from tests.builders import Directory, Symlink, rootfs_of

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.model import OsPackages
    from tests.builders import Files

MD5 = hashlib.md5(b"library", usedforsecurity=False).hexdigest()
STATUS = "Package: {0}\nStatus: install ok installed\n\n"


def dpkg(name: str, paths: list[str], **files: str) -> dict[str, str]:
    """Return the database of one package; `md5sums` and `conffiles` as further files."""
    info = f"/var/lib/dpkg/info/{name}"
    return {
        "/var/lib/dpkg/status": STATUS.format(name.partition(":")[0]),
        f"{info}.list": "\n".join(["/.", *paths, ""]),
        **{f"{info}.{suffix}": text for suffix, text in files.items()},
    }


def owned(files: Files) -> dict[str, str]:
    """Return path -> package of an image with these files."""
    return {path: file.package for path, file in read_os_packages(rootfs_of(files)).files.items()}


def test_dpkg_names_files_with_their_digests() -> None:
    files = {
        "/usr/lib/libfoo.so.1": "library",
        "/etc/foo.conf": "",
        **dpkg(
            "libfoo1:amd64",
            ["/usr", "/usr/lib", "/usr/lib/libfoo.so.1", "/etc", "/etc/foo.conf"],
            md5sums=f"{MD5}  usr/lib/libfoo.so.1\nnonsense\n",
            conffiles="/etc/foo.conf\n",
        ),
    }
    found = read_os_packages(rootfs_of(files)).files
    assert sorted(found) == ["/etc/foo.conf", "/usr/lib/libfoo.so.1"]
    library = found["/usr/lib/libfoo.so.1"]
    assert (library.package, library.algorithm, library.digest.hex()) == ("libfoo1", "md5", MD5)
    assert library.source == "/var/lib/dpkg/info/libfoo1:amd64.list"
    assert not library.conffile
    assert found["/etc/foo.conf"].conffile


def test_a_merged_usr_is_one_directory() -> None:
    files: Files = {
        "/lib": Symlink("usr/lib"),
        "/usr/lib/libfoo.so.1": "library",
        **dpkg("libfoo1", ["/lib", "/lib/libfoo.so.1"], md5sums=f"{MD5}  lib/libfoo.so.1\n"),
    }
    found = read_os_packages(rootfs_of(files)).files
    assert found["/usr/lib/libfoo.so.1"].digest.hex() == MD5


def test_dpkg_ignores_a_list_without_its_package() -> None:
    files = {"/bin/x": "", **dpkg("here", ["/bin/x"])}
    assert owned(files) == {"/bin/x": "here"}
    assert owned({**files, "/var/lib/dpkg/status": STATUS.format("other")}) == {}


def test_a_name_that_is_no_text_hides_no_other() -> None:
    status = b"Package: \xe4\n\n" + STATUS.format("here").encode()
    files: Files = {"/bin/x": "", **dpkg("here", ["/bin/x"]), "/var/lib/dpkg/status": status}
    assert owned(files) == {"/bin/x": "here"}


@pytest.mark.parametrize(
    ("diverted_for", "expected"),
    [("mine", {"/bin/x": "mine", "/bin/x.orig": "theirs"}), (":", {"/bin/x.orig": "mine"})],
    ids=["a package's diversion", "the administrator's diversion"],
)
def test_diversions_move_other_packages_files(diverted_for: str, expected: dict[str, str]) -> None:
    files = {
        "/bin/x": "",
        **dpkg("mine", ["/bin/x"]),
        **dpkg("theirs", ["/bin/x"]),
        "/var/lib/dpkg/status": STATUS.format("mine") + STATUS.format("theirs"),
        "/var/lib/dpkg/diversions": f"/bin/x\n/bin/x.orig\n{diverted_for}\n",
    }
    assert owned(files) == expected


def test_distroless_has_sums_alone() -> None:
    files = {
        "/usr/lib/libfoo.so.1": "library",
        "/var/lib/dpkg/status.d/libfoo1": "Package: libfoo1\n",
        "/var/lib/dpkg/status.d/libfoo1.md5sums": f"{MD5}  usr/lib/libfoo.so.1\n",
    }
    found = read_os_packages(rootfs_of(files)).files
    assert found["/usr/lib/libfoo.so.1"][:4] == (
        "libfoo1",
        "/var/lib/dpkg/status.d/libfoo1.md5sums",
        "md5",
        bytes.fromhex(MD5),
    )


def test_distroless_links_and_configuration_come_with_the_sums() -> None:
    python = "/usr/lib/python3.11"
    debian: Files = {
        f"{python}/os.py": "os",
        "/usr/bin/python3": Symlink("../lib/python3.11/os.py"),
        "/etc/python3.11/sitecustomize.py": "# apport",
        f"{python}/sitecustomize.py": Symlink("/etc/python3.11/sitecustomize.py"),
        f"{python}/dangling": Symlink("nothing"),
        f"{python}/elsewhere": Symlink("/opt/plain"),
        "/usr/local/bin/python": Symlink("/usr/lib/python3.11/os.py"),
        "/opt/plain": "",
        "/var/lib/dpkg/status.d/python3.md5sums": f"{MD5}  usr/lib/python3.11/os.py\n",
    }
    later: Files = {
        "/etc/other": "",
        f"{python}/usercustomize.py": Symlink("os.py"),
        f"{python}/other.py": Symlink("/etc/other"),
    }
    found = read_os_packages(rootfs_of([debian, later])).files
    assert found.keys() == {
        f"{python}/os.py",
        "/usr/bin/python3",
        "/etc/python3.11/sitecustomize.py",
        f"{python}/sitecustomize.py",
    }
    assert found["/etc/python3.11/sitecustomize.py"].conffile


def q1(content: bytes, mark: str = "Q1", algorithm: str = "sha1") -> str:
    return mark + base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


APK = (
    "C:Q1abc=\nP:musl\nV:1.2.5-r0\nF:lib\nM:0:0:755\n"
    f"R:libc.so\na:0:0:755\nZ:{q1(b'libc')}\nR:plain\nF:\nR:top\n\n"
    f"P:alpine-base\nF:etc\nR:motd\nZ:{q1(b'motd')}\nF:usr/bin\n"
    f"R:new\nZ:{q1(b'new', 'Q2', 'sha256')}\nR:odd\nZ:Q9abcd\nR:bad\nZ:Q1*\n\n"
)


@pytest.mark.parametrize("folder", ["/lib", "/usr/lib"])
def test_apk_names_files_with_their_digests(folder: str) -> None:
    files: Files = {
        f"{folder}/apk/db/installed": APK,
        **dict.fromkeys(("/lib/libc.so", "/etc/motd", "/usr/bin/new"), ""),
    }
    found = read_os_packages(rootfs_of(files)).files
    assert {path: file.package for path, file in found.items()} == {
        "/lib/libc.so": "musl",
        "/lib/plain": "musl",
        "/top": "musl",
        "/etc/motd": "alpine-base",
        "/usr/bin/new": "alpine-base",
        "/usr/bin/odd": "alpine-base",
        "/usr/bin/bad": "alpine-base",
    }
    libc = found["/lib/libc.so"]
    assert (libc.algorithm, libc.digest) == ("sha1", hashlib.sha1(b"libc").digest())  # noqa: S324
    assert found["/usr/bin/new"].algorithm == "sha256"
    assert {found[path].algorithm for path in ("/usr/bin/odd", "/usr/bin/bad", "/top")} == {""}
    assert [path for path, file in found.items() if file.conffile] == ["/etc/motd"]


def test_apk_is_read_once_where_both_paths_lead_to_it() -> None:
    files: Files = {"/lib": Symlink("usr/lib"), "/usr/lib/apk/db/installed": APK}
    assert read_os_packages(rootfs_of(files)).files["/usr/lib/libc.so"].package == "musl"


# -------------------------------------------------------------------------------------- rpm

SPEC = """\
Name: liblc3
Version: 1.1
Release: 1
Summary: a library
License: MIT
%description
A library.
%install
mkdir -p %{buildroot}/usr/lib64 %{buildroot}/etc %{buildroot}/usr/share/doc/liblc3
mkdir -p %{buildroot}/opt/lc3
printf library > %{buildroot}/usr/lib64/liblc3.so.1
ln -s liblc3.so.1 %{buildroot}/usr/lib64/liblc3.so
printf a=1 > %{buildroot}/etc/lc3.conf
printf words > %{buildroot}/usr/share/doc/liblc3/README
%files
/usr/lib64/liblc3.so.1
/usr/lib64/liblc3.so
/opt/lc3
%config /etc/lc3.conf
%doc /usr/share/doc/liblc3/README
%ghost /opt/lc3/cache
"""


def build_rpm(scratch: Path, spec: str, *define: str) -> Path:
    """Build a package with the real rpmbuild."""
    path = scratch / "package.spec"
    path.write_text(spec, encoding="utf-8")
    settings = [f"_topdir {scratch}/top", "_build_id_links none", *define]
    defined = [word for each in settings for word in ("--define", each)]
    subprocess.run(["rpmbuild", "-bb", "--quiet", *defined, path], check=True, capture_output=True)
    return next((scratch / "top/RPMS").glob("*/*.rpm"))


def install_rpm(root: Path, package: Path, folder: str) -> None:
    """Install a package into `root` with the real rpm."""
    subprocess.run(
        ["rpm", "--root", root, "--define", f"_dbpath {folder}", "--install", "--nodeps",
         "--noscripts", "--excludedocs", "--ignorearch", "--ignoreos", package],
        check=True, capture_output=True,
    )  # fmt: skip


def of_directory(root: Path) -> OsPackages:
    return read_os_packages(open_directory(root, ImageQuery("dir:root", None, None)).rootfs)


@pytest.mark.rpm
@pytest.mark.parametrize("folder", ["/var/lib/rpm", "/usr/lib/sysimage/rpm"])
@pytest.mark.parametrize(("number", "algorithm"), [(8, "sha256"), (1, "md5"), (10, "sha512")])
def test_rpm_database_of_the_real_rpm(
    tmp_path: Path, folder: str, number: int, algorithm: str
) -> None:
    package = build_rpm(tmp_path, SPEC, f"_binary_filedigest_algorithm {number}")
    root = tmp_path / "root"
    install_rpm(root, package, folder)
    packages = of_directory(root)
    assert packages.problems == ()
    library = packages.files["/usr/lib64/liblc3.so.1"]
    assert library.package == "liblc3"
    assert (library.algorithm, library.digest) == (
        algorithm,
        hashlib.new(algorithm, b"library").digest(),
    )
    assert not library.conffile
    assert packages.files["/usr/lib64/liblc3.so"].algorithm == ""
    assert packages.files["/etc/lc3.conf"].conffile
    assert packages.files["/opt/lc3/cache"].conffile
    assert "/opt/lc3" not in packages.files
    assert not [path for path in packages.files if path.endswith("README")]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"/var/lib/rpm/Packages": "x"}, "as Berkeley DB, which is not read"),
        ({"/usr/lib/sysimage/rpm/Packages.db": "x"}, "as ndb, which is not read"),
        ({"/var/lib/rpm/rpmdb.sqlite": "x"}, "no SQLite file"),
        ({"/var/lib/rpm/rpmdb.sqlite": b"SQLite format 3\0" + b"\1" * 200}, "no readable rpm"),
    ],
    ids=["bdb", "ndb", "no sqlite", "damaged"],
)
def test_rpm_databases_that_are_not_read(files: Files, why: str) -> None:
    problems = read_os_packages(rootfs_of(files)).problems
    assert len(problems) == 1
    assert why in problems[0].why


def sqlite(tmp_path: Path, *statements: str, blobs: tuple[bytes, ...] = ()) -> bytes:
    path = tmp_path / "db"
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    for blob in blobs:
        connection.execute("INSERT INTO Packages (blob) VALUES (?)", (blob,))
    connection.commit()
    connection.close()
    return path.read_bytes()


TABLE = "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)"


def header(*tags: tuple[int, int, int, bytes]) -> bytes:
    """Return a header of tags, each with type, count and data."""
    index, data = b"", b""
    for tag, form, count, content in tags:
        index += struct.pack(">IIII", tag, form, len(data), count)
        data += content
    return struct.pack(">II", len(tags), len(data)) + index + data


NAME = (Tag.NAME, 6, 1, b"x\0")
FILES = (
    (Tag.DIRNAMES, 8, 1, b"/lib/\0"),
    (Tag.BASENAMES, 8, 2, b"a\0b\0"),
    (Tag.DIRINDEXES, 4, 2, struct.pack(">II", 0, 0)),
    (Tag.FILEDIGESTS, 8, 2, b"00\0zz\0"),
)


def test_rpm_files_without_usable_digests(tmp_path: Path) -> None:
    content = sqlite(tmp_path, TABLE, blobs=(header(NAME, *FILES),))
    files: Files = {"/var/lib/rpm/rpmdb.sqlite": content, "/lib/a": ""}
    found = read_os_packages(rootfs_of(files)).files
    assert {path: file.algorithm for path, file in found.items()} == {"/lib/a": "md5", "/lib/b": ""}


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (b"", "too short"),
        (struct.pack(">II", 1 << 20, 0), "counts do not fit"),
        (struct.pack(">II", 0, 100), "counts do not fit"),
        (header((Tag.NAME, 6, 5_000_000, b"")), "NAME does not fit"),
        (header((Tag.NAME, 6, 2, b"x\0")), "NAME ends after the data"),
        (header((Tag.NAME, 4, 1, b"xxxx")), "NAME is no text"),
        (header(NAME, (Tag.DIRINDEXES, 8, 1, b"0\0")), "DIRINDEXES is no number"),
        (header(NAME, (Tag.DIRINDEXES, 4, 9, b"0\0")), "DIRINDEXES ends after"),
        (header(NAME, (Tag.BASENAMES, 8, 1, b"a\0")), "names 1 files in 0 folders"),
        (
            header(NAME, (Tag.DIRINDEXES, 4, 1, b"\0\0\0\7"), (Tag.BASENAMES, 8, 1, b"a\0")),
            "folder 7 of 0",
        ),
    ],
)
def test_damaged_headers_are_told_beside_the_others(tmp_path: Path, blob: bytes, why: str) -> None:
    content = sqlite(tmp_path, TABLE, blobs=(blob, header(NAME, *FILES)))
    packages = read_os_packages(rootfs_of({"/var/lib/rpm/rpmdb.sqlite": content, "/lib/x": ""}))
    assert len(packages.problems) == 1
    assert why in packages.problems[0].why
    assert sorted(packages.files) == ["/lib/a", "/lib/b"]


def test_hostile_views_end(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    view = f"CREATE VIEW Packages AS {endless}"
    content = sqlite(tmp_path, view)
    problems = read_os_packages(rootfs_of({"/var/lib/rpm/rpmdb.sqlite": content})).problems
    assert "has no table Packages" in problems[0].why


def test_a_log_with_changes_is_told(tmp_path: Path) -> None:
    files: Files = {
        "/var/lib/rpm/rpmdb.sqlite": sqlite(tmp_path, TABLE),
        "/var/lib/rpm/rpmdb.sqlite-wal": "x",
    }
    problems = read_os_packages(rootfs_of(files)).problems
    assert [problem.path for problem in problems] == ["/var/lib/rpm/rpmdb.sqlite-wal"]


def test_one_folder_by_two_names_is_read_once() -> None:
    files: Files = {
        "/usr/lib/sysimage/rpm/Packages.db": "x",
        "/var/lib/rpm": Symlink("../../usr/lib/sysimage/rpm"),
    }
    assert len(read_os_packages(rootfs_of(files)).problems) == 1


def test_header_without_a_tag() -> None:
    assert read_header(header()).strings(Tag.NAME) == ()
    with pytest.raises(HeaderError):
        read_header(b"\0")


# ----------------------------------------------------------------------------------- others


def test_databases_over_the_limit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_FILE_LIMIT", 4)
    problems = read_os_packages(rootfs_of({"/lib/apk/db/installed": APK})).problems
    assert [problem.limit for problem in problems] == [True]


def test_no_database_is_no_problem() -> None:
    files: Files = {"/lib/apk/db": Directory(), "/var/lib/rpm": Directory()}
    packages = read_os_packages(rootfs_of(files))
    assert (dict(packages.files), packages.problems) == ({}, ())


def test_metadata_owners() -> None:
    info = "/usr/lib/python3/dist-packages/six-1.16.0.egg-info"
    files: Files = {
        f"{info}/PKG-INFO": "",
        "/usr/lib/python3/dist-packages/old.egg-info": "",
        **dpkg("python3-six", [info, f"{info}/PKG-INFO", f"{info[:31]}old.egg-info"]),
    }
    owners = metadata_owners(read_os_packages(rootfs_of(files)))
    assert owners == {
        info: "python3-six",
        "/usr/lib/python3/dist-packages/old.egg-info": "python3-six",
    }
