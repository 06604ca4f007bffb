"""What `auditor check --quick` runs in the image: its text is the argument of `python -c`.

Prints what the interpreter is and what the metadata folders on its path hold, as one line of JSON
that begins with `MARK`; then runs `pip` with the other arguments. It must run on every Python 3
that an image may have: nothing here is newer than 3.7, and it imports the standard library only.
"""

from __future__ import annotations

import json
import os
import platform
import runpy
import struct
import sys
import sysconfig
from urllib.parse import unquote, urlsplit

MARK = "auditor-probe:"

HEAD_BYTES = 1 << 18
SMALL_BYTES = 1 << 16
ALL_BYTES = 8 << 20
"""Bytes of METADATA that are read, of any other file, and of all of them together."""

HEADERS = ("METADATA", "PKG-INFO")
ORIGINS = ("direct_url.json", "provenance_url.json")
SMALL = ("INSTALLER", "REQUESTED", "WHEEL", "uv_build.json", *ORIGINS)
SUFFIXES = (".dist-info", ".egg-info", ".egg-link")


class Listing:
    """Files and folders as this process sees them; `absent` are those that do not exist."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.folders: dict[str, bool] = {}
        self.unreadable: dict[str, str] = {}
        self.absent: dict[str, bool] = {}
        self.left = ALL_BYTES

    def add_file(self, path: str, limit: int) -> str:
        """Add one file and return its content, bytes that are not UTF-8 as surrogates."""
        try:
            with open(path, "rb") as stream:
                content = stream.read(limit)
        except OSError as error:
            self.unreadable[path] = error.strerror or str(error)
            return ""
        if os.path.basename(path) in HEADERS or path.endswith(".egg-info"):
            content = content.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n\n"
        self.left -= len(content)
        if self.left < 0:
            sys.exit(f"the metadata on sys.path holds more than {ALL_BYTES:,} bytes")
        self.files[path] = content.decode("utf-8", "surrogateescape")
        return self.files[path]

    def add_path(self, path: str) -> None:
        """Add what is at `path` without its content."""
        if os.path.isdir(path):
            self.folders[path] = True
        elif os.path.exists(path):
            self.files[path] = ""
        else:
            self.absent[path] = True

    def add_directory(self, path: str) -> None:
        """Add every metadata folder and file directly in a directory."""
        self.add_path(path)
        for name in self.list_directory(path):
            egg = name == "EGG-INFO" and path.endswith(".egg")
            if (name.lower().endswith(SUFFIXES) or egg) and not name.startswith(("~", ".")):
                self.add_metadata(os.path.join(path, name))

    def list_directory(self, path: str) -> list[str]:
        """Return the sorted names in a directory; none, and why, where it may not be listed."""
        try:
            return sorted(os.listdir(path))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self.unreadable[path] = error.strerror or str(error)
            return []

    def add_metadata(self, path: str) -> None:
        """Add one of them, and the directory of an editable installation's source."""
        if path.lower().endswith(".egg-link"):
            line = self.add_file(path, SMALL_BYTES).strip().partition("\n")[0].strip()
            self.add_directory(absolute(os.path.join(os.path.dirname(path), line)))
        elif not os.path.isdir(path):
            self.add_file(path, HEAD_BYTES)
        else:
            self.folders[path] = True
            for name in (*HEADERS, *SMALL):
                inner = os.path.join(path, name)
                if os.path.lexists(inner):
                    self.add_file(inner, HEAD_BYTES if name in HEADERS else SMALL_BYTES)
            for name in ORIGINS:
                self.add_source(self.files.get(os.path.join(path, name), ""))

    def add_source(self, direct_url: str) -> None:
        """Add the directory that direct_url.json names (PEP 610), whether it exists or not."""
        try:
            parts = urlsplit(str(json.loads(direct_url)["url"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if parts.scheme == "file":
            self.add_path(absolute(unquote(parts.path)))


def absolute(path: str) -> str:
    """Return a path as Linux reads it in `/`: normalised, with one leading slash."""
    return "/" + os.path.normpath("/" + path.replace("\0", "")).lstrip("/")


def interpreter() -> dict[str, object]:
    """Return what tags and markers are computed from."""
    family, _, version = libc().partition(" ")
    return {
        "implementation": sys.implementation.name,
        "version": platform.python_version(),
        "free_threaded": "t" in getattr(sys, "abiflags", ""),
        "machine": platform.machine(),
        "bits": struct.calcsize("P") * 8,
        "libc": family,
        "libc_version": version,
        "executable": os.path.realpath(sys.executable),
        "base_prefix": os.path.realpath(sys.base_prefix),
    }


def libc() -> str:
    """Return the C library's name and release; musl has no call that returns its release."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        return "musl" if "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE")) else ""


def probe(command_entries: list[str]) -> str:
    """Return the whole result; `command_entries` are directories that are not on this path."""
    found = Listing()
    prefix = os.path.realpath(sys.prefix)
    venv = os.path.join(prefix, "pyvenv.cfg")
    if os.path.isfile(venv):
        found.add_file(venv, SMALL_BYTES)
    else:
        found.absent[venv] = True
    own = [
        each
        for each in command_entries
        if any(name.endswith(".dist-info") for name in found.list_directory(each))
    ]
    paths: dict[str, bool] = {}
    for entry in (*own, *sys.path):
        real = os.path.realpath(entry)
        if entry and os.path.isdir(real) and real not in paths:
            paths[real] = True
            found.add_directory(real)
    return json.dumps(
        {
            "interpreter": interpreter(),
            "prefix": prefix,
            "paths": list(paths),
            "files": found.files,
            "folders": list(found.folders),
            "unreadable": found.unreadable,
            "absent": list(found.absent),
        }
    )


if __name__ == "__main__":
    sys.stdout.write(f"\n{MARK}{probe(json.loads(sys.argv[1]))}\n")
    sys.stdout.flush()
    sys.argv[:] = ["pip", *sys.argv[2:]]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
