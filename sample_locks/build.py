"""Build the sample images: `python -m sample_locks.build [NAME ...]`.

Fetches what a sample's lock names, makes the base images it starts from, and builds. With
`AUDITOR_SAMPLE_BASE` and `AUDITOR_SAMPLE_BUILDER` set (say, to the slim and the full image of
CPython 3.11) those are used instead, and no base is made for the samples that start from
CPython.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from sample_locks.base.__main__ import build as build_base
from sample_locks.fetch import LOCKS, SAMPLES, fetch


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one sample image is built."""

    sample: str
    dockerfile: str
    tag: str
    bases: dict[str, str]
    """Build argument -> the base image made here that is its default."""

    @property
    def lock(self) -> str:
        """The lock that the image is made from, as a path from the top of the project."""
        return f"sample_locks/{self.sample}/{LOCKS[self.sample]}"


_PYTHON = {"BASE": "python", "BUILDER": "builder"}

RECIPES = {
    "backend-clean": Recipe("backend", "Dockerfile.clean", "auditor-sample/backend:clean", _PYTHON),
    "backend-drifted": Recipe("backend", "Dockerfile", "auditor-sample/backend:drifted", _PYTHON),
    "pusher": Recipe("pusher", "Dockerfile", "auditor-sample/pusher:latest", {"BASE": "python"}),
    "agent-proxy": Recipe(
        "agent-proxy", "Dockerfile", "auditor-sample/agent-proxy:latest", {"BASE": "debian"}
    ),
}


def base_image(name: str) -> str:
    """Return the image that stands for base `name`, made now where it has to be."""
    own = {"python": "AUDITOR_SAMPLE_BASE", "builder": "AUDITOR_SAMPLE_BUILDER"}
    return os.environ.get(own.get(name, "")) or build_base(name)


def docker(*arguments: str) -> str:
    """Run docker and give what it printed.

    Raises `SystemExit` with docker's own words where it fails.
    """
    argv = ["docker", *arguments]
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(argv)} failed:\n{run.stdout}{run.stderr}")
    return run.stdout.strip()


def build(name: str) -> str:
    """Build sample image `name` and give its tag."""
    recipe = RECIPES[name]
    fetch("tools")
    fetch(recipe.sample)
    arguments = [
        f"--build-arg={argument}={base_image(base)}" for argument, base in recipe.bases.items()
    ]
    dockerfile = str(SAMPLES / recipe.sample / recipe.dockerfile)
    docker("build", f"--tag={recipe.tag}", f"--file={dockerfile}", *arguments, str(SAMPLES))
    return recipe.tag


def main() -> None:
    """Build the images named on the command line, or all of them."""
    for name in sys.argv[1:] or RECIPES:
        print(build(name))


if __name__ == "__main__":
    main()
