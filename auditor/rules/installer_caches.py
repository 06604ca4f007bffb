"""Where installers keep their caches, and which are left in the image (LI408)."""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING

from auditor.inventory.paths import list_directory, text_of
from auditor.model import FileType, Observation
from auditor.wording import human_bytes, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Image
    from auditor.rules.facts import Facts

_IN_HOME = {
    ".cache/pip": "pip",
    ".cache/uv": "uv",
    ".cache/pypoetry/cache": "poetry",
    ".cache/pypoetry/artifacts": "poetry",
    ".cache/pdm": "pdm",
    ".cache/pip-tools": "pip-tools",
    ".cache/pipenv": "pipenv",
    ".conda/pkgs": "conda",
}
"""Folder below a home directory -> its installer. Poetry keeps environments beside its cache."""

_SETTINGS = {
    "PIP_CACHE_DIR": "pip",
    "UV_CACHE_DIR": "uv",
    "POETRY_CACHE_DIR": "poetry",
    "PDM_CACHE_DIR": "pdm",
    "PIPENV_CACHE_DIR": "pipenv",
    "CONDA_PKGS_DIRS": "conda",
}
"""Variable that names a cache -> its installer."""

_CONDA_ROOTS = ("/opt/conda", "/opt/miniconda3", "/opt/miniforge3", "/root/miniconda3")
_PASSWD_BYTES = 1 << 20
LEAST = 64 * 1024
"""Bytes of a cache below which it is bookkeeping, not payload."""


def cache_roots(image: Image) -> dict[str, str]:
    """Return the folders in which installers keep caches, existing or not -> the installer."""
    roots = {f"{root}/pkgs": "conda" for root in _CONDA_ROOTS}
    for home in _homes(image):
        roots |= {posixpath.join(home, folder): tool for folder, tool in _IN_HOME.items()}
    shared = image.config.env.get("XDG_CACHE_HOME", "")
    if shared.startswith("/"):
        for folder, tool in _IN_HOME.items():
            if folder.startswith(".cache/"):
                roots[posixpath.join(shared, folder.removeprefix(".cache/"))] = tool
    for name, tool in _SETTINGS.items():
        value = posixpath.normpath(image.config.env.get(name, ""))
        if value.startswith("/") and value.count("/") > 1:
            roots[value] = tool
    return roots


def _homes(image: Image) -> set[str]:
    """Return the home directories that exist or were removed."""
    rows = text_of(image.rootfs, "/etc/passwd", _PASSWD_BYTES).splitlines()
    homes = {fields[5] for row in rows if len(fields := row.split(":")) > 5}
    homes |= {"/root", *(f"/home/{name}" for name in list_directory(image.rootfs, "/home"))}
    homes |= {
        "/".join(each.path.split("/")[:3])
        for each in image.hidden
        if each.path.startswith("/home/")
    }
    return {home for home in homes if home.startswith("/") and home != "/"}


def cache_left(facts: Facts) -> Iterator[Observation]:
    """LI408: an installer's cache in the final image."""
    rootfs = facts.image.rootfs
    for root, tool in sorted(cache_roots(facts.image).items()):
        real = rootfs.resolve(root)
        if real is None:
            continue
        files = size = 0
        by_layer: Counter[int] = Counter()
        for _, entry in rootfs.walk(real):
            if entry.type is FileType.FILE:
                files += 1
                size += entry.size
                if entry.layer is not None:
                    by_layer[entry.layer] += entry.size
        if size >= LEAST:
            what = f"{tool}'s cache: {plural(files, 'file')}, {human_bytes(size)}"
            layer = by_layer.most_common(1)[0][0] if by_layer else None
            yield Observation(root, what, root, layer=layer)
