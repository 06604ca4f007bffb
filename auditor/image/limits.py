"""How much the auditor reads of an image, so that a hostile one cannot exhaust it.

Over a limit that concerns the whole of an image the audit stops (`ImageError`); over one that
concerns a single file, that file is a `Problem` with `limit=True` and the reading goes on.
"""

from __future__ import annotations

LAYER_BYTES = 64 << 30
"""Uncompressed bytes of one layer; more is a decompression bomb."""

LAYER_ENTRIES = 2_000_000
"""Members of one layer."""

LAYERS = 2048
"""Layers of one image; engines stop at 127."""

IMAGE_ENTRIES = 4_000_000
"""Members of all layers of one image together."""

TREE_BYTES = 512 << 20
"""Bytes of all paths together, of the layers or of the merged tree."""

TRANSIENT_LAYER = 32 << 20
"""Bytes of Python files held of one layer that comes in a stream; with more, none is."""

TRANSIENT_IMAGE = 96 << 20
"""The same of one image."""

KEPT_IMAGE = 256 << 20
"""Bytes of all contents that are kept of one image."""

PATH_BYTES = 4096
"""Bytes of one path: Linux's PATH_MAX, so no container could open a longer one."""

EXTENSION_BYTES = 1 << 20
"""Bytes of one extended tar header."""

KEPT_FILE = 8 << 20
"""Bytes of one file whose content an index keeps."""

KEPT_LAYER = 64 << 20
"""Bytes of all contents that one layer's index keeps; others are read again when asked for."""

SCRIPT_BYTES = 64 << 10
"""Bytes of a file that is kept as a script: in a `bin` directory, or by its name."""

JSON_BYTES = 16 << 20
"""Bytes of one JSON document of an image."""

UNLIMITED = 1 << 62
"""Bytes of an archive or blob as a whole, where what is in it has limits of its own."""

ARCHIVE_MEMBERS = 100_000
"""Members of an image archive, not of the layers in it."""

ARCHIVE_JSON = 64 << 20
"""Bytes of all JSON documents that are held while an archive is read in one pass."""

INDEX_DEPTH = 8
"""Image indexes inside image indexes."""

MANIFESTS = 10_000
"""Manifests that an image's indexes list together."""

PLATFORMS = 32
"""Other platforms of one image that are opened to be compared."""

PROBLEMS = 1000
"""Problems listed one by one for each layer; the rest are counted in one."""

PASSES = 64
"""Times that one packed layer is read again from its beginning."""

STREAM_PASSES = 8
"""Times that a layer is read again which comes in a stream: each costs the whole stream."""

LINKS = 40
"""Symbolic links followed for one path, as Linux does."""

ELF_HEAD = 64 << 20
"""Bytes kept of the start of one segment of a library whose strings are unusually far."""

HISTORY = 10_000
"""Steps of an image's history that are looked at."""

HIDDEN = 500_000
"""Files hidden by later layers that are remembered for one image."""
