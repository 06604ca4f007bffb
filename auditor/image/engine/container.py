"""A container for the time of a `with` statement."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from docker.errors import NotFound

from auditor.image.engine.connection import ENGINE_ERRORS, engine_error
from auditor.image.engine.container_thread import LeftBehindError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docker.api.client import APIClient


@contextmanager
def new_container(api: APIClient, config: Mapping[str, Any]) -> Iterator[str]:
    """Create a container, yield its name, and remove it afterwards.

    Only a `ContainerThread` may do this. Raises `LeftBehindError` where the engine keeps it.
    """
    # The name is ours and known before the request: a creation that is cut off halfway can
    # still be undone.
    name = f"auditor-{uuid.uuid4().hex}"
    try:
        api.create_container_from_config(config, name=name)  # type: ignore[no-untyped-call]
        yield name
    finally:
        _remove(api, name)


def _remove(api: APIClient, name: str) -> None:
    """Remove the container, running or not, and its anonymous volumes."""
    try:
        api.remove_container(name, force=True, v=True)
    except NotFound:
        return
    except ENGINE_ERRORS as error:
        raise LeftBehindError(
            f"the container {name} could not be removed: {engine_error(error).message}",
            f"remove it by hand: docker rm --force --volumes {name}",
        ) from error
