"""What tools leave behind and is known by its form alone."""

from __future__ import annotations

import pytest

from auditor.inventory.ownership.by_products import (
    bytecode_source,
    only_exits,
    only_joins_namespaces,
)

TEMPLATE = (
    "import sys, types, os;"
    "p = os.path.join(sys._getframe(1).f_locals['sitedir'], *{folders});"
    "importlib = __import__('importlib.util');__import__('importlib.machinery');"
    "m = sys.modules.setdefault('{package}', importlib.util.module_from_spec("
    "importlib.machinery.PathFinder.find_spec('{package}', [os.path.dirname(p)])));"
    "m = m or sys.modules.setdefault('{package}', types.ModuleType('{package}'));"
    "mp = (m or []) and m.__dict__.setdefault('__path__',[]);(p not in mp) and mp.append(p)"
)
ONE = TEMPLATE.format(folders=("zope",), package="zope")
BELOW = TEMPLATE.format(folders=("zope", "app"), package="zope.app")
PARENT = ";m and setattr(sys.modules['zope'], 'app', m)"
OLDER = (
    ONE.replace("p = os", "has_mfs = sys.version_info > (3, 5);p = os", 1)
    .replace("= __import__", "= has_mfs and __import__")
    .replace(";__import__", ";has_mfs and __import__")
    .replace("m = sys", "m = has_mfs and sys")
)


@pytest.mark.parametrize(
    "text",
    [f"{ONE}\n", f"{OLDER}\n", f"{ONE}\n{BELOW}{PARENT}\n"],
    ids=["setuptools-69", "setuptools-65", "below-another"],
)
def test_what_setuptools_writes_for_namespace_packages(text: str) -> None:
    assert only_joins_namespaces(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ONE}; import evil\n",
        f"{ONE}\nimport evil\n",
        f"{ONE}{PARENT}\n",
        f"{BELOW}{PARENT.replace('app', 'evil')}\n",
        ONE.replace("ModuleType('zope')", "ModuleType('evil')"),
        ONE.replace("importlib.machinery'", "evil'"),
        ONE.replace("('zope',)", "('..',)"),
    ],
    ids=["nothing", "more", "another-line", "no-parent", "child", "package", "import", "above"],
)
def test_anything_else_is_code(text: str) -> None:
    assert not only_joins_namespaces(text)


def test_bytecode_source() -> None:
    assert bytecode_source("a.cpython-311.pyc", "3.11") == "a.py"
    assert bytecode_source("a.cpython-313t.opt-2.pyc", "3.13") == "a.py"
    assert bytecode_source("a.pypy311.pyc", "3.11") == "a.py"
    assert bytecode_source("a.cpython-311-pytest-8.3.pyc", "3.11") is None
    assert bytecode_source("a.pyc", "3.11") is None


def test_a_script_that_only_exits() -> None:
    assert only_exits("#!/bin/sh\n\n# why\n# more\nexit 101\n")
    assert not only_exits("#!/bin/sh\nexit 1; evil\n")
    assert not only_exits("exit 101\n")
