"""The output of `pip list` inside the image, to be compared with the files.

The command is the image's own program, so its output is as hostile as any file of the image: it is
bounded, parsed with care, and proves nothing.
"""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from auditor.inventory.python.runtime import configured_runtime, named_runtime
from auditor.model import PipListResult, PipListRow
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from auditor.image.engine.container_run import Completed
    from auditor.model import Environment, Image, ImageConfig, Rootfs

    Run = Callable[[Sequence[str], Mapping[str, str]], Completed]

PIP = ("--isolated", "--disable-pip-version-check", "list", "--format", "json")
"""Arguments of pip: no configuration by variables, no request to an index."""

ARGUMENTS = ("-m", "pip", *PIP)
"""Arguments of the interpreter."""

ENVIRONMENT = {"PYTHONSAFEPATH": "1"}
"""Keeps the working directory off `sys.path` (Python 3.11); older ones run in `/` anyway."""

OUTPUT_BYTES = 1 << 20
"""Standard output that is parsed: enough for some ten thousand distributions."""

_TAIL = 4096
"""Bytes at the end of standard error that are read."""

_SIGNALS = {number.value: number.name for number in signal.Signals}

_ATTEMPTS = 32
"""Brackets at which the list may begin; pip prints no output with more of them before it."""

_NAME_LENGTH = 256
"""Characters of a name or version: no file system has a longer dist-info folder name."""


def pip_list_command(
    rootfs: Rootfs, config: ImageConfig, python: str | None = None
) -> tuple[str, ...] | None:
    """Return the command that `run_pip_list` will most probably run, from a few files.

    `python` names the runtime environment. None where all files have to be searched for it: a
    virtual environment that neither the command nor a variable leads to.
    """
    found = named_runtime(rootfs, python) if python else configured_runtime(rootfs, config, ())
    if found is None or rootfs.stat(found.executable) is None:
        return None
    return (found.executable, *ARGUMENTS)


def run_pip_list(image: Image, environment: Environment, run: Run) -> PipListResult:
    """Run `pip list` with the environment's own interpreter, and no other.

    `run` runs a command in the image with the given variables added. The packages are sorted,
    each row once; where the command failed, `failure` says why.
    """
    if environment.interpreter is None:
        return PipListResult(failure=f"{environment.prefix} has no interpreter")
    return pip_list_result(
        run((environment.interpreter, *ARGUMENTS), ENVIRONMENT), image.config, environment.prefix
    )


def pip_list_result(completed: Completed, config: ImageConfig, prefix: str) -> PipListResult:
    """Return what a finished `pip list` of the environment at `prefix` printed."""
    failure = run_failure(completed, config, prefix)
    if failure is not None:
        return PipListResult(failure=failure)
    if len(completed.stdout) > OUTPUT_BYTES:
        return PipListResult(failure=f"its output is larger than {OUTPUT_BYTES:,} bytes")
    rows = read_pip_list(completed.stdout)
    if rows is None:
        return PipListResult(failure="its output holds no list of packages")
    return PipListResult(packages=rows)


def run_failure(completed: Completed, config: ImageConfig, prefix: str) -> str | None:
    """Return a clause that says why a command failed; None where it succeeded."""
    if completed.failure is not None:
        if "exec format error" in completed.failure:
            return f"{completed.failure} (the image is for {config.platform})"
        return completed.failure
    if completed.exit_code == 0:
        return None
    lines = completed.stderr[-_TAIL:].decode("utf-8", "replace").strip().splitlines()
    last = one_line(lines[-1]) if lines else ""
    if last.endswith(": No module named pip"):
        return f"pip is not installed in {prefix}"
    return _ending(completed.exit_code) + (f": {last}" if last else "")


def _ending(code: int | None) -> str:
    """Return how a command ended: shells and engines report signal N as 128 + N."""
    if code is None:
        return "it did not end by itself"
    if code - 128 in _SIGNALS:
        return f"{_SIGNALS[code - 128]} killed it"
    return f"it ended with exit code {code}"


def read_pip_list(stdout: bytes) -> tuple[PipListRow, ...] | None:
    """Return the rows of `pip list --format json`, sorted; None where there is no such list.

    Start-up hooks and deprecation warnings may print before and after it. pip prints its list
    last, so of several lists the last that is not empty counts.
    """
    found: tuple[PipListRow, ...] | None = None
    for array in _arrays(stdout.decode("utf-8", "replace")):
        rows = _rows(array)
        if rows is not None:
            found = rows or found or rows
    return found


def _arrays(text: str) -> Iterator[list[object]]:
    """Yield the JSON arrays in a text that are not part of another one."""
    decoder = json.JSONDecoder()
    at = text.find("[")
    for _ in range(_ATTEMPTS):
        if at < 0:
            return
        try:
            array, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield array
        at = text.find("[", end)


def _rows(array: list[object]) -> tuple[PipListRow, ...] | None:
    """Return an array's rows if every one of them is pip's; None otherwise."""
    rows = set()
    for item in array:
        row = _row(item)
        if row is None:
            return None
        rows.add(row)
    return tuple(sorted(rows, key=lambda row: (row.name, row.version, row.editable_location or "")))


def _row(item: object) -> PipListRow | None:
    if not isinstance(item, dict):
        return None
    name, version = item.get("name"), item.get("version")
    if not (isinstance(name, str) and isinstance(version, str)):
        return None
    if not name or len(name) > _NAME_LENGTH or len(version) > _NAME_LENGTH:
        return None
    location = item.get("editable_project_location")
    return PipListRow(
        name=canonicalize_name(name),
        version=version,
        editable_location=location if isinstance(location, str) else None,
    )
