"""The JSON documents of an image: indexes, manifests, configurations, read with suspicion."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from auditor.errors import ImageError
from auditor.image import limits
from auditor.model import HistoryEntry, ImageConfig, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")

_DAMAGED = "the image is damaged; save it again"

_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armv7l": "arm",
    "i386": "386",
    "i686": "386",
}
"""Other spellings of the architectures -> the specification's (Go's GOARCH)."""


def document(content: bytes, name: str) -> Mapping[str, Any]:
    """Parse a JSON object; raises `ImageError` where it is none."""
    value = parsed(content, name)
    if not isinstance(value, dict):
        raise ImageError(f"{name} is not a JSON object", _DAMAGED)
    return value


def parsed(content: bytes, name: str) -> object:
    """Parse JSON; raises `ImageError`."""
    if len(content) > limits.JSON_BYTES:
        raise ImageError(
            f"{name} has {len(content)} bytes, more than the auditor reads", "save it again"
        )
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{name} is not JSON: {str(error)[:100]}", _DAMAGED) from error
    return value


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a string, empty where it is none; lone surrogates become marks."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8")


def texts(value: object) -> tuple[str, ...]:
    """Return the strings of a list; a lone string counts as a list of one."""
    if isinstance(value, str):
        return (text(value),)
    return tuple(map(text, value)) if isinstance(value, list) else ()


def digest(value: object, name: str) -> str:
    """Return a digest that can be computed and put into a path; raises `ImageError`."""
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    raise ImageError(
        f"{name} does not name a digest that can be verified: {text(value)[:100]!r}", _DAMAGED
    )


def platform_of(value: Mapping[str, Any]) -> Platform:
    """Read the platform of a descriptor or a configuration."""
    return normalised_platform(*(text(value.get(key)) for key in Platform._fields))


def normalised_platform(os: str, architecture: str, variant: str = "") -> Platform:
    """Return a platform in the specification's spelling."""
    if architecture == "armhf" or (architecture == "armv7l" and not variant):
        variant = "v7"
    architecture = _ARCHITECTURES.get(architecture, architecture)
    if architecture == "arm64" and variant == "v8":
        variant = ""  # the only one there is
    return Platform(os, architecture, variant)


def image_config(configuration: Mapping[str, Any]) -> ImageConfig:
    """Read what an image configuration says about how the image runs."""
    run = mapping(configuration.get("config"))
    env = (setting.partition("=") for setting in texts(run.get("Env")))
    return ImageConfig(
        platform_of(configuration),
        {name: value for name, _, value in env},
        texts(run.get("Entrypoint")),
        texts(run.get("Cmd")),
        text(run.get("WorkingDir")) or "/",
        text(run.get("User")),
        {text(key): text(value) for key, value in mapping(run.get("Labels")).items()},
    )


def diff_ids(configuration: Mapping[str, Any], name: str) -> list[str]:
    """Return the DiffIDs of an image's layers, lowest first; raises `ImageError`."""
    rootfs = configuration.get("rootfs")
    found = mapping(rootfs).get("diff_ids")
    if not isinstance(rootfs, dict) or not isinstance(found, list | None):
        raise ImageError(
            f"{name} is not an image configuration: it has no rootfs",
            "name a container image; other artifacts have no files to audit",
        )
    if len(found or ()) > limits.LAYERS:
        raise ImageError(f"{name} lists {len(found or ())} layers", "no engine runs such an image")
    return [digest(value, name) for value in found or ()]


def history(configuration: Mapping[str, Any]) -> tuple[HistoryEntry, ...]:
    """Return the steps that made an image, each with its layer.

    A history is optional and free text. One that has another number of layers than the image
    is not laid over it: a wrong instruction is worse than none.
    """
    listed = mapping(configuration.get("rootfs")).get("diff_ids")
    layers = len(listed) if isinstance(listed, list) else 0
    steps: list[HistoryEntry] = []
    number = 0
    for entry in objects(configuration.get("history"))[: limits.HISTORY]:
        empty = entry.get("empty_layer") is True
        steps.append(HistoryEntry(text(entry.get("created_by")), None if empty else number))
        number += not empty
    if number != layers:
        return tuple(step._replace(layer=None) for step in steps)
    return tuple(steps)


def instructions(steps: Sequence[HistoryEntry], layers: int) -> list[str]:
    """Return the instruction that made each layer; empty ones where the history does not fit."""
    made = [""] * layers
    for step in steps:
        if step.layer is not None:
            made[step.layer] = step.created_by
    return made
