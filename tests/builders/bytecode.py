"""A module and its compiled file in an image, by the interpreter that runs these tests."""

from __future__ import annotations

import importlib.util
import marshal
import platform
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from auditor.evidence.bytecode.bytecode_comparison import compare
from tests.builders import File, Symlink, elf

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from types import CodeType

    from auditor.evidence.bytecode.code_process import CodeProcesses
    from auditor.evidence.bytecode.compiled_files import Compiled, Match
    from auditor.model import Rootfs
    from tests.builders import Files

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TAG = sys.implementation.cache_tag
TOP = f"/usr/local/lib/python{VERSION}"
SOURCE = f"{TOP}/site-packages/mod.py"
CACHE = f"{TOP}/site-packages/__pycache__"
TEXT = (
    "KNOWN = {'a', 'b', (1, 2.0)}\ndef f(x):\n    assert x, 'no'\n    return x in {1, 'b', None}\n"
)


def base(version: str = platform.python_version(), text: str = TEXT) -> Files:
    return {
        f"/usr/local/bin/python{VERSION}": File(elf(strings=[version]), 0o755),
        "/usr/local/bin/python": Symlink(f"python{VERSION}"),
        f"{TOP}/os.py": "",
        SOURCE: text,
    }


def compiled(text: str = TEXT, level: int = 0) -> CodeType:
    code: CodeType = compile(text, "/build/mod.py", "exec", optimize=level, dont_inherit=True)
    return code


def timestamp(code: CodeType | str, *, size: int = len(TEXT), mtime: int = 0) -> bytes:
    numbers = b"".join(number.to_bytes(4, "little") for number in (0, mtime, size))
    return importlib.util.MAGIC_NUMBER + numbers + marshal.dumps(code)


def hashed(code: CodeType, text: str = TEXT) -> bytes:
    flags = (0b11).to_bytes(4, "little")
    digest = importlib.util.source_hash(text.encode())
    return importlib.util.MAGIC_NUMBER + flags + digest + marshal.dumps(code)


EVIL = compiled("import os\n")


@contextmanager
def comparisons() -> Iterator[list[Compiled]]:
    """Yield the compiled files whose code is read while the body runs."""
    asked: list[Compiled] = []

    def noted(
        rootfs: Rootfs, suspects: Collection[Compiled], processes: CodeProcesses, *, exact: bool
    ) -> tuple[dict[str, Match], int]:
        asked.extend(suspects)
        return compare(rootfs, suspects, processes, exact=exact)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auditor.evidence.bytecode.bytecode_comparison.compare", noted)
        yield asked
