"""The whole audit on one screen: every kind of finding and the rule that finds it.

A rule is a pure function from the facts to observations. It cannot name a kind, so it cannot
emit those of another; each kind has exactly one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from auditor.catalogue import KINDS, QUICK_KINDS
from auditor.model import Observation
from auditor.rules import (
    distributions,
    environments,
    files,
    hidden_payload,
    install_instructions,
    installer_caches,
    lock,
    locked_artifacts,
    native,
    operating_system,
    pip_list_agreement,
    platforms_differ,
    resync_at_start,
    shared_files,
    startup_code,
    stray_files,
    unchecked,
)
from auditor.rules.facts import Facts, why_not_comparable

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
    "LI110": operating_system.os_packaged_distribution,
    "LI201": files.modified_file,
    "LI202": files.missing_file,
    "LI203": stray_files.stray_file,
    "LI204": files.unlisted_artifact,
    "LI205": shared_files.shared_file,
    "LI206": startup_code.start_code,
    "LI207": startup_code.foreign_bytecode,
    "LI208": files.no_record,
    "LI209": files.altered_script,
    "LI301": native.unowned_library,
    "LI302": native.soname_taken_over,
    "LI303": native.library_not_found,
    "LI304": native.loader_setting,
    "LI305": stray_files.stray_executable,
    "LI306": operating_system.os_library_changed,
    "LI401": pip_list_agreement.pip_list_disagrees,
    "LI402": environments.unused_installation,
    "LI403": environments.shadowed_module,
    "LI404": environments.unusable_environment,
    "LI405": hidden_payload.hidden_payload,
    "LI406": install_instructions.install_outside_lock,
    "LI407": hidden_payload.overwritten,
    "LI408": installer_caches.cache_left,
    "LI409": resync_at_start.resynced_at_start,
    "LI410": platforms_differ.platforms_differ,
    "LI901": unchecked.unreadable,
    "LI902": locked_artifacts.built_in_image,
    "LI903": locked_artifacts.artifact_not_compared,
    "LI904": unchecked.pip_list_did_not_run,
    "LI905": unchecked.no_environment,
    "LI906": unchecked.over_limit,
    "LI907": locked_artifacts.artifact_not_locked,
}

_COMPARING = frozenset({1, 2})
"""Families that say nothing where the lock is not for the image (LI002) or nothing runs (LI905)."""


def observe(facts: Facts, *, quick: bool = False) -> dict[str, tuple[Observation, ...]]:
    """Return what each rule observes, by code, without the rules that cannot be applied.

    These are the comparing ones where there is nothing to compare with, and in a quick audit
    those that need an image's files.
    """
    comparable = not why_not_comparable(facts.inventory, facts.expectation)
    return {
        code: tuple(rule(facts))
        for code, rule in RULES.items()
        if (comparable or KINDS[code].family not in _COMPARING)
        and (not quick or code in QUICK_KINDS)
    }


__all__ = ["RULES", "Facts", "Rule", "observe", "why_not_comparable"]
