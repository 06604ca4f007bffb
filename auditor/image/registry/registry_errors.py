"""The errors for registries, and servers beside them, without a usable response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from auditor.errors import ImageError
from auditor.http.failure import CONNECTION_ERRORS, Cause, Failure
from auditor.image.documents import mapping, objects, text
from auditor.wording import one_line

if TYPE_CHECKING:
    import requests

    from auditor.http.client import HttpClient

_HINTS = {
    Cause.UNREACHABLE: "check the name, the port and the network",
    Cause.UNTRUSTED: "name the authority's certificate with --tls-ca, or in SSL_CERT_FILE",
    Cause.NOT_TLS: "give --plain-http if it is meant to be so",
    Cause.PASSING: "try again later",
    Cause.TOO_LARGE: "the auditor reads no larger one",
}
_ERROR_BYTES = 64 * 1024


def registry_error(failure: Failure) -> ImageError:
    """Return the error for a request to a registry that failed."""
    message = f"{failure.message}: {failure.detail}" if failure.detail else failure.message
    return ImageError(message, _HINTS.get(failure.cause, "ask whoever runs the registry"))


def login_hint(host: str) -> str:
    """Return what to do where a registry does not let us in."""
    return f"log in with `docker login {host}`; its credentials are used"


def refusal(client: HttpClient, response: requests.Response) -> str:
    """Return the status of a response and the reason in its body (OCI distribution 1.1)."""
    try:
        value: object = json.loads(client.body(response, _ERROR_BYTES))
    except (ImageError, ValueError, RecursionError, *CONNECTION_ERRORS):
        value = None
    errors = objects(mapping(value).get("errors"))
    reason = one_line((text(errors[0].get("message")) if errors else "") or response.reason or "")
    return f"answers {response.status_code}" + (f" ({reason})" if reason else "")
