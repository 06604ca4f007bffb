"""The login to a registry that `docker login` left behind, read as docker reads it.

`DOCKER_AUTH_CONFIG`, then `config.json` in `DOCKER_CONFIG` or `~/.docker`: credentials in it,
or the helpers that it names. No message ever quotes them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from docker.auth import INDEX_NAME, AuthConfig
from docker.errors import DockerException

from auditor.errors import ImageError
from auditor.http.origin import Login
from auditor.quiet_warnings import quiet_warnings

_VARIABLE = "DOCKER_AUTH_CONFIG"


def docker_login(host: str) -> Login | None:
    """Return docker's login to a registry; None where it has none.

    Raises `ImageError` where they cannot be read.
    """
    for place, content in _configurations():
        found = _resolved(host, place, content)
        if found is not None:
            return found
    return None


def _configurations() -> list[tuple[str, str]]:
    """Return what configures docker's logins: its name for messages, and its JSON text."""
    found = []
    if given := os.environ.get(_VARIABLE):
        found.append((_VARIABLE, given))
    folder = os.environ.get("DOCKER_CONFIG")
    path = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    try:
        found.append((str(path), path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(str(path), "it cannot be read") from error
    return found


def _resolved(host: str, place: str, content: str) -> Login | None:
    try:
        value: object = json.loads(content)
        if not isinstance(value, dict):
            raise _unusable(place, "it is no JSON object")
        parts = {
            key: value[key] for key in ("auths", "credsStore", "credHelpers") if value.get(key)
        }
        if not parts:
            return None
        config = AuthConfig.load_config(None, _plain_entries(parts))
    except (ValueError, RecursionError, AttributeError, TypeError, DockerException) as error:
        # The reason would quote the file, and with it its secrets.
        raise _unusable(place, "it is no configuration of docker's") from error
    name = INDEX_NAME if host in {INDEX_NAME, f"index.{INDEX_NAME}"} else host
    try:
        with quiet_warnings():  # a missing helper raises below
            found = config.resolve_authconfig(name)
    except (DockerException, ValueError, KeyError, TypeError, OSError) as error:
        helper = f"docker-credential-{config.get_credential_store(name)}"
        raise ImageError(
            f"the credential helper {helper} fails for {host}",
            "check that it is on PATH and works: docker login",
        ) from error
    return _login(found or {})


def _plain_entries(parts: dict[str, Any]) -> dict[str, Any]:
    """Leave out empty settings: `docker` takes `"auth": ""` for no entry."""
    auths = {
        host: {key: value for key, value in entry.items() if value}
        for host, entry in parts.get("auths", {}).items()
    }
    return {**parts, "auths": auths} if auths else parts


def _login(found: dict[str, Any]) -> Login | None:
    lower = {key.lower(): value for key, value in found.items() if isinstance(value, str)}
    token = lower.get("identitytoken", "")
    if token:
        return Login(identity_token=token)
    if "username" in lower:
        return Login(lower["username"], lower.get("password", ""))
    return None


def _unusable(place: str, why: str) -> ImageError:
    return ImageError(
        f"docker's credentials in {place} cannot be used: {why}",
        "correct it, or log in again with `docker login`",
    )
