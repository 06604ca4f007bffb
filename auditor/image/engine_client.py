"""A connection to the container engine, its refusals told in one line each."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException

from auditor.errors import EngineError
from auditor.image.clause import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.api.client import APIClient

CONNECT_SECONDS = 10
"""How long a connection may take to come about."""

ANSWER_SECONDS = 60
"""How long the engine may think about anything but a save or an export."""

_NO_ENGINE = (
    "Start it (`systemctl start docker`) or point DOCKER_HOST at one; a saved archive "
    "(docker-archive:FILE) needs none."
)
_NO_PERMISSION = (
    "Run as a user who may use the engine (group `docker`, or root), or point DOCKER_HOST at "
    "a rootless one."
)
_BAD_ADDRESS = "Check DOCKER_HOST, DOCKER_CONTEXT, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."
_RESTARTED = "The engine was stopped, or it failed: see its log, then run again."

TROUBLE = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""Everything that the SDK lets through when an engine cannot be reached or refuses."""


def engine_address() -> str:
    """Give where the engine is looked for, for a message."""
    return os.environ.get("DOCKER_HOST") or "the default socket"


@contextmanager
def connected(*, patient: bool = False) -> Iterator[APIClient]:
    """Connect to the engine that DOCKER_HOST or the current docker context names.

    The API version is the engine's own. With `patient` an answer may take any time, as the
    first byte of a long save does; the connection itself never does.

    Raises `EngineError` where no engine answers, here and in the body.
    """
    with refusals():
        client = docker.from_env(timeout=CONNECT_SECONDS)
        try:
            # requests takes a pair here (connect, read); the SDK hands it on as it is.
            answer = None if patient else ANSWER_SECONDS
            client.api.timeout = (CONNECT_SECONDS, answer)  # type: ignore[assignment]
            yield client.api
        finally:
            client.close()


@contextmanager
def refusals() -> Iterator[None]:
    """Turn every trouble with the engine into an `EngineError`."""
    try:
        yield
    except TROUBLE as error:
        raise engine_error(error) from error


def engine_error(error: Exception) -> EngineError:
    """Say in one line what went wrong between us and the engine, and what to do about it."""
    causes = tuple(_causes(error))
    if isinstance(error, APIError):
        return _refused(error)
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineError(
            f"permission denied on the container engine at {engine_address()}", _NO_PERMISSION
        )
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        return EngineError(f"no container engine answers at {engine_address()}", _NO_ENGINE)
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in causes):
        return EngineError("the container engine did not answer in time", _RESTARTED)
    if any(isinstance(cause, urllib3.exceptions.ProtocolError) for cause in causes):
        return EngineError("the container engine cut the connection", _RESTARTED)
    said = one_line(str(error))
    return EngineError(
        f"the container engine at {engine_address()} is unusable: {said}", _BAD_ADDRESS
    )


def _refused(error: APIError) -> EngineError:
    """Tell an answer of the engine that is an error."""
    said = one_line(str(error.explanation or error))
    if "too old" in said and "version" in said:
        return EngineError(
            f"the container engine and this client share no API version: {said}",
            "Update the engine, or the Python package `docker`.",
        )
    return EngineError(
        f"the container engine refused: {said}", "See the engine's log for the whole story."
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
