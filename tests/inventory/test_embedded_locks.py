from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditor.inventory.embedded_locks import embedded_locks
from auditor.lock import read_lock
from tests.builders import Device, image_of, rootfs_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders import Files

HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'


def entry(name: str, version: str = "1.0", digit: str = "0", source: str = "") -> str:
    source = source or (
        f'wheels = [{{ name = "{name}-{version}-py3-none-any.whl", url = "https://example.org/", '
        f'hashes = {{ sha256 = "{digit * 64}" }} }}]'
    )
    stated = "" if "commit" in source or "path" in source else f'version = "{version}"\n'
    return f'[[packages]]\nname = "{name}"\n{stated}{source}\n'


def commit(digit: str) -> str:
    return f'vcs = {{ type = "git", url = "https://example.org/", commit-id = "{digit * 40}" }}'


def sdist(digit: str) -> str:
    return (
        'sdist = { name = "a-1.0.tar.gz", url = "https://example.org/", '
        f'hashes = {{ sha256 = "{digit * 64}" }} }}'
    )


AUDITED = HEAD + entry("a") + entry("b") + entry("c", source=commit("0"))

CASES = {
    "same": (AUDITED, ""),
    "order-and-comments": (
        "# x\n" + HEAD + entry("c", source=commit("0")) + entry("b") + entry("a"),
        "",
    ),
    "version": (
        AUDITED.replace("1.0", "1.1").replace(HEAD.replace("1.0", "1.1"), HEAD),
        "locks other versions of a (1.1 instead of 1.0), b (1.1 instead of 1.0)",
    ),
    "bytes": (AUDITED.replace("0" * 64, "1" * 64), "locks other bytes of a, b"),
    "commit": (AUDITED.replace(commit("0"), commit("1")), "locks other bytes of c"),
    "lacks": (HEAD + entry("a") + entry("c", source=commit("0")), "lacks b"),
    "more": (AUDITED + entry("d"), "also has d"),
    "many-more": (AUDITED + "".join(map(entry, "defgh")), "also has d, e, f and 2 more"),
    "two-entries": (AUDITED + entry("a", "2.0"), "locks other versions of a (1.0 and 2.0 instead"),
    "sdist": (AUDITED.replace(entry("a"), entry("a", source=sdist("0"))), ""),
    "other-sdist": (
        AUDITED.replace(entry("a"), entry("a", source=sdist("1"))),
        "locks other bytes of a",
    ),
    "directory": (
        AUDITED.replace(entry("a"), entry("a", source='directory = { path = "." }')),
        "locks other versions of a (source instead of 1.0)",
    ),
    "no-toml": ("[", "is not a valid lock: 1:2: not valid TOML"),
    "newer-major": (AUDITED.replace('"1.0"', '"2.0"', 1), "is not a valid lock: "),
}


@pytest.mark.parametrize(("text", "why"), CASES.values(), ids=CASES)
def test_difference(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "pylock.prod.toml"
    path.write_text(AUDITED)
    found = embedded_locks(rootfs_of({"/app/pylock.prod.toml": text}), read_lock(path, str(path)))
    assert [each.path for each in found] == (["/app/pylock.prod.toml"] if why else [])
    assert all(each.why.startswith(why) for each in found)


def test_what_is_no_file_or_a_package_s_own(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text(AUDITED)
    files: Files = {
        "/a/pylock.toml": Device(),
        "/b/pylock.other.toml": "",
        "/v/lib/python3.11/site-packages/x/pylock.toml": "",
    }
    assert embedded_locks(rootfs_of(files), read_lock(path, str(path))) == ()


def test_no_more_than_a_few_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pylock.toml"
    path.write_text(AUDITED)
    image = image_of({f"/{number:02}/pylock.toml": "" for number in range(22)})
    found = embedded_locks(image.rootfs, read_lock(path, str(path)))
    assert len(found) == 22
    assert [each.why for each in found[20:]] == ["is one of 22 of that name and was not read"] * 2
