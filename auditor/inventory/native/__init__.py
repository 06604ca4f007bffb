"""Native libraries: what there is, whose it is, and what a loader makes of it."""

from auditor.inventory.native.native_files import NativeFile
from auditor.inventory.native.survey import LibraryCopies, Natives, survey_natives

__all__ = ["LibraryCopies", "NativeFile", "Natives", "survey_natives"]
