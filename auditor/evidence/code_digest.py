"""What a code object does, as a digest: run as a process of its own, for hostile input.

Requests come on standard input, each with a header (`HEADER`): `S`, an optimisation level and
source to compile, or `P`, 0 and marshalled code. Each gives one line: the digest of all that
executes, the digest of names and constants alone and, of source, the hash that a hash-based
.pyc names (PEP 552); or `-` where there is no code to be had.

The standard library alone is used, for it runs isolated: no site, no environment, no files.
"""

from __future__ import annotations

import encodings
import hashlib
import importlib.util
import marshal
import pkgutil
import resource
import struct
import sys
import unicodedata  # noqa: F401 - the compiler asks for it, and no file can be opened then
from contextlib import suppress
from types import CodeType

HEADER = struct.Struct("<cBI")
"""Kind, optimisation level, bytes of data that follow."""

_MEMORY = 1 << 30
_SECONDS = 20
"""Processor time for one request."""

_NAMES = (
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
    "co_name",
    "co_qualname",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_consts",
)
"""What compilers of one magic number agree on; file name and lines differ with the place."""

_EXECUTED = (*_NAMES, "co_stacksize", "co_code", "co_exceptiontable")
"""All that execution depends on; another patch level may have chosen other jumps."""


def digest(value: object, attributes: tuple[str, ...]) -> bytes:
    """Give a digest of code by these attributes; constants are equal only if they act alike."""
    whole = hashlib.sha256(type(value).__name__.encode())
    if isinstance(value, CodeType):
        for name in attributes:
            whole.update(digest(getattr(value, name), attributes))
    elif isinstance(value, tuple):
        for item in value:
            whole.update(digest(item, attributes))
    elif isinstance(value, frozenset):
        # The order of a set's members differs from process to process.
        for part in sorted(digest(item, attributes) for item in value):
            whole.update(part)
    else:
        whole.update(repr(value).encode("utf-8", "surrogatepass"))
    return whole.digest()


def answer(kind: bytes, optimize: int, data: bytes) -> str:
    """Give the line for one request."""
    try:
        if kind == b"P":
            code = marshal.loads(data)  # noqa: S302 - what this process is for
            return _line(code) if isinstance(code, CodeType) else "-"
        compiled = compile(data, "source", "exec", dont_inherit=True, optimize=optimize)
        return f"{_line(compiled)} {importlib.util.source_hash(data).hex()}"
    except (ValueError, TypeError, EOFError, SyntaxError, MemoryError, RecursionError):
        return "-"
    except (ArithmeticError, AttributeError, BufferError, ImportError, LookupError, OSError):
        return "-"  # what a codec that a coding cookie names may raise


def _line(code: CodeType) -> str:
    return f"{digest(code, _EXECUTED).hex()} {digest(code, _NAMES).hex()}"


def main() -> None:  # pragma: no cover - limits the process that it runs in
    """Answer until the input ends."""
    sys.set_int_max_str_digits(0)
    # Whatever a coding cookie may name is loaded while files can still be opened.
    for module in pkgutil.iter_modules(encodings.__path__):
        with suppress(ImportError):
            importlib.import_module(f"encodings.{module.name}")
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 3),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    while header := sys.stdin.buffer.read(HEADER.size):
        kind, optimize, size = HEADER.unpack(header)
        data = sys.stdin.buffer.read(size)
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime) + _SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        sys.stdout.write(answer(kind, optimize, data) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
