"""How sure it is: installed files against the locked artifacts, else against RECORD."""

from auditor.evidence.attesting import Attestor, attestations
from auditor.evidence.bytecode import check_bytecode
from auditor.evidence.installed import Installation, installations
from auditor.evidence.proof import Proofs, is_below, prove
from auditor.evidence.search import Manifests, Means
from auditor.evidence.shadowing import find_shadows

__all__ = [
    "Attestor",
    "Installation",
    "Manifests",
    "Means",
    "Proofs",
    "attestations",
    "check_bytecode",
    "find_shadows",
    "installations",
    "is_below",
    "prove",
]
