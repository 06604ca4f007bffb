"""A connection to the container engine, its refusals told in one line each."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import docker
import requests
import urllib3
from docker.constants import DEFAULT_UNIX_SOCKET
from docker.context import ContextAPI
from docker.errors import APIError, DockerException

from auditor.errors import EngineError
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.api.client import APIClient
    from docker.context import Context

CONNECT_SECONDS = 10
"""How long a connection may take to come about."""

ANSWER_SECONDS = 60
"""How long the engine may think about anything but a save or an export."""

_UNIX = "unix://"

_NO_ENGINE = (
    "start it (`systemctl start docker`) or point DOCKER_HOST at one; a saved archive "
    "(docker-archive:FILE) needs none"
)
_NO_PERMISSION = (
    "run as a user who may use the engine (group `docker`, or root), or point DOCKER_HOST at "
    "a rootless one"
)
_BAD_ADDRESS = "check DOCKER_HOST, DOCKER_CONTEXT, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"
_RESTARTED = "the engine was stopped, or it failed: see its log, then run again"

TROUBLE = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""Everything that the SDK lets through when an engine cannot be reached or refuses."""


def engine_address() -> str:
    """Return where the engine is looked for: DOCKER_HOST, else the docker context's, else Docker's.

    Raises `EngineError` where the context does not exist; the SDK would take another in silence.
    """
    host = os.environ.get("DOCKER_HOST")
    if not host:
        name = os.environ.get("DOCKER_CONTEXT")
        context = cast("Context | None", ContextAPI.get_context(name))
        if context is None and name:
            raise EngineError(
                f"there is no docker context {one_line(name)}",
                "see `docker context ls`, and correct DOCKER_CONTEXT",
            )
        host = context.Host if context is not None else None
    return host or DEFAULT_UNIX_SOCKET.replace("http+", "")


@contextmanager
def connected(*, patient: bool = False) -> Iterator[APIClient]:
    """Connect to the engine that DOCKER_HOST or the current docker context names.

    The API version is the engine's own. With `patient` an answer may take any time, as the
    first byte of a long save does; the connection itself never does.

    Raises `EngineError` where no engine answers, here and in the body.
    """
    with refusals():
        address = engine_address()
    with refusals(address):
        _knock(address)
        client = docker.from_env(timeout=CONNECT_SECONDS)
        try:
            # requests takes a pair here (connect, read); the SDK hands it on as it is.
            answer = None if patient else ANSWER_SECONDS
            client.api.timeout = (CONNECT_SECONDS, answer)  # type: ignore[assignment]
            yield client.api
        finally:
            client.close()


def _knock(address: str) -> None:
    """See whether anybody listens on a local socket.

    The SDK would find out too, but leave a socket open that the garbage collector complains of.
    """
    if address.startswith(_UNIX):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(CONNECT_SECONDS)
            door.connect("/" + address.removeprefix(_UNIX).lstrip("/"))


@contextmanager
def refusals(address: str = "") -> Iterator[None]:
    """Turn every trouble with the engine into an `EngineError`."""
    try:
        yield
    except TROUBLE as error:
        raise engine_error(error, address) from error


def engine_error(error: Exception, address: str = "") -> EngineError:
    """Say in one line what went wrong between us and the engine, and what to do about it."""
    place = one_line(f"the container engine at {address}" if address else "the container engine")
    causes = tuple(_causes(error))
    if isinstance(error, APIError):
        return _refused(error)
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineError(f"permission denied on {place}", _NO_PERMISSION)
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return EngineError(f"{place} cannot be reached", _NO_ENGINE)
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in causes):
        return EngineError("the container engine did not answer in time", _RESTARTED)
    if any(isinstance(cause, urllib3.exceptions.ProtocolError) for cause in causes):
        return EngineError("the container engine cut the connection", _RESTARTED)
    return EngineError(f"{place} is unusable: {one_line(str(error))}", _BAD_ADDRESS)


def _refused(error: APIError) -> EngineError:
    """Tell an answer of the engine that is an error."""
    said = one_line(str(error.explanation or error))
    if "too old" in said and "version" in said:
        return EngineError(
            f"the container engine and this client share no API version: {said}",
            "update the engine, or the Python package `docker`",
        )
    return EngineError(
        f"the container engine refused: {said}", "see the engine's log for the whole story"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that led to it; HTTP libraries nest them in their arguments."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        nested = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting.extend(cause for cause in nested if isinstance(cause, BaseException))
