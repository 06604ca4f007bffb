"""How much of an artifact is read before it is taken for an attack.

Each is far above what real ones have (largest wheels: some 4 GB, 30,000 members).
"""

ARTIFACT_BYTES = 32 << 30
"""Bytes of one artifact."""

MEMBERS = 500_000
"""Members of one artifact, folders and links included."""

UNPACKED_BYTES = 64 << 30
"""Bytes of all members of one artifact together."""

RATIO = 100
"""Times that an artifact may grow, unpacked, once it has more than `UNSUSPICIOUS` bytes."""

UNSUSPICIOUS = 1 << 30
"""Unpacked bytes that any artifact may have."""

DIRECTORY_BYTES = 256 << 20
"""Bytes of the central directory of a wheel."""

METADATA_BYTES = 32 << 20
"""Bytes of the metadata files of one wheel that are read, together; the largest have 4 MB."""

WHEEL_BYTES = 64 << 10
"""Bytes of a WHEEL file; real ones have some hundreds."""

NAME_BYTES = 4096
"""Bytes of one member's name: the longest path that Linux takes."""

TAR_READ = 1 << 20
"""Bytes of one extended header of a tar archive."""

TAR_GLOBALS = 64
"""Keywords that extended headers of a tar archive may set for all members that follow: each of
these goes through all of them. Real ones have one, `comment`."""

LZMA_MEMORY = 256 << 20
"""Bytes of memory that unpacking an xz archive may take."""

PROVENANCE_BYTES = 4 << 20
"""Bytes of the document that says who attested an artifact."""

ATTESTATIONS = 64
"""Attestations of one artifact that are looked at."""
