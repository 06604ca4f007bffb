"""conda: one record a package, `conda-meta/*.json` below the prefix that it is installed in.

The form is conda's `PrefixRecord`, which mamba, pixi and rattler write alike. `files` names all
that was installed; `paths_data` their sha256 in the package, and in the prefix where the
prefix's own path was written into them. Compiled files and entry points, which are made during
the installation, need not have one.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from auditor.inventory.files import RealPaths, names
from auditor.inventory.os_packages.claims import Claim, Database
from auditor.model import OsFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.model import Problem, Rootfs

_SHA256 = re.compile(r"[0-9a-f]{64}")


def conda_files(
    rootfs: Rootfs, prefixes: Iterable[str]
) -> tuple[Mapping[str, OsFile], tuple[Problem, ...]]:
    """Give what conda's records at some of `prefixes` claim, by real path, and what is unreadable.

    A record speaks for files of its own prefix alone; a path that several claim is the first's.
    """
    database = Database(rootfs)
    real = RealPaths(rootfs)
    files: dict[str, OsFile] = {}
    folders = {rootfs.resolve(posixpath.join(prefix, "conda-meta")) for prefix in prefixes}
    for folder in sorted(path for path in folders if path is not None):
        for name in names(rootfs, folder):
            if name.endswith(".json"):
                for claim in _claims(database, posixpath.join(folder, name)):
                    path = real(claim.path)
                    if path is not None:
                        files.setdefault(path, claim.file)
    return files, tuple(database.problems)


def _claims(database: Database, source: str) -> Iterator[Claim]:
    """Yield the claims of one record."""
    content = database.read(source)
    if content is None:
        return
    try:
        record = json.loads(content)
        package = f"{record['name']}"
        paths = {each["_path"]: each for each in record.get("paths_data", {}).get("paths", ())}
        installed = [*map(str, record.get("files", ())), *map(str, paths)]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        database.problem(source, "is no record of a conda package")
        return
    prefix = posixpath.dirname(posixpath.dirname(source))
    for relative in dict.fromkeys(installed):
        path = posixpath.normpath(posixpath.join(prefix, relative))
        if path.startswith(posixpath.join(prefix, "")) and "\0" not in path:
            digest = _digest(paths.get(relative, {}))
            yield Claim(path, OsFile(package, source, "sha256" if digest else "", digest))


def _digest(path: Mapping[str, Any]) -> bytes:
    """Give the sha256 that a file has in the prefix; empty where none is recorded."""
    known = path.get("sha256_in_prefix")
    if known is None and not path.get("prefix_placeholder"):
        known = path.get("sha256")
    text = known if isinstance(known, str) else ""
    return bytes.fromhex(text) if _SHA256.fullmatch(text) else b""
