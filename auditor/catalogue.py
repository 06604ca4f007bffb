"""Every kind of finding, defined once.

`auditor explain`, the README's table and every report format take their words from here.
A kind is added together with its rule in `auditor.rules`. Codes are never reused.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.model import NotChecked, Severity
from auditor.wording import did_you_mean

FAMILIES = {
    0: "lock",
    1: "distributions",
    2: "files",
    3: "native libraries",
    4: "image",
    5: "runtime",
    6: "registry",
    9: "not checked",
}
"""What the hundreds of a code mean."""

NOT_CHECKED = 9
"""The family that makes an audit incomplete, not drifted."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of finding."""

    code: str
    name: str
    """For machines and for people: stable, lower case, hyphens."""
    title: str
    """A headline without a full stop."""
    severity: Severity
    why: str
    """Why it matters, in whole sentences."""
    fix: str
    """What to do about it, in whole sentences."""
    not_quick: NotChecked | None = None
    """What a quick audit says instead of judging it; None: a quick audit can judge it."""

    @property
    def family(self) -> int:
        """The first digit of the code: a key of `FAMILIES`."""
        return int(self.code[2])


_ERROR, _WARNING, _NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

# What a quick audit does not check: it knows the lock, the image's configuration and what the
# interpreter says of its metadata folders.
_ARTIFACTS = NotChecked("artifacts", "nothing was compared with the locked artifacts")
_BYTECODE = NotChecked("bytecode", "no compiled file was compared with its source")
_START = NotChecked("code at start", "no .pth file, sitecustomize or usercustomize was read")
_FILES = NotChecked("files", "no installed file was read or looked for")
_IMPORT_PATH = NotChecked("import path", "modules that hide the locked ones were not looked for")
_INSTRUCTIONS = NotChecked("instructions", "how the image is built and started was not looked at")
_LAYERS = NotChecked("layers", "what they hide, overwrite and leave behind was not looked at")
_LOCKS = NotChecked("locks in the image", "none was looked for")
_NATIVE = NotChecked("native libraries", "none was looked for")
_SYSTEM = NotChecked(
    "operating system",
    "its programs and libraries were not looked at, nor which of its packages Python sees",
)
_ENVIRONMENTS = NotChecked("other environments", "only the one that runs was looked at")
_PLATFORMS = NotChecked("other platforms", "the engine was asked for one")
_INSTALLED = NotChecked(
    "what is installed",
    "unverified: the image's own interpreter says so, and whoever controls the image can "
    "falsify it",
)

_ALL = (
    Kind(
        "LI001",
        "weak-hash",
        "A locked artifact has no strong hash",
        _WARNING,
        "Anybody who can replace the artifact can craft another one with the same md5 or sha1, so "
        "this entry proves nothing.",
        "Lock again with a tool that records sha256 for every artifact.",
    ),
    Kind(
        "LI002",
        "lock-not-for-image",
        "The lock is not for this platform or Python",
        _ERROR,
        "A lock resolved for another platform or Python version says nothing about what "
        "belongs in this image: comparing further would report every distribution as wrong.",
        "Audit with the lock made for this platform, or lock again with the image's Python "
        "version and platform; check `requires-python`, `environments` and the wheels' tags.",
    ),
    Kind(
        "LI003",
        "embedded-lock-differs",
        "The lock inside the image differs from the audited one",
        _WARNING,
        "The image was built from another state of the project than the audited lock, or carries "
        "a lock that it was not installed from: tools that read it there get wrong answers.",
        "Build the image from the commit that the lock is from, or audit with the lock that the "
        "image was built from.",
        _LOCKS,
    ),
    Kind(
        "LI004",
        "python-version-file-differs",
        "The .python-version beside the lock names another Python",
        _WARNING,
        "The project is developed and locked with one Python and runs with another; markers "
        "and wheels may differ between the two.",
        "Bring `.python-version` and the image's interpreter to the same version.",
    ),
    Kind(
        "LI101",
        "missing-distribution",
        "A locked distribution is not installed",
        _ERROR,
        "The image lacks what the lock promises: the import fails, or worse, falls through to "
        "something else on the import path.",
        "Install from the lock alone (`uv pip sync pylock.toml`), and do not remove metadata "
        "folders to save space.",
    ),
    Kind(
        "LI102",
        "unlocked-distribution",
        "An installed distribution is not in the lock",
        _ERROR,
        "Nobody reviewed or pinned it, no hash protects it, and the next build may install "
        "another version.",
        "Remove the instruction that installs it, or add it to the project's dependencies and "
        "lock again. For the project's own distribution use `--own NAME`.",
    ),
    Kind(
        "LI103",
        "version-differs",
        "An installed distribution has another version than the lock",
        _ERROR,
        "The image runs code that was neither locked nor tested together with the rest.",
        "Install from the lock, after everything else that installs; look for a later "
        "`pip install` or a cached layer.",
    ),
    Kind(
        "LI104",
        "duplicate-metadata",
        "One distribution has two metadata folders",
        _ERROR,
        "Which of the two versions a tool reports is arbitrary: an upgrade over the top or a "
        "restored layer has left files of both behind.",
        "Reinstall the distribution into a clean environment; do not just delete the older "
        "folder, since its files may be the ones in place.",
    ),
    Kind(
        "LI105",
        "other-platform",
        "A distribution was installed from an artifact for another platform or Python",
        _ERROR,
        "Name and version are right, but the files are not for this image's platform and Python: "
        "native parts fail to load or fall back to slower code, and the lock selects other files.",
        "Install inside the image, or for its platform (`--platform`, `--python-version`); do not "
        "copy an environment from another machine.",
        _ARTIFACTS,
    ),
    Kind(
        "LI106",
        "origin-differs",
        "A distribution came from elsewhere than the lock says",
        _ERROR,
        "Name and version may agree while the code does not: the installation records another "
        "commit, another archive or a local file.",
        "Install from the lock instead of from a local file, a branch or a URL.",
    ),
    Kind(
        "LI107",
        "editable-install",
        "An editable install, or one whose source is gone",
        _WARNING,
        "An editable install runs whatever lies in the source folder, which no lock covers; "
        "with the folder gone, the import fails.",
        "Install the project as a wheel in the final stage (`uv sync --no-editable`), or copy "
        "the source folder as well.",
    ),
    Kind(
        "LI108",
        "bootstrap-tool",
        "An installer outside the lock",
        _NOTE,
        "Base images and venvs come with pip, setuptools, wheel or uv. The application does not "
        "need them, and they can install more at run time.",
        "Nothing has to be done; `python -m venv --without-pip` or removing them makes the image "
        "smaller.",
    ),
    Kind(
        "LI109",
        "unselected-extra-or-group",
        "Installed from an extra or group of the lock that was not selected",
        _ERROR,
        "Development or optional dependencies are in the image although this audit did not select "
        "them.",
        "Install without that group, or select it in the audit: `--group NAME`, `--extra NAME`.",
    ),
    Kind(
        "LI110",
        "os-packaged-distribution",
        "A distribution of the operating system is visible to the runtime",
        _WARNING,
        "The system's package manager decides its version and its bytes, not the lock; a virtual "
        "environment with `--system-site-packages` imports it, and may take it for a locked "
        "distribution.",
        "Make the virtual environment without system site packages, and install the locked "
        "distribution into it; remove the python3-* package if nothing else needs it.",
        _SYSTEM,
    ),
    Kind(
        "LI201",
        "modified-file",
        "An installed file was changed after its installation",
        _ERROR,
        "Its bytes are neither those of the locked artifact, where that could be compared, nor "
        "those of RECORD: patched in place, stripped, or overwritten by another installation.",
        "Reinstall from the lock and move patches into a locked fork or into the application.",
        _FILES,
    ),
    Kind(
        "LI202",
        "missing-file",
        "A file of an installed distribution is missing",
        _ERROR,
        "An import fails at the moment it needs the deleted module; files are usually deleted to "
        "make the image smaller.",
        "Reinstall the distribution; exclude what is not needed before locking, not afterwards.",
        _FILES,
    ),
    Kind(
        "LI203",
        "stray-file",
        "A file that the runtime can import has no owner",
        _WARNING,
        "No distribution, package or interpreter installed it, so no lock and no hash covers it: "
        "copied by hand, left by another version, or all that remains of a distribution whose "
        "metadata was deleted.",
        "Remove it, or ship it in a locked distribution; keep the dist-info folders; copy the "
        "application's own code into its WORKDIR.",
        _FILES,
    ),
    Kind(
        "LI204",
        "unlisted-artifact",
        "Installed from an artifact that the lock does not list",
        _ERROR,
        "Name, version and RECORD are right, but the files are not those of the artifact whose "
        "sha256 is locked: another build of the same version, a rebuilt wheel, or a patch with "
        "RECORD rewritten to match. No hash in the lock covers what runs.",
        "Install from the lock with hashes checked (`uv pip sync pylock.toml`, `pip install "
        "--require-hashes`), without local wheel folders that come first; to run another build, "
        "lock that one.",
        _ARTIFACTS,
    ),
    Kind(
        "LI205",
        "shared-file",
        "Two locked distributions claim one file with different bytes",
        _NOTE,
        "The one that was installed last wins, and a parallel installer may decide otherwise in "
        "the next build or on another architecture.",
        "Lock only one of the two (often a headless and a full variant of one project), or report "
        "it to their maintainers.",
        _FILES,
    ),
    Kind(
        "LI206",
        "start-code",
        "Code from outside the lock runs at every start of Python",
        _ERROR,
        "An executable line of a .pth file, a sitecustomize or a usercustomize runs in every "
        "Python process, before the program and all that it imports: malicious releases use it, "
        "and so do tools that patch what was locked.",
        "Remove the file, or lock the distribution that installs it. A coverage or tracing hook "
        "belongs in the command that needs it.",
        _START,
    ),
    Kind(
        "LI207",
        "foreign-bytecode",
        "Bytecode that does not belong to its source",
        _ERROR,
        "Python loads a compiled file whose header fits its source and never looks at the source "
        "again: it can hold another program while every .py is as locked.",
        "Delete the `__pycache__` folders and compile again in the same instruction that "
        "installs; do not compile with `--invalidation-mode unchecked-hash`.",
        _BYTECODE,
    ),
    Kind(
        "LI208",
        "no-record",
        "A distribution has no RECORD",
        _WARNING,
        "Without RECORD there is no way to tell which files belong to it and whether they are "
        "intact: legacy installs (`setup.py install`), or metadata deleted to save space.",
        "Install it as a wheel, and keep the dist-info folders whole.",
        _FILES,
    ),
    Kind(
        "LI209",
        "altered-script",
        "A script of a locked distribution was altered",
        _ERROR,
        "Installers generate console scripts that do nothing but call an entry point, and change "
        "the first line of others. This one does something else whenever its command is run.",
        "Reinstall the distribution; put wrappers into files of their own.",
        _ARTIFACTS,
    ),
    Kind(
        "LI301",
        "unowned-library",
        "A native library has no owner",
        _ERROR,
        "It lies on a library or import path, but no locked distribution and no operating system "
        "package installed it: nobody knows what it was built from, no lock names it and no "
        "update reaches it, yet a process may load it.",
        "Install it from a locked wheel or an operating system package, or leave it out; where it "
        "has to be built by hand, declare it in the policy with `[[native]]`.",
        _NATIVE,
    ),
    Kind(
        "LI302",
        "soname-taken-over",
        "The loader takes a library without an owner for the SONAME of another one",
        _ERROR,
        "Two libraries have one SONAME, and the one that was locked or packaged is not the one "
        "that runs: tests of the one say nothing about the other.",
        "Remove the library without an owner, or the setting that puts its directory first.",
        _NATIVE,
    ),
    Kind(
        "LI303",
        "library-not-found",
        "A library that a locked distribution needs is not in the image",
        _NOTE,
        "Importing the module fails, unless something loads the library beforehand or provides it "
        "when the container starts.",
        "Install the operating system package that has the library, or use a wheel that bundles "
        "it.",
        _NATIVE,
    ),
    Kind(
        "LI304",
        "loader-setting",
        "A loader setting loads a library that has no owner",
        _ERROR,
        "LD_PRELOAD, LD_AUDIT, LD_LIBRARY_PATH and /etc/ld.so.preload load code into every "
        "process, before anything that was locked; where the library that they name is missing, "
        "anybody who can write to its path can supply it.",
        "Drop the setting, or let it name only libraries of operating system packages and locked "
        "distributions.",
        _NATIVE,
    ),
    Kind(
        "LI305",
        "stray-executable",
        "An executable that is found by its name has no owner",
        _WARNING,
        "No package and no distribution installed it, so its version is unknown and nothing "
        "updates it; a `python` that is a script decides what runs.",
        "Install it from a package or a locked distribution, or put the application's scripts "
        "into its WORKDIR.",
        _SYSTEM,
    ),
    Kind(
        "LI306",
        "os-library-changed",
        "A library or program of an operating system package was changed",
        _ERROR,
        "The package database still names the bytes that were installed: a scanner that trusts "
        "the version takes the image for patched while other code runs.",
        "Reinstall the package, and ship patched libraries as packages of their own.",
        _SYSTEM,
    ),
    Kind(
        "LI401",
        "pip-list-disagrees",
        "pip list inside the image disagrees with its files",
        _ERROR,
        "Every tool that asks the interpreter gets another answer than the files give: a "
        "changed pip, a start-up hook or a path that hides or adds distributions.",
        "Find what changes the interpreter's answer: PYTHONPATH, .pth files, sitecustomize, "
        "or pip itself.",
    ),
    Kind(
        "LI402",
        "unused-installation",
        "A distribution is installed where the runtime does not look",
        _WARNING,
        "It was meant to be used, but the application runs with another copy, or with none. It "
        "stays in the image unlocked and unpatched, and a changed PATH activates it.",
        "Find the instruction that installed it: a `pip install` before the virtual environment "
        "was there, or with another `pip` than the environment's. Remove it, or install from the "
        "lock into the environment that runs.",
        _ENVIRONMENTS,
    ),
    Kind(
        "LI403",
        "shadowed-module",
        "Something before the locked distribution is imported in its place",
        _ERROR,
        "Python imports the first module of a name on `sys.path`. A directory named by "
        "PYTHONPATH (an empty element is the working directory), the script's own directory, "
        "the user's site or a zip file that comes first decides what runs; `pip list` still "
        "shows the locked version.",
        "Rename or remove the file, unset PYTHONPATH in the image, or run with `python -P` "
        "(or PYTHONSAFEPATH=1) so that the working directory stays off the path.",
        _IMPORT_PATH,
    ),
    Kind(
        "LI404",
        "unusable-environment",
        "An environment's interpreter is missing or of another version",
        _ERROR,
        "A virtual environment has no interpreter of its own: copied into an image that has none "
        "at that path, or one of another minor version, it cannot import its packages.",
        "Build the environment with the interpreter of the final image, at the same path; with a "
        "Python that uv installed, copy that too or use the system's "
        "(`UV_PYTHON_PREFERENCE=only-system`).",
        _ENVIRONMENTS,
    ),
    Kind(
        "LI405",
        "hidden-payload",
        "Removed Python files still ship in an earlier layer",
        _WARNING,
        "Layers only add: what a later instruction removes is still pulled, stored and available "
        "to anybody who unpacks the layer, and no tool that looks at the running image sees it.",
        "Remove it in the instruction that adds it, mount it (`RUN --mount=type=bind`, "
        "`--mount=type=cache`), or leave it in an earlier build stage.",
        _LAYERS,
    ),
    Kind(
        "LI406",
        "install-outside-lock",
        "An instruction installs something that the lock does not determine",
        _WARNING,
        "Whatever the index offers on the day of the build gets in, and the next build may bring "
        "something else, even where today's versions happen to agree with the lock.",
        "Install from the lock: `uv pip sync pylock.toml`, `pip install -r pylock.toml`, `uv sync "
        "--locked`, or `pip install --require-hashes`; install the project itself with "
        "`--no-deps`.",
        _INSTRUCTIONS,
    ),
    Kind(
        "LI407",
        "overwritten",
        "A later layer replaced what an earlier one had installed",
        _NOTE,
        "The image installs one distribution twice, and which one runs depends on the order "
        "of the instructions; where the version is wrong too, this says which layer did it.",
        "Install each distribution once, and everything from the lock in one instruction.",
        _LAYERS,
    ),
    Kind(
        "LI408",
        "cache-left",
        "An installer's cache is left in the image",
        _NOTE,
        "Nothing reads it at run time; it costs space, and scanners find old versions in it.",
        "Use `--no-cache-dir` or `UV_NO_CACHE=1`, or mount the cache (`RUN "
        "--mount=type=cache,target=/root/.cache`).",
        _LAYERS,
    ),
    Kind(
        "LI409",
        "resynced-at-start",
        "The environment is installed again when the container starts",
        _WARNING,
        "What was audited is not what runs: the command installs first, over the network and past "
        "the lock that the image was built from.",
        "Run the program itself (`/app/.venv/bin/python`), or `uv run --no-sync`.",
        _INSTRUCTIONS,
    ),
    Kind(
        "LI410",
        "platforms-differ",
        "The platforms of one tag hold different distributions",
        _WARNING,
        "One tag promises one program. Where the lock asks for the same on both platforms and the "
        "images differ, they were built at different times, from different bases, or with an "
        "installation from outside the lock; what was tested on one is not what runs on the other.",
        "Build all platforms in one run, from one lock and one base image pinned by the digest of "
        "its index; let markers of the lock say what has to differ.",
        _PLATFORMS,
    ),
    Kind(
        "LI901",
        "unreadable",
        "Something could not be read",
        _WARNING,
        "What could not be read was not compared, so the audit says nothing about it.",
        "Reinstall what is damaged; on a live environment, run with permission to read it.",
    ),
    Kind(
        "LI902",
        "built-in-image",
        "Files were built in the image and cannot be compared",
        _NOTE,
        "The locked sdist does not hold compiled and generated files, nor all metadata and entry "
        "points, and no two builds give the same: nothing says what they should be. Sources that "
        "the sdist does hold were compared.",
        "Nothing has to be done. Where it matters, lock a wheel (build it once, host it), or pin "
        "what was built by its sha256 with `[[native]]` in the policy.",
        _ARTIFACTS,
    ),
    Kind(
        "LI903",
        "artifact-not-compared",
        "A locked artifact could not be fetched, or more evidence is required",
        _WARNING,
        "Without the artifact, the installed files were compared only with the installation's own "
        "metadata, so a change of both goes unnoticed. Without its provenance, or the means to "
        "verify it, it is unknown who attested it (`--attestations`).",
        "Make the artifact reachable (`--wheelhouse DIR`, `--mirror FROM=TO`, `--index-url`), "
        "fetch nothing (`--offline`), or require less of this package (`[require]` in the "
        "configuration). A provenance is looked for as `<artifact>.provenance` beside the "
        "artifact, and in the indexes.",
    ),
    Kind(
        "LI904",
        "pip-list-did-not-run",
        "pip list could not run inside the image",
        _NOTE,
        "The files were compared, but the interpreter itself was not asked; images without pip or "
        "for another architecture are common and fine.",
        "Nothing has to be done: the bytes are the evidence.",
    ),
    Kind(
        "LI905",
        "no-environment",
        "No Python environment could be found to compare",
        _ERROR,
        "Nothing was compared: an image without Python, or one with several environments and no "
        "sign which of them runs.",
        "Name the environment with `--python PATH`, or audit the image that runs Python.",
        _ENVIRONMENTS,
    ),
    Kind(
        "LI906",
        "over-limit",
        "Something is larger than the auditor reads",
        _WARNING,
        "Limits keep a hostile image from exhausting the machine; what exceeds one was not "
        "compared.",
        "Look at the file named; metadata of that size is no normal installation.",
    ),
    Kind(
        "LI907",
        "artifact-not-locked",
        "An artifact, or who attested it, does not match the lock",
        _ERROR,
        "The artifact that is found under the locked name has another hash or size than the lock "
        "says: the lock was edited, or the server delivers something else, and nothing can be "
        "compared with it. Or the bytes are the locked ones, but none of the identities that the "
        "lock names (`attestation-identities`) attested them: somebody else published this "
        "release, or the signatures are invalid.",
        "Find out which of the two changed; lock again only after that. Where a project moved its "
        "releases to another repository or workflow, its own announcement says so.",
        _ARTIFACTS,
    ),
)

KINDS: dict[str, Kind] = {kind.code: kind for kind in _ALL}
"""Every kind by its code, in the order of the codes."""

QUICK_KINDS = frozenset(kind.code for kind in _ALL if kind.not_quick is None)
"""Codes of the kinds that a quick audit judges."""

QUICK_NOT_CHECKED = tuple(
    dict.fromkeys([_INSTALLED, *(kind.not_quick for kind in _ALL if kind.not_quick)])
)
"""What a quick audit does not check, each once."""


def codes_hint(word: str) -> str:
    """Return a hint for a word that is no kind's code or name."""
    names = (kind.name for kind in _ALL)
    near = did_you_mean(word.upper(), KINDS) or did_you_mean(word.lower(), names)
    return f"{near} `auditor explain` lists them all".lstrip()


def codes_of(word: str) -> frozenset[str]:
    """Return the codes that a code, the beginning of one, or a kind's name stands for."""
    return frozenset(
        kind.code for kind in _ALL if kind.code.startswith(word.upper()) or kind.name == word
    )
