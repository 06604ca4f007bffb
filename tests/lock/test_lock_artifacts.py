from __future__ import annotations

import pytest

from auditor.lock import parse_lock, prefetchable_artifacts
from auditor.lock.lock_artifacts import path_name, url_name

WHEEL = '{{ path = "{0}", hashes = {{ sha256 = "{1}" }} }}'


def entry(name: str, *files: str, extra: str = "") -> str:
    wheels = ", ".join(WHEEL.format(file, "ab" * 32) for file in files if file.endswith(".whl"))
    sdists = [WHEEL.format(file, "ab" * 32) for file in files if not file.endswith(".whl")]
    lines = [f'[[packages]]\nname = "{name}"\nversion = "1"', extra]
    lines += [f"sdist = {sdist}" for sdist in sdists]
    lines += [f"wheels = [{wheels}]"] if wheels else []
    return "\n".join(lines)


def test_what_any_image_asks_for_first() -> None:
    text = "\n".join(
        [
            'lock-version = "1.0"\ncreated-by = "hand"',
            entry("one", "one-1-py3-none-any.whl", "one-1.tar.gz"),
            entry("two", "two-1-cp311-cp311-linux_x86_64.whl", "two-1-py3-none-any.whl"),
            entry("source", "source-1.tar.gz"),
            entry("some", "some-1-py3-none-any.whl", extra="marker = \"os_name == 'nt'\""),
            entry("index", "index-1-py3-none-any.whl", extra='index = "https://example.org/s"'),
        ]
    )
    lock = parse_lock(text.encode(), "pylock.toml")
    found = prefetchable_artifacts(lock.pylock)
    assert [(each.filename, each.index) for each in found] == [
        ("one-1-py3-none-any.whl", None),
        ("source-1.tar.gz", None),
        ("index-1-py3-none-any.whl", "https://example.org/s"),
    ]


@pytest.mark.parametrize(
    ("path", "name"),
    [("a.whl", "a.whl"), ("w/a.whl", "a.whl"), ("w\\a.whl", "a.whl"), ("w\\x/a.whl", "a.whl")],
)
def test_the_file_name_of_a_path(path: str, name: str) -> None:
    assert path_name(path) == name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/x/a-1%2B2.whl?key=/b#c", "a-1+2.whl"),
        ("https://example.org", ""),
        ("http://[", ""),
    ],
)
def test_the_file_name_of_a_url(url: str, name: str) -> None:
    assert url_name(url) == name
