"""What a code object does, as a digest: run as a process of its own, for hostile input.

Requests come on standard input, each a header (`HEADER`) with an optimisation level and the size
of the data, and the data. The argument says what all of them are: `source` to compile, or
marshalled `code`. The answer is one line: the digest of all that executes, the digest of names
and constants alone and, of source, the hash that a hash-based .pyc names (PEP 552); or `-` where
there is no code.

Only the standard library is used: the process runs without site, environment and files.
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
from operator import attrgetter
from types import CodeType
from typing import Any

HEADER = struct.Struct("<BI")
"""Optimisation level, bytes of data that follow."""

SOURCE, CODE = "source", "code"
"""What a process may be started for."""

_MEMORY = 1 << 30
_SECONDS = 20
"""Processor time for one request."""

_FORMAT = 2
"""Of marshal: the last one in which shared objects make no difference."""

_agreed = attrgetter(
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
)
"""With the constants, what compilers of one magic number agree on; file name and lines differ
with the place."""

_chosen = attrgetter("co_stacksize", "co_code", "co_exceptiontable")
"""What another patch level may choose otherwise: jumps."""


def parts(code: CodeType) -> tuple[Any, Any]:
    """Return what execution depends on: what compilers agree on, and what they choose."""
    constants: list[object] = []
    inner: list[object] = []
    for value in code.co_consts:
        if type(value) is CodeType:
            agreed, chosen = parts(value)
            constants.append(("code", agreed))
            inner.append(chosen)
        else:
            constants.append(_constant(value))
    return (*_agreed(code), tuple(constants)), (*_chosen(code), tuple(inner))


def _constant(value: object) -> object:
    """Return a constant in a form that marshal writes the same wherever it was made.

    Every tuple says what it stands for, so that none can be taken for code.
    """
    if type(value) is tuple:
        return ("tuple", tuple(map(_constant, value)))
    if type(value) is slice:
        return ("slice", *map(_constant, (value.start, value.stop, value.step)))
    if type(value) is float and value != value:  # noqa: PLR0124 - its sign differs by processor
        return ("nan",)
    return value


def answer(kind: str, optimize: int, data: bytes) -> str:
    """Return the line for one request."""
    try:
        if kind == CODE:
            code = marshal.loads(data)  # noqa: S302 - what this process is for
            return _line(code) if isinstance(code, CodeType) else "-"
        compiled = compile(data, "source", "exec", dont_inherit=True, optimize=optimize)
        return f"{_line(compiled)} {importlib.util.source_hash(data).hex()}"
    except (ValueError, TypeError, EOFError, SyntaxError, MemoryError, RecursionError):
        return "-"
    except (ArithmeticError, AttributeError, BufferError, ImportError, LookupError, OSError):
        return "-"  # what a codec that a coding cookie names may raise


def _line(code: CodeType) -> str:
    agreed, chosen = parts(code)
    whole = hashlib.sha256(marshal.dumps(agreed, _FORMAT))
    alone = whole.hexdigest()
    whole.update(marshal.dumps(chosen, _FORMAT))
    return f"{whole.hexdigest()} {alone}"


def main(kind: str) -> None:  # pragma: no cover - limits the process that it runs in
    """Answer until the input ends."""
    sys.set_int_max_str_digits(0)
    if kind == SOURCE:
        # A coding cookie may name any codec: all are loaded while files can still be opened.
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
        optimize, size = HEADER.unpack(header)
        data = sys.stdin.buffer.read(size)
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = int(used.ru_utime + used.ru_stime) + _SECONDS
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))
        sys.stdout.write(answer(kind, optimize, data) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
