"""The builders' dictionaries written into a directory of the host."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.builders import Directory, File, Files, Hardlink, Symlink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def write_files(root: Path, files: Files) -> Path:
    """Write the files below `root`; return it."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True)
        match content:
            case Symlink(target):
                path.symlink_to(target)
            case Hardlink(target):
                path.hardlink_to(root / target.lstrip("/"))
            case Directory(mode):
                path.mkdir(exist_ok=True)
                path.chmod(mode)
            case str() | bytes() | File():
                file = content if isinstance(content, File) else File(content)
                data = file.content
                path.write_bytes(data if isinstance(data, bytes) else data.encode())
                path.chmod(file.mode)
            case _:
                os.mkfifo(path)
    return root


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's right to use everything, for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)
