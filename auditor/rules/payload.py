"""What one layer added and a later one removed (LI405) or replaced (LI407)."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

from auditor.inventory.commands.instructions import shown_instruction
from auditor.inventory.site_packages import SITE_FOLDER, SITE_PARTS
from auditor.model import Observation
from auditor.rules.distributions import is_bootstrap
from auditor.rules.installer_caches import LEAST, cache_roots
from auditor.wording import and_more, human_bytes, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from auditor.model import Distribution, Hidden, Image
    from auditor.rules.facts import Facts

_MOST_NAMED = 5
_TREE_LEAST = 1 << 20
"""Bytes of a hidden environment from which it is a finding."""
_ARCHIVES = (".whl", ".conda")
_SDISTS = (".tar.gz", ".zip")
_NOT_LEFT = ("/ensurepip/_bundled/", *SITE_PARTS)
"""Places where a wheel is a package's own data."""
_SITE = re.compile(rf"(/.*?/{SITE_FOLDER})/")
_INFO = re.compile(r"([^/]+?)-([^/-]+)\.(?:dist|egg)-info")
_OWN_NOTES = frozenset(
    ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json")
)
"""Files of a metadata folder that each installation writes anew."""


def instruction(image: Image, layer: int) -> str:
    """Return the instruction that made a layer, for a sentence."""
    made = image.layers[layer]
    return shown_instruction(made.created_by) or f"layer {layer + 1} ({made.digest[:19]})"


# --------------------------------------------------------------------------------- LI405


_SORTS = {
    "archive": (1, "archive", ""),
    "cache": (LEAST, "file", " of a package cache"),
    "environment": (_TREE_LEAST, "file", " of an environment"),
}
"""What hidden files are -> bytes from which they are a finding, and their words."""


class _Group(NamedTuple):
    """Hidden files that make one finding."""

    layer: int
    by: int
    folder: str
    what: str


def hidden_payload(facts: Facts) -> Iterator[Observation]:
    """LI405: Python's archives, caches and environments that ship below a later deletion."""
    groups: dict[_Group, list[Hidden]] = defaultdict(list)
    roots = cache_roots(facts.image)
    for hidden in facts.image.hidden:
        if hidden.size and hidden.layer >= facts.base_layers:
            found = _payload(facts, hidden, roots)
            if found is not None:
                groups[_Group(hidden.layer, hidden.by, *found)].append(hidden)
    for group, files in sorted(groups.items()):
        size = sum(each.size for each in files)
        least, noun, of = _SORTS[group.what]
        if size < least:
            continue
        listed = f": {_listed(facts, files)}" if group.what == "archive" else ""
        yield Observation(
            subject=group.folder,
            message=(
                f"{plural(len(files), noun)}{of}, {human_bytes(size)}, added by "
                f"{instruction(facts.image, group.layer)}, removed by "
                f"{instruction(facts.image, group.by)}, still shipped{listed}"
            ),
            path=group.folder,
            layer=group.layer,
        )


def _payload(facts: Facts, hidden: Hidden, roots: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the folder and the sort of payload that a hidden file belongs to, if any."""
    path = hidden.path
    for root in roots:
        if path.startswith(root + "/"):
            return root, "cache"
    if _is_archive(facts, hidden):
        return posixpath.dirname(path), "archive"
    site = _SITE.match(path)
    if site and "__pycache__" not in path and facts.image.rootfs.lstat(site[1]) is None:
        return site[1], "environment"
    return None


def _is_archive(facts: Facts, hidden: Hidden) -> bool:
    path = hidden.path
    if hidden.sha256 in facts.locked_hashes:
        return True
    if any(place in path for place in _NOT_LEFT):
        return False
    if path.endswith(_ARCHIVES):
        return True
    return path.endswith(_SDISTS) and _is_sdist(facts, posixpath.basename(path))


def _is_sdist(facts: Facts, filename: str) -> bool:
    """Return whether an archive is the sdist of a distribution that is locked or installed."""
    try:
        name, _ = parse_sdist_filename(filename)
    except InvalidSdistFilename:
        return False
    return name in facts.expectation.packages or name in facts.installed


def _listed(facts: Facts, files: Sequence[Hidden]) -> str:
    names = (
        f"{posixpath.basename(each.path)} "
        f"({'' if each.sha256 in facts.locked_hashes else 'not '}in the lock)"
        for each in files
    )
    unlocked = sum(each.sha256 not in facts.locked_hashes for each in files)
    rest = f"; {unlocked} of all are not in the lock" if len(files) > _MOST_NAMED else ""
    return f"{and_more(names, _MOST_NAMED)}{rest}"


# --------------------------------------------------------------------------------- LI407


def overwritten(facts: Facts) -> Iterator[Observation]:
    """LI407: files of an installed distribution that a later layer gave other bytes."""
    groups: dict[tuple[str, int, int], list[Hidden]] = defaultdict(list)
    for name, hidden in _of_distributions(facts):
        groups[name, hidden.layer, hidden.by].append(hidden)
    for (name, layer, by), files in sorted(groups.items()):
        found = facts.installed.get(name)
        now = found.chosen.version if found else None
        before = next((match[2] for each in files if (match := _metadata(each.path))), None)
        before = None if before == now else before
        what = f"{name} {before}" if before else plural(len(files), "file")
        done = f"replaced with {now}" if before and now else "replaced" if now else "removed"
        yield Observation(
            subject=name,
            message=(
                f"{what}, added by {instruction(facts.image, layer)}, "
                f"{done} by {instruction(facts.image, by)}"
            ),
            path=found.chosen.metadata_path if found else files[0].path,
            environment=facts.prefix,
            expected=before,
            actual=now,
            layer=by,
        )


def _metadata(path: str) -> re.Match[str] | None:
    return _INFO.fullmatch(posixpath.basename(posixpath.dirname(path)))


def _of_distributions(facts: Facts) -> Iterator[tuple[str, Hidden]]:
    """Yield the hidden files that belong to a distribution of the runtime environment."""
    if facts.runtime is None:
        return
    rootfs = facts.image.rootfs
    sites = {rootfs.resolve(path) or path for path in facts.runtime.import_paths}
    hidden = [each for each in facts.image.hidden if each.layer >= facts.base_layers]
    owners = _owners(facts, {each.path for each in hidden if each.replaced})
    for each in hidden:
        name = owners.get(each.path) if each.replaced else None
        if name is None and (match := _metadata(each.path)):
            folder = posixpath.dirname(each.path)
            gone = posixpath.dirname(folder) in sites and rootfs.lstat(folder) is None
            name = canonicalize_name(match[1]) if gone else None
        if name is not None and not _is_exempt(facts, name):
            yield name, each


def _is_exempt(facts: Facts, name: str) -> bool:
    """Return whether it is a bootstrap tool or the system's package manager answers for it."""
    found = facts.installed.get(name)
    locked = name in facts.expectation.packages
    owned = found is not None and found.chosen.os_package is not None
    return owned or (not locked and is_bootstrap(facts, name))


def _owners(facts: Facts, paths: set[str]) -> dict[str, str]:
    """Return the owner of each of the real paths, by the RECORDs as they are now."""
    owners: dict[str, str] = {}
    if not paths:
        return owners
    for name, found in facts.installed.items():
        for path in _recorded(facts, found.chosen):
            if path in paths:
                owners.setdefault(path, name)
    return owners


def _recorded(facts: Facts, distribution: Distribution) -> Iterable[str]:
    """Yield the real paths of a distribution's files, but for those that differ every time."""
    record, location = distribution.record, distribution.location
    real = facts.image.rootfs.resolve(location) or location
    for row in record.rows if record else ():
        own_note = ".dist-info/" in row.path and posixpath.basename(row.path) in _OWN_NOTES
        if not own_note and not row.path.endswith(".pyc"):
            inside = row.path.startswith(location)
            yield real + row.path.removeprefix(location) if inside else row.path
