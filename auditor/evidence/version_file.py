"""Version files that build tools write anew: data and nothing that runs.

setuptools-scm, hatch-vcs and their kin write such a file at every build, by a template that
changes from one of their releases to the next: it equals neither the sdist's nor the wheel's.
Its name excuses nothing, since it is imported with its package: what it holds is judged.
"""

from __future__ import annotations

import ast
import posixpath
import warnings
from typing import TYPE_CHECKING

from auditor.model import UnreadableError

if TYPE_CHECKING:
    from auditor.model import Rootfs

_NAMES = frozenset({"_version.py", "version.py", "__version__.py", "__about__.py"})
_LIMIT = 8 * 1024
"""Bytes of such a file; genuine ones have less than a thousand."""

_HARMLESS_MODULES = frozenset({"__future__", "typing"})
_DATA = (
    ast.Module,
    ast.Expr,
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.UnaryOp,
    ast.USub,
    ast.Assign,
    ast.AnnAssign,
    ast.Name,
    ast.expr_context,
    ast.If,
    ast.alias,
    # Of annotations: `tuple[int | str, ...]`.
    ast.Subscript,
    ast.BinOp,
    ast.BitOr,
)


def is_version_data(rootfs: Rootfs, path: str) -> bool:
    """Tell whether a file is such a version file: names, literals and their types alone."""
    if posixpath.basename(path) not in _NAMES:
        return False
    try:
        content = rootfs.read(path, _LIMIT)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what stands in it
            tree = ast.parse(content)
    except (UnreadableError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(map(_is_data, ast.walk(tree)))


def _is_data(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.level == 0 and node.module in _HARMLESS_MODULES
    return isinstance(node, _DATA)
