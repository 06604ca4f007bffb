"""Which kinds of finding a quick audit can judge, and what it says of all others.

It knows the lock, the image's configuration and what the interpreter says of its metadata
folders; of every file else it knows nothing, which is not the same as its absence.
"""

from __future__ import annotations

from auditor.model import NotChecked

JUDGED = frozenset(
    {
        "LI001",
        "LI002",
        "LI004",
        "LI101",
        "LI102",
        "LI103",
        "LI104",
        "LI106",
        "LI107",
        "LI108",
        "LI109",
        "LI401",
        "LI901",
        "LI903",
        "LI904",
        "LI906",
    }
)
"""Codes that need nothing else."""

LEFT: dict[NotChecked, frozenset[str]] = {
    NotChecked(what, why): frozenset(codes.split())
    for what, why, codes in (
        (
            "artifacts",
            "nothing was compared with the locked artifacts",
            "LI105 LI204 LI209 LI902 LI907",
        ),
        ("bytecode", "no compiled file was compared with its source", "LI207"),
        ("code at start", "no .pth file, sitecustomize or usercustomize was read", "LI206"),
        (
            "files",
            "no installed file was read or looked for",
            "LI201 LI202 LI203 LI205 LI208",
        ),
        ("import path", "nobody looked for modules that hide the locked ones", "LI403"),
        ("instructions", "how the image is made and started was not looked at", "LI406 LI409"),
        (
            "layers",
            "what they hide, overwrite and leave behind was not looked at",
            "LI405 LI407 LI408",
        ),
        ("locks in the image", "none was looked for", "LI003"),
        ("native libraries", "none was looked for", "LI301 LI302 LI303 LI304"),
        (
            "operating system",
            "its programs and libraries were not looked at, nor which of its packages Python sees",
            "LI110 LI305 LI306",
        ),
        ("other environments", "only the one that runs was looked at", "LI402 LI404 LI905"),
        ("other platforms", "the engine was asked for one", "LI410"),
        ("what is installed", "this is the word of the image's own interpreter, no evidence", ""),
    )
}
"""What a quick audit leaves out: the line that says so, and the codes that it cannot give."""
