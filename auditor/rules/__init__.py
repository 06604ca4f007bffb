"""The whole audit on one screen: every kind of finding and the rule that finds it.

A rule is a pure function from the facts to observations. It cannot name a kind, so it cannot
emit another one's; each kind has exactly one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from auditor.catalogue import KINDS
from auditor.model import Observation
from auditor.rules import (
    distributions,
    environments,
    files,
    install_instructions,
    installer_caches,
    lock,
    locked_artifacts,
    native,
    ownership,
    payload,
    pip_list_agreement,
    platforms_differ,
    resync_at_start,
    startup_code,
    unchecked,
)
from auditor.rules.facts import Facts, why_not_comparable
from auditor.rules.quick_rules import JUDGED, LEFT

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
    "LI206": startup_code.code_at_start,
    "LI207": startup_code.foreign_bytecode,
    "LI208": files.no_record,
    "LI209": files.altered_script,
    "LI301": native.unowned_library,
    "LI302": native.ambiguous_soname,
    "LI303": native.missing_library,
    "LI304": native.unowned_library_by_setting,
    "LI305": ownership.stray_program,
    "LI306": ownership.changed_os_file,
    "LI401": pip_list_agreement.pip_list_disagrees,
    "LI402": environments.unused_installation,
    "LI403": environments.shadowed_module,
    "LI404": environments.unusable_environment,
    "LI405": payload.hidden_payload,
    "LI406": install_instructions.installs_outside_lock,
    "LI407": payload.overwritten,
    "LI408": installer_caches.cache_left,
    "LI409": resync_at_start.resynced_at_start,
    "LI410": platforms_differ.platforms_differ,
    "LI901": unchecked.unreadable,
    "LI902": locked_artifacts.built_in_image,
    "LI903": locked_artifacts.not_compared,
    "LI904": unchecked.pip_list_did_not_run,
    "LI905": unchecked.no_environment,
    "LI906": unchecked.over_limit,
    "LI907": locked_artifacts.not_locked,
}

NEEDS_FITTING_LOCK = frozenset({1, 2})
"""Families that say nothing where the lock is not for the image (LI002) or nothing runs (LI905)."""


def observe(facts: Facts, *, quick: bool = False) -> dict[str, tuple[Observation, ...]]:
    """Ask every rule that has something to say; in a quick audit, that can know it."""
    hindered = why_not_comparable(facts.inventory, facts.expectation)
    return {
        code: tuple(rule(facts))
        for code, rule in RULES.items()
        if not (hindered and KINDS[code].family in NEEDS_FITTING_LOCK)
        and (code in JUDGED or not quick)
    }


__all__ = ["JUDGED", "LEFT", "RULES", "Facts", "Rule", "observe", "why_not_comparable"]
