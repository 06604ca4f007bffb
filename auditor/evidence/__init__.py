"""How sure it is: installed files against what their distribution records about them."""

from auditor.evidence.installed import Installation, installations
from auditor.evidence.proof import prove

__all__ = ["Installation", "installations", "prove"]
