"""An image of an engine whose layers were read before; a real HTTP server plays the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from auditor.errors import EngineError
from auditor.image import limits
from auditor.image.engine.saved_image import open_saved_image
from auditor.image.layers.layer_cache import LayerCache
from auditor.image.read_options import ReadOptions
from tests.builders import docker_archive
from tests.builders.fake_engine import (
    FACTS,
    INSPECT,
    SAVE,
    SAVED,
    THING,
    fake_engine,
    saved_facts,
    stream,
    value,
)

if TYPE_CHECKING:
    from pathlib import Path

    from auditor.model import Image


def warm(cache: LayerCache, *, verify: bool = False) -> Image:
    return open_saved_image(THING, None, ReadOptions(cache=cache, verify=verify))


def asked(calls: list[str]) -> list[str]:
    found = [call for call in calls if call != "GET /version"]
    calls.clear()
    return found


@pytest.mark.parametrize("own_id", [False, True], ids=["by-configuration", "by-manifest"])
@pytest.mark.parametrize("legacy", [True, False], ids=["before-25", "since-25"])
def test_known_image_is_not_saved(engine_socket: Path, *, own_id: bool, legacy: bool) -> None:
    cache = LayerCache(engine_socket.parent / "cache")
    layers = [{"/etc/a": "a"}, {"/etc/b.pth": "b"}]
    saved = docker_archive(layers, legacy=legacy, compress=not legacy)
    facts = saved_facts(docker_archive(layers))
    if own_id:
        facts = {**facts, "Id": "sha256:" + "5" * 64, "Descriptor": {}}
    save = f"GET /images/{facts['Id']}/get"
    with fake_engine(engine_socket, {INSPECT: value(facts), save: stream(saved)}) as calls:
        cold = warm(cache)
        assert asked(calls) == [INSPECT, save]
        image = warm(cache)
        assert asked(calls) == [INSPECT]
        assert list(image.rootfs.walk()) == list(cold.rootfs.walk())
        assert image == replace(cold, rootfs=image.rootfs)
        assert image.rootfs.read("/etc/b.pth") == b"b"
        assert asked(calls) == []
        # No index keeps this one: the layers are found in the archive, once.
        assert image.rootfs.read("/etc/a") == b"a"
        assert asked(calls) == [save, save]
        assert image.rootfs.digests(["/etc/a"], "sha512")
        assert asked(calls) == [save]
        warm(cache, verify=True)
        assert asked(calls) == [INSPECT, save]


def test_image_with_an_unknown_layer_is_saved(engine_socket: Path) -> None:
    cache = LayerCache(engine_socket.parent / "cache")
    with fake_engine(engine_socket, {INSPECT: value(FACTS), SAVE: stream(SAVED)}) as calls:
        warm(cache)
        asked(calls)
        gone = max((cache.directory / "layers").glob("*.index"))
        gone.unlink()
        assert warm(cache).rootfs.names("/etc") == ["a", "b"]
        assert asked(calls) == [INSPECT, SAVE]
        assert gone.exists()


def test_engine_that_means_another_image_is_not_believed(engine_socket: Path) -> None:
    """The identifier is known, but not for these layers."""
    cache = LayerCache(engine_socket.parent / "cache")
    facts = {**FACTS, "Id": "sha256:" + "5" * 64}
    save = f"GET /images/{facts['Id']}/get"
    with fake_engine(engine_socket, {INSPECT: value(facts), save: stream(SAVED)}):
        warm(cache)
    engine_socket.unlink()
    facts["RootFS"] = {"Layers": ["sha256:" + "6" * 64]}
    with (
        fake_engine(engine_socket, {INSPECT: value(facts), save: stream(SAVED)}) as calls,
        pytest.raises(EngineError, match="saved another image"),
    ):
        warm(cache)
    assert asked(calls) == [INSPECT, save]


@pytest.mark.parametrize(("room", "saves"), [(limits.TRANSIENT_IMAGE, 1), (30, 2), (0, 3)])
def test_python_files_need_no_other_save(
    engine_socket: Path, monkeypatch: pytest.MonkeyPatch, room: int, saves: int
) -> None:
    monkeypatch.setattr(limits, "TRANSIENT_IMAGE", room)
    layers = [{"/a/x.py": "s" * 25}, {"/a/__pycache__/x.pyc": "c" * 25}]
    saved = docker_archive(layers)
    facts = saved_facts(saved)
    save = f"GET /images/{facts['Id']}/get"
    with fake_engine(engine_socket, {INSPECT: value(facts), save: stream(saved)}) as calls:
        image = warm(LayerCache(engine_socket.parent / "cache"))
        paths = ["/a/x.py", "/a/__pycache__/x.pyc"]
        assert [len(content) for _, content in image.rootfs.contents(paths, 1 << 20)] == [25, 25]
        assert asked(calls) == [INSPECT, *([save] * saves)]
