"""Audit two small images, one as locked and one drifted: `python -m sample_locks.demo`.

The images hold the Python that runs this, and a virtual environment that pip fills from the
lock beside this file. They are written as one OCI layout below .cache/demo; the second is
the first and one more layer. Ends with 0 only if the audits end with 0 and 1.
"""

from __future__ import annotations

import filecmp
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from sample_locks import interpreter
from sample_locks.fetch import LOCKS, SAMPLES, Target, fetch, requirement_lines, wanted
from sample_locks.layout import ARCHITECTURES, Config, Layer, files_below, write

CACHE = Path(".cache", "demo")
LAYOUT = CACHE / "image"
LOCK = Path("sample_locks", "demo", LOCKS["demo"])
VENV = "/opt/venv"

# pip writes the path of the Python that runs it into console scripts; in the image that is
# the virtual environment's.
_PIP = f"""
import runpy, sys
sys.executable = "{VENV}/bin/python"
sys.argv[0] = "pip"
runpy.run_module("pip", run_name="__main__")
"""


def make_venv(
    root: Path, python: interpreter.Interpreter, requirements: str, folders: list[Path]
) -> None:
    """Fill `root` with a virtual environment that holds `requirements`, as pip installs them.

    Raises `SystemExit` with pip's own words where it fails.
    """
    shutil.rmtree(root, ignore_errors=True)
    venv = Path(f"{root}{VENV}")
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text(
        f"home = {interpreter.PREFIX}/bin\n"
        "include-system-site-packages = false\n"
        f"version = {python.full_version}\n"
    )
    for name, target in (("python", f"{interpreter.PREFIX}/bin/python3"), ("python3", "python")):
        (venv / "bin" / name).symlink_to(target)
    listed = root.with_suffix(".txt")
    listed.write_text(requirements)
    argv = [sys.executable, "-c", _PIP, "install", "--quiet", "--disable-pip-version-check"]
    argv += [
        "--no-deps",
        "--no-index",
        "--ignore-installed",
        "--no-compile",
        "--no-warn-script-location",
    ]
    argv += [
        *(f"--find-links={folder}" for folder in folders),
        f"--requirement={listed}",
        f"--root={root}",
        f"--prefix={VENV}",
    ]
    run = subprocess.run(argv, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"pip could not install the demo's lock:\n{run.stderr}")


def difference(before: Path, after: Path) -> dict[str, Path | str | None]:
    """Return the files of `after` that a layer upon `before` has to hold, removals as None."""
    old, new = files_below(before), files_below(after)
    changed: dict[str, Path | str | None] = {}
    for path in old.keys() - new.keys():
        # A folder that is gone takes its files with it.
        gone = [folder for folder in Path(path).parents if not Path(f"{after}{folder}").exists()]
        changed[str(gone[-1]) if gone else path] = None
    for path, source in new.items():
        known = old.get(path)
        same = source == known
        if isinstance(source, Path) and isinstance(known, Path):
            same = filecmp.cmp(source, known, shallow=False)
        if not same:
            changed[path] = source
    return changed


def build(cache: Path) -> None:
    """Write both images below `cache`, as the tags `locked` and `drifted` of one layout."""
    python = interpreter.interpreter()
    target = Target.running()
    folders = [fetch(name, target) for name in ("demo", "drift")]
    files, others = (wanted(SAMPLES / name / LOCKS[name], target) for name in ("demo", "drift"))
    newer = {file.requirement.split("==")[0] for file in others}
    kept = [file for file in files if file.requirement.split("==")[0] not in newer]

    locked, drifted = cache / "locked", cache / "drifted"
    make_venv(locked, python, requirement_lines(files), folders)
    make_venv(drifted, python, requirement_lines([*kept, *others]), folders)
    with next(drifted.glob("**/jinja2/loaders.py")).open("a") as edited:
        edited.write("\n# edited in place\n")

    base = {**interpreter.files(python), **interpreter.system_libraries(python.executable)}
    layers = [
        Layer(f"COPY python {interpreter.PREFIX}", base),
        Layer(
            f"RUN pip install --require-hashes -r requirements.txt  # in {VENV}",
            files_below(locked),
        ),
    ]
    config = Config(
        architecture=ARCHITECTURES.get(platform.machine(), platform.machine()),
        env={"PATH": f"{VENV}/bin:{interpreter.PREFIX}/bin:/usr/bin:/bin", "VIRTUAL_ENV": VENV},
        cmd=("python",),
    )
    layout = cache / LAYOUT.name
    shutil.rmtree(layout, ignore_errors=True)
    write(layout, "locked", layers, config)
    drift = Layer("RUN pip install --upgrade requests humanize", difference(locked, drifted))
    write(layout, "drifted", [*layers, drift], config)


def audit(tag: str) -> int:
    """Run one audit as a person would, and give its exit code."""
    arguments = ["check", f"oci:{LAYOUT}:{tag}", "--lock", str(LOCK)]
    print(f"\n$ auditor {' '.join(arguments)}", flush=True)
    start = time.monotonic()
    code = subprocess.run([sys.executable, "-m", "auditor", *arguments], check=False).returncode
    print(f"exit code {code}, {time.monotonic() - start:.1f} s", flush=True)
    return code


def main() -> None:
    """Build, audit twice, and say whether it went as it should."""
    if sys.platform != "linux":
        raise SystemExit("the demo makes its images from this machine's own Python: it needs Linux")
    print(f"Building two images without a container engine: {LAYOUT}:locked, {LAYOUT}:drifted")
    build(CACHE)
    codes = audit("locked"), audit("drifted")
    if codes != (0, 1):
        raise SystemExit(f"\nthe exit codes should be 0 and 1, and are {codes[0]} and {codes[1]}")
    print("\nOne consistent image, one drifted, as it should be.")


if __name__ == "__main__":
    main()
