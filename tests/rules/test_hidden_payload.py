"""What the rules about layers say, beyond what the cases show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from auditor.rules.hidden_payload import hidden_payload
from auditor.rules.install_instructions import install_outside_lock
from auditor.rules.installer_caches import cache_left, cache_roots
from tests.builders import Whiteout, image_of
from tests.builders.bare import facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.model import Observation
    from tests.builders import Files

BIG = "x" * 70_000


def payload(layers: Sequence[Files], **config: Sequence[str]) -> list[Observation]:
    return list(hidden_payload(facts_of(image_of(layers, **config))))  # type: ignore[arg-type]


def test_many_archives_are_one_finding() -> None:
    wheels = {f"/w/p{number}-1-py3-none-any.whl": str(number) for number in range(9)}
    [found] = payload([wheels, {"/w": Whiteout()}], created_by=["COPY w /w", "RUN rm -r /w"])
    assert found.subject == "/w"
    assert found.layer == 0
    assert found.message.startswith(
        "9 archives, 9 B, added by COPY w /w, removed by RUN rm -r /w, still shipped: "
    )
    assert found.message.endswith("and 4 more; 9 of all are not in the lock")


def test_without_a_history_the_layer_has_a_number() -> None:
    [found] = payload([{"/a.whl": "1"}, {"/a.whl": Whiteout()}], created_by=["", ""])
    assert "added by layer 1 (sha256:" in found.message


def test_layers_of_the_base_are_not_this_images_story() -> None:
    layers: list[Files] = [{"/a.whl": "1"}, {"/a.whl": Whiteout()}]
    image = image_of(layers, created_by=["RUN pip install foo", "RUN rm /a.whl"])
    assert list(hidden_payload(facts_of(image)))
    assert list(hidden_payload(facts_of(image, base_layers=1))) == []
    assert list(install_outside_lock(facts_of(image)))
    assert list(install_outside_lock(facts_of(image, base_layers=2))) == []


CACHES: dict[str, tuple[Files, Mapping[str, str], list[str]]] = {
    "home": ({"/root/.cache/pip/a": BIG}, {}, ["/root/.cache/pip"]),
    "user": ({"/home/app/.cache/uv/a": BIG}, {}, ["/home/app/.cache/uv"]),
    "passwd": (
        {"/etc/passwd": "app:x:1:1::/srv/app:/bin/sh\nbad\n", "/srv/app/.cache/pip/a": BIG},
        {},
        ["/srv/app/.cache/pip"],
    ),
    "xdg": ({"/c/pip/a": BIG}, {"XDG_CACHE_HOME": "/c"}, ["/c/pip"]),
    "setting": ({"/c/uv/a": BIG}, {"UV_CACHE_DIR": "/c/uv/"}, ["/c/uv"]),
    "conda": ({"/opt/conda/pkgs/a": BIG}, {}, ["/opt/conda/pkgs"]),
    "settings-that-mean-everything": ({"/a": BIG}, {"UV_CACHE_DIR": "/", "PIP_CACHE_DIR": "."}, []),
    "empty": ({"/root/.cache/pip/a": ""}, {}, []),
}


@pytest.mark.parametrize(("files", "env", "expected"), CACHES.values(), ids=CACHES)
def test_caches(files: Files, env: Mapping[str, str], expected: list[str]) -> None:
    image = image_of(files, env=env)
    assert [each.subject for each in cache_left(facts_of(image))] == expected


def test_a_cache_of_a_home_that_is_gone() -> None:
    image = image_of([{"/home/app/.cache/uv/a": BIG}, {"/home/app": Whiteout()}])
    assert cache_roots(image)["/home/app/.cache/uv"] == "uv"


_MANY = (
    "`pip install --no-deps w/*` installs a.whl, b.whl, c.whl and 2 more, whose sha256 is not in "
    "the lock"
)

INSTRUCTIONS: dict[str, tuple[Sequence[tuple[str, Files]], list[str]]] = {
    "several-commands": (
        [("RUN /bin/sh -c pip install a && uv pip install b && pip install a", {"/x": ""})],
        ["`pip install a` installs a from an index; `uv pip install b` installs b from an index"],
    ),
    "secret": (
        [("RUN pip install -i https://u:p@host/s a", {"/x": ""})],
        ["`pip install -i https://***@host/s a` installs a from an index"],
    ),
    "long": (
        [("RUN pip install a " + "-v " * 60, {"/x": ""})],
        ["`pip install a " + "-v " * 34 + "-..." + "` installs a from an index"],
    ),
    "substituted": (
        [('RUN /bin/sh -c sh -c "$(curl -fsSL https://x/i.sh)"', {"/x": ""})],
        ['`sh -c "$(curl -fsSL https://x/i.sh` runs a script from the network'],
    ),
    "requirements-beside-the-working-directory": (
        [
            ("WORKDIR /app", {"/app/r.txt": "a==1 --hash=sha256:00"}),
            ("RUN pip install -r r.txt", {"/x": ""}),
        ],
        [],
    ),
    "folder-of-wheels": (
        [
            ("COPY w /w", {"/w/a-1-py3.whl": "a", "/w/b.txt": ""}),
            ("RUN pip install --no-index -f /w a", {"/x": ""}),
        ],
        ["`pip install --no-index -f /w a` installs a-1-py3.whl, whose sha256 is not in the lock"],
    ),
    "many-wheels": (
        [
            ("COPY w /w", {f"/w/{name}.whl": name for name in "abcde"}),
            ("RUN pip install --no-deps w/*", {"/w": Whiteout()}),
        ],
        [_MANY],
    ),
    "mounted-wheels": ([("RUN pip install --no-index -f /mnt a", {"/x": ""})], []),
    "layer-that-cannot-be-told": ([("RUN pip install --no-index -f /mnt a", {}), ("", {})], []),
}


@pytest.mark.parametrize(("steps", "expected"), INSTRUCTIONS.values(), ids=INSTRUCTIONS)
def test_instructions(steps: Sequence[tuple[str, Files]], expected: list[str]) -> None:
    made = [text for text, _ in steps]
    image = image_of([files for _, files in steps], created_by=made)
    assert [each.message for each in install_outside_lock(facts_of(image))] == expected


def test_an_instruction_counts_where_the_history_does_not_fit() -> None:
    image = image_of({"/x": ""}, created_by=["RUN pip install --no-index -f /w a", "RUN pip x", ""])
    assert [step.layer for step in image.history] == [None, None, None]
    assert list(install_outside_lock(facts_of(image))) == []
    image = image_of({"/x": ""}, created_by=["RUN pip install a", "COPY . ."])
    [found] = install_outside_lock(facts_of(image))
    assert found.layer is None
