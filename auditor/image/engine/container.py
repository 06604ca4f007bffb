"""Containers of an image, which may do next to nothing and exist for one `with` statement.

No network, a read-only root, no capabilities, little memory, few processes, no file to write.
"""

from __future__ import annotations

import re
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from docker.errors import NotFound

from auditor.image.engine.connection import ENGINE_ERRORS, engine_error
from auditor.image.engine.container_thread import LeftBehindError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from docker.api.client import APIClient

    from auditor.image.engine.inspection import Inspected

LABEL = "org.pylock-auditor.run"
"""On every container made here, so that one left by a killed process can be found."""

_EMPTIED_PREFIXES = ("PIP_", "AUDITOR_")
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


@contextmanager
def new_container(api: APIClient, image: Inspected, command: Command) -> Iterator[str]:
    """Create a container of the inspected image, yield its name, and remove it afterwards.

    Only a `ContainerThread` may do this. Raises `LeftBehindError` where the engine keeps it.
    """
    # The name is ours and known before the request: a creation that is cut off halfway can
    # still be undone.
    name = f"auditor-{uuid.uuid4().hex}"
    try:
        api.create_container_from_config(  # type: ignore[no-untyped-call]
            container_config(image, command), name=name
        )
        yield name
    finally:
        try:
            # Running or not, and with its anonymous volumes.
            api.remove_container(name, force=True, v=True)
        except NotFound:
            pass
        except ENGINE_ERRORS as error:
            raise LeftBehindError(
                f"the container {name} could not be removed: {engine_error(error).message}",
                f"remove it by hand: docker rm --force --volumes {name}",
            ) from error


def container_config(image: Inspected, command: Command) -> dict[str, Any]:
    """Return the body of `POST /containers/create` (Engine API 1.41).

    The engine makes an anonymous volume, filled from the image, of each that the image declares.
    It is removed with the container, and until then no file can grow in it (`fsize`).
    """
    own = image.get("Config") or {}
    user = command.user or own.get("User") or ""
    return {
        "Image": image["Id"],
        "Entrypoint": list(command.argv),
        "Cmd": [],
        "User": user,
        "WorkingDir": "/",
        "Env": _environment(own.get("Env") or (), command.env),
        "Tty": False,
        "OpenStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {LABEL: "pip list"},
        "HostConfig": _host_config(command.limits, root=bool(_ROOT.fullmatch(user))),
    }


def _host_config(limits: RunLimits, *, root: bool) -> dict[str, Any]:
    return {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        # Root without any capability could not even read other users' private files.
        "CapAdd": ["DAC_READ_SEARCH"] if root else [],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": limits.processes,
        "Memory": limits.memory,
        "MemorySwap": limits.memory,
        "LogConfig": {"Type": "none"},
        "Ulimits": [
            {"Name": limit, "Soft": most, "Hard": most}
            for limit, most in (("nofile", 1024), ("nproc", 4096), ("fsize", 0), ("core", 0))
        ],
    }


def _environment(image: Iterable[str], ours: Mapping[str, str]) -> list[str]:
    """Return the variables to create a container with: the engine adds the image's own to them.

    Those that pip would read are emptied, since podman cannot unset them. It is the same to
    pip: `--isolated` reads no variable but the name of a file.
    """
    names = {item.partition("=")[0] for item in image}
    emptied = {name: "" for name in names if name.startswith(_EMPTIED_PREFIXES)}
    return [f"{name}={value}" for name, value in sorted({**emptied, **ours}.items())]
