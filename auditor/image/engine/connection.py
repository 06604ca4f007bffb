"""A connection to the container engine; each of its errors in one line."""

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
from docker.errors import APIError, DockerException, create_api_error_from_http_exception

from auditor.errors import EngineError
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.api.client import APIClient
    from docker.context import Context

CONNECT_SECONDS = 10
ANSWER_SECONDS = 60
"""How long the engine may take to answer anything but a save or an export."""

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
_FAILED = "it may have stopped or failed: see its log, then run the audit again"

_CAUSES = (
    (PermissionError, "permission denied on {}", _NO_PERMISSION),
    ((FileNotFoundError, ConnectionRefusedError), "{} cannot be reached", _NO_ENGINE),
    ((TimeoutError, requests.Timeout), "the container engine did not answer in time", _FAILED),
    (urllib3.exceptions.ProtocolError, "the container engine closed the connection", _FAILED),
)
"""Exceptions by which others are caused, the message with the engine's name, and the hint."""

ENGINE_ERRORS = (DockerException, requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""What the SDK raises when an engine cannot be reached or refuses."""


def engine_address() -> str:
    """Return the engine's address: DOCKER_HOST, else the docker context's, else Docker's default.

    Raises `EngineError` where the context does not exist; the SDK would take the default.
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
def connected(answer_seconds: float | None = ANSWER_SECONDS) -> Iterator[APIClient]:
    """Connect to the engine that DOCKER_HOST or the current docker context names.

    The API version is the engine's own. `answer_seconds` None lets an answer take any time, as
    the first byte of a long save does.
    Raises `EngineError` where no engine answers, and for its errors in the body.
    """
    with engine_errors():
        address = engine_address()
    with engine_errors(address):
        _try_socket(address)
        client = docker.from_env(timeout=CONNECT_SECONDS)
        try:
            # requests takes a pair here (connect, read); the SDK hands it on as it is.
            client.api.timeout = (CONNECT_SECONDS, answer_seconds)  # type: ignore[assignment]
            yield client.api
        finally:
            client.close()


def _try_socket(address: str) -> None:
    """Raise `OSError` where no server listens on a local socket.

    The SDK would too, but leave a socket open that the garbage collector complains of.
    """
    if address.startswith(_UNIX):
        with socket.socket(socket.AF_UNIX) as tried:
            tried.settimeout(CONNECT_SECONDS)
            tried.connect("/" + address.removeprefix(_UNIX).lstrip("/"))


@contextmanager
def engine_errors(address: str = "") -> Iterator[None]:
    """Raise what the SDK raises in the body as an `EngineError`."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise engine_error(error, address) from error


def engine_error(error: Exception, address: str = "") -> EngineError:
    """Return an error that says in one line what went wrong, and what to do about it."""
    engine = one_line(f"the container engine at {address}" if address else "the container engine")
    if isinstance(error, APIError):
        message = one_line(str(error.explanation or error))
        if "too old" not in message or "version" not in message:
            return EngineError(f"the container engine refused: {message}", "see the engine's log")
        return EngineError(
            f"the container engine and this client share no API version: {message}",
            "update the engine, or the Python package `docker`",
        )
    causes = tuple(_causes(error))
    for kinds, message, hint in _CAUSES:
        if any(isinstance(cause, kinds) for cause in causes):
            return EngineError(message.format(engine), hint)
    return EngineError(f"{engine} is unusable: {one_line(str(error))}", _BAD_ADDRESS)


def raise_for_status(response: requests.Response) -> None:
    """Raise docker's `APIError`, and close the response, where the engine refuses."""
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        with response:
            create_api_error_from_http_exception(error)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that led to it; HTTP libraries nest them in their arguments."""
    pending: list[BaseException] = [error]
    seen: set[int] = set()
    while pending:
        cause = pending.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        nested = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        pending.extend(each for each in nested if isinstance(each, BaseException))
