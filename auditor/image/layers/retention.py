"""Which files' content a layer's index keeps: small ones that the later stages read.

Of all others the digest is kept, and the content is read again in the rare case of a question.
"""

from __future__ import annotations

from auditor.image import limits

_FOLDERS = (".dist-info", ".egg-info", "/EGG-INFO", "/var/lib/dpkg/status.d")
"""Ends of directories whose files are kept."""

_SUFFIXES = (".pth", ".egg-link", ".egg-info", ".pylock.toml")

_PREFIXES = ("__editable__", "pylock.")

_NAMES = frozenset(
    (
        "pyvenv.cfg",
        "patchlevel.h",
        "EXTERNALLY-MANAGED",
        "os-release",
        ".python-version",
        "pylock.toml",
        "sitecustomize.py",
        "usercustomize.py",
        "_virtualenv.py",
    )
)

_PATHS = frozenset(
    (
        "/etc/passwd",
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.preload",
        "/etc/alpine-release",
        "/etc/debian_version",
        "/lib/apk/db/installed",
        "/usr/lib/apk/db/installed",
        "/var/lib/dpkg/status",
        "/var/lib/dpkg/diversions",
    )
)

_SYSTEM = ("/etc", "/lib/apk", "/usr/lib/", "/var/lib/dpkg")
"""Where all of `_PATHS` are, so that most files are compared with these alone."""

_DPKG = "/var/lib/dpkg/info"
_DPKG_SUFFIXES = (".list", ".md5sums", ".conffiles")

_LOADERS = (b"ctypes", b"dlopen")
"""What a Python source names that loads a library by its name."""


def references_dlopen(name: str, content: bytes) -> bool:
    """Return whether the file is a Python source that may load a library by its name."""
    return name.endswith(".py") and any(mark in content for mark in _LOADERS)


def is_kept(folder: str, name: str, size: int) -> bool:
    """Return whether the content of the file `folder/name` is worth keeping."""
    if size > limits.KEPT_FILE:
        return False
    return (
        folder.endswith(_FOLDERS)
        or name in _NAMES
        or name.endswith(_SUFFIXES)
        or name.startswith(_PREFIXES)
        or (folder.endswith("/conda-meta") and name.endswith(".json"))
        or (folder.startswith(_SYSTEM) and _is_system(folder, name))
    )


def _is_system(folder: str, name: str) -> bool:
    """Return whether the file belongs to an OS package database or to the loader's setting."""
    return (
        f"{folder}/{name}" in _PATHS
        or (folder == "/etc" and name.startswith("ld-musl-"))
        or folder.startswith("/etc/ld.so.conf.d")
        or (folder == _DPKG and name.endswith(_DPKG_SUFFIXES))
    )


def may_be_script(folder: str, name: str, size: int) -> bool:
    """Return whether the file is kept if it turns out to be no ELF: its first line matters.

    Or all of it, where a container starts with it.
    """
    return size < limits.SCRIPT_BYTES and (
        folder.endswith(("/bin", "/sbin")) or name.endswith(".sh") or "entrypoint" in name
    )
