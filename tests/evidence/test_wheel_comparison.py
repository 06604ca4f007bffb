"""InstalledFiles files against the locked artifacts, and what is concluded from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.tags import Tag

from auditor.artifacts.manifest import Absence
from auditor.evidence import ProofContext
from auditor.model import Degree, FileState, IdentityKind, Proof
from tests.builders import Shelf, elf, manifest_of
from tests.builders.proofs import artifact, proof_of
from tests.builders.wheels import installed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from auditor.artifacts.manifest import Manifest
    from tests.builders import Files

Texts = dict[str, str | bytes]

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
TAGS = {
    Tag("cp311", "cp311", "linux_x86_64"),
    Tag("cp311", "cp311", "manylinux_2_17_x86_64"),
    Tag("py3", "none", "any"),
}


def prove_one(
    files: Files,
    *manifests: Manifest,
    absent: Mapping[str, Absence] | None = None,
    site: str = VENV,
) -> tuple[Proof, Shelf]:
    """Compare what is installed with artifacts, all of them locked; the absent ones come last."""
    shelf = Shelf(manifests, absent)
    context = ProofContext(shelf, TAGS, lambda path: "evil" not in path)
    locked = dict.fromkeys([*(each.filename for each in manifests), *(absent or ())])
    return proof_of(files, site, *locked, context=context), shelf


def install(files: Texts) -> Texts:
    return installed(files, VENV)


def states(proof: Proof) -> dict[str, FileState]:
    return {check.path.removeprefix(f"{VENV}/"): check.state for check in proof.files}


def test_what_equals_the_locked_wheel_is_proven() -> None:
    proof, _ = prove_one(install(CODE), manifest_of(WHEEL, CODE))
    assert (proof.degree, proof.artifact) == (Degree.PROVEN, artifact(WHEEL))
    assert (proof.files, proof.checked) == ((), len(CODE))
    assert proof.size == sum(map(len, CODE.values()))


def test_what_was_only_indexed_is_no_proof() -> None:
    manifest = replace(manifest_of(WHEEL, CODE), verified=False)
    assert prove_one(install(CODE), manifest)[0].degree is Degree.INDEXED


def test_a_script_whose_line_was_not_read_is_not_compared() -> None:
    wheel = {**CODE, "idna-3.10.data/scripts/tool": "#!python\nx\n"}
    files = install({**CODE, "../../../bin/tool": "#!/opt/venv/bin/python\nother\n"})
    proof, _ = prove_one(files, replace(manifest_of(WHEEL, wheel), verified=False))
    assert proof.degree is Degree.RECORDED
    assert states(proof) == {"/opt/venv/bin/tool": FileState.UNPROVEN}


INIT, POINTS_FILE = "idna/__init__.py", f"{INFO}/entry_points.txt"
CHANGED: Texts = {**CODE, INIT: "x = 2\n"}

DIFFERENCES: dict[str, tuple[Texts, dict[str, FileState]]] = {
    "record-rewritten": (install(CHANGED), {INIT: FileState.UNLISTED}),
    "record-as-it-was": (
        {**install(CODE), f"{VENV}/{INIT}": "x = 2\n"}, {INIT: FileState.MODIFIED}
    ),
    "directory": ({**install(CODE), f"{VENV}/{INIT}/a": ""}, {INIT: FileState.MODIFIED}),
    "missing": (install(METADATA), {INIT: FileState.MISSING}),
    "added": (install({**CODE, "idna/a.py": ""}), {"idna/a.py": FileState.ADDED}),
    "added-library": (install({**CODE, "idna/a.so": "elf"}), {"idna/a.so": FileState.ADDED}),
    "sourceless": (install({**CODE, "idna/a.pyc": ""}), {"idna/a.pyc": FileState.ADDED}),
    "beside-its-source": (install({**CODE, "idna/__init__.pyc": ""}), {}),
    "cached": (install({**CODE, "idna/__pycache__/a.cpython-311.pyc": ""}), {}),
    "installers-own": (
        install({**CODE, f"{INFO}/direct_url.json": '{"url": "file:///w", "dir_info": {}}'}), {}
    ),
    "metadata-without-row": (
        {**install(CODE), f"{VENV}/{POINTS_FILE}": "[x]\n"}, {POINTS_FILE: FileState.ADDED}
    ),
    "no-record": (
        {path: text for path, text in install(CODE).items() if not path.endswith("/RECORD")}, {}
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "found"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_is_told(files: Texts, found: dict[str, FileState]) -> None:
    proof, _ = prove_one(files, manifest_of(WHEEL, CODE))
    assert states(proof) == found
    assert proof.degree is (Degree.VERSION if found else Degree.PROVEN)


def test_a_shorter_library_may_be_stripped() -> None:
    wheel = {**CODE, "idna/a.so": elf(soname="a", gap=4096)}
    files = install({**CODE, "idna/a.so": elf(soname="a")})
    (check,) = prove_one(files, manifest_of(WHEEL, wheel))[0].files
    assert check.actual.endswith("(4,096 bytes shorter: stripped, or another build)")


DATA: Texts = {
    **CODE,
    "idna-3.10.data/purelib/pure.py": "a\n",
    "idna-3.10.data/platlib/plat.so": "b\n",
    "idna-3.10.data/headers/deep/idna.h": "c\n",
    "idna-3.10.data/data/etc/idna.conf": "d\n",
    "idna-3.10.data/scripts/run": "e\n",
}
SCHEMES = {
    "venv": (VENV, "../../../", "include/site/python3.11/idna", ""),
    "debian": (
        "/usr/local/lib/python3.11/dist-packages", "../../../", "include/python3.11/idna", ""
    ),
    "target": ("/app/vendored", "../../", "include/site/python3.9/idna", ""),
    "two-libraries": (
        "/usr/lib64/python3.11/site-packages", "../../../", "include/idna",
        "../../../lib/python3.11/site-packages/",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("site", "top", "headers", "pure"), SCHEMES.values(), ids=SCHEMES)
def test_every_scheme_has_its_places(site: str, top: str, headers: str, pure: str) -> None:
    data = {f"{headers}/deep/idna.h": "c\n", "etc/idna.conf": "d\n", "bin/run": "e\n"}
    listed = {f"{pure}pure.py": "a\n", "plat.so": "b\n"} | {top + path: data[path] for path in data}
    files = installed({**CODE, **listed}, site)
    if top == "../../":  # pip moves what it installed into another directory, and RECORD along
        files |= {f"{site}/{path}": text for path, text in data.items()}
    proof, _ = prove_one(files, manifest_of(WHEEL, DATA), site=site)
    assert [(check.path, check.state) for check in proof.files] == []
    assert proof.degree is Degree.PROVEN


CONFIGURED = {**CODE, "idna-3.10.data/data/etc/idna.conf": "d\n"}


@pytest.mark.parametrize(
    ("listed", "other", "text", "state"),
    [
        ("etc/idna.conf", "/opt/venv/etc/idna.conf", "evil\n", FileState.MODIFIED),
        ("../../../etc/idna.conf", f"{VENV}/etc/idna.conf", "evil\n", FileState.MODIFIED),
        ("etc/idna.conf", "/opt/venv/etc/idna.conf", "d\n", None),
        ("../../../etc/idna.conf", f"{VENV}/etc/other.conf", "evil\n", None),
        ("../../../etc/idna.conf", f"{VENV}/etc/idna.conf/more", "evil\n", None),
    ],
    ids=["scheme", "target", "same", "another-name", "directory"],
)
def test_record_does_not_choose_which_copy_is_compared(
    listed: str, other: str, text: str, state: FileState | None
) -> None:
    files = {**install({**CODE, listed: "d\n"}), other: text}
    proof, _ = prove_one(files, manifest_of(WHEEL, CONFIGURED))
    assert [check.state for check in proof.files] == ([state] if state else [])


def test_a_member_of_an_unknown_part_has_no_place() -> None:
    wheel = {**CODE, "idna-3.10.data/firmware/x": "", "idna-3.10.data/scripts": ""}
    assert prove_one(install(CODE), manifest_of(WHEEL, wheel))[0].degree is Degree.PROVEN


POINTS = {**CODE, POINTS_FILE: "[console_scripts]\nidna = idna:main\n"}
PYTHON = "/opt/venv/bin/python"
SCRIPT = f"#!{PYTHON}\nimport sys\nfrom idna import main\nsys.exit(main())\n"

GENERATED: dict[str, tuple[str, str, FileState | None]] = {
    "own": ("idna", SCRIPT, None),
    "with-version": ("idna-3.11", SCRIPT, None),
    "another-call": ("idna", SCRIPT.replace("main", "evil"), FileState.SCRIPT),
    "too-long": ("idna", SCRIPT + "#" * 70_000, FileState.SCRIPT),
    "more": ("idna-3.11", SCRIPT + "import evil\n", FileState.SCRIPT),
    "another-name": ("other", SCRIPT, FileState.ADDED),
    "another-python": ("idna", SCRIPT.replace(PYTHON, "/opt/evil/python"), FileState.SCRIPT),
    "no-such-python": ("idna", SCRIPT.replace(PYTHON, "/gone/evil/python"), None),
    "python-of-the-container": (
        "idna", SCRIPT.replace("/opt/venv/bin", "/proc/self/cwd"), FileState.SCRIPT
    ),
    "python-on-path": ("idna", SCRIPT.replace(PYTHON, "/usr/bin/env python3"), None),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "state"), GENERATED.values(), ids=GENERATED)
def test_a_generated_script(name: str, text: str, state: FileState | None) -> None:
    files = install({**POINTS, f"../../../bin/{name}": text})
    files["/opt/evil/python"] = "curl"
    proof, _ = prove_one(files, manifest_of(WHEEL, POINTS))
    assert [check.state for check in proof.files] == ([state] if state else [])


def test_a_generated_script_that_record_names_may_not_be_gone() -> None:
    files = install({**POINTS, "../../../bin/idna": SCRIPT})
    files.pop("/opt/venv/bin/idna")
    proof, _ = prove_one(files, manifest_of(WHEEL, POINTS))
    assert states(proof) == {"/opt/venv/bin/idna": FileState.MISSING}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (f"#!{PYTHON}\nx = 1\n", None),
        (f"#!/bin/sh\n'''exec' {PYTHON} \"$0\" \"$@\"\n' '''\nx = 1\n", None),
        (f"#!{PYTHON}\nx = 2\n", FileState.SCRIPT),
        ("#!/bin/sh\nx = 1\n", FileState.SCRIPT),
        ("#!/opt/evil/python\nx = 1\n", FileState.SCRIPT),
        (f"#!{PYTHON}\n" + "x = 1\n" * 9000, FileState.SCRIPT),
        (None, FileState.MISSING),
    ],
    ids=["line", "preamble", "changed", "no-python", "another", "too-long", "gone"],
)
def test_a_rewritten_script(text: str | None, state: FileState | None) -> None:
    wheel = {**CODE, "idna-3.10.data/scripts/run": "#!python\nx = 1\n"}
    more: Texts = {} if text is None else {"../../../bin/run": text}
    files = {**install({**CODE, **more}), "/opt/evil/python": "curl"}
    proof, _ = prove_one(files, manifest_of(WHEEL, wheel))
    assert [check.state for check in proof.files] == ([state] if state else [])


def test_any_row_of_a_file_may_be_the_right_one() -> None:
    files = install(CHANGED)
    listed = f"{VENV}/{INFO}/RECORD"
    wrong = f"{INIT},sha256={'A' * 43},6\n"
    for rows, state in (
        (wrong + str(files[listed]), FileState.UNLISTED),
        (wrong + str(files[listed]).replace("idna/__init__", "idna/other"), FileState.MODIFIED),
    ):
        proof, _ = prove_one({**files, listed: rows}, manifest_of(WHEEL, CODE))
        assert states(proof)[INIT] is state


# ------------------------------------------------------------------------ which artifact


FAST: Texts = {
    **CODE,
    "idna/fast.so": elf(soname="fast"),
    "idna/more.so": elf(soname="more"),
    f"{INFO}/WHEEL": "Tag: cp311-cp311-manylinux_2_17_x86_64\n",
}
SHELF = (
    manifest_of(NATIVE, FAST),
    manifest_of(WHEEL, CODE),
    manifest_of(SDIST, {INIT: "x = 1\n"}),
)
CALLED_NATIVE = {**CODE, f"{INFO}/WHEEL": FAST[f"{INFO}/WHEEL"]}
BOTH_WHEELS = (manifest_of(NATIVE, FAST), manifest_of(WHEEL, CALLED_NATIVE))


@pytest.mark.parametrize(
    ("files", "manifests", "asked"),
    [
        (FAST, SHELF, [NATIVE]),
        (CODE, SHELF, [WHEEL]),
        (CALLED_NATIVE, BOTH_WHEELS, [NATIVE, WHEEL]),
    ],
    ids=["native", "pure", "other-than-it-says"],
)
def test_the_artifact_that_it_names_is_asked_for_first(
    files: Texts, manifests: Sequence[Manifest], asked: list[str]
) -> None:
    proof, shelf = prove_one(install(files), *manifests)
    assert (proof.degree, proof.against, shelf.asked) == (Degree.PROVEN, asked[-1], asked)


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
    proof, _ = prove_one(install(files), manifest_of(WHEEL, CODE))
    assert proof.identity is not None
    assert proof.identity.kind is kind


@pytest.mark.parametrize(
    ("tag", "degree", "against"),
    [("py2-none-any", Degree.RECORDED, ""), ("py3-none-any", Degree.VERSION, WHEEL)],
    ids=["may-be-the-absent-one", "by-its-own-word-another"],
)
def test_while_an_artifact_cannot_be_had(tag: str, degree: Degree, against: str) -> None:
    files = {**CHANGED, f"{INFO}/WHEEL": f"Tag: {tag}\n"}
    proof, _ = prove_one(install(files), *SHELF, absent={NATIVE: Absence.UNREACHABLE})
    assert (proof.degree, proof.against) == (degree, against)


# -------------------------------------------------------------------------------- sdists


LOCAL: Texts = {f"{INFO}/WHEEL": "Tag: cp311-cp311-linux_x86_64\n"}
BUILT: Texts = {**CODE, **LOCAL, "idna/fast.so": elf(soname="built-by-another-toolchain")}
SOURCE: Texts = {
    "PKG-INFO": METADATA[f"{INFO}/METADATA"],
    f"src/{INIT}": "x = 1\n",
    "src/idna/fast.c": "",
    "COPYING": "free",
}
MADE = {"idna/fast.so": FileState.BUILT}
BIN = "/opt/venv/bin/idna"
WITH_SCRIPT = {**BUILT, **POINTS, **LOCAL, "../../../bin/idna": SCRIPT}
SAID_BUILT: Texts = {f"{INFO}/uv_build.json": "{}"}
LIBRARY = elf(soname="theirs")
SAME_SIZE = {**BUILT, **SAID_BUILT, "idna/fast.so": LIBRARY[:-1] + b"!"}
THEIRS: Texts = {**FAST, "idna/fast.so": LIBRARY}
GRAFTED: Texts = {"idna.libs/libx-0a1b.so": "grafted"}
PATCHED = {**BUILT, **SAID_BUILT, "idna.libs/libx-0a1b.so": "changed"}
NEEDING = {**BUILT, "idna/fast.so": elf(soname="patched", needed=["libx-0a1b.so"])}
SAME_NATIVE: Texts = {**FAST, "idna/fast.so": BUILT["idna/fast.so"]}
SAME_TOOLS = "idna-3.10-cp311-cp311-linux_x86_64.whl"

BUILDS: dict[str, tuple[Texts, dict[str, Texts], Degree, dict[str, FileState] | None]] = {
    "made-by-the-build": (
        install({**BUILT, "idna/COPYING": "free", "idna/_version.py": "v = 1\n"}),
        {SDIST: {**SOURCE, "src/idna/_version.py": "v = 0\n"}},
        Degree.BUILT, {**MADE, "idna/_version.py": FileState.BUILT},
    ),
    "another-source": (
        install({**BUILT, INIT: "x = 2\n"}), {SDIST: SOURCE},
        Degree.VERSION, {**MADE, INIT: FileState.UNLISTED},
    ),
    "scripts-that-the-sdist-does-not-declare": (
        install(WITH_SCRIPT), {SDIST: SOURCE},
        Degree.BUILT, {**MADE, BIN: FileState.BUILT, POINTS_FILE: FileState.BUILT},
    ),
    "scripts-that-a-locked-wheel-has": (
        install(WITH_SCRIPT), {NATIVE: {**FAST, **POINTS, **CALLED_NATIVE}, SDIST: SOURCE},
        Degree.BUILT, MADE,
    ),
    "changed-after-the-build": (
        {**install(BUILT), f"{VENV}/idna/fast.so": "patched"}, {SDIST: SOURCE},
        Degree.VERSION, {"idna/fast.so": FileState.MODIFIED},
    ),
    "although-a-wheel-fits": (
        install(BUILT), {NATIVE: FAST, SDIST: SOURCE}, Degree.BUILT, MADE
    ),
    "native-file-of-the-sdist": (
        install(BUILT),
        {NATIVE: SAME_NATIVE, SDIST: {**SOURCE, "src/idna/fast.so": BUILT["idna/fast.so"]}},
        Degree.BUILT, {},
    ),
    "same-native-file": (
        install(PATCHED), {NATIVE: SAME_NATIVE, SDIST: SOURCE}, Degree.VERSION, None
    ),
    "grafted-library": (
        install(PATCHED), {NATIVE: {**FAST, **GRAFTED}, SDIST: SOURCE}, Degree.VERSION, None
    ),
    "library-by-its-name-in-a-wheel": (
        install(NEEDING), {NATIVE: {**FAST, **GRAFTED}, SDIST: SOURCE}, Degree.VERSION, None
    ),
    "published-tag": (
        install({**BUILT, f"{INFO}/WHEEL": "Tag: cp311-cp311-manylinux_2_28_x86_64\n"}),
        {NATIVE: FAST, SDIST: SOURCE}, Degree.VERSION, None,
    ),
    "size-of-another-toolchain": (
        install(SAME_SIZE), {NATIVE: THEIRS, SDIST: SOURCE}, Degree.VERSION, None
    ),
    "size-of-the-same-toolchain": (
        install(SAME_SIZE), {SAME_TOOLS: THEIRS, SDIST: SOURCE}, Degree.BUILT, MADE
    ),
}  # fmt: skip
"""Installed files, artifacts, degree, and what differs; None: a changed wheel, not a build."""


@pytest.mark.parametrize(("files", "artifacts", "degree", "found"), BUILDS.values(), ids=BUILDS)
def test_a_build(
    files: Texts,
    artifacts: dict[str, Texts],
    degree: Degree,
    found: dict[str, FileState] | None,
) -> None:
    proof, shelf = prove_one(files, *(manifest_of(*each) for each in artifacts.items()))
    against = NATIVE if found is None else SDIST
    assert (proof.degree, proof.against) == (degree, against)
    if found is not None:
        assert (states(proof), shelf.asked) == (found, list(artifacts))


def test_a_build_is_not_believed_while_a_wheel_cannot_be_had() -> None:
    absent = {NATIVE: Absence.UNREACHABLE}
    proof, _ = prove_one(install(BUILT), manifest_of(SDIST, SOURCE), absent=absent)
    assert proof.degree is Degree.RECORDED


VERSIONED: Texts = {**CODE, "idna/_version.py": "v = 1\n"}
REWRITTEN: Texts = {
    **VERSIONED,
    f"{INFO}/WHEEL": "Generator: newer\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "idna/_version.py": "v: int = 1\n",
}
BOTH_PURE = (
    manifest_of(WHEEL, VERSIONED),
    manifest_of(SDIST, {**SOURCE, "src/idna/_version.py": "v = 1\n"}),
)


def test_a_build_that_left_no_trace_but_a_new_version_file() -> None:
    proof, _ = prove_one(install(REWRITTEN), *BOTH_PURE)
    assert (proof.degree, proof.against) == (Degree.BUILT, SDIST)
    assert states(proof) == {"idna/_version.py": FileState.BUILT}


@pytest.mark.parametrize("word", [{}, SAID_BUILT], ids=["silent", "said-built"])
@pytest.mark.parametrize(("path", "text"), [("idna/_version.py", "import evil\n"), (INIT, "x = 2")])
def test_no_build_excuses_code(path: str, text: str, word: Texts) -> None:
    proof, _ = prove_one(install({**REWRITTEN, path: text, **word}), *BOTH_PURE)
    assert proof.degree is Degree.VERSION
    assert states(proof)[path] is FileState.UNLISTED


def test_what_may_be_built_is_not_judged_while_the_sdist_cannot_be_had() -> None:
    proof, _ = prove_one(install(REWRITTEN), BOTH_PURE[0], absent={SDIST: Absence.OFFLINE})
    assert (proof.degree, proof.against) == (Degree.RECORDED, "")


@pytest.mark.parametrize(
    ("text", "found"),
    [(SCRIPT.replace("/opt/venv", "/moved"), {}), ("#!/moved\nimport evil\n", FileState.SCRIPT)],
    ids=["moved", "replaced"],
)
def test_scripts_of_a_build_are_judged_by_their_form(text: str, found: FileState | None) -> None:
    script = {"../../../bin/idna": "as RECORD has it"}
    files = {**install({**WITH_SCRIPT, **script}), BIN: text}
    declared = {"idna.egg-info/entry_points.txt": POINTS[POINTS_FILE]}
    proof, _ = prove_one(files, manifest_of(SDIST, {**SOURCE, **declared}))
    assert states(proof) == MADE | ({BIN: found} if found else {})
