"""What a container of ours may do: next to nothing.

No network, a read-only root, no capabilities, little memory, few processes, no file to write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LABEL = "org.pylock-auditor.run"
"""On every container made here, so that one left by a killed process can be found."""

_UNSET_PREFIXES = ("PIP_", "AUDITOR_")
"""Prefixes of the image's own variables that would change what pip, or this tool, does."""

_ROOT = re.compile(r"(0|root)?(:.*)?")
"""Spellings of `User` that mean root; the image may call root otherwise, then it gets less."""


@dataclass(frozen=True, slots=True)
class RunLimits:
    """How much a command in an image may use."""

    seconds: float = 60
    output: int = 16 << 20
    """Bytes of standard output and standard error together."""
    memory: int = 512 << 20
    """Bytes, swap included."""
    processes: int = 64
    """Processes and threads together."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run in an image."""

    argv: Sequence[str]
    """Takes the place of the entrypoint; the program's path is absolute."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the image's own variables."""
    user: str = ""
    """As in an image's configuration; empty for the image's own."""
    limits: RunLimits = RunLimits()


def container_config(
    image: Mapping[str, Any], command: Command, *, can_unset: bool
) -> dict[str, Any]:
    """Return the body of `POST /containers/create` (Engine API 1.41).

    The engine makes an anonymous volume, filled from the image, of each that the image declares.
    It is removed with the container, and until then no file can grow in it (`fsize`).
    """
    limits = command.limits
    own = image.get("Config") or {}
    user = command.user or own.get("User") or ""
    return {
        "Image": image["Id"],
        "Entrypoint": list(command.argv),
        "Cmd": [],
        "User": user,
        "WorkingDir": "/",
        "Env": _environment(own.get("Env") or (), command.env, can_unset=can_unset),
        "Tty": False,
        "OpenStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {LABEL: "pip list"},
        "HostConfig": {
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            # Root without any capability could not even read what others keep to themselves.
            "CapAdd": ["DAC_READ_SEARCH"] if _ROOT.fullmatch(user) else [],
            "SecurityOpt": ["no-new-privileges"],
            "PidsLimit": limits.processes,
            "Memory": limits.memory,
            "MemorySwap": limits.memory,
            "LogConfig": {"Type": "none"},
            "Ulimits": [
                {"Name": limit, "Soft": most, "Hard": most}
                for limit, most in (("nofile", 1024), ("nproc", 4096), ("fsize", 0), ("core", 0))
            ],
        },
    }


def _environment(image: Iterable[str], ours: Mapping[str, str], *, can_unset: bool) -> list[str]:
    """Return the variables to create a container with: the engine adds the image's own to them.

    A bare name unsets the image's variable; podman ignores it, so there it is emptied, which is
    the same to pip: `--isolated` reads no variable but the name of a file.
    """
    names = sorted({item.partition("=")[0] for item in image})
    unset = [name for name in names if name.startswith(_UNSET_PREFIXES) and name not in ours]
    return [
        *(name if can_unset else f"{name}=" for name in unset),
        *(f"{name}={value}" for name, value in sorted(ours.items())),
    ]
