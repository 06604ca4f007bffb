"""Installed files against the locked artifacts, and what is concluded from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.tags import parse_tag
from packaging.version import Version

from auditor.artifacts.manifest import Absence, kind_of
from auditor.evidence import ProofContext, installations, prove
from auditor.inventory.distributions.installed import read_distributions
from auditor.model import (
    Artifact,
    Degree,
    Environment,
    Expectation,
    FileState,
    IdentityKind,
    LockedPackage,
    Proof,
)
from tests.builders import Shelf, elf, manifest_of, rootfs_of
from tests.builders.wheels import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditor.artifacts.manifest import Manifest
    from tests.builders import Files
    from tests.builders.wheels import Content

    Texts = dict[str, Content]

VENV = "/opt/venv/lib/python3.11/site-packages"
WHEEL = "idna-3.10-py3-none-any.whl"
NATIVE = "idna-3.10-cp311-cp311-manylinux_2_17_x86_64.whl"
SDIST = "idna-3.10.tar.gz"
INFO = "idna-3.10.dist-info"
METADATA: Texts = {
    f"{INFO}/METADATA": "Name: idna\nVersion: 3.10\n",
    f"{INFO}/WHEEL": "Root-Is-Purelib: true\nTag: py3-none-any\n",
}
CODE: Texts = {**METADATA, "idna/__init__.py": "x = 1\n"}
TAGS = parse_tag("cp311-cp311-linux_x86_64.manylinux_2_17_x86_64") | parse_tag("py3-none-any")


def artifact(filename: str) -> Artifact:
    return Artifact(kind_of(filename), filename, {"sha256": filename})


def installed(files: Mapping[str, Content], site: str = VENV) -> dict[str, Content]:
    """Return the files of an installation, RECORD included; `../` leads out of the site."""
    whole = {**files, f"{INFO}/RECORD": record(files, f"{INFO}/RECORD")}
    folders = {"../../../": site.rsplit("/", 3)[0], "../../": site}
    placed = {}
    for path, content in whole.items():
        start = next((each for each in folders if path.startswith(each)), "")
        placed[f"{folders.get(start, site)}/{path.removeprefix(start)}"] = content
    return placed


def prove_one(
    files: Files,
    *manifests: Manifest,
    absent: Mapping[str, Absence] | None = None,
    site: str = VENV,
) -> tuple[Proof, Shelf]:
    """Return the proof of one installation, locked to the artifacts of `manifests` and `absent`."""
    locked = dict.fromkeys([*(each.filename for each in manifests), *(absent or ())])
    rootfs = rootfs_of(files)
    found, problems = read_distributions(rootfs, site, {})
    assert not problems
    environment = Environment("/", None, None, (site,), True, "named", tuple(found))
    package = LockedPackage("idna", Version("3.10"), 1, tuple(map(artifact, locked)))
    expectation = Expectation({"idna": package})
    shelf = Shelf(manifests, absent)
    found_at = installations(environment, expectation)
    context = ProofContext(shelf, TAGS, lambda path: "evil" not in path)
    return prove(rootfs, found_at, expectation, context).proofs["idna"], shelf


def states(proof: Proof) -> dict[str, FileState]:
    return {check.path.removeprefix(f"{VENV}/"): check.state for check in proof.files}


def test_what_equals_the_locked_wheel_is_proven() -> None:
    proof, _ = prove_one(installed(CODE), manifest_of(WHEEL, CODE))
    assert (proof.degree, proof.files, proof.checked) == (Degree.PROVEN, (), 3)
    assert proof.size == sum(map(len, CODE.values()))
    assert proof.artifact == artifact(WHEEL)


def test_what_was_only_indexed_is_no_proof() -> None:
    manifest = replace(manifest_of(WHEEL, CODE), verified=False)
    assert prove_one(installed(CODE), manifest)[0].degree is Degree.INDEXED


def test_a_script_whose_line_was_not_read_is_not_compared() -> None:
    wheel = {**CODE, "idna-3.10.data/scripts/tool": "#!python\nx\n"}
    files = installed({**CODE, "../../../bin/tool": "#!/opt/venv/bin/python\nother\n"})
    manifest = replace(manifest_of(WHEEL, wheel), verified=False)
    proof, _ = prove_one(files, manifest)
    assert proof.degree is Degree.RECORDED
    assert states(proof) == {"/opt/venv/bin/tool": FileState.UNPROVEN}


CHANGED = {**CODE, "idna/__init__.py": "x = 2\n"}
DIFFERENCES = {
    "record-rewritten": (installed(CHANGED), {"idna/__init__.py": FileState.UNLISTED}),
    "record-as-it-was": (
        {**installed(CODE), f"{VENV}/idna/__init__.py": "x = 2\n"},
        {"idna/__init__.py": FileState.MODIFIED},
    ),
    "directory": (
        {**installed(CODE), f"{VENV}/idna/__init__.py/a": ""},
        {"idna/__init__.py": FileState.MODIFIED},
    ),
    "missing": (installed(METADATA), {"idna/__init__.py": FileState.MISSING}),
    "added": (installed({**CODE, "idna/a.py": ""}), {"idna/a.py": FileState.ADDED}),
    "added-library": (installed({**CODE, "idna/a.so": "elf"}), {"idna/a.so": FileState.ADDED}),
    "sourceless": (installed({**CODE, "idna/a.pyc": ""}), {"idna/a.pyc": FileState.ADDED}),
    "beside-its-source": (installed({**CODE, "idna/__init__.pyc": ""}), {}),
    "cached": (installed({**CODE, "idna/__pycache__/a.cpython-311.pyc": ""}), {}),
    "installers-own": (
        installed({**CODE, f"{INFO}/direct_url.json": '{"url": "file:///w", "dir_info": {}}'}),
        {},
    ),
    "metadata-without-row": (
        {**installed(CODE), f"{VENV}/{INFO}/entry_points.txt": "[x]\n"},
        {f"{INFO}/entry_points.txt": FileState.ADDED},
    ),
}


@pytest.mark.parametrize(("files", "found"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_is_told(files: Files, found: dict[str, FileState]) -> None:
    proof, _ = prove_one(files, manifest_of(WHEEL, CODE))
    assert states(proof) == found
    assert proof.degree is (Degree.VERSION if found else Degree.PROVEN)


def test_a_shorter_library_may_be_stripped() -> None:
    wheel = {**CODE, "idna/a.so": elf(soname="a", gap=4096)}
    files = installed({**CODE, "idna/a.so": elf(soname="a")})
    (check,) = prove_one(files, manifest_of(WHEEL, wheel))[0].files
    assert check.actual.endswith("(4,096 bytes shorter: stripped, or another build)")


DATA = {
    **CODE,
    "idna-3.10.data/purelib/pure.py": "a\n",
    "idna-3.10.data/platlib/plat.so": "b\n",
    "idna-3.10.data/headers/deep/idna.h": "c\n",
    "idna-3.10.data/data/etc/idna.conf": "d\n",
    "idna-3.10.data/scripts/run": "e\n",
}
TOP: Texts = {"pure.py": "a\n", "plat.so": "b\n"}
LIB64: Texts = {"../../../lib/python3.11/site-packages/pure.py": "a\n", "plat.so": "b\n"}
SCHEMES = {
    "venv": (VENV, TOP, "../../../", "include/site/python3.11/idna"),
    "debian": (
        "/usr/local/lib/python3.11/dist-packages",
        TOP,
        "../../../",
        "include/python3.11/idna",
    ),
    "target": ("/app/vendored", TOP, "../../", "include/site/python3.9/idna"),
    "two-libraries": ("/usr/lib64/python3.11/site-packages", LIB64, "../../../", "include/idna"),
}


@pytest.mark.parametrize(("site", "modules", "up", "headers"), SCHEMES.values(), ids=SCHEMES)
def test_every_scheme_has_its_places(site: str, modules: Texts, up: str, headers: str) -> None:
    placed = {f"{headers}/deep/idna.h": "c\n", "etc/idna.conf": "d\n", "bin/run": "e\n"}
    files = {**CODE, **modules, **{up + path: text for path, text in placed.items()}}
    proof, _ = prove_one(installed(files, site), manifest_of(WHEEL, DATA), site=site)
    assert [(check.path, check.state) for check in proof.files] == []
    assert proof.degree is Degree.PROVEN


CONFIGURED = {**CODE, "idna-3.10.data/data/etc/idna.conf": "d\n"}
COPIES = {
    "scheme": ("etc/idna.conf", "/opt/venv/etc/idna.conf", "evil\n", FileState.MODIFIED),
    "target": ("../../../etc/idna.conf", f"{VENV}/etc/idna.conf", "evil\n", FileState.MODIFIED),
    "same": ("etc/idna.conf", "/opt/venv/etc/idna.conf", "d\n", None),
    "another-name": ("../../../etc/idna.conf", f"{VENV}/etc/other.conf", "evil\n", None),
    "directory": ("../../../etc/idna.conf", f"{VENV}/etc/idna.conf/more", "evil\n", None),
}


@pytest.mark.parametrize(("listed", "other", "text", "state"), COPIES.values(), ids=COPIES)
def test_record_does_not_choose_which_copy_is_compared(
    listed: str, other: str, text: str, state: FileState | None
) -> None:
    files = {**installed({**CODE, listed: "d\n"}), other: text}
    proof, _ = prove_one(files, manifest_of(WHEEL, CONFIGURED))
    assert [check.state for check in proof.files] == ([state] if state else [])


UNPLACED: Texts = {"idna-3.10.data/firmware/x": "", "idna-3.10.data/scripts": ""}
WITHOUT_RECORD = {f"{VENV}/{path}": text for path, text in CODE.items()}


@pytest.mark.parametrize(
    ("files", "wheel"),
    [(WITHOUT_RECORD, CODE), (installed(CODE), {**CODE, **UNPLACED})],
    ids=["without-record", "members-of-unknown-parts"],
)
def test_the_bytes_are_proof(files: Files, wheel: Texts) -> None:
    assert prove_one(files, manifest_of(WHEEL, wheel))[0].degree is Degree.PROVEN


POINTS = {**CODE, f"{INFO}/entry_points.txt": "[console_scripts]\nidna = idna:main\n"}
SCRIPT = "#!/opt/venv/bin/python\nimport sys\nfrom idna import main\nsys.exit(main())\n"
PYTHON = "/opt/venv/bin/python"
GENERATED = {
    "own": ("idna", SCRIPT, None),
    "with-version": ("idna-3.11", SCRIPT, None),
    "another-call": ("idna", SCRIPT.replace("main", "evil"), FileState.SCRIPT),
    "too-long": ("idna", SCRIPT + "#" * 70_000, FileState.SCRIPT),
    "more": ("idna-3.11", SCRIPT + "import evil\n", FileState.SCRIPT),
    "another-name": ("other", SCRIPT, FileState.ADDED),
    "gone": ("idna", "", FileState.MISSING),
    "another-python": ("idna", SCRIPT.replace(PYTHON, "/opt/evil/python"), FileState.SCRIPT),
    "a-python-that-is-not-there": ("idna", SCRIPT.replace(PYTHON, "/gone/evil/python"), None),
    "a-python-of-the-container": (
        "idna",
        SCRIPT.replace(PYTHON, "/proc/self/cwd/python"),
        FileState.SCRIPT,
    ),
    "python-on-path": ("idna", SCRIPT.replace(PYTHON, "/usr/bin/env python3"), None),
}


@pytest.mark.parametrize(("name", "text", "state"), GENERATED.values(), ids=GENERATED)
def test_a_generated_script(name: str, text: str, state: FileState | None) -> None:
    files = installed({**POINTS, f"../../../bin/{name}": text})
    files["/opt/evil/python"] = "curl"
    if not text:
        del files[f"/opt/venv/bin/{name}"]
    proof, _ = prove_one(files, manifest_of(WHEEL, POINTS))
    assert [check.state for check in proof.files] == ([state] if state else [])


SCRIPTS = {
    "line": ("#!/opt/venv/bin/python\nx = 1\n", None),
    "preamble": ("#!/bin/sh\n'''exec' /opt/venv/bin/python \"$0\" \"$@\"\n' '''\nx = 1\n", None),
    "changed": ("#!/opt/venv/bin/python\nx = 2\n", FileState.SCRIPT),
    "no-python": ("#!/bin/sh\nx = 1\n", FileState.SCRIPT),
    "another": ("#!/opt/evil/python\nx = 1\n", FileState.SCRIPT),
    "too-long": ("#!/opt/venv/bin/python\n" + "x = 1\n" * 9000, FileState.SCRIPT),
    "gone": (None, FileState.MISSING),
}


@pytest.mark.parametrize(("text", "state"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_rewritten_script(text: str | None, state: FileState | None) -> None:
    wheel = {**CODE, "idna-3.10.data/scripts/run": "#!python\nx = 1\n"}
    more = {} if text is None else {"../../../bin/run": text}
    files = {**installed({**CODE, **more}), "/opt/evil/python": "curl"}
    proof, _ = prove_one(files, manifest_of(WHEEL, wheel))
    assert [check.state for check in proof.files] == ([state] if state else [])


# ------------------------------------------------------------------------ which artifact
FAST: Texts = {
    **CODE,
    "idna/fast.so": elf(soname="fast"),
    "idna/more.so": elf(soname="more"),
    f"{INFO}/WHEEL": "Tag: cp311-cp311-manylinux_2_17_x86_64\n",
}
PURE_AS_NATIVE: Texts = {**CODE, f"{INFO}/WHEEL": FAST[f"{INFO}/WHEEL"]}
AS_NATIVE = manifest_of(NATIVE, FAST)
AS_PURE = manifest_of(WHEEL, CODE)
AS_SDIST = manifest_of(SDIST, {"idna/__init__.py": "x = 1\n"})
ASKED = {
    "native": (FAST, AS_PURE, NATIVE, [NATIVE]),
    "pure": (CODE, AS_PURE, WHEEL, [WHEEL]),
    "not-as-its-tags-say": (
        PURE_AS_NATIVE,
        manifest_of(WHEEL, PURE_AS_NATIVE),
        WHEEL,
        [NATIVE, WHEEL],
    ),
}


@pytest.mark.parametrize(("files", "pure", "against", "asked"), ASKED.values(), ids=ASKED)
def test_which_artifacts_are_asked_for(
    files: Texts, pure: Manifest, against: str, asked: list[str]
) -> None:
    proof, shelf = prove_one(installed(files), AS_NATIVE, pure, AS_SDIST)
    assert (proof.degree, proof.against, shelf.asked) == (Degree.PROVEN, against, asked)


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("py3-none-any", IdentityKind.COPY),
        ("cp311-cp311-linux_x86_64", IdentityKind.LOCAL_BUILD),
        ("cp311-cp311-manylinux_2_17_x86_64", IdentityKind.OTHER_ARTIFACT),
        ("cp311-cp311-manylinux_2_17_aarch64", IdentityKind.OTHER_PLATFORM),
    ],
)
def test_what_is_no_locked_artifact_is_told(tag: str, kind: IdentityKind) -> None:
    files = {**CHANGED, f"{INFO}/WHEEL": f"Tag: {tag}\n"}
    proof, _ = prove_one(installed(files), AS_PURE)
    assert proof.identity is not None
    assert proof.identity.kind is kind


# -------------------------------------------------------------------------------- sdists
BUILT: Texts = {
    **CODE,
    "idna/fast.so": elf(soname="built-by-another-toolchain"),
    f"{INFO}/WHEEL": "Tag: cp311-cp311-linux_x86_64\n",
}
SOURCE: Texts = {
    "PKG-INFO": METADATA[f"{INFO}/METADATA"],
    "src/idna/__init__.py": "x = 1\n",
    "src/idna/fast.c": "",
    "COPYING": "free",
}
OF_SOURCE = manifest_of(SDIST, SOURCE)
VERSION = "idna/_version.py"
SCRIPTED: Texts = {**BUILT, **POINTS, "../../../bin/idna": SCRIPT}
DECLARING = manifest_of(
    SDIST, {**SOURCE, "idna.egg-info/entry_points.txt": POINTS[f"{INFO}/entry_points.txt"]}
)
STATES: dict[str, tuple[Files, list[Manifest], dict[str, FileState]]] = {
    "files-of-the-build": (
        installed({**BUILT, "idna/COPYING": "free", VERSION: "v = 1\n"}),
        [manifest_of(SDIST, {**SOURCE, f"src/{VERSION}": "v = 0\n"})],
        {VERSION: FileState.BUILT, "idna/fast.so": FileState.BUILT},
    ),
    "other-source": (
        installed({**BUILT, "idna/__init__.py": "x = 2\n"}),
        [OF_SOURCE],
        {"idna/__init__.py": FileState.UNLISTED, "idna/fast.so": FileState.BUILT},
    ),
    "changed-after-the-build": (
        {**installed(BUILT), f"{VENV}/idna/fast.so": "patched"},
        [OF_SOURCE],
        {"idna/fast.so": FileState.MODIFIED},
    ),
    "scripts-that-the-sdist-does-not-declare": (
        installed(SCRIPTED),
        [OF_SOURCE],
        dict.fromkeys(
            ("/opt/venv/bin/idna", f"{INFO}/entry_points.txt", "idna/fast.so"), FileState.BUILT
        ),
    ),
    "script-of-a-python-that-moved": (
        {**installed(SCRIPTED), "/opt/venv/bin/idna": SCRIPT.replace("/opt/venv", "/moved")},
        [DECLARING],
        {"idna/fast.so": FileState.BUILT},
    ),
    "script-that-was-replaced": (
        {**installed(SCRIPTED), "/opt/venv/bin/idna": "#!/moved/bin/python\nimport evil\n"},
        [DECLARING],
        {"idna/fast.so": FileState.BUILT, "/opt/venv/bin/idna": FileState.SCRIPT},
    ),
    "scripts-that-a-locked-wheel-has-as-well": (
        installed(SCRIPTED),
        [manifest_of(NATIVE, {**FAST, **POINTS}), OF_SOURCE],
        {"idna/fast.so": FileState.BUILT},
    ),
}


@pytest.mark.parametrize(("files", "manifests", "found"), STATES.values(), ids=STATES)
def test_files_of_a_build(
    files: Files, manifests: list[Manifest], found: dict[str, FileState]
) -> None:
    proof, _ = prove_one(files, *manifests)
    assert states(proof) == found
    assert proof.degree is (
        Degree.BUILT if {*found.values()} == {FileState.BUILT} else Degree.VERSION
    )


VERSIONED: Texts = {**CODE, VERSION: "v = 1\n"}
REWRITTEN: Texts = {
    **VERSIONED,
    f"{INFO}/WHEEL": "Generator: newer\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    VERSION: "v: int = 1\n",
}
BOTH_PURE = [
    manifest_of(WHEEL, VERSIONED),
    manifest_of(SDIST, {**SOURCE, f"src/{VERSION}": "v = 1\n"}),
]


def test_a_build_that_left_no_trace_but_a_new_version_file() -> None:
    proof, _ = prove_one(installed(REWRITTEN), *BOTH_PURE)
    assert (proof.degree, proof.against) == (Degree.BUILT, SDIST)
    assert states(proof) == {VERSION: FileState.BUILT}


@pytest.mark.parametrize("says_built", [False, True])
@pytest.mark.parametrize(
    ("path", "text"), [(VERSION, "import evil\n"), ("idna/__init__.py", "x = 2\n")]
)
def test_no_build_excuses_code(path: str, text: str, *, says_built: bool) -> None:
    stated: Texts = {f"{INFO}/uv_build.json": "{}"} if says_built else {}
    proof, _ = prove_one(installed({**REWRITTEN, path: text, **stated}), *BOTH_PURE)
    assert proof.degree is Degree.VERSION
    assert states(proof)[path] is FileState.UNLISTED


SAYS_BUILT: Texts = {**BUILT, f"{INFO}/uv_build.json": "{}"}
THEIRS = elf(soname="theirs")
OUR_BUILD: Texts = {**SAYS_BUILT, "idna/fast.so": THEIRS[:-1] + b"!"}
WITH_THEIRS: Texts = {**FAST, "idna/fast.so": THEIRS}
WITH_BUILT: Texts = {**FAST, "idna/fast.so": BUILT["idna/fast.so"]}
GRAFTED: Texts = {**FAST, "idna.libs/libx-0a1b.so": "grafted"}
HOME_MADE = "idna-3.10-cp311-cp311-linux_x86_64.whl"
BUILDS: dict[str, tuple[Texts, list[Manifest], dict[str, Absence], Degree, str]] = {
    "beside-a-wheel-that-fits": (BUILT, [AS_NATIVE, OF_SOURCE], {}, Degree.BUILT, SDIST),
    "native-file-of-a-wheel": (
        SAYS_BUILT, [manifest_of(NATIVE, WITH_BUILT), OF_SOURCE], {}, Degree.VERSION, NATIVE,
    ),
    "grafted-library": (
        {**SAYS_BUILT, "idna.libs/libx-0a1b.so": "changed"},
        [manifest_of(NATIVE, GRAFTED), OF_SOURCE], {}, Degree.VERSION, NATIVE,
    ),
    "needs-a-grafted-library": (
        {**BUILT, "idna/fast.so": elf(soname="patched", needed=["libx-0a1b.so"])},
        [manifest_of(NATIVE, GRAFTED), OF_SOURCE], {}, Degree.VERSION, NATIVE,
    ),
    "size-of-a-published-wheels": (
        OUR_BUILD, [manifest_of(NATIVE, WITH_THEIRS), OF_SOURCE], {}, Degree.VERSION, NATIVE,
    ),
    "size-of-the-same-toolchains": (
        OUR_BUILD, [manifest_of(HOME_MADE, WITH_THEIRS), OF_SOURCE], {}, Degree.BUILT, SDIST,
    ),
    "native-file-of-the-sdist": (
        BUILT,
        [
            manifest_of(NATIVE, WITH_BUILT),
            manifest_of(SDIST, {**SOURCE, "src/idna/fast.so": BUILT["idna/fast.so"]}),
        ],
        {}, Degree.BUILT, SDIST,
    ),
    "published-tag": (
        {**BUILT, f"{INFO}/WHEEL": "Tag: cp311-cp311-manylinux_2_28_x86_64\n"},
        [AS_NATIVE, OF_SOURCE], {}, Degree.VERSION, NATIVE,
    ),
    "while-the-wheel-is-absent": (
        BUILT, [OF_SOURCE], {NATIVE: Absence.UNREACHABLE}, Degree.RECORDED, "",
    ),
    "without-a-trace-while-the-sdist-is-absent": (
        REWRITTEN, BOTH_PURE[:1], {SDIST: Absence.OFFLINE}, Degree.RECORDED, "",
    ),
    "perhaps-a-wheel-that-is-absent": (
        {**CHANGED, f"{INFO}/WHEEL": "Tag: py2-none-any\n"},
        [AS_PURE, AS_SDIST], {NATIVE: Absence.UNREACHABLE}, Degree.RECORDED, "",
    ),
    "not-the-wheel-that-is-absent": (
        CHANGED, [AS_PURE, AS_SDIST], {NATIVE: Absence.UNREACHABLE}, Degree.VERSION, WHEEL,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("files", "manifests", "absent", "degree", "against"), BUILDS.values(), ids=BUILDS
)
def test_what_passes_for_a_build(
    files: Texts,
    manifests: list[Manifest],
    absent: dict[str, Absence],
    degree: Degree,
    against: str,
) -> None:
    proof, _ = prove_one(installed(files), *manifests, absent=absent)
    assert (proof.degree, proof.against) == (degree, against)


@pytest.mark.parametrize(
    ("of_row", "state"),
    [("idna/__init__.py", FileState.UNLISTED), ("idna/other.py", FileState.MODIFIED)],
)
def test_any_row_of_a_file_may_be_the_right_one(of_row: str, state: FileState) -> None:
    files = installed(CHANGED)
    listed = f"{VENV}/{INFO}/RECORD"
    rows = str(files[listed]).replace("idna/__init__.py", of_row)
    files[listed] = f"idna/__init__.py,sha256={'A' * 43},6\n{rows}"
    proof, _ = prove_one(files, AS_PURE)
    assert states(proof)["idna/__init__.py"] is state
