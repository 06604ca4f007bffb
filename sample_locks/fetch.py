"""Fetch the files that a sample lock names: `python -m sample_locks.fetch NAME ...`.

A lock here names files and sha256 digests only; pip finds each by distribution, version and
digest in whatever index it is configured for, and no other file is accepted. What is there
already is verified and kept. Without options the files are those that CPython 3.11 on
Debian 12, x86_64, installs, not every wheel of a lock for many platforms.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import tomli
from packaging.markers import Environment, default_environment
from packaging.pylock import PackageSdist, PackageWheel, Pylock
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SAMPLES = Path(__file__).parent

LOCKS = {
    "backend": "pylock.runtime.toml",
    "agent-proxy": "pylock.toml",
    "pusher": "pylock.toml",
    "demo": "pylock.toml",
    "drift": "pylock.toml",
    "tools": "pylock.toml",
}

_OLD_NAMES = {17: "2014", 12: "2010", 5: "1"}
"""Minor version of glibc -> what its platform tag was called before PEP 600."""

AT_ONCE = 4
"""Clients that run beside each other; an index should not notice us."""


@dataclass(frozen=True, slots=True)
class Target:
    """A CPython on Linux, which the files are for."""

    python: str
    machine: str
    platforms: tuple[str, ...]
    """Platform tags, the best first."""

    @classmethod
    def glibc(cls, python: str = "3.11", machine: str = "x86_64", minor: int = 36) -> Target:
        """Return a target with glibc 2.`minor`: Debian 12's, unless told otherwise (PEP 600)."""
        tags = []
        for version in range(minor, 4, -1):
            tags.append(f"manylinux_2_{version}_{machine}")
            if version in _OLD_NAMES:
                tags.append(f"manylinux{_OLD_NAMES[version]}_{machine}")
        return cls(python, machine, (*tags, f"linux_{machine}"))

    @classmethod
    def running(cls) -> Target:
        """Return the target that this process runs on."""
        python = ".".join(map(str, sys.version_info[:2]))
        return cls(python, platform.machine(), tuple(platform_tags()))

    @property
    def tags(self) -> Iterator[Tag]:
        """Wheel tags, the best first."""
        major, minor = map(int, self.python.split("."))
        interpreter = f"cp{major}{minor}"
        return chain(
            cpython_tags((major, minor), platforms=self.platforms),
            compatible_tags((major, minor), interpreter, self.platforms),
        )

    def environment(self, micro: int) -> Environment:
        """Return the marker variables of one of its releases."""
        return {
            **default_environment(),
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.{micro}",
            "python_version": self.python,
            "sys_platform": "linux",
        }


@dataclass(frozen=True, slots=True, order=True)
class File:
    """One file to have: what to ask pip for, and what must come."""

    requirement: str
    filename: str
    sha256: str

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel; else it is a source distribution."""
        return self.filename.endswith(".whl")


def wanted(lock: Path, target: Target) -> list[File]:
    """Return the files that an installer on `target` takes from `lock`, all extras and groups."""
    with lock.open("rb") as stream:
        pylock = Pylock.from_dict(tomli.load(stream))
    files = set()
    for micro in (0, 99):  # markers ask for python_full_version: take both sides of them
        chosen = pylock.select(
            environment=target.environment(micro),
            tags=list(target.tags),
            extras=pylock.extras,
            dependency_groups=[*(pylock.dependency_groups or ()), *(pylock.default_groups or ())],
        )
        for package, artifact in chosen:
            if isinstance(artifact, PackageWheel | PackageSdist):  # else a source tree
                requirement = f"{package.name}=={package.version}"
                files.add(File(requirement, artifact.filename, artifact.hashes["sha256"]))
    return sorted(files)


def requirement_lines(files: Iterable[File]) -> str:
    """Return the files as a requirements file with hashes."""
    return "".join(f"{file.requirement} --hash=sha256:{file.sha256}\n" for file in files)


def is_there(file: File, folder: Path) -> bool:
    """Say whether `folder` holds the file with the right bytes."""
    path = folder / file.filename
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def download(files: list[File], folder: Path, target: Target) -> None:
    """Have pip download wheels, or source distributions, and put them into `folder`.

    Raises `SystemExit` with pip's own words where one cannot be had.
    """
    for_target = [
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={target.python}",
        *(f"--platform={tag}" for tag in target.platforms),
    ]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        requirements = Path(scratch, "requirements.txt")
        requirements.write_text(requirement_lines(files))
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        argv += [
            "--no-deps",
            "--require-hashes",
            f"--dest={scratch}",
            f"--requirement={requirements}",
        ]
        argv += for_target if files[0].is_wheel else ["--no-binary=:all:"]
        run = subprocess.run(argv, capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit(f"pip could not fetch for {folder}:\n{run.stderr}")
        for file in files:
            if not is_there(file, Path(scratch)):
                raise SystemExit(f"pip brought another file than {file.filename} {file.sha256}")
            Path(scratch, file.filename).replace(folder / file.filename)


def fetch(name: str, target: Target | None = None) -> Path:
    """Make sure that the files of sample `name` for `target` are there; give their folder."""
    target = target or Target.glibc()
    folder = SAMPLES / name / "wheels"
    folder.mkdir(exist_ok=True)
    missing = [
        file for file in wanted(SAMPLES / name / LOCKS[name], target) if not is_there(file, folder)
    ]
    wheels = [file for file in missing if file.is_wheel]
    portions = [wheels[start::AT_ONCE] for start in range(AT_ONCE)]
    portions += [[file] for file in missing if not file.is_wheel]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda files: download(files, folder, target), filter(None, portions)):
            pass
    return folder


def main() -> None:
    """Fetch for the samples named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m sample_locks.fetch", description=__doc__)
    parser.add_argument("names", nargs="+", choices=LOCKS, metavar="NAME", help=", ".join(LOCKS))
    parser.add_argument("--python", default="3.11", help="as X.Y (default: %(default)s)")
    parser.add_argument("--machine", default="x86_64", help="default: %(default)s")
    parser.add_argument("--glibc", default=36, type=int, help="2.MINOR (default: %(default)s)")
    arguments = parser.parse_args()
    target = Target.glibc(arguments.python, arguments.machine, arguments.glibc)
    for name in arguments.names:
        print(fetch(name, target))


if __name__ == "__main__":
    main()
