"""InstalledFiles files against the locked artifacts, and what is concluded from it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packaging.tags import Tag
from packaging.version import Version

from auditor.artifacts.manifest import Absence
from auditor.evidence import ProofContext, installations, prove
from auditor.inventory.distributions.installed import read_distributions
from auditor.model import (
    Artifact,
    ArtifactKind,
    Degree,
    Environment,
    Expectation,
    FileState,
    IdentityKind,
    LockedPackage,
    Proof,
)
from tests.builders import Shelf, elf, manifest_of, rootfs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def artifact(filename: str) -> Artifact:
    kind = ArtifactKind.WHEEL if filename.endswith(".whl") else ArtifactKind.SDIST
    return Artifact(kind, filename, {"sha256": hashlib.sha256(filename.encode()).hexdigest()})


def record(files: Mapping[str, str | bytes]) -> str:
    rows = []
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows.append(f"{path},sha256={digest},{len(data)}")
    return "\n".join([*rows, f"{INFO}/RECORD,,", ""])


def installed(files: Mapping[str, str | bytes], site: str = VENV) -> dict[str, str | bytes]:
    """Return the files of an installation, RECORD included; `../` leads out of the site."""
    whole = {**files, f"{INFO}/RECORD": record(files)}
    folders = {"../../../": site.rsplit("/", 3)[0], "../../": site}
    placed = {}
    for path, content in whole.items():
        start = next((each for each in folders if path.startswith(each)), "")
        placed[f"{folders.get(start, site)}/{path.removeprefix(start)}"] = content
    return placed


def prove_one(
    files: Files,
    *manifests: Manifest,
    locked: tuple[str, ...] = (WHEEL,),
    absent: Mapping[str, Absence] | None = None,
    site: str = VENV,
) -> tuple[Proof, Shelf]:
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
    assert (proof.degree, proof.files, proof.checked, proof.size) == (
        Degree.PROVEN,
        (),
        3,
        sum(map(len, CODE.values())),
    )
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


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (installed(CHANGED), {"idna/__init__.py": FileState.UNLISTED}),
        (
            {**installed(CODE), f"{VENV}/idna/__init__.py": "x = 2\n"},
            {"idna/__init__.py": FileState.MODIFIED},
        ),
        (
            {**installed(CODE), f"{VENV}/idna/__init__.py/a": ""},
            {"idna/__init__.py": FileState.MODIFIED},
        ),
        (installed(METADATA), {"idna/__init__.py": FileState.MISSING}),
        (installed({**CODE, "idna/a.py": ""}), {"idna/a.py": FileState.ADDED}),
        (installed({**CODE, "idna/a.so": "elf"}), {"idna/a.so": FileState.ADDED}),
        (installed({**CODE, "idna/a.pyc": ""}), {"idna/a.pyc": FileState.ADDED}),
        (installed({**CODE, "idna/__init__.pyc": ""}), {}),
        (installed({**CODE, "idna/__pycache__/a.cpython-311.pyc": ""}), {}),
        (
            installed({**CODE, f"{INFO}/direct_url.json": '{"url": "file:///w", "dir_info": {}}'}),
            {},
        ),
        (
            {**installed(CODE), f"{VENV}/{INFO}/entry_points.txt": "[x]\n"},
            {f"{INFO}/entry_points.txt": FileState.ADDED},
        ),
    ],
    ids=[
        "record-rewritten",
        "record-as-it-was",
        "directory",
        "missing",
        "added",
        "added-library",
        "sourceless",
        "beside-its-source",
        "cached",
        "installers-own",
        "metadata-without-row",
    ],
)
def test_a_difference_is_told(files: Files, found: dict[str, FileState]) -> None:
    proof, _ = prove_one(files, manifest_of(WHEEL, CODE))
    assert states(proof) == found
    assert proof.degree is (Degree.VERSION if found else Degree.PROVEN)


def test_without_record_the_bytes_still_are_proof() -> None:
    files = {path: text for path, text in installed(CODE).items() if not path.endswith("/RECORD")}
    assert prove_one(files, manifest_of(WHEEL, CODE))[0].degree is Degree.PROVEN


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
TOP: Texts = {**CODE, "pure.py": "a\n", "plat.so": "b\n"}


@pytest.mark.parametrize(
    ("site", "files"),
    [
        (
            VENV,
            {
                **TOP,
                "../../../include/site/python3.11/idna/deep/idna.h": "c\n",
                "../../../etc/idna.conf": "d\n",
                "../../../bin/run": "e\n",
            },
        ),
        (
            "/usr/local/lib/python3.11/dist-packages",
            {
                **TOP,
                "../../../include/python3.11/idna/deep/idna.h": "c\n",
                "../../../etc/idna.conf": "d\n",
                "../../../bin/run": "e\n",
            },
        ),
        (
            "/app/vendored",
            {
                **TOP,
                "../../include/site/python3.9/idna/deep/idna.h": "c\n",
                "../../etc/idna.conf": "d\n",
                "../../bin/run": "e\n",
            },
        ),
        (
            "/usr/lib64/python3.11/site-packages",
            {
                **CODE,
                "../../../lib/python3.11/site-packages/pure.py": "a\n",
                "plat.so": "b\n",
                "../../../include/idna/deep/idna.h": "c\n",
                "../../../etc/idna.conf": "d\n",
                "../../../bin/run": "e\n",
            },
        ),
    ],
    ids=["venv", "debian", "target", "two-libraries"],
)
def test_every_scheme_has_its_places(site: str, files: Texts) -> None:
    proof, _ = prove_one(installed(files, site), manifest_of(WHEEL, DATA), site=site)
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
    files = {**installed({**CODE, listed: "d\n"}), other: text}
    proof, _ = prove_one(files, manifest_of(WHEEL, CONFIGURED))
    assert [check.state for check in proof.files] == ([state] if state else [])


def test_a_member_of_an_unknown_part_has_no_place() -> None:
    wheel = {**CODE, "idna-3.10.data/firmware/x": "", "idna-3.10.data/scripts": ""}
    assert prove_one(installed(CODE), manifest_of(WHEEL, wheel))[0].degree is Degree.PROVEN


POINTS = {**CODE, f"{INFO}/entry_points.txt": "[console_scripts]\nidna = idna:main\n"}
SCRIPT = "#!/opt/venv/bin/python\nimport sys\nfrom idna import main\nsys.exit(main())\n"


@pytest.mark.parametrize(
    ("name", "text", "state"),
    [
        ("idna", SCRIPT, None),
        ("idna-3.11", SCRIPT, None),
        ("idna", SCRIPT.replace("main", "evil"), FileState.SCRIPT),
        ("idna", SCRIPT + "#" * 70_000, FileState.SCRIPT),
        ("idna-3.11", SCRIPT + "import evil\n", FileState.SCRIPT),
        ("other", SCRIPT, FileState.ADDED),
        ("idna", SCRIPT.replace("/opt/venv/bin/python", "/opt/evil/python"), FileState.SCRIPT),
        ("idna", SCRIPT.replace("/opt/venv/bin/python", "/gone/evil/python"), None),
        ("idna", SCRIPT.replace("/opt/venv/bin", "/proc/self/cwd"), FileState.SCRIPT),
        ("idna", SCRIPT.replace("/opt/venv/bin/python", "/usr/bin/env python3"), None),
    ],
    ids=[
        "own",
        "with-version",
        "another-call",
        "too-long",
        "more",
        "another-name",
        "another-python",
        "a-python-that-is-not-there",
        "a-python-of-the-container",
        "python-on-path",
    ],
)
def test_a_generated_script(name: str, text: str, state: FileState | None) -> None:
    files = installed({**POINTS, f"../../../bin/{name}": text})
    files["/opt/evil/python"] = "curl"
    proof, _ = prove_one(files, manifest_of(WHEEL, POINTS))
    assert [check.state for check in proof.files] == ([state] if state else [])


def test_a_generated_script_that_record_names_may_not_be_gone() -> None:
    files = installed({**POINTS, "../../../bin/idna": SCRIPT})
    files.pop("/opt/venv/bin/idna")
    proof, _ = prove_one(files, manifest_of(WHEEL, POINTS))
    assert states(proof) == {"/opt/venv/bin/idna": FileState.MISSING}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("#!/opt/venv/bin/python\nx = 1\n", None),
        ("#!/bin/sh\n'''exec' /opt/venv/bin/python \"$0\" \"$@\"\n' '''\nx = 1\n", None),
        ("#!/opt/venv/bin/python\nx = 2\n", FileState.SCRIPT),
        ("#!/bin/sh\nx = 1\n", FileState.SCRIPT),
        ("#!/opt/evil/python\nx = 1\n", FileState.SCRIPT),
        ("#!/opt/venv/bin/python\n" + "x = 1\n" * 9000, FileState.SCRIPT),
        (None, FileState.MISSING),
    ],
    ids=["line", "preamble", "changed", "no-python", "another", "too-long", "gone"],
)
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
BOTH = (NATIVE, WHEEL, SDIST)
SHELF = (
    manifest_of(NATIVE, FAST),
    manifest_of(WHEEL, CODE),
    manifest_of(SDIST, {"idna/__init__.py": "x = 1\n"}),
)


@pytest.mark.parametrize(
    ("files", "name", "asked"),
    [(FAST, NATIVE, [NATIVE]), (CODE, WHEEL, [WHEEL])],
    ids=["native", "pure"],
)
def test_only_the_named_artifact_is_asked_for(files: Texts, name: str, asked: list[str]) -> None:
    proof, shelf = prove_one(installed(files), *SHELF, locked=BOTH)
    assert (proof.degree, proof.against, shelf.asked) == (Degree.PROVEN, name, asked)


def test_what_does_not_fit_its_own_word_may_be_another() -> None:
    files = {**CODE, f"{INFO}/WHEEL": "Tag: cp311-cp311-manylinux_2_17_x86_64\n"}
    manifests = (manifest_of(NATIVE, FAST), manifest_of(WHEEL, files))
    proof, shelf = prove_one(installed(files), *manifests, locked=BOTH)
    assert (proof.degree, proof.against) == (Degree.PROVEN, WHEEL)
    assert shelf.asked == [NATIVE, WHEEL]


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
    proof, _ = prove_one(installed(files), manifest_of(WHEEL, CODE))
    assert proof.identity is not None
    assert proof.identity.kind is kind


def test_what_may_be_an_artifact_that_cannot_be_had_is_not_judged() -> None:
    files = {**CHANGED, f"{INFO}/WHEEL": "Tag: py2-none-any\n"}
    absent = {NATIVE: Absence.UNREACHABLE}
    proof, _ = prove_one(installed(files), *SHELF, locked=BOTH, absent=absent)
    assert (proof.degree, proof.against) == (Degree.RECORDED, "")


def test_its_own_word_is_held_against_it() -> None:
    absent = {NATIVE: Absence.UNREACHABLE}
    proof, _ = prove_one(installed(CHANGED), *SHELF, locked=BOTH, absent=absent)
    assert (proof.degree, proof.against) == (Degree.VERSION, WHEEL)


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


def test_what_a_build_made_is_counted_apart() -> None:
    more = {"idna/COPYING": "free", "idna/_version.py": "v = 1\n"}
    proof, _ = prove_one(
        installed({**BUILT, **more}),
        manifest_of(SDIST, {**SOURCE, "src/idna/_version.py": "v = 0\n"}),
        locked=(SDIST,),
    )
    assert proof.degree is Degree.BUILT
    assert states(proof) == {"idna/_version.py": FileState.BUILT, "idna/fast.so": FileState.BUILT}


def test_a_source_of_the_sdist_must_be_its_own() -> None:
    files = installed({**BUILT, "idna/__init__.py": "x = 2\n"})
    proof, _ = prove_one(files, manifest_of(SDIST, SOURCE), locked=(SDIST,))
    assert proof.degree is Degree.VERSION
    assert states(proof)["idna/__init__.py"] is FileState.UNLISTED


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
    proof, _ = prove_one(installed(REWRITTEN), *BOTH_PURE, locked=(WHEEL, SDIST))
    assert (proof.degree, proof.against) == (Degree.BUILT, SDIST)
    assert states(proof) == {"idna/_version.py": FileState.BUILT}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"idna/_version.py": "import evil\n"}, {}),
        ({"idna/_version.py": "import evil\n"}, {f"{INFO}/uv_build.json": "{}"}),
        ({"idna/__init__.py": "x = 2\n"}, {}),
        ({"idna/__init__.py": "x = 2\n"}, {f"{INFO}/uv_build.json": "{}"}),
    ],
    ids=["version", "version-said-built", "source", "source-said-built"],
)
def test_no_build_excuses_code(changed: Texts, word: Texts) -> None:
    files = installed({**REWRITTEN, **changed, **word})
    proof, _ = prove_one(files, *BOTH_PURE, locked=(WHEEL, SDIST))
    assert proof.degree is Degree.VERSION
    assert states(proof)[next(iter(changed))] is FileState.UNLISTED


def test_what_may_be_built_is_not_judged_while_the_sdist_cannot_be_had() -> None:
    absent = {SDIST: Absence.OFFLINE}
    proof, _ = prove_one(installed(REWRITTEN), BOTH_PURE[0], locked=(WHEEL, SDIST), absent=absent)
    assert (proof.degree, proof.against) == (Degree.RECORDED, "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#!/moved/bin/python\nimport sys\nfrom idna import main\nsys.exit(main())\n", {}),
        ("#!/moved/bin/python\nimport evil\n", {"/opt/venv/bin/idna": FileState.SCRIPT}),
    ],
    ids=["moved", "replaced"],
)
def test_scripts_of_a_build_are_judged_by_their_form(
    text: str, found: dict[str, FileState]
) -> None:
    entry_points = {f"{INFO}/entry_points.txt": "[console_scripts]\nidna = idna:main\n"}
    script = {"../../../bin/idna": "as RECORD has it"}
    files = {**installed({**BUILT, **entry_points, **script}), "/opt/venv/bin/idna": text}
    declared = {"idna.egg-info/entry_points.txt": entry_points[f"{INFO}/entry_points.txt"]}
    proof, _ = prove_one(files, manifest_of(SDIST, {**SOURCE, **declared}), locked=(SDIST,))
    assert states(proof) == {"idna/fast.so": FileState.BUILT, **found}


def test_scripts_that_the_sdist_does_not_declare_are_of_the_build() -> None:
    files = installed({**BUILT, **POINTS, "../../../bin/idna": SCRIPT})
    proof, _ = prove_one(files, manifest_of(SDIST, SOURCE), locked=(SDIST,))
    assert states(proof) == dict.fromkeys(
        ("/opt/venv/bin/idna", f"{INFO}/entry_points.txt", "idna/fast.so"), FileState.BUILT
    )


def test_what_a_locked_wheel_has_as_well_is_not_of_the_build() -> None:
    files = installed({**BUILT, **POINTS, "../../../bin/idna": SCRIPT})
    manifests = (manifest_of(NATIVE, {**FAST, **POINTS}), manifest_of(SDIST, SOURCE))
    proof, _ = prove_one(files, *manifests, locked=BOTH[::2])
    assert states(proof) == {"idna/fast.so": FileState.BUILT}


def test_what_was_changed_after_the_build_is_told_by_record() -> None:
    files = {**installed(BUILT), f"{VENV}/idna/fast.so": "patched"}
    proof, _ = prove_one(files, manifest_of(SDIST, SOURCE), locked=(SDIST,))
    assert states(proof) == {"idna/fast.so": FileState.MODIFIED}


def test_a_build_beside_a_wheel_that_fits() -> None:
    proof, shelf = prove_one(
        installed(BUILT), manifest_of(NATIVE, FAST), manifest_of(SDIST, SOURCE), locked=BOTH[::2]
    )
    assert (proof.degree, shelf.asked) == (Degree.BUILT, [NATIVE, SDIST])


@pytest.mark.parametrize(
    "wheel",
    [
        {**FAST, "idna/fast.so": BUILT["idna/fast.so"]},
        {**FAST, "idna.libs/libx-0a1b.so": "grafted"},
    ],
    ids=["native-file", "grafted-library"],
)
def test_a_changed_wheel_cannot_pass_for_a_build(wheel: Texts) -> None:
    files = {**BUILT, "idna.libs/libx-0a1b.so": "changed", f"{INFO}/uv_build.json": "{}"}
    manifests = (manifest_of(NATIVE, wheel), manifest_of(SDIST, SOURCE))
    proof, _ = prove_one(installed(files), *manifests, locked=BOTH[::2])
    assert (proof.degree, proof.against) == (Degree.VERSION, NATIVE)


def test_a_build_needs_no_library_by_the_name_that_it_has_in_a_wheel() -> None:
    files = {**BUILT, "idna/fast.so": elf(soname="patched", needed=["libx-0a1b.so"])}
    wheel = {**FAST, "idna.libs/libx-0a1b.so": "grafted"}
    manifests = (manifest_of(NATIVE, wheel), manifest_of(SDIST, SOURCE))
    proof, _ = prove_one(installed(files), *manifests, locked=BOTH[::2])
    assert (proof.degree, proof.against) == (Degree.VERSION, NATIVE)


@pytest.mark.parametrize(
    ("wheel", "degree"),
    [(NATIVE, Degree.VERSION), ("idna-3.10-cp311-cp311-linux_x86_64.whl", Degree.BUILT)],
    ids=["published", "of-the-same-toolchain"],
)
def test_no_build_has_the_size_of_another_toolchains(wheel: str, degree: Degree) -> None:
    library = elf(soname="theirs")
    files = {**BUILT, "idna/fast.so": library[:-1] + b"!", f"{INFO}/uv_build.json": "{}"}
    manifests = (manifest_of(wheel, {**FAST, "idna/fast.so": library}), manifest_of(SDIST, SOURCE))
    proof, _ = prove_one(installed(files), *manifests, locked=(wheel, SDIST))
    assert proof.degree is degree


def test_a_native_file_that_the_sdist_has_was_not_built() -> None:
    wheel = {**FAST, "idna/fast.so": BUILT["idna/fast.so"]}
    sdist = {**SOURCE, "src/idna/fast.so": BUILT["idna/fast.so"]}
    manifests = (manifest_of(NATIVE, wheel), manifest_of(SDIST, sdist))
    proof, _ = prove_one(installed(BUILT), *manifests, locked=BOTH[::2])
    assert (proof.degree, proof.files) == (Degree.BUILT, ())


def test_a_build_is_not_believed_while_a_wheel_cannot_be_had() -> None:
    proof, _ = prove_one(installed(BUILT), manifest_of(SDIST, SOURCE), locked=BOTH[::2])
    assert proof.degree is Degree.RECORDED


def test_a_published_tag_is_no_build() -> None:
    files = {**BUILT, f"{INFO}/WHEEL": "Tag: cp311-cp311-manylinux_2_28_x86_64\n"}
    manifests = (manifest_of(NATIVE, FAST), manifest_of(SDIST, SOURCE))
    proof, _ = prove_one(installed(files), *manifests, locked=BOTH[::2])
    assert (proof.degree, proof.against) == (Degree.VERSION, NATIVE)


def test_any_row_of_a_file_may_be_the_right_one() -> None:
    files = installed(CHANGED)
    listed = f"{VENV}/{INFO}/RECORD"
    wrong = f"idna/__init__.py,sha256={'A' * 43},6\n"
    for rows, state in (
        (wrong + str(files[listed]), FileState.UNLISTED),
        (wrong + str(files[listed]).replace("idna/__init__", "idna/other"), FileState.MODIFIED),
    ):
        proof, _ = prove_one({**files, listed: rows}, manifest_of(WHEEL, CODE))
        assert states(proof)["idna/__init__.py"] is state
