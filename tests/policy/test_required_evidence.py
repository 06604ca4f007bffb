"""How much evidence is asked of which package, and what asks for nothing."""

from __future__ import annotations

import pytest

from auditor.model import Degree, Policy, PolicyNote, Requirement
from auditor.policy import idle_requirements, required_degrees

POLICY = Policy(
    path="auditor.toml",
    requirements=(
        Requirement("numpy", Degree.BUILT, 2),
        Requirement("scikit-*", Degree.RECORDED, 3),
        Requirement("*", Degree.VERSION, 4),
    ),
)


@pytest.mark.parametrize(
    ("name", "degree"),
    [
        ("numpy", Degree.BUILT),
        ("scikit-learn", Degree.RECORDED),
        ("scikit", Degree.VERSION),
        ("requests", Degree.VERSION),
    ],
)
def test_the_first_entry_that_fits_decides(name: str, degree: Degree) -> None:
    assert required_degrees(POLICY, Degree.PROVEN, [name]) == {name: degree}


def test_what_no_entry_names_has_the_default() -> None:
    policy = Policy(requirements=POLICY.requirements[:1])
    names = ["numpy", "requests"]
    assert required_degrees(policy, None, names) == {"numpy": Degree.BUILT}
    assert required_degrees(policy, Degree.PROVEN, names) == {
        "numpy": Degree.BUILT,
        "requests": Degree.PROVEN,
    }


def test_an_entry_for_no_package_is_told() -> None:
    assert list(idle_requirements(POLICY, {"nunpy", "scikit-learn"})) == [
        PolicyNote(
            "[require] numpy",
            "the lock selects no such package; did you mean nunpy?",
            "auditor.toml",
            2,
        )
    ]
    assert [each.line for each in idle_requirements(POLICY, {"requests"})] == [2, 3]


def test_nothing_is_idle_where_nothing_could_be_selected() -> None:
    assert list(idle_requirements(POLICY, ())) == []
    assert list(idle_requirements(POLICY, {"numpy", "scikit-image"})) == []
