"""Family 4, the image's instructions: what they install that the lock does not decide."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.inventory.commands.installs import install_of
from auditor.inventory.commands.instructions import parse, run_commands, shown_instruction
from auditor.inventory.commands.launchers import PYTHON, SHELL
from auditor.inventory.commands.secret_masking import excerpt
from auditor.inventory.distributions.bootstrap_tools import BOOTSTRAP
from auditor.inventory.paths import list_directory, text_of
from auditor.model import Observation
from auditor.wording import and_more

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.inventory.commands.instructions import Instruction
    from auditor.model import HistoryEntry
    from auditor.rules.facts import Facts

_REQUIREMENTS_BYTES = 4 << 20
_ARCHIVES = (".whl", ".tar.gz", ".zip")
_FETCHED = re.compile(rf"\b(?:{SHELL}|{PYTHON})\s+(?:-\w+\s+)*[\"']?[$<]\(\s*(?:curl|wget)\b[^)]*")
"""`sh -c "$(curl ...)"` and `bash <(curl ...)`."""


class _InstructionAt(NamedTuple):
    """One step of the history, with the directory that it worked in."""

    step: HistoryEntry
    instruction: Instruction
    directory: str


def _instructions(facts: Facts) -> Iterator[_InstructionAt]:
    """Yield the steps above the base image."""
    directory = "/"
    for step in facts.image.history:
        instruction = parse(step.created_by)
        if instruction.kind == "WORKDIR":
            directory = posixpath.normpath(posixpath.join(directory, instruction.text or "."))
        if step.layer is None or step.layer >= facts.base_layers:
            yield _InstructionAt(step, instruction, directory)


def install_outside_lock(facts: Facts) -> Iterator[Observation]:
    """LI406: an instruction that installs what no lock decides."""
    for each in _instructions(facts):
        reasons = list(dict.fromkeys(_reasons(facts, each)))
        if reasons:
            subject = shown_instruction(each.step.created_by)
            yield Observation(subject, "; ".join(reasons), layer=each.step.layer)


def _reasons(facts: Facts, step: _InstructionAt) -> Iterator[str]:
    """Say of each command of an instruction what it installs from outside the lock."""

    def read(file: str) -> str:
        path = posixpath.join(step.directory, file)
        return text_of(facts.image.rootfs, path, _REQUIREMENTS_BYTES)

    for command in run_commands(step.instruction, facts.image.config.env):
        install = install_of(command, read)
        if install is None:
            continue
        why = install.why or _wheels(facts, step, install.wheels)
        if why:
            yield f"`{excerpt(*command.words)}` {why}"
    if step.instruction.kind in {"RUN", ""} and (found := _FETCHED.search(step.instruction.text)):
        yield f"`{excerpt(found[0])}` runs a script from the network"


def _wheels(facts: Facts, step: _InstructionAt, patterns: Sequence[str]) -> str:
    """Say what is wrong with wheels that were installed without an index; empty if nothing.

    Those that the image does not hold, such as mounted ones, cannot be told; what they became
    is compared by families 1 and 2.
    """
    found = {
        name: digest
        for pattern in patterns
        for name, digest in _matching(facts, posixpath.join(step.directory, pattern))
    }
    strange = sorted(name for name, digest in found.items() if digest not in facts.locked_hashes)
    if strange:
        return f"installs {and_more(strange, 3)}, whose sha256 is not in the lock"
    elsewhere = _installed_elsewhere(facts, step.step.layer)
    return f"installs {elsewhere}, which is not the environment that runs" if elsewhere else ""


def _matching(facts: Facts, pattern: str) -> Iterator[tuple[str, str]]:
    """Yield name and sha256 of the archives that a pattern means, hidden ones too."""
    pattern = posixpath.normpath(pattern)
    if not pattern.endswith((*_ARCHIVES, "*")):
        pattern = posixpath.join(pattern, "*")
    for hidden in facts.image.hidden:
        if _fits(hidden.path, pattern):
            yield posixpath.basename(hidden.path), hidden.sha256
    rootfs, folder = facts.image.rootfs, posixpath.dirname(pattern)
    paths = [posixpath.join(folder, name) for name in list_directory(rootfs, folder)]
    present = rootfs.digests(path for path in paths if _fits(path, pattern))
    yield from ((posixpath.basename(path), digest.hex()) for path, digest in present.items())


def _fits(path: str, pattern: str) -> bool:
    return path.endswith(_ARCHIVES) and fnmatch.fnmatchcase(path, pattern)


def _installed_elsewhere(facts: Facts, layer: int | None) -> str:
    """Say what a layer installed into another environment only; empty if nothing."""
    if layer is None:
        return ""
    rootfs = facts.image.rootfs
    places: dict[str, list[str]] = {}
    for environment in facts.inventory.environments:
        for each in environment.distributions:
            entry = rootfs.lstat(each.metadata_path)
            if entry is None or entry.layer != layer or each.name in BOOTSTRAP:
                continue
            if environment.runtime:
                return ""
            places.setdefault(environment.prefix, []).append(f"{each.name} {each.version}")
    return " and ".join(
        f"{', '.join(sorted(set(found)))} into {prefix}" for prefix, found in sorted(places.items())
    )
