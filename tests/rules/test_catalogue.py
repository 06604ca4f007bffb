"""The catalogue, the rules and the documents name the same kinds."""

from __future__ import annotations

import re

import pytest

from auditor.catalogue import FAMILIES, KINDS, Kind
from auditor.rules import RULES


def test_every_kind_has_exactly_one_rule() -> None:
    assert list(RULES) == list(KINDS)
    assert len(set(RULES.values())) == len(RULES)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_a_kind_is_complete(kind: Kind) -> None:
    assert re.fullmatch(r"LI\d{3}", kind.code)
    assert kind.family in FAMILIES
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.name)
    assert not kind.title.endswith(".")
    assert kind.why.endswith(".")
    assert kind.fix.endswith(".")


def test_names_are_unique() -> None:
    assert len({kind.name for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize("code", RULES)
def test_a_rule_says_which_kind_it_finds(code: str) -> None:
    assert RULES[code].__name__ == KINDS[code].name.replace("-", "_")
    assert (RULES[code].__doc__ or "").startswith(f"{code}: ")
