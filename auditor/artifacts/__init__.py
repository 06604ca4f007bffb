"""Which bytes are locked: what the files that a lock names contain.

An `ArtifactPool` finds each artifact once for all audits of a session and verifies it; a
`ManifestStore` has the manifests of one lock's artifacts.
"""

from auditor.artifacts.artifact_pool import ArtifactPool
from auditor.artifacts.manifest import Absence, Absent, Manifest
from auditor.artifacts.manifest_cache import ManifestCache
from auditor.artifacts.manifest_store import ManifestStore
from auditor.artifacts.sources import ArtifactSources

__all__ = [
    "Absence",
    "Absent",
    "ArtifactPool",
    "ArtifactSources",
    "Manifest",
    "ManifestCache",
    "ManifestStore",
]
