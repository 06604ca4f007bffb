"""Which bytes are locked: what the files that a lock names contain.

`ManifestStore` finds each artifact once, verifies it against the lock and keeps its `Manifest`.
"""

from auditor.artifacts.manifest import Absence, Absent, Manifest, Member
from auditor.artifacts.manifest_cache import ManifestCache
from auditor.artifacts.manifest_store import ManifestStore
from auditor.artifacts.sources import ArtifactSources

__all__ = [
    "Absence",
    "Absent",
    "ArtifactSources",
    "Manifest",
    "ManifestCache",
    "ManifestStore",
    "Member",
]
