from __future__ import annotations

from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from packaging.pylock import PackageSdist, PackageWheel, Pylock
from packaging.version import Version

from auditor.errors import UsageError
from auditor.lock import Lock, read_lock, select
from auditor.model import ArtifactKind, Directory, Libc, LockMismatch, Problem, Target, Vcs
from tests.builders.targets import ALPINE, ARM, LINUX, target

REAL = Path(__file__).parent / "assets" / "real"
HASHES = {"sha256": "AB" * 32}


def wheel(filename: str, **more: object) -> dict[str, Any]:
    return {"url": f"https://example.org/{filename}", "hashes": HASHES, **more}


def entry(name: str, *wheels: str, sdist: str | None = None, **more: object) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, **more}
    if wheels:
        found["wheels"] = [wheel(filename) for filename in wheels]
    if sdist:
        found["sdist"] = wheel(sdist)
    return found


def pure(name: str, version: str = "1.0", **more: object) -> dict[str, Any]:
    return {**entry(name, f"{name}-{version}-py3-none-any.whl", version=version), **more}


def lock_of(*packages: dict[str, Any], **top: object) -> Lock:
    """Return a lock whose packages have the lines 10, 20, ..."""
    document = {"lock-version": "1.0", "created-by": "a test", "packages": list(packages), **top}
    lines = tuple(range(10, 10 * len(packages) + 10, 10))
    keys = {"requires-python": 3, "environments": 4}
    return Lock("pylock.toml", "00", "a test", Pylock.from_dict(document), lines, keys)


def test_the_wheels_that_fit_come_in_the_installers_order_then_the_sdist() -> None:
    lock = lock_of(
        entry(
            "a",
            "a-1.0-py3-none-any.whl",
            "a-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
            "a-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
            "a-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
            "a-1.0-cp37-abi3-manylinux_2_28_x86_64.whl",
            "a-1.0-2b-cp311-cp311-manylinux_2_28_x86_64.whl",
            "a-1.0-10-cp311-cp311-manylinux_2_28_x86_64.whl",
            "a-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
            "a-1.0-cp311-cp311-manylinux_2_39_x86_64.whl",
            "a-1.0-cp311-cp311-manylinux_2_28_aarch64.whl",
            sdist="a-1.0.tar.gz",
            version="1.0",
        )
    )
    package = select(lock, LINUX).packages["a"]
    assert [(artifact.kind, artifact.filename) for artifact in package.artifacts] == [
        (ArtifactKind.WHEEL, "a-1.0-10-cp311-cp311-manylinux_2_28_x86_64.whl"),
        (ArtifactKind.WHEEL, "a-1.0-2b-cp311-cp311-manylinux_2_28_x86_64.whl"),
        (ArtifactKind.WHEEL, "a-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"),
        (ArtifactKind.WHEEL, "a-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
        (ArtifactKind.WHEEL, "a-1.0-cp37-abi3-manylinux_2_28_x86_64.whl"),
        (ArtifactKind.WHEEL, "a-1.0-py3-none-any.whl"),
        (ArtifactKind.SDIST, "a-1.0.tar.gz"),
    ]
    assert package.version == Version("1.0")
    assert package.line == 10


def test_an_artifact_carries_what_the_lock_says() -> None:
    lock = lock_of(
        entry("a", version="1.0")
        | {"wheels": [{"path": "w/a-1.0-py3-none-any.whl", "hashes": {"SHA256": "AB" * 32}}]}
        | {"sdist": wheel("a-1.0%2Blocal.tar.gz", name="a-1.0.tar.gz", size=7)}
    )
    found, sdist = select(lock, LINUX).packages["a"].artifacts
    assert (found.path, found.url, found.size) == ("w/a-1.0-py3-none-any.whl", None, None)
    assert found.hashes == {"sha256": "ab" * 32}
    assert (sdist.filename, sdist.size) == ("a-1.0.tar.gz", 7)


@pytest.mark.parametrize(
    ("package", "version"),
    [
        (entry("a", "a-1.0+cu130-py3-none-any.whl"), "1.0+cu130"),
        (entry("a", sdist="a-1.0.tar.gz"), "1.0"),
        (entry("a", "a-1.0-py3-none-any.whl", version="1"), "1"),
    ],
)
def test_the_version_comes_from_the_file_name_where_the_entry_has_none(
    package: dict[str, Any], version: str
) -> None:
    assert str(select(lock_of(package), LINUX).packages["a"].version) == version


def test_sources_have_no_version_to_compare() -> None:
    lock = lock_of(
        {"name": "a", "vcs": {"type": "git", "url": "https://example.org/a", "commit-id": "12"}},
        {
            "name": "b",
            "vcs": {"type": "hg", "path": "../b", "commit-id": "34", "subdirectory": "python"},
        },
        {"name": "c", "directory": {"path": ".", "editable": True}},
        {"name": "d", "directory": {"path": "d", "subdirectory": "python"}},
        {"name": "e", "archive": {"url": "https://example.org/x/e%201.zip?a=/b", "hashes": HASHES}},
        {"name": "f", "archive": {"path": "archives\\f.zip", "hashes": HASHES, "size": 3}},
    )
    packages = select(lock, LINUX).packages
    assert packages["a"].vcs == Vcs("git", "https://example.org/a", "12")
    assert packages["b"].vcs == Vcs("hg", "../b", "34", "python")
    assert packages["c"].directory == Directory(".", editable=True)
    assert packages["d"].directory == Directory("d", editable=False, subdirectory="python")
    assert [packages[name].artifacts[0].filename for name in "ef"] == ["e 1.zip", "f.zip"]
    assert packages["f"].artifacts[0].kind == ArtifactKind.ARCHIVE
    assert packages["f"].artifacts[0].size == 3
    assert [package.version for package in packages.values()] == [None] * 6
    assert [package.line for package in packages.values()] == [10, 20, 30, 40, 50, 60]


MISMATCHES: dict[str, tuple[list[str], Target, str, str]] = {
    "platform": (
        ["a-1-cp311-cp311-macosx_11_0_arm64.whl", "a-1-cp312-cp312-win_amd64.whl"],
        LINUX,
        "macosx_11_0_arm64, win_amd64",
        "cp311-cp311 on manylinux_2_36_x86_64",
    ),
    "python": (
        ["a-1-cp312-cp312-manylinux_2_28_x86_64.whl", "a-1-cp311-cp311-win_amd64.whl"],
        LINUX,
        "cp312-cp312",
        "cp311-cp311 on manylinux_2_36_x86_64",
    ),
    "architecture": (
        ["a-1-cp311-cp311-manylinux_2_28_x86_64.whl"],
        ARM,
        "manylinux_2_28_x86_64",
        "cp311-cp311 on manylinux_2_36_aarch64",
    ),
    "libc": (
        ["a-1-cp311-cp311-manylinux_2_28_x86_64.whl"],
        ALPINE,
        "manylinux_2_28_x86_64",
        "cp311-cp311 on musllinux_1_2_x86_64",
    ),
    "many": (
        [f"a-1-cp311-cp311-macosx_{minor}_0_arm64.whl" for minor in range(10, 16)],
        target(libc=None),
        f"{', '.join(f'macosx_{minor}_0_arm64' for minor in range(10, 14))} and 2 more",
        "cp311-cp311 on linux_x86_64",
    ),
    "free-threaded": (
        ["a-1-cp313-cp313-manylinux_2_28_x86_64.whl"],
        target("3.13.0", free_threaded=True),
        "cp313-cp313",
        "cp313-cp313t on manylinux_2_36_x86_64",
    ),
}


@pytest.mark.parametrize(
    ("wheels", "image", "made_for", "accepted"), MISMATCHES.values(), ids=MISMATCHES
)
def test_wheels_for_other_images_alone_are_a_mismatch(
    wheels: list[str], image: Target, made_for: str, accepted: str
) -> None:
    expectation = select(lock_of(entry("a", *wheels), pure("b")), image)
    message = (
        f"its wheels are for {made_for} and it has no sdist; the interpreter accepts {accepted}"
    )
    (mismatch,) = expectation.mismatches
    assert (mismatch.subject, mismatch.message, mismatch.line) == ("a", message, 10)
    assert list(expectation.packages) == ["b"]


def test_an_sdist_makes_up_for_wheels_that_do_not_fit() -> None:
    lock = lock_of(entry("a", "a-1-cp312-cp312-win_amd64.whl", sdist="a-1.tar.gz"))
    expectation = select(lock, LINUX)
    assert [artifact.kind for artifact in expectation.packages["a"].artifacts] == ["sdist"]
    assert expectation.mismatches == ()


@pytest.mark.parametrize(
    ("environments", "named"),
    [
        (
            ["sys_platform == 'darwin'", "platform_machine == 'aarch64'"],
            'sys_platform == "darwin" or platform_machine == "aarch64"',
        ),
        (
            [f"os_name == '{name}'" for name in "abcde"],
            'os_name == "a" or os_name == "b" or os_name == "c" (and 2 more)',
        ),
    ],
    ids=["two", "many"],
)
def test_a_lock_for_other_environments_is_a_mismatch(environments: list[str], named: str) -> None:
    (mismatch,) = select(lock_of(pure("a"), environments=environments), LINUX).mismatches
    assert mismatch == LockMismatch(
        "pylock.toml",
        f"the lock is for {named}; the interpreter is Python 3.11.7 on linux x86_64",
        4,
    )


def test_a_lock_for_another_python_is_a_mismatch_and_no_error() -> None:
    (mismatch,) = select(lock_of(pure("a"), **{"requires-python": ">=3.12"}), LINUX).mismatches
    message = "the lock requires Python >=3.12, the interpreter is 3.11.7"
    assert mismatch == LockMismatch("pylock.toml", message, 3)


@pytest.mark.parametrize(
    "top",
    [
        {"requires-python": ">=3.11,<3.12"},
        {"environments": []},
        {"environments": ["sys_platform == 'darwin'", "sys_platform == 'linux'"]},
        {"environments": ["platform_release == '1'", "sys_platform == 'linux'"]},
    ],
)
def test_a_lock_for_this_image(top: dict[str, Any]) -> None:
    expectation = select(lock_of(pure("a"), **top), LINUX)
    assert list(expectation.packages) == ["a"]
    assert (expectation.mismatches, expectation.problems) == ((), ())


def test_one_bad_package_does_not_stop_the_rest() -> None:
    lock = lock_of(
        pure("old", **{"requires-python": "<3.10"}),
        pure("twice", "1.0"),
        pure("twice", "2.0", marker="os_name == 'posix'"),
        pure("kernel", marker="platform_release >= '5'"),
        pure("good"),
    )
    expectation = select(lock, LINUX)
    assert list(expectation.packages) == ["good"]
    assert expectation.mismatches == (
        LockMismatch("old", "requires Python <3.10, the interpreter is 3.11.7", 10),
        LockMismatch("twice", "2 entries apply here (lines 20 and 30) where only one may", 30),
    )
    why = 'its marker platform_release >= "5" needs platform_release, which the image does not say'
    assert expectation.problems == (Problem("kernel", why),)


def test_several_entries_of_one_name_of_which_one_applies() -> None:
    lock = lock_of(
        pure("a", "1.0", marker="python_version < '3.11'"),
        pure("a", "2.0", marker="python_version >= '3.11'"),
        pure("a", "3.0", marker="python_version >= '3.12'"),
    )
    expectation = select(lock, LINUX)
    assert str(expectation.packages["a"].version) == "2.0"
    assert [
        (str(left.version), left.line, left.why, left.optional)
        for left in expectation.unselected["a"]
    ] == [
        ("1.0", 10, 'marker python_version < "3.11"', False),
        ("3.0", 30, 'marker python_version >= "3.12"', False),
    ]


def test_what_cannot_be_decided_of_a_python_known_as_major_and_minor() -> None:
    image = target("3.11")
    lock = lock_of(
        pure("a", **{"requires-python": ">=3.11.4"}),
        pure("b", marker="python_full_version < '3.11.3'"),
        pure("c", marker="python_full_version < '3.12'"),
        pure("d", marker="'x' == 'y'"),
        **{"requires-python": ">=3.11.2", "environments": ["python_full_version > '3.11.5'"]},
    )
    expectation = select(lock, image)
    assert [(problem.subject, problem.why) for problem in expectation.problems] == [
        (
            "pylock.toml",
            "its requires-python >=3.11.2 cannot be decided: the image only says Python 3.11",
        ),
        (
            "pylock.toml",
            'its environments cannot be decided from the image: python_full_version > "3.11.5"',
        ),
        (
            "b",
            (
                'its marker python_full_version < "3.11.3" needs python_full_version, which '
                "the image does not say"
            ),
        ),
        ("d", 'its marker "x" == "y" compares what cannot be compared'),
        ("a", "its requires-python >=3.11.4 cannot be decided: the image only says Python 3.11"),
    ]
    assert list(expectation.packages) == ["c"]
    assert expectation.mismatches == ()


GROUPS = lock_of(
    pure("app", marker="'default' in dependency_groups"),
    pure("lint", marker="'dev' in dependency_groups or 'Lint_Tools' in dependency_groups"),
    pure("gpu", marker="'gpu' in extras and 'default' in dependency_groups"),
    pure("both", marker="'gpu' in extras and 'dev' in dependency_groups"),
    pure("cpu", marker="'gpu' not in extras"),
    pure("win", marker="'dev' in dependency_groups and os_name == 'nt'"),
    pure("kernel", marker="'dev' in dependency_groups and platform_release == '1'"),
    pure("always"),
    **{
        "extras": ["gpu"],
        "dependency-groups": ["dev", "Lint_Tools"],
        "default-groups": ["default"],
    },
)


@pytest.mark.parametrize(
    ("extras", "groups", "selected"),
    [
        ((), None, "always app cpu"),
        ((), (), "always cpu"),
        ((), ("default", "dev"), "always app cpu lint"),
        ((), ("lint-tools",), "always cpu lint"),
        (("GPU",), None, "always app gpu"),
        (("gpu",), ("dev",), "always both lint"),
    ],
)
def test_extras_and_groups_select(
    extras: tuple[str, ...], groups: tuple[str, ...] | None, selected: str
) -> None:
    expectation = select(GROUPS, LINUX, extras=extras, groups=groups)
    assert " ".join(expectation.packages) == selected


@pytest.mark.parametrize(
    ("extras", "groups", "name", "why", "optional"),
    [
        ((), None, "lint", "group dev", True),
        ((), None, "gpu", "extra gpu", True),
        ((), (), "gpu", "group default and extra gpu", True),
        ((), ("dev",), "both", "extra gpu", True),
        ((), (), "app", "group default", True),
        (("gpu",), None, "cpu", "without extra gpu", True),
        ((), None, "win", 'marker "dev" in dependency_groups and os_name == "nt"', False),
        (
            (),
            None,
            "kernel",
            'marker "dev" in dependency_groups and platform_release == "1"',
            False,
        ),
    ],
)
def test_what_is_left_out_says_what_would_select_it(
    extras: tuple[str, ...], groups: tuple[str, ...] | None, name: str, why: str, optional: bool
) -> None:
    (left,) = select(GROUPS, LINUX, extras=extras, groups=groups).unselected[name]
    assert (left.why, left.optional) == (why, optional)
    assert left.version == Version("1.0")


@pytest.mark.parametrize(
    ("marker", "groups", "why"),
    [
        ("'dev' not in dependency_groups", ("dev",), "without group dev"),
        (
            "'dev' not in dependency_groups and 'test' not in dependency_groups",
            ("dev", "test"),
            "without any extra or group",
        ),
    ],
)
def test_a_selected_group_may_be_what_leaves_an_entry_out(
    marker: str, groups: tuple[str, ...], why: str
) -> None:
    lock = lock_of(pure("a", marker=marker), **{"dependency-groups": ["dev", "test"]})
    assert select(lock, LINUX, groups=groups).unselected["a"][0].why == why


@pytest.mark.parametrize(
    ("lock", "chosen", "message"),
    [
        (GROUPS, {"extras": ["cuda"]}, "no extra 'cuda': it has gpu"),
        (GROUPS, {"groups": ["docs"]}, "no group 'docs': it has default, dev, lint-tools"),
        (lock_of(pure("a")), {"extras": ["gpu"]}, "no extra 'gpu': it has no extras"),
        (lock_of(pure("a")), {"groups": ["dev"]}, "no group 'dev': it has no groups"),
    ],
    ids=["extra", "group", "no-extras", "no-groups"],
)
def test_an_extra_or_group_that_the_lock_does_not_have(
    lock: Lock, chosen: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        select(lock, LINUX, **chosen)
    assert caught.value.message == f"pylock.toml: {message}"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "image", "selected", "left"),
    [
        ("uv-compile", LINUX, "markupsafe pyyaml webrtcvad-wheels", ""),
        ("uv-export", LINUX, "iniconfig markupsafe shop typing-extensions", "colorama"),
        ("uv-export", ARM, "iniconfig markupsafe shop typing-extensions", "colorama"),
        ("uv-export", target("3.13.0"), "iniconfig markupsafe shop", "colorama typing-extensions"),
        ("pip", LINUX, "idna markupsafe", ""),
        ("pdm", LINUX, "anyio", "async-timeout colorama iniconfig prometheus-client"),
    ],
)
def test_locks_as_the_tools_write_them(name: str, image: Target, selected: str, left: str) -> None:
    lock = read_lock(REAL / f"pylock.{name}.toml", f"pylock.{name}.toml")
    expectation = select(lock, image)
    assert " ".join(expectation.packages) == selected
    assert " ".join(expectation.unselected) == left
    assert (expectation.mismatches, expectation.problems) == ((), ())


def test_a_lock_for_one_platform_does_not_fit_another() -> None:
    lock = read_lock(REAL / "pylock.pip.toml", "pylock.pip.toml")
    (mismatch,) = select(lock, ALPINE).mismatches
    assert mismatch.subject == "markupsafe"


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("uv-compile", LINUX),
        ("uv-export", LINUX),
        ("uv-export", ARM),
        ("uv-export", target("3.14.2", libc=Libc("musl", (1, 2)))),
        ("pip", LINUX),
        ("pdm", LINUX),
    ],
)
def test_the_first_choice_is_the_one_that_packaging_makes(name: str, image: Target) -> None:
    lock = read_lock(REAL / f"pylock.{name}.toml", name)
    environment: Any = {**image.markers, "platform_release": "", "platform_version": ""}
    chosen = {
        package.name: source.filename if isinstance(source, PackageWheel | PackageSdist) else None
        for package, source in lock.pylock.select(environment=environment, tags=image.tags)
    }
    assert chosen == {
        name: package.artifacts[0].filename if package.artifacts else None
        for name, package in select(lock, image).packages.items()
    }


def test_a_lock_of_thousands_of_wheels_is_selected_at_once() -> None:
    lock = lock_of(
        *(
            entry(
                f"p{number}",
                *(
                    f"p{number}-1-cp3{minor}-cp3{minor}-{platform}.whl"
                    for minor in range(9, 15)
                    for platform in (
                        "manylinux_2_17_x86_64.manylinux2014_x86_64",
                        "manylinux_2_17_aarch64.manylinux2014_aarch64",
                        "musllinux_1_2_x86_64",
                        "macosx_11_0_arm64",
                        "win_amd64",
                    )
                ),
                marker="python_full_version < '3.13' and 'default' in dependency_groups",
            )
            for number in range(100)
        ),
        **{"default-groups": ["default"]},
    )
    start = perf_counter()
    assert len(select(lock, LINUX).packages) == 100
    assert perf_counter() - start < 1  # measured: 0.03 s; the rest is for a busy machine


def test_identities_are_kept_as_the_lock_says_them() -> None:
    publisher: dict[str, object] = {
        "kind": "GitHub",
        "repository": "a/b",
        "since": date(2025, 1, 2),
        "n": [1, 2.5],
    }
    lock = lock_of({**pure("a"), "attestation-identities": [publisher]}, pure("b"))
    packages = select(lock, LINUX).packages
    assert packages["a"].attestation_identities == (
        {"kind": "GitHub", "repository": "a/b", "since": "2025-01-02", "n": [1, "2.5"]},
    )
    assert packages["b"].attestation_identities == ()
