"""Native libraries: the files, their owners, and what the dynamic loader takes."""

from auditor.inventory.native.libraries import LibraryCopies, NativeLibraries, native_libraries
from auditor.inventory.native.native_files import NativeFile

__all__ = ["LibraryCopies", "NativeFile", "NativeLibraries", "native_libraries"]
