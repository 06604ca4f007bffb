"""Which bytes are locked: what the files that a lock names contain.

`ManifestStore` finds each artifact once, verifies it against the lock and keeps its `Manifest`.
"""

from auditor.artifacts.cache import ManifestCache
from auditor.artifacts.manifest import Absence, Absent, Manifest, Member
from auditor.artifacts.sources import Sources
from auditor.artifacts.store import ManifestStore

__all__ = ["Absence", "Absent", "Manifest", "ManifestCache", "ManifestStore", "Member", "Sources"]
