"""What an engine answers about single files of a container that it holds."""

from __future__ import annotations

import base64
import json
import posixpath
from typing import TYPE_CHECKING

from tests.builders.files import Directory, File, Symlink, layer_tar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.builders.fake_engine import Answer, Call
    from tests.builders.files import Content

_DIRECTORY, _SYMLINK = 1 << 31, 1 << 27


def files_of(files: Mapping[str, str | bytes]) -> dict[str, Answer]:
    """Return the answers about these files; `-> TARGET` is a link, which tells its last target."""
    folders = {"/"}
    for path in files:
        while (path := posixpath.dirname(path)) != "/":
            folders.add(path)

    def told(call: Call) -> None:
        path = call.asked("path")
        if path in files or path in folders:
            _tell(call, path, None if path in folders else files[path])
        else:
            call.send(b'{"message": "Could not find the file"}', 404)

    def given(call: Call) -> None:
        path = call.asked("path")
        found = {
            posixpath.relpath(each, posixpath.dirname(path)): _content(files.get(each))
            for each in sorted([*files, *folders])
            if each == path or each.startswith(f"{path}/")
        }
        if found:
            call.stream(layer_tar(found))
        else:
            call.send(b'{"message": "Could not find the file"}', 404)

    return {"HEAD /containers/NAME/archive": told, "GET /containers/NAME/archive": given}


def _tell(call: Call, path: str, content: str | bytes | None) -> None:
    mode, target, size = 0o755, "", 0
    if content is None:
        mode |= _DIRECTORY
    elif isinstance(content, str) and content.startswith("-> "):
        mode |= _SYMLINK
        target = content.removeprefix("-> ")
    else:
        size = len(content)
    said = {"name": path, "size": size, "mode": mode, "linkTarget": target}
    encoded = base64.b64encode(json.dumps(said).encode()).decode()
    call.send_response(200)
    call.send_header("X-Docker-Container-Path-Stat", encoded)
    call.send_header("Content-Length", "0")
    call.end_headers()


def _content(content: str | bytes | None) -> Content:
    if content is None:
        return Directory()
    if isinstance(content, str) and content.startswith("-> "):
        return Symlink(content.removeprefix("-> "))
    return File(content, 0o755)
