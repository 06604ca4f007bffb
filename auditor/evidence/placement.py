"""Where the members of a wheel lie once it is installed.

Binary distribution format, "Spreading a wheel's contents", and the schemes that installers use:
a virtual environment's, /usr/local's, Debian's and that of `--target`. Some parts have several
places, since installers differ; RECORD then tells where the bytes should be. A file at another of
these places is compared as well, since programs may read it whatever RECORD says.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import canonicalize_name

from auditor.evidence.record_check import is_compiled
from auditor.inventory.distributions.record import path_in_image
from auditor.inventory.ownership.by_products import METADATA
from auditor.inventory.paths import is_file
from auditor.inventory.site_packages import SITE_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from auditor.artifacts.manifest import Manifest, Member
    from auditor.model import Distribution, Rootfs


class Site(NamedTuple):
    """Where one distribution is installed."""

    root: str
    """The real directory that holds its metadata folder."""
    prefix: str
    """What its scripts and data are relative to; of a `--target` directory itself."""
    python: str
    """`python3.11` as its library path has it; empty for a `--target` directory."""
    info: str
    """Its metadata folder, below `root`."""
    name: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the members of one wheel should lie, by path in the image."""

    members: dict[str, Member] = field(default_factory=dict)
    """Those that installers copy as they are."""
    rewritten: dict[str, Member] = field(default_factory=dict)
    """Scripts whose first line installers replace."""
    scripts: dict[str, str] = field(default_factory=dict)
    """Scripts that installers generate -> `module:attribute` that they call."""


def site_of(rootfs: Rootfs, distribution: Distribution) -> Site:
    """Return where a distribution is installed, by the directory that it lies in."""
    root = rootfs.resolve(distribution.location) or distribution.location
    match = SITE_DIRECTORY.fullmatch(root)
    info = f"{root.rstrip('/')}/{posixpath.basename(distribution.metadata_path)}"
    if match is None:
        return Site(root, root, "", info, distribution.name)
    return Site(root, match["prefix"], match["library"], info, distribution.name)


def place_members(
    rootfs: Rootfs,
    manifest: Manifest,
    site: Site,
    listed: Collection[str],
    is_others: Callable[[str], bool],
) -> Placement:
    """Return where everything of a wheel should lie that an installer copies or generates.

    `listed` are the paths of RECORD; `is_others` is for those of other locked distributions.
    By-products are left out: bytecode that has a source, and the files of the metadata folder
    that are the installers' own.
    """
    placed = Placement()
    copies: dict[str, Member] = {}
    data, info = f"{manifest.data}/" if manifest.data else "\0", f"{manifest.dist_info}/"
    sources = {each.path for each in manifest.members if each.path.endswith(".py")}
    for member in manifest.members:
        path = member.path
        if is_compiled(path, sources):
            continue
        if path.startswith(info):
            rest = path[len(info) :]
            if rest not in METADATA:
                _enter(placed, path_in_image(site.info, rest), member)
        elif path.startswith(data):
            places = list(_places(path[len(data) :], manifest, site, listed))
            chosen = _chosen(rootfs, places, listed)
            _enter(placed, chosen, member)
            copies |= dict.fromkeys(_others(rootfs, places, chosen, site), member)
        else:
            _enter(placed, path_in_image(site.root, path), member)
    for path, member in copies.items():
        if path not in placed.members and path not in placed.rewritten and not is_others(path):
            _enter(placed, path, member)
    for name, target in manifest.scripts:
        places = [path_in_image(folder, name) or "" for folder in script_folders(site)]
        placed.scripts[_chosen(rootfs, places, listed)] = target
    return placed


def _enter(placed: Placement, path: str | None, member: Member) -> None:
    if path:
        (placed.rewritten if member.body else placed.members)[path] = member


def _chosen(rootfs: Rootfs, places: list[str], listed: Collection[str]) -> str:
    """Return the place that RECORD names, else the one where something is, else the first."""
    for there in (lambda path: path in listed, lambda path: rootfs.lstat(path) is not None):
        found = next(filter(there, places), None)
        if found is not None:
            return found
    return places[0] if places else ""


def _others(rootfs: Rootfs, places: list[str], chosen: str, site: Site) -> Iterator[str]:
    """Yield the other places where a file is that may be meant for the chosen one.

    Headers have too many places that others share, and nothing runs them. What is not in a folder
    of its own beside the modules counts as a module.
    """
    real = rootfs.resolve(chosen)
    for path in places:
        inert = "/include/" in path or posixpath.dirname(path) == site.root
        if path != chosen and not inert and is_file(rootfs, path) and rootfs.resolve(path) != real:
            yield path


def script_folders(site: Site) -> list[str]:
    """Return where scripts may lie, the likeliest first."""
    return list(dict.fromkeys(f"{folder.rstrip('/')}/bin" for folder in (site.prefix, site.root)))


def _places(path: str, manifest: Manifest, site: Site, listed: Collection[str]) -> Iterator[str]:
    """Yield where a member of the `.data` folder may lie, the likeliest first."""
    part, _, rest = path.partition("/")
    match part:
        case "purelib" | "platlib":
            folders = [site.root, _other_library(site.root)]
        case "scripts":
            folders = script_folders(site)
        case "data":
            folders = [site.prefix, site.root]
        case "headers":
            # Every installer has its own place for headers, so RECORD is asked first.
            yield from (
                each for each in listed if "/include/" in each and each.endswith(f"/{rest}")
            )
            folders = list(_headers(manifest, site))
        case _:
            folders = []
    for folder in dict.fromkeys(folders):
        found = path_in_image(folder, rest) if rest else None
        if found is not None:
            yield found


def _other_library(root: str) -> str:
    """Return the directory for the other sort of modules, where a system has two of them."""
    if "/lib64/" in root:
        return root.replace("/lib64/", "/lib/", 1)
    return root.replace("/lib/", "/lib64/", 1)


def _headers(manifest: Manifest, site: Site) -> Iterator[str]:
    spelled = manifest.dist_info.partition("-")[0]
    spellings = (spelled, site.name, canonicalize_name(spelled), spelled.replace("_", "-"))
    for name in dict.fromkeys(spellings):
        for folder in (f"site/{site.python}/", f"{site.python}/", "python/", ""):
            yield f"{site.prefix}/include/{folder}{name}"
