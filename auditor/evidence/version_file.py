"""Version files that build tools generate: data and nothing that runs.

setuptools-scm, hatch-vcs and the like write such a file at every build, by a template that
changes from one of their releases to the next: it equals neither the sdist's nor the wheel's.
Its name alone excuses nothing, since it is imported with its package, so its content is checked.
Templates assign literals, and names that they assigned or imported from `typing` before, to
plain names, with annotations; all else is more than data. So is a name that has a meaning for
Python, such as `__getattr__` or `__path__`.
"""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING

from auditor.model import UnreadableError
from auditor.quiet_warnings import quiet_warnings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from auditor.model import Rootfs

_NAMES = frozenset({"_version.py", "version.py", "__version__.py", "__about__.py"})
_LIMIT = 8 * 1024
"""Bytes of such a file; genuine ones have less than a thousand."""

_IMPORTABLE = {
    "__future__": frozenset({"annotations"}),
    "typing": frozenset({"TYPE_CHECKING", "Final", "List", "Optional", "Tuple", "Union"}),
}
"""By module: what templates import from it, under its own name."""
_TYPES = frozenset({"bool", "int", "list", "object", "str", "tuple"})
"""Built-in names that templates use as they are."""
_DUNDERS = re.compile(
    r"__(?:all|author|commit_id|copyright|email|license|summary|title|uri|url"
    r"|version|version_info|version_tuple)__"
)
"""Names of this form that mean nothing to Python, or (`__all__`) only list names."""


def is_version_data(rootfs: Rootfs, path: str) -> bool:
    """Return whether a file is such a version file: literals, their names and types alone."""
    if posixpath.basename(path) not in _NAMES:
        return False
    try:
        content = rootfs.read(path, _LIMIT)
        with quiet_warnings():  # about its content
            return _is_data(ast.parse(content).body, set(_TYPES))
    except (UnreadableError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_data(statements: Iterable[ast.stmt], known: set[str]) -> bool:
    """Check statements in their order; add the names of data to `known`."""
    return all(_is_harmless(each, known) for each in statements)


def _is_harmless(statement: ast.stmt, known: set[str]) -> bool:
    match statement:
        case ast.Expr(ast.Constant()):
            return True
        case ast.ImportFrom(str(module), names, 0):
            known |= {each.name for each in names}
            allowed = _IMPORTABLE.get(module, frozenset())
            return all(each.name in allowed and not each.asname for each in names)
        case ast.Assign(targets, value):
            return _is_value(value, known) and all(_is_name(each, known) for each in targets)
        case ast.AnnAssign(target, annotation, value):
            plain = value is None or _is_value(value, known)
            return plain and _is_type(annotation) and _is_name(target, known)
        case ast.If(ast.Name("TYPE_CHECKING"), body, orelse):
            return _is_data(body, known) and _is_data(orelse, known)
        case _:
            return False


def _is_name(target: ast.expr, known: set[str]) -> bool:
    """Return whether an assignment is to a plain name, and add that to `known`."""
    match target:
        case ast.Name(name) if _DUNDERS.fullmatch(name) or not name.startswith("__"):
            known.add(name)
            return True
        case _:
            return False


def _is_value(node: ast.expr, known: Collection[str]) -> bool:
    """Return whether it is a literal, a known name, or a type made of them."""
    match node:
        case ast.Constant() | ast.UnaryOp(ast.USub(), ast.Constant()):
            return True
        case ast.Name(name):
            return name in known
        case ast.Tuple(parts) | ast.List(parts):
            return all(_is_value(each, known) for each in parts)
        case ast.Subscript(left, right) | ast.BinOp(left, ast.BitOr(), right):
            return _is_value(left, known) and _is_value(right, known)
        case _:
            return False


def _is_type(annotation: ast.expr) -> bool:
    """Return whether nothing is called in an annotation, which may name anything."""
    names = {each.id for each in ast.walk(annotation) if isinstance(each, ast.Name)}
    return _is_value(annotation, names)
