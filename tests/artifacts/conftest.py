"""A server of artifacts, and a machine without credentials, proxies and certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.fake_registry import Answer, fake_registry
from tests.builders.wanted import CONTENT, FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.fake_registry import FakeRegistry


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home folder."""
    for name in (
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC"),
        *("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "no_proxy"),
    ):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    for name in ("HOME", "PATH", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    with fake_registry() as served:
        served.script[FILE] = [Answer(body=CONTENT)]
        yield served
