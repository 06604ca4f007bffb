"""How sure it is: installed files against the locked artifacts, else against RECORD."""

from auditor.evidence.artifact_search import ManifestSource, ProofContext
from auditor.evidence.attested_artifact import Attestor, attestations
from auditor.evidence.bytecode.bytecode_check import check_bytecode
from auditor.evidence.installations import Installation, installations
from auditor.evidence.proof import Proofs, is_below, prove
from auditor.evidence.shadowing import find_shadows

__all__ = [
    "Attestor",
    "Installation",
    "ManifestSource",
    "ProofContext",
    "Proofs",
    "attestations",
    "check_bytecode",
    "find_shadows",
    "installations",
    "is_below",
    "prove",
]
