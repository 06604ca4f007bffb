"""Native libraries: what there is, whose it is, and what a loader makes of it."""

from auditor.inventory.native.files import NativeFile
from auditor.inventory.native.survey import Natives, Twins, take_natives

__all__ = ["NativeFile", "Natives", "Twins", "take_natives"]
