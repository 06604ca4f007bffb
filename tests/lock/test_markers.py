from __future__ import annotations

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from auditor.lock.markers import MarkerEvaluator
from auditor.model import Target
from tests.builders.targets import LINUX, target


@pytest.mark.parametrize(
    ("marker", "answer"),
    [
        ("sys_platform == 'linux'", True),
        ("platform_machine == 'arm64'", False),
        ("python_full_version >= '3.11.7'", True),
        ("'dev' in dependency_groups", False),
        ("'Test_Tools' in dependency_groups", True),
        ("'gpu' in extras", True),
        ("'cpu' not in extras", True),
        ("platform_release > '5'", None),
        ("'x' in platform_version", None),
        ("platform_release > '5' and os_name == 'nt'", False),
        ("platform_release > '5' or os_name == 'posix'", True),
        ("platform_release > '5' and os_name == 'posix'", None),
        ("platform_release > '5' or platform_release <= '5'", None),
        ("os_name == 'posix' and (platform_version == '1' or 'gpu' in extras)", True),
        ("(platform_release == 'a' or os_name == 'nt') and 'dev' in dependency_groups", False),
        ("os_name != 'platform_release'", True),
        ("sys_platform != 'platform_release == \"1\"'", True),
        ("platform_release == '\"' and os_name == 'nt'", False),
        (r"platform_release == 'a\\b' and os_name == 'nt'", None),
        ("extra == 'x'", None),
        ("extras in 'gpu'", None),
        ("'linux' ~= sys_platform", None),
        ("platform_release == os_name", None),
    ],
)
def test_a_marker_is_decided_from_the_image_alone(marker: str, answer: bool | None) -> None:
    evaluator = MarkerEvaluator(LINUX)
    assert evaluator.marker(Marker(marker), {"gpu"}, {"test-tools"}) is answer
    assert evaluator.marker(Marker(marker), {"gpu"}, {"test-tools"}) is answer


@pytest.mark.parametrize(
    ("marker", "answer"),
    [
        ("python_full_version >= '3.11'", True),
        ("python_full_version < '3.12'", True),
        ("python_full_version < '3.11'", False),
        ("'3.11.4' <= python_full_version", None),
        ("python_full_version == '3.11.4'", None),
        ("implementation_version < '3.12'", True),
        ("python_full_version < '3.11.4' and os_name == 'nt'", False),
        ("python_version == '3.11'", True),
    ],
)
def test_a_python_known_as_major_and_minor_decides_what_it_can(
    marker: str, answer: bool | None
) -> None:
    assert MarkerEvaluator(target("3.11")).marker(Marker(marker)) is answer


def test_a_pypy_known_by_its_language_version_leaves_its_own_open() -> None:
    evaluator = MarkerEvaluator(target("3.10.13", implementation="pypy"))
    assert evaluator.marker(Marker("implementation_version < '8'")) is None
    assert evaluator.marker(Marker("python_full_version == '3.10.13'")) is True


def test_nothing_is_taken_from_the_host() -> None:
    nothing = MarkerEvaluator(Target(markers={}, tags=()))
    assert nothing.marker(Marker("os_name == 'posix'")) is None
    assert nothing.marker(Marker("python_version >= '3'")) is None
    assert nothing.python(SpecifierSet(">=3")) is None


@pytest.mark.parametrize(
    ("version", "required", "answer"),
    [
        ("3.11.7", ">=3.11,<3.12", True),
        ("3.11.7", ">=3.11.8", False),
        ("3.14.0rc1", ">=3.11", True),
        ("3.14.0rc1", ">=3.14", False),
        ("3.14.0a1+", ">=3.13", True),
        ("3.11", ">=3.11", True),
        ("3.11", ">=3.12", False),
        ("3.11", ">=3.11.4", None),
    ],
)
def test_a_requirement_on_python(version: str, required: str, answer: bool | None) -> None:
    assert MarkerEvaluator(target(version)).python(SpecifierSet(required)) is answer


def test_the_unknown_keys_of_a_marker() -> None:
    marker = Marker("platform_version == '1' and platform_release == '2' and os_name == 'nt'")
    assert MarkerEvaluator(LINUX).unknown_keys(marker) == ["platform_release", "platform_version"]
