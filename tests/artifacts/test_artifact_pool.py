"""Several locks at once: what they share, and what they do not."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor.artifacts import Absent, ArtifactPool, ArtifactSources, Manifest, ManifestStore
from auditor.artifacts import artifact_pool as pool_module
from tests.builders.fake_registry import Answer
from tests.builders.wanted import CONTENT, FILE, NAME, OTHER, artifact, at, several
from tests.builders.wheels import wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders.fake_registry import Asked, FakeRegistry

ONE, TWO = Path("/one"), Path("/two")


@pytest.fixture
def pool() -> Iterator[ArtifactPool]:
    with ArtifactPool(ArtifactSources()) as found:
        yield found


def test_locks_that_name_one_artifact_fetch_it_once(
    server: FakeRegistry, pool: ArtifactPool
) -> None:
    go = threading.Event()
    server.rule = lambda _: None if go.wait(10) else Answer(500)
    wanted = [at(server) for _ in range(3)]
    with ManifestStore(pool, ONE) as one, ManifestStore(pool, TWO) as two:
        one.prefetch(wanted[:1])
        two.prefetch(wanted[1:2])
        go.set()
        assert one.get(wanted[:1]) == two.get(wanted[1:2])
    with ManifestStore(pool, ONE) as later:
        (found,) = later.get(wanted[2:])
    assert isinstance(found, Manifest)
    assert len(server.asked) == 1


def test_paths_are_those_of_each_lock(tmp_path: Path, pool: ArtifactPool) -> None:
    for name, content in (("one", CONTENT), ("two", OTHER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / NAME).write_bytes(content)
    with ManifestStore(pool, tmp_path / "one") as one, ManifestStore(pool, tmp_path / "two") as two:
        assert isinstance(one.get([artifact()])[0], Manifest)
        assert isinstance(two.get([artifact()])[0], Absent)


def test_what_failed_is_tried_again_for_the_next_lock(
    server: FakeRegistry, pool: ArtifactPool
) -> None:
    server.script[FILE][:0] = [Answer(404)]
    wanted = [at(server) for _ in range(2)]
    with ManifestStore(pool, ONE) as one:
        (absent,) = one.get(wanted[:1])
        assert one.get(wanted[1:]) == [absent]
    with ManifestStore(pool, TWO) as two:
        assert isinstance(two.get(wanted)[0], Manifest)


def test_a_lock_that_leaves_gives_up_what_no_other_waits_for(
    server: FakeRegistry, pool: ArtifactPool
) -> None:
    go, busy = threading.Event(), threading.Semaphore(0)

    def rule(_: Asked) -> None:
        busy.release()
        go.wait(10)

    server.rule = rule
    wanted = several(server, 12)
    with ManifestStore(pool, TWO) as two:
        with ManifestStore(pool, ONE) as one:
            one.prefetch(wanted)
            two.prefetch(wanted[9:10])
            for _ in range(8):
                assert busy.acquire(timeout=10)
        go.set()
        assert isinstance(two.get(wanted[9:10])[0], Manifest)
    assert {asked.path for asked in server.asked} == {f"/{number}" for number in (*range(8), 9)}


def test_closing_leaves_no_lock_waiting(server: FakeRegistry) -> None:
    server.script[FILE] = [Answer(body=CONTENT, cut=9, stall=True)]
    url = f"http://{server.host}{FILE}"
    wanted = [artifact(path=None, url=url, size=9999 + n) for n in range(20)]
    with ArtifactPool(ArtifactSources()) as pool, ThreadPoolExecutor(1) as other:
        waiting = other.submit(ManifestStore(pool, ONE).get, wanted)
        while len(server.asked) < 8:
            time.sleep(0.01)
        pool.close()
        found = waiting.result(timeout=20)
    assert {isinstance(each, Absent) and each.why for each in found} == {
        "the reading was interrupted"
    }


def test_memory_stays_flat(
    tmp_path: Path, pool: ArtifactPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_RECENT_MEMBERS", 12)
    for number in range(20):
        content = wheel({"demo.py": str(number)})
        (tmp_path / NAME).write_bytes(content)
        with ManifestStore(pool, tmp_path) as manifests:
            (found,) = manifests.get([artifact(content)])
            assert isinstance(found, Manifest)
        assert pool._recent_members <= 12  # noqa: SLF001 -- what must not grow
        assert sum(len(each.members) for each in pool._recent.values()) <= 12  # noqa: SLF001
    assert not pool._searches  # noqa: SLF001
