"""What installers and interpreters leave behind without listing it anywhere, as tables.

Where code runs, a name proves nothing: then the content decides, by its sha256 or by the only
form that it may have.
"""

from __future__ import annotations

import re

from auditor.inventory.python.sys_path import executed_lines

METADATA = frozenset(
    {
        "INSTALLER",
        "REQUESTED",
        "RECORD",
        "RECORD.jws",
        "RECORD.p7s",
        "direct_url.json",
        "provenance_url.json",
        "uv_build.json",
        "uv_cache.json",
    }
)
"""Files of a metadata folder that installers write about their own work; none of them runs."""

PREFIX = frozenset(
    {".gitignore", ".lock", "CACHEDIR.TAG", "pip-selfcheck.json", "pyvenv.cfg", "pydoc.bat"}
)
"""Files at the top of a virtual environment; none of them runs."""

ACTIVATION = frozenset(
    {
        "Activate.ps1",
        "activate",
        "activate.bat",
        "activate.csh",
        "activate.fish",
        "activate.nu",
        "activate.ps1",
        "activate.xsh",
        "activate_this.py",
        "deactivate.bat",
        "deactivate.nu",
        "pydoc.bat",
    }
)
"""Files in the `bin` of a virtual environment that a person reads into a shell; not executable."""

SITE = {
    ".lock": frozenset(
        {
            # Empty: what uv holds while it fills a `--target` directory.
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        }
    ),
    "distutils-precedence.pth": frozenset(
        {
            # setuptools 50.0 and since 60.0, 50.1 to 59
            "2638ce9e2500e572a5e0de7faed6661eb569d1b696fcba07b0dd223da5f5d224",
            "7ea7ffef3fe2a117ee12c68ed6553617f0d7fd2f0590257c25c484959a3b7373",
        }
    ),
    "README.txt": frozenset(
        {
            # "This directory exists so that 3rd party packages can be installed here."
            "cba8fece8f62c36306ba27a128f124a257710e41fc619301ee97be93586917cb",
        }
    ),
    "_virtualenv.pth": frozenset(
        {
            # One line, with a newline at its end or without.
            "69ac3d8f27e679c81b94ab30b3b56e9cd138219b1ba94a1fa3606d5a76a1433d",
            "a18ec686bd69842888e68e43eade6c26cac183a1e4c98c40ae8992349f0a1a1c",
        }
    ),
    "_virtualenv.py": frozenset(
        {
            # virtualenv 20.0.20, 20.4, 20.13, 20.16, 20.23, 20.24, 20.25 to 20.34, 20.35, 21
            "e3db5fe06ab41ca9b95dd6463b83836787028a1b55562cc383803bb83001a45c",
            "684b8c07932ba4a84ac2e5ae9afe49ef04e92bac3d8d4191d455cf09d093e5fc",
            "ce57d5e0d9b5d7356cb42da7450ba8f9359bdf693e335f4c921626943c77e64d",
            "c9199315871b11b12df226f890a38e66e63191e1adbfb11a66e6861151b33fca",
            "119e4eb9c1a39e6ffd220840844bd326fa1bd3acf2f1c9fa0612949aedc228a5",
            "0aeb86546345c1d0fada097536e35525714d5cdbcc2d8eb3f9912a955044fcff",
            "0f20351ea7e90039c46d3fabdef991f28b1e3ff33eb13ee6f0d5cd21ea0e8b14",
            "bec6155ff7bfc88f8e79e481f27fd7ee0a3b40eeca9bfeb41f4c4b997b2f8100",
            "07584d2a5d13e0811eb567d78ed2aca0fb60e7defff59a01ca7a48d907bdea51",
            # uv 0.1 to 0.2, 0.4 to 0.11
            "ee52b2e2e720a40885a6b4b90c40e28e5c70e550af74d5efd169eaa5db2a6f6f",
            "6cf30c56faf2a55228914dbbd17f8088ed371ebb08f5e7fa6fd931f913fcaf1d",
        }
    ),
}
"""Files at the top of a site directory -> the sha256 of the contents that their tools write."""

_BYTECODE = re.compile(
    r"(?P<module>.+)\.(?P<kind>cpython|pypy)-?(?P<digits>3\d{1,2})t?(?:\.opt-[12])?\.pyc"
)

_NAMESPACE = re.compile(
    r"""(?x)
    import\ sys,\ types,\ os;
    (?: has_mfs\ =\ sys\.version_info\ >\ \(3,\ 5\); )?
    p\ =\ os\.path\.join\(sys\._getframe\(1\)\.f_locals\['sitedir'\],
      \ \*\((?:'\w+',|'\w+'(?:,\ '\w+')+)\)\);
    importlib\ =\ (?:has_mfs\ and\ )?__import__\('importlib\.util'\);
    (?:has_mfs\ and\ )?__import__\('importlib\.machinery'\);
    m\ =\ (?:has_mfs\ and\ )?sys\.modules\.setdefault\(
      '(?P<package>(?P<above>[\w.]+)\.(?P<name>\w+)|\w+)',
      \ importlib\.util\.module_from_spec\(importlib\.machinery\.PathFinder\.find_spec\(
      '(?P=package)',\ \[os\.path\.dirname\(p\)\]\)\)\);
    m\ =\ m\ or\ sys\.modules\.setdefault\('(?P=package)',\ types\.ModuleType\('(?P=package)'\)\);
    mp\ =\ \(m\ or\ \[\]\)\ and\ m\.__dict__\.setdefault\('__path__',\[\]\);
    \(p\ not\ in\ mp\)\ and\ mp\.append\(p\)
    (?: ;m\ and\ setattr\(sys\.modules\['(?P=above)'\],\ '(?P=name)',\ m\) )?
    """
)
"""What setuptools writes into a .pth file for each package of `namespace_packages`."""

_REFUSAL = re.compile(r"\s*(?:#[^\n]*\n\s*)*exit [0-9]{1,3}\s*")


def bytecode_source(name: str, version: str) -> str | None:
    """Return the source file's name for a file of `__pycache__` (PEP 3147).

    None where it is no bytecode that an interpreter of `version` (`3.11`) would load.
    """
    match = _BYTECODE.fullmatch(name)
    if match is None or match["digits"] != version.replace(".", ""):
        return None
    return f"{match['module']}.py"


def only_adds_paths(text: str) -> bool:
    """Return whether a .pth file runs no code (`site`)."""
    return not executed_lines(text)


def only_joins_namespaces(text: str) -> bool:
    """Return whether all that a .pth file runs is what setuptools writes for namespace packages."""
    lines = text.splitlines()
    return bool(lines) and all(map(_NAMESPACE.fullmatch, lines))


def only_exits(text: str) -> bool:
    """Return whether a shell script does nothing: what keeps services from starting in images."""
    first, _, rest = text.partition("\n")
    return first.startswith("#!") and _REFUSAL.fullmatch(rest) is not None
