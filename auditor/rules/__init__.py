"""The whole audit on one screen: every kind of finding and the rule that finds it.

A rule is a pure function from the facts to observations. It cannot name a kind, so it cannot
emit another one's; each kind has exactly one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from auditor.catalogue import KINDS
from auditor.model import Observation
from auditor.rules import (
    artifacts,
    caches,
    coverage,
    distributions,
    environments,
    files,
    instructions,
    layers,
    lock,
    native,
    ownership,
    platforms,
    start,
    start_code,
    testimony,
)
from auditor.rules.facts import Facts, hindrance
from auditor.rules.quick import JUDGED, LEFT

Rule = Callable[[Facts], Iterable[Observation]]

RULES: dict[str, Rule] = {
    "LI001": lock.weak_hash,
    "LI002": lock.lock_not_for_image,
    "LI003": lock.embedded_lock_differs,
    "LI004": lock.python_version_file_differs,
    "LI101": distributions.missing_distribution,
    "LI102": distributions.unlocked_distribution,
    "LI103": distributions.version_differs,
    "LI104": distributions.duplicate_metadata,
    "LI105": distributions.other_platform,
    "LI106": distributions.origin_differs,
    "LI107": distributions.editable_install,
    "LI108": distributions.bootstrap_tool,
    "LI109": distributions.unselected_extra_or_group,
    "LI110": ownership.os_packaged_distribution,
    "LI201": files.modified_file,
    "LI202": files.missing_file,
    "LI203": ownership.stray_file,
    "LI204": files.unlisted_artifact,
    "LI205": ownership.shared_file,
    "LI206": start_code.code_at_start,
    "LI207": start_code.foreign_bytecode,
    "LI208": files.no_record,
    "LI209": files.altered_script,
    "LI301": native.unowned_library,
    "LI302": native.ambiguous_soname,
    "LI303": native.missing_library,
    "LI304": native.unowned_library_by_setting,
    "LI305": ownership.stray_program,
    "LI306": ownership.changed_os_file,
    "LI401": testimony.pip_list_disagrees,
    "LI402": environments.unused_installation,
    "LI403": environments.shadowed_module,
    "LI404": environments.unusable_environment,
    "LI405": layers.hidden_payload,
    "LI406": instructions.installs_outside_lock,
    "LI407": layers.overwritten,
    "LI408": caches.cache_left,
    "LI409": start.resynced_at_start,
    "LI410": platforms.platforms_differ,
    "LI901": coverage.unreadable,
    "LI902": artifacts.built_in_image,
    "LI903": artifacts.not_compared,
    "LI904": coverage.pip_list_did_not_run,
    "LI905": coverage.no_environment,
    "LI906": coverage.over_limit,
    "LI907": artifacts.not_locked,
}

NEEDS_FITTING_LOCK = frozenset({1, 2})
"""Families that say nothing where the lock is not for the image (LI002) or nothing runs (LI905)."""


def observe(facts: Facts, *, quick: bool = False) -> dict[str, tuple[Observation, ...]]:
    """Ask every rule that has something to say; in a quick audit, that can know it."""
    hindered = hindrance(facts.inventory, facts.expectation)
    return {
        code: tuple(rule(facts))
        for code, rule in RULES.items()
        if not (hindered and KINDS[code].family in NEEDS_FITTING_LOCK)
        and (code in JUDGED or not quick)
    }


__all__ = ["JUDGED", "LEFT", "RULES", "Facts", "Rule", "hindrance", "observe"]
