from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from auditor.errors import UsageError
from auditor.model import Severity
from auditor.policy import Setting, find_config, read_config

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2030, 6, 1)
SHA = "0" * 64
SETTINGS = {
    "lock": Setting(path=True),
    "fail-on": Setting(choices=("error", "never")),
    "own": Setting(many=True),
    "ignore-codes": Setting(many=True, codes=True),
    "no-run": Setting(flag=True),
}
FULL = f"""
lock = "locks/pylock.toml"
fail-on = "error"
own = ["shop", "till"]
ignore-codes = "LI108, LI2"
no-run = true

[[ignore]]
code = "LI103"
subject = "requests"
reason = "patched by hand"
until = 2030-12-31

[[ignore]]
code = "unlocked-distribution"
subject = "*"
path = "/opt/*"
reason = "tools"

[[native]]
path = "/usr/local/lib/liblc3.so.1"
sha256 = "sha256:{SHA}"
source = "https://example.org/liblc3 v1.1"
reason = "no wheel has it"

[[native]]
soname = "liblc3.so.1"
build-id = "0a0b"
source = "the same"
reason = "the same"

[severity]
LI1 = "note"
LI103 = "warning"
version-differs = "error"
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "auditor.toml", FULL)
    found = find_config(tmp_path)
    assert found is not None
    config = read_config(found, SETTINGS, TODAY)
    assert config.defaults == {
        "lock": "locks/pylock.toml",
        "fail-on": "error",
        "own": ["shop", "till"],
        "ignore-codes": ["LI108, LI2"],
        "no-run": True,
    }
    first, second = config.policy.ignores
    assert (first.codes, first.until, first.line) == (frozenset({"LI103"}), date(2030, 12, 31), 8)
    assert (second.codes, second.path) == (frozenset({"LI102"}), "/opt/*")
    by_path, by_soname = config.policy.natives
    assert (by_path.path, by_path.sha256, by_path.soname) == (
        "/usr/local/lib/liblc3.so.1",
        SHA,
        None,
    )
    assert (by_soname.soname, by_soname.build_id) == ("liblc3.so.1", "0a0b")
    assert config.policy.severities["LI101"] is Severity.NOTE
    assert config.policy.severities["LI103"] is Severity.ERROR
    assert config.policy.path == "auditor.toml"
    assert config.policy.today == TODAY


def test_a_table_of_pyproject(tmp_path: Path) -> None:
    text = '[project]\nname = "x"\n[tool.auditor]\nfail-on = "error"\n'
    path = write(tmp_path / "pyproject.toml", text)
    assert read_config(path, SETTINGS, TODAY).defaults == {"fail-on": "error"}
    write(path, text.replace("error", "eror"))
    with pytest.raises(UsageError, match=r"pyproject\.toml:4: fail-on: 'eror' is not valid"):
        read_config(path, SETTINGS, TODAY)


PLACES = {
    "here": ({"auditor.toml": ""}, "auditor.toml"),
    "pyproject": ({"pyproject.toml": "[tool.auditor]"}, "pyproject.toml"),
    "pyproject-of-others": ({"pyproject.toml": "[tool]"}, None),
    "above": ({"../auditor.toml": "", "../.git": ""}, "../auditor.toml"),
    "above-but-no-repository": ({"../auditor.toml": ""}, None),
    "outside-the-repository": ({"../../auditor.toml": "", "../.git": ""}, None),
    "nearest": ({"auditor.toml": "", "../auditor.toml": "", "../.git": ""}, "auditor.toml"),
    "past-a-pyproject-of-others": (
        {"pyproject.toml": "[tool]", "../auditor.toml": "", "../../.git/HEAD": ""},
        "../auditor.toml",
    ),
}


@pytest.mark.parametrize(("there", "found"), PLACES.values(), ids=PLACES)
def test_where_it_is_looked_for(tmp_path: Path, there: dict[str, str], found: str | None) -> None:
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    for name, text in there.items():
        write(here / name, text)
    assert found == (str(path) if (path := find_config(here)) else None)


def test_two_in_one_place(tmp_path: Path) -> None:
    write(tmp_path / "auditor.toml", "")
    write(tmp_path / "pyproject.toml", "[tool.auditor]")
    with pytest.raises(UsageError, match="two configurations"):
        find_config(tmp_path)


IGNORE = '[[ignore]]\ncode = "LI1"\nsubject = "*"\nreason = "r"\n'
NATIVE = '[[native]]\npath = "/a"\nsha256 = "' + SHA + '"\nsource = "s"\nreason = "r"\n'
MISTAKES = {
    "toml": ("x = ", ":1:5: not valid TOML: ", "--no-config"),
    "number": ("x = " + "1" * 5000, ": TOML that cannot be read: ", ""),
    "key": ("\nfail-onn = 1", ":2: fail-onn: unknown key", "fail-on?"),
    "far-key": ("zzz = 1", ":1: zzz: unknown key", "known keys: lock,"),
    "text": ("lock = 1", ":1: lock: a number, not a string", ""),
    "empty": ("lock = ' '", ":1: lock: is empty", ""),
    "list": ("own = ['a', []]", ":1: own[1]: an array, not a string", ""),
    "list-alone": ("own = true", ":1: own: a boolean, not a string", ""),
    "flag": ("no-run = 1979-01-01", ":1: no-run: a date or time, not", ""),
    "codes": ("ignore-codes = 'LI1 LI8'", ":1: ignore-codes: unknown finding code", ""),
    "x": ("ignore = ['LI1']", ":1: ignore[0]: a string, not a table", "[[ignore]]"),
    "y": ("ignore = 'LI1'", ":1: ignore: a string, not an array", "[[ignore]]"),
    "severity": ("severity = 'note'", ":1: severity: a string, not a table", ""),
    "level": ("[severity]\nLI101 = 'none'", ":2: severity.LI101: 'none' is", ""),
    "severity-code": (
        "[severity]\nversion-difers = 'note'",
        ":2: severity.version-difers: unknown finding code or name 'version-difers'",
        "did you mean version-differs?",
    ),
    "code": (
        IGNORE.replace("LI1", "weak-hsh"),
        ":2: ignore[0].code: unknown finding code or name 'weak-hsh'",
        "did you mean weak-hash",
    ),
    "blank-code": (IGNORE.replace('"LI1"', '"\\n"'), ":2: ignore[0].code: is empty", ""),
    "no-reason": (
        IGNORE + IGNORE.replace('reason = "r"', ""),
        ":5: ignore[1]: has no reason",
        "say why",
    ),
    "empty-reason": (IGNORE.replace('"r"', '"  "'), ":4: ignore[0].reason: is empty", ""),
    "subject": (IGNORE.replace('subject = "*"', ""), ":1: ignore[0]: has no subject", ""),
    "entry-key": (IGNORE + "untill = 2030-01-01", ":5: ignore[0].untill: unknown", "until?"),
    "until-text": (IGNORE + "until = '2030-01-01'", ":5: ignore[0].until: a string", "bare"),
    "time": (IGNORE + "until = 2030-01-01T00:00:00", ":5: ignore[0].until: a date or", ""),
    "id": (NATIVE.replace('path = "/a"\n', ""), ":1: native[0]: has neither path nor", ""),
    "no-hash": (NATIVE.replace("sha256", "#"), ":1: native[0]: has neither sha256", ""),
    "relative": (NATIVE.replace("/a", "a"), ":2: native[0].path: 'a' is no", ""),
    "dots": (NATIVE.replace("/a", "/a/../b"), ":2: native[0].path:", ""),
    "sha256": (NATIVE.replace(SHA, "AB"), ":3: native[0].sha256: 'AB'", "64"),
    "build-id": (NATIVE + "build-id = 'abc'", ":6: native[0].build-id", ""),
    "source": (NATIVE.replace('source = "s"', ""), ":1: native[0]: has no source", ""),
}


@pytest.mark.parametrize(("text", "message", "hint"), MISTAKES.values(), ids=MISTAKES)
def test_what_is_wrong(tmp_path: Path, text: str, message: str, hint: str) -> None:
    path = write(tmp_path / "auditor.toml", text)
    with pytest.raises(UsageError) as raised:
        read_config(path, SETTINGS, TODAY)
    assert raised.value.message.startswith(f"{path}{message}")
    assert "\n" not in raised.value.message
    assert hint in raised.value.hint
    assert raised.value.hint


UNREADABLE = {
    "absent": ("absent.toml", None, "No such file or directory"),
    "folder": ("folder", "", "not a regular file"),
    "utf8": ("bytes.toml", b"a = 1\nb = '\xff'", "bytes.toml:2: not UTF-8: byte"),
    "large": ("large.toml", b"#" * (4 << 20) + b"#", "larger than 4 MiB"),
    "no-table": ("pyproject.toml", b"[tool]", r"has no \[tool.auditor\]"),
    "no-tools": ("pyproject.toml", b"tool = 1", r"has no \[tool.auditor\]"),
    "value": ("pyproject.toml", b"[tool]\nauditor = 1", r":2: \[tool.auditor\]: a number"),
}


@pytest.mark.parametrize(("name", "content", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read(
    tmp_path: Path, name: str, content: bytes | str | None, message: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    with pytest.raises(UsageError, match=message):
        read_config(path, SETTINGS, TODAY)


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "auditor.toml"
    path.write_bytes(b"\xef\xbb\xbfno-run = false")
    assert read_config(path, SETTINGS, TODAY).defaults == {"no-run": False}


def test_paths_start_at_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "auditor.toml", "lock = 'pylock.toml'")
    assert read_config(path, SETTINGS, TODAY).defaults == {"lock": f"{tmp_path}/pylock.toml"}
    write(path, "lock = '-'")
    assert read_config(path, SETTINGS, TODAY).defaults == {"lock": "-"}
