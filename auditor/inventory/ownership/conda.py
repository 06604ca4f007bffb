"""conda: one record a package, `conda-meta/*.json` below the prefix that it is installed in.

The form is conda's `PrefixRecord`, which mamba, pixi and rattler write alike. `files` names all
that was installed; `paths_data` their sha256 in the package, and in the prefix where the
prefix's own path was written into them. Compiled files and entry points, which are made during
the installation, need not have one: they are judged by what they hold, as any installer's.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from auditor.inventory.ownership.os_packages.claims import Claim, Database
from auditor.inventory.paths import RealPaths, list_directory
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

    A record speaks for files of its own prefix alone; a path that several claim is the first's.
    """
    database = _Records(rootfs)
    real = RealPaths(rootfs)
    files: dict[str, OsFile] = {}
    folders = {rootfs.resolve(posixpath.join(prefix, "conda-meta")) for prefix in prefixes}
    for folder in sorted(path for path in folders if path is not None):
        claimed: dict[str, OsFile] = {}
        for name in list_directory(rootfs, folder):
            if name.endswith(".json"):
                for claim in _claims(database, posixpath.join(folder, name)):
                    path = real(claim.path)
                    if path is not None:
                        claimed.setdefault(path, claim.file)
        if _is_condas(rootfs, posixpath.dirname(folder), claimed):
            files = {**claimed, **files}
    return files, tuple(database.problems)


def _is_condas(rootfs: Rootfs, prefix: str, claimed: Mapping[str, OsFile]) -> bool:
    """Return whether conda made an environment: a Python that is there is one of its packages'.

    Records that lie in somebody else's environment speak for nothing.
    """
    program = rootfs.resolve(posixpath.join(prefix, "bin", "python"))
    if program is None:
        return True
    python = claimed.get(program)
    return python is not None and python.digest == rootfs.digests([program]).get(program)


class _Records(Database):
    """Reads records as far as their number of values and of files allows."""

    def __init__(self, rootfs: Rootfs) -> None:
        super().__init__(rootfs)
        self._files = _FILES

    def record(self, source: str) -> bytes | None:
        """Return a record's bytes; None where it cannot be read, or would take too much memory."""
        content = self.read(source, _RECORD_BYTES)
        if content is not None and content.count(b",") > _RECORD_VALUES:
            self.problem(source, f"has more than {_RECORD_VALUES} values", limit=True)
            return None
        return content

    def may_name(self, source: str, files: int) -> bool:
        """Return whether a record may name so many files after all that others named."""
        if files > self._files:
            self.problem(source, f"conda's records name more than {_FILES} files", limit=True)
            return False
        self._files -= files
        return True


def _claims(database: _Records, source: str) -> Iterator[Claim]:
    """Yield the claims of one record."""
    content = database.record(source)
    if content is None:
        return
    try:
        record = json.loads(content)
        package = f"{record['name']}"
        paths = {each["_path"]: each for each in record.get("paths_data", {}).get("paths", ())}
        installed = dict.fromkeys([*map(str, record.get("files", ())), *map(str, paths)])
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        database.problem(source, "is no record of a conda package")
        return
    if not database.may_name(source, len(installed)):
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
