"""Make the base images: `python -m sample_locks.base [NAME ...]`.

`python` looks like the slim image of CPython 3.11, `builder` like the full one (a C compiler
and headers, uv's and pip's place to work in) and `debian` is Debian with its own python3 and
a few python3-* packages. Debian 12 comes from mmdebstrap, CPython from this machine. An image
is made again only when its recipe changes; its tag `latest` always is the present one.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sample_locks import interpreter
from sample_locks.layout import copy_to

CACHE = Path(__file__).parents[2] / ".cache" / "base"
VERSION = "3.11"

_RUNTIME = (
    "ca-certificates,libbz2-1.0,libexpat1,libffi8,libgdbm6,libjemalloc2,liblzma5,libncursesw6,"
    "libreadline8,libsqlite3-0,libssl3,libuuid1,zlib1g"
)

_PYTHON = """\
FROM scratch
ADD debian.tar /
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
COPY root/usr/local /usr/local
RUN ldconfig
RUN python3 -m ensurepip --default-pip && find /usr/local -name __pycache__ -exec rm -r {} +
CMD ["python3"]
"""

_DEBIAN = """\
FROM scratch
ADD debian.tar /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
CMD ["python3"]
"""


@dataclass(frozen=True, slots=True)
class Base:
    """How one base image is made."""

    packages: str
    dockerfile: str


BASES = {
    "python": Base(_RUNTIME, _PYTHON),
    "builder": Base(f"{_RUNTIME},gcc,libc6-dev", _PYTHON),
    "debian": Base(
        "ca-certificates,python3,python3-pip,python3-requests,python3-venv,python3-yaml", _DEBIAN
    ),
}

# As slim images are made: no documents but the licences.
_DPKG = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)


def debian(packages: str) -> Path:
    """Return a tar of Debian 12 with these packages, from the cache where it is there."""
    recipe = "\n".join((packages, *_DPKG))
    tar = CACHE / f"debian-{_short(recipe)}.tar"
    if not tar.exists():
        part = tar.with_suffix(".part.tar")
        subprocess.run(
            [
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                f"--include={packages}",
                *(f"--dpkgopt={option}" for option in _DPKG),
                "bookworm",
                part,
            ],
            check=True,
        )
        part.replace(tar)
    return tar


def build(name: str) -> str:
    """Make base image `name` unless its present recipe was made already; give its tag."""
    base = BASES[name]
    python = interpreter.find(VERSION) if "COPY root" in base.dockerfile else None
    if python is None and "COPY root" in base.dockerfile:
        raise SystemExit(
            f"no CPython {VERSION} outside /usr on PATH to copy into the base image; install one, "
            "or name an image that can be pulled (see sample_locks/README.md)"
        )
    facts = (*_DPKG, base.packages, base.dockerfile, python and python.full_version)
    recipe = _short(repr((*facts, python and str(python.base_prefix))))
    tag = f"auditor-base/{name}:{recipe}"
    if subprocess.run(
        ["docker", "image", "inspect", tag], capture_output=True, check=False
    ).returncode:
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            context = Path(scratch)
            Path(context, "Dockerfile").write_text(base.dockerfile)
            Path(context, "debian.tar").hardlink_to(debian(base.packages))
            if python:
                copy_to(context / "root", interpreter.files(python))
            subprocess.run(["docker", "build", "--quiet", "--tag", tag, context], check=True)
    latest = f"auditor-base/{name}:latest"
    subprocess.run(["docker", "tag", tag, latest], check=True)
    return latest


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def main() -> None:
    """Make the images named on the command line, or all of them."""
    with ThreadPoolExecutor(2) as pool:
        for tag in pool.map(build, sys.argv[1:] or BASES):
            print(tag)


if __name__ == "__main__":
    main()
