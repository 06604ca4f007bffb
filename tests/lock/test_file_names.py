from __future__ import annotations

import pytest

from auditor.lock.file_names import path_name, url_name


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
