from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from packaging.version import Version

from auditor.errors import ExitCode, LockError
from auditor.lock import Lock, read_lock
from auditor.lock.lock_file import MAX_BYTES, single_line

ASSETS = Path(__file__).parent / "assets"
REAL = ASSETS / "real"

ERRORS = {
    "bad-environment": ":6: environments[1]: Expected marker operator",
    "bad-marker": ":6: packages[0].marker (idna): Expected a marker variable or quoted string",
    "bad-requires-python": ":4: requires-python: Invalid specifier: 'three'",
    "bad-sdist-name": ":6: packages[0].sdist (idna): Invalid sdist filename 'idna-3.20.tar.bz2'",
    "bad-version": ":6: packages[0].version (idna): Invalid version: 'three'",
    "bad-wheel-name": ":6: packages[0].wheels[0] (idna): Invalid wheel filename 'idna.whl'",
    "deep-nesting": ": TOML that cannot be read: TOML inline arrays/tables are nested",
    "draft-pep": ": this is a lock of an early draft of PEP 751, not a pylock.toml",
    "empty": ":1: lock-version: Missing required value",
    "empty-hashes": ":12: packages[0].wheels[1].hashes (idna): At least one hash must be provided",
    "extra-not-normalised": ":4: extras[0]: Name 'Gpu_1' is not normalized",
    "hash-no-hexadecimal": ":9: packages[0].archive.hashes.sha256 (idna): not a sha256 hash",
    "hash-no-text": ":6: packages[0].archive.hashes (idna): Hash values must be strings",
    "huge-number": ": TOML that cannot be read: Exceeds the limit (4300 digits)",
    "misleading-text": ":19: packages[1].directory.path (certifi): Unexpected type int",
    "name-not-normalised": ":10: packages[1].name (Ruamel.YAML): Name 'Ruamel.YAML' is not",
    "newer-major": ":2: lock-version: 2.0 is not supported, only 1.x",
    "marker-with-both-quotes": ":6: packages[0].marker (idna): Cannot serialize marker value",
    "environment-with-both-quotes": ":4: environments[0]: Cannot serialize marker value",
    "no-created-by": ":1: created-by: Missing required value",
    "no-hashes": ":12: packages[0].wheels[1].hashes (idna): Missing required value",
    "no-location": ":6: packages[0].sdist (idna): path or url must be provided",
    "no-name": ":4: packages[0].name: Missing required value",
    "no-packages": ":1: packages: Missing required value",
    "no-source": ":4: packages[0] (idna): Exactly one of vcs, directory, archive must be set",
    "not-toml": ":2:22: not valid TOML: Illegal character",
    "packages-mixed": ":6: packages[1]: Unexpected type str (expected Mapping)",
    "packages-no-array": ":4: packages: Unexpected type int (expected Sequence)",
    "pdm-lock": ": this is PDM's own lock, not a pylock.toml",
    "poetry-lock": ": this is Poetry's own lock, not a pylock.toml",
    "project": ": this is a project file, not a pylock.toml",
    "short-hash": ":13: packages[0].sdist.hashes.sha256 (idna): not a sha256 hash in hexadecimal",
    "size-no-number": ":6: packages[0].sdist.size (idna): Unexpected type str (expected int)",
    "too-many-tags": ":7: packages[0].wheels[0] (idna): a wheel name with more than",
    "two-sources": ":4: packages[0] (idna): None of vcs, directory, archive must be set if",
    "uv-lock": ": this is uv's own lock, not a pylock.toml",
    "vcs-without-commit": ":7: packages[0].vcs.commit-id (idna): Missing required value",
    "version-no-text": ":1: lock-version: Unexpected type float (expected str)",
    "version-no-version": ":1: lock-version: Invalid version: 'one'",
    "wheel-without-location": ":6: packages[0].wheels[0] (idna): path or url must be provided",
    "wheel-of-another": ":6: packages[0].wheels[0] (idna): Name in 'idna_ssl-1.1-py3-none-any.whl'",
    "wheel-of-another-version": ":7: packages[0].wheels[0] (idna): Version in 'idna-3.19-py3-",
}
"""Asset -> what follows the file's name in the error."""


def written(directory: Path, content: str | bytes, name: str = "pylock.toml") -> Path:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path) -> LockError:
    with pytest.raises(LockError) as caught:
        read_lock(path, path.name)
    error = caught.value
    assert error.exit_code == ExitCode.USAGE
    assert error.hint
    for text in (error.message, error.hint):
        assert text.isprintable(), text
        assert len(text) < 500
    return error


@pytest.mark.parametrize("case", ERRORS)
def test_an_invalid_lock_is_refused_with_file_line_and_key(case: str) -> None:
    path = ASSETS / f"pylock.{case}.toml"
    assert refused(path).message.startswith(path.name + ERRORS[case])


def test_every_asset_has_its_error() -> None:
    assert {path.name for path in ASSETS.glob("*.toml")} == {
        f"pylock.{case}.toml" for case in ERRORS
    }


@pytest.mark.parametrize(
    ("case", "hint"),
    [
        ("uv-lock", "`uv export --format pylock.toml -o pylock.toml`"),
        ("poetry-lock", "`poetry export --format pylock.toml -o pylock.toml`"),
        ("pdm-lock", "`pdm export --format pylock -o pylock.toml`"),
        ("draft-pep", "lock-version 1.0"),
        ("newer-major", "update the auditor"),
        ("no-hashes", "lock again"),
        ("not-toml", "lock again"),
    ],
)
def test_the_hint_says_how_to_come_by_a_lock(case: str, hint: str) -> None:
    assert hint in refused(ASSETS / f"pylock.{case}.toml").hint


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("uv.lock", "uv.lock: this is uv's own lock, not a pylock.toml", "uv export"),
        ("Pipfile.lock", "Pipfile.lock: this is Pipenv's own lock", "pipenv requirements"),
        ("requirements.txt", "requirements.txt: this is a requirements file", "uv pip compile"),
        ("pylock.a.b.toml", "pylock.a.b.toml: not the name of a lock", "without dots"),
        ("locked.toml", "locked.toml: not the name of a lock", "pylock.toml"),
    ],
)
def test_a_file_of_another_name_is_refused(
    tmp_path: Path, name: str, message: str, hint: str
) -> None:
    error = refused(written(tmp_path, "", name))
    assert error.message.startswith(message)
    assert hint in error.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refused(tmp_path / "pylock.toml").message == "pylock.toml: No such file or directory"


def test_a_directory_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").mkdir()
    assert refused(tmp_path / "pylock.toml").message == "pylock.toml: not a regular file"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pylock.toml")
    assert refused(tmp_path / "pylock.toml").message == "pylock.toml: not a regular file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'lock-version = "1.0"\n# caf\xe9\n', "pylock.toml:2: not UTF-8: byte 0xe9"),
        ("lock-version".encode("utf-16"), "pylock.toml:1: not UTF-8: byte 0xff"),
        (b"\0" * 10, "pylock.toml:1:1: not valid TOML: Invalid statement"),
        (b"a = '\x1b[31m'\nb = \n", "pylock.toml:1:6: not valid TOML: Found invalid character"),
    ],
    ids=["latin-1", "utf-16", "nuls", "escape"],
)
def test_bytes_that_are_no_toml(tmp_path: Path, content: bytes, message: str) -> None:
    assert refused(written(tmp_path, content)).message.startswith(message)


def test_a_lock_beyond_the_limit_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    assert refused(path).message == "pylock.toml: larger than 32 MiB, the largest that is read"


@pytest.mark.parametrize(
    ("name", "creator", "count"),
    [
        ("pylock.uv-compile.toml", "uv", 3),
        ("pylock.uv-export.toml", "uv", 5),
        ("pylock.pip.toml", "pip", 2),
        ("pylock.pdm.toml", "pdm", 5),
    ],
)
def test_locks_as_the_tools_write_them(name: str, creator: str, count: int) -> None:
    lock = read_lock(REAL / name, name)
    assert lock.path == name
    assert lock.created_by == creator
    assert lock.sha256 == hashlib.sha256((REAL / name).read_bytes()).hexdigest()
    assert len(lock.lines) == len(lock.pylock.packages) == count
    assert lock.warnings == ()
    lines = (REAL / name).read_text().splitlines()
    for package, line in zip(lock.pylock.packages, lock.lines, strict=True):
        assert line is not None
        assert lines[line - 1] == "[[packages]]"
        assert lines[line] == f'name = "{package.name}"'
    for key, line in lock.keys.items():
        assert lines[line - 1].startswith(key)


def read_text(directory: Path, text: str) -> Lock:
    return read_lock(written(directory, text), "pylock.toml")


def test_packages_may_stand_in_one_array(tmp_path: Path) -> None:
    text = (
        'lock-version = "1.0"\ncreated-by = "a person"\npackages = [\n'
        ' { name = "a", directory = { path = "a" } },\n\n'
        ' { name = "b", directory = { path = "b" } } ]\n'
    )
    assert read_text(tmp_path, text).lines == (4, 6)


def test_text_that_looks_like_a_header_does_not_count(tmp_path: Path) -> None:
    text = (
        'lock-version = "1.0"\ncreated-by = """\n[[packages]]\n"""\n# [[packages]]\n'
        '[[packages]]\nname = "a"\ndirectory = { path = "a" }\n'
    )
    lock = read_text(tmp_path, text)
    assert lock.lines == (6,)
    assert lock.keys == {"lock-version": 1, "created-by": 2}


def test_a_byte_order_mark_and_carriage_returns_are_accepted(tmp_path: Path) -> None:
    text = '\ufefflock-version = "1.0"\r\ncreated-by = "a person"\r\npackages = []\r\n'
    lock = read_text(tmp_path, text)
    assert lock.created_by == "a person"
    assert lock.keys == {"lock-version": 1, "created-by": 2}


def test_a_newer_minor_version_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = (
        'created-by = "a person"\nlock-version = "1.7"\nnew = 1\n[[packages]]\nname = "a"\n'
        'frozen = true\nwheels = [{ path = "a-1-py3-none-any.whl", colour = "red", hashes = '
        '{ future = "x" } }]\n[packages.sdist]\npath = "a-1.tar.gz"\nhashes = { md5 = '
        f'"{"0" * 32}" }}\n"e\\u0007l" = 1\n'
    )
    lock = read_text(tmp_path, text)
    (warning,) = lock.warnings
    assert warning == (
        "pylock.toml:2: lock-version 1.7 is newer than 1.0, the newest supported version; "
        "unknown keys were ignored: 'packages.sdist.e\\x07l', new, packages.frozen, "
        "packages.wheels.colour"
    )
    assert lock.pylock.lock_version == Version("1.0")
    assert caplog.records == []


def test_a_newer_minor_version_without_new_keys(tmp_path: Path) -> None:
    lock = read_text(tmp_path, 'lock-version = "1.1"\ncreated-by = "x"\npackages = []\n')
    assert lock.warnings == (
        "pylock.toml:1: lock-version 1.1 is newer than 1.0, the newest supported version",
    )


def test_many_unknown_keys_are_counted(tmp_path: Path) -> None:
    keys = "".join(f"k{number:02} = 1\n" for number in range(30))
    lock = read_text(tmp_path, f'lock-version = "1.1"\ncreated-by = "x"\npackages = []\n{keys}')
    assert lock.warnings[0].endswith("k06, k07 and 22 more")


def test_unknown_keys_of_the_known_version_are_nothing(tmp_path: Path) -> None:
    lock = read_text(tmp_path, 'lock-version = "1.0"\ncreated-by = "x"\npackages = []\nnew = 1\n')
    assert lock.warnings == ()


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("plain", "plain"),
        ("what\n    in this\n    ~~~~^\n", "what: in this"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("x" * 400, "x" * 297 + "..."),
    ],
    ids=["plain", "pointer", "escape", "long"],
)
def test_messages_are_one_printable_line(message: str, line: str) -> None:
    assert single_line(message) == line
