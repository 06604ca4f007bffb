"""What `probe_script.py` would print in a container, computed from the files of an image."""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING, Any

from auditor.inventory.query.probe_script import HEADERS, MARK, SMALL, SUFFIXES
from auditor.model import FileType, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from auditor.model import Rootfs

INTERPRETER = {
    "implementation": "cpython",
    "version": "3.11.7",
    "free_threaded": False,
    "machine": "x86_64",
    "bits": 64,
    "libc": "glibc",
    "libc_version": "2.36",
    "executable": "/usr/local/bin/python3.11",
    "base_prefix": "/usr/local",
}


def probe_result_of(rootfs: Rootfs, prefix: str, paths: Iterable[str]) -> dict[str, Any]:
    """Return the parsed result of an interpreter that has these directories on its path."""
    answer: dict[str, Any] = {
        "interpreter": dict(INTERPRETER),
        "prefix": prefix,
        "paths": list(paths),
        "files": {},
        "folders": [],
        "unreadable": {},
        "absent": [],
    }
    _file(answer, rootfs, posixpath.join(prefix, "pyvenv.cfg"))
    for path in answer["paths"]:
        answer["folders"].append(path)
        for name in rootfs.names(path):
            if name.lower().endswith(SUFFIXES):
                _metadata(answer, rootfs, posixpath.join(path, name))
    return answer


def _metadata(answer: dict[str, Any], rootfs: Rootfs, path: str) -> None:
    entry = rootfs.stat(path)
    if entry is None or entry.type is not FileType.DIRECTORY:
        _file(answer, rootfs, path)
        return
    answer["folders"].append(path)
    for name in (*HEADERS, *SMALL):
        if rootfs.lstat(posixpath.join(path, name)):
            _file(answer, rootfs, posixpath.join(path, name))
    text = answer["files"].get(posixpath.join(path, "direct_url.json"), "")
    if '"file://' in text:
        source = json.loads(text)["url"].removeprefix("file://")
        answer["folders" if rootfs.stat(source) else "absent"].append(source)


def _file(answer: dict[str, Any], rootfs: Rootfs, path: str) -> None:
    if rootfs.stat(path) is None:
        answer["absent"].append(path)
        return
    try:
        answer["files"][path] = rootfs.read(path).decode("utf-8", "surrogateescape")
    except UnreadableError as error:
        answer["unreadable"][path] = error.why


def probe_output(answer: Mapping[str, Any], pip: Iterable[tuple[str, str]] = ()) -> bytes:
    """Return the output of the container: the probe's line, then what pip lists."""
    rows = json.dumps([{"name": name, "version": version} for name, version in pip])
    return f"\n{MARK}{json.dumps(answer)}\n{rows}\n".encode()
