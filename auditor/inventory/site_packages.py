"""What the directories are called that Python code is installed into."""

from __future__ import annotations

import re

SITE_FOLDERS = ("site-packages", "dist-packages")
"""The second is Debian's."""

SITE_PARTS = tuple(f"/{name}/" for name in SITE_FOLDERS)
"""What is in the path of every file below such a directory."""

SITE_FOLDER = f"(?:{'|'.join(SITE_FOLDERS)})"
"""A pattern, for patterns that need more around it."""

SITE_DIRECTORY = re.compile(
    rf"(?P<prefix>.*)/lib(?:32|64)?/(?P<library>(?:python|pypy)[\d.]*t?)/(?P<folder>{SITE_FOLDER})"
)
"""The site directory of an interpreter or a virtual environment, whatever the version."""

LIBRARY_FOLDER = re.compile(r"(?P<kind>python|pypy)(?P<version>3\.[0-9]{1,2})(?P<threads>t?)")
"""The folder below `lib` that belongs to one minor version of an interpreter.

At most two digits: tags are made for every minor version down from this one.
"""
