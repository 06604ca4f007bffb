"""conda: one record for each package, `conda-meta/*.json` below the prefix it is installed in.

The form is conda's `PrefixRecord`, which mamba, pixi and rattler write alike. `files` names all
that was installed; `paths_data` their sha256 in the package, and in the prefix where the
prefix's own path was written into them. Compiled files and entry points, which are made during
the installation, need not have one: their content decides, as for any installer.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from auditor.inventory.ownership.os_packages.database import Claim, Database
from auditor.inventory.paths import RealPaths, digest_of, list_directory
from auditor.model import OsFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from auditor.model import Problem, Rootfs

_RECORD_BYTES = 16 << 20
"""Of one record; those of packages with some ten thousand files have a few megabytes."""
_RECORD_VALUES = 1_000_000
"""Commas in one record, some seven for each file: a value takes up to thirty times the memory."""
_FILES = 1_000_000
"""Files that all records together may name."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def conda_files(
    rootfs: Rootfs, prefixes: Iterable[str]
) -> tuple[Mapping[str, OsFile], tuple[Problem, ...]]:
    """Return what conda's records at `prefixes` claim, by real path, and what is unreadable.

    A record can claim files of its own prefix alone; a path that several claim is the first's.
    """
    database = Database(rootfs)
    real = RealPaths(rootfs)
    files: dict[str, OsFile] = {}
    left = _FILES
    folders = {rootfs.resolve(posixpath.join(prefix, "conda-meta")) for prefix in prefixes}
    for folder in sorted(path for path in folders if path is not None):
        claimed: dict[str, OsFile] = {}
        for name in list_directory(rootfs, folder):
            if not name.endswith(".json"):
                continue
            for claim in _claims(database, posixpath.join(folder, name), left):
                left -= 1
                path = real(claim.path)
                if path is not None:
                    claimed.setdefault(path, claim.file)
        if _is_condas(rootfs, posixpath.dirname(folder), claimed):
            files = {**claimed, **files}
    return files, tuple(database.problems)


def _is_condas(rootfs: Rootfs, prefix: str, claimed: Mapping[str, OsFile]) -> bool:
    """Return whether conda made an environment: a Python in it is one of its packages'.

    Records in an environment that another tool made prove nothing.
    """
    program = rootfs.resolve(posixpath.join(prefix, "bin", "python"))
    if program is None:
        return True
    python = claimed.get(program)
    return python is not None and python.digest == digest_of(rootfs, program)


def _claims(database: Database, source: str, most: int) -> Iterator[Claim]:
    """Yield the claims of one record, if it names at most so many files."""
    content = database.read(source, _RECORD_BYTES)
    if content is None:
        return
    if content.count(b",") > _RECORD_VALUES:
        database.problem(source, f"has more than {_RECORD_VALUES} values", limit=True)
        return
    try:
        record = json.loads(content)
        package = f"{record['name']}"
        paths = {each["_path"]: each for each in record.get("paths_data", {}).get("paths", ())}
        installed = dict.fromkeys([*map(str, record.get("files", ())), *map(str, paths)])
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        database.problem(source, "is no record of a conda package")
        return
    if len(installed) > most:
        database.problem(source, f"conda's records name more than {_FILES} files", limit=True)
        return
    prefix = posixpath.dirname(posixpath.dirname(source))
    for relative in installed:
        path = posixpath.normpath(posixpath.join(prefix, relative))
        if path.startswith(posixpath.join(prefix, "")) and "\0" not in path:
            digest = _digest(paths.get(relative, {}))
            yield Claim(path, OsFile(package, source, "sha256" if digest else "", digest))


def _digest(path: Mapping[str, Any]) -> bytes:
    """Return the sha256 that a file has in the prefix; empty where none is recorded."""
    known = path.get("sha256_in_prefix")
    if known is None and not path.get("prefix_placeholder"):
        known = path.get("sha256")
    text = known if isinstance(known, str) else ""
    return bytes.fromhex(text) if _SHA256.fullmatch(text) else b""
