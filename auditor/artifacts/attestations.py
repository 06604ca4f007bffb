"""Whether an artifact was attested by whom the lock names (PEP 740; PEP 751).

The signatures are Sigstore's; `pypi-attestations` (extra `attestations`) verifies them against
the root of trust that it ships, renewed over the network where that can be reached.
"""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.clause import one_line
from auditor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pypi_attestations import Attestation, Distribution, Publisher

LIMIT = 4 * 1024 * 1024
"""Bytes of a provenance document that are read."""
_ATTESTATIONS = 64
"""Attestations of one artifact that are looked at."""


class Attested(StrEnum):
    """What came of looking at an artifact's attestations."""

    VERIFIED = "verified"
    REFUSED = "refused"
    """There are some, and none of them is by anybody that the lock names for these bytes."""
    UNKNOWN = "unknown"
    """There are none, or they cannot be read or verified here."""


class Attestations(NamedTuple):
    """The answer for one artifact, and a clause that says why or by whom."""

    attested: Attested
    why: str


def require_support() -> None:
    """Raise `UsageError` where the extra that verifies is not installed."""
    if find_spec("pypi_attestations") is None:
        raise UsageError(
            "--attestations needs the extra that verifies signatures",
            "pip install 'pylock-auditor[attestations]'",
        )


def verify(
    filename: str,
    sha256: str,
    provenance: bytes,
    identities: Sequence[Mapping[str, object]],
    *,
    offline: bool,
) -> Attestations:
    """Look for an attestation of these bytes by one of the identities.

    `provenance` is the document that an index serves beside the file (PEP 740). One
    attestation of the lock's identities is enough: identities cover any file of a package.
    """
    from pypi_attestations import Distribution as Subject  # noqa: PLC0415
    from pypi_attestations import Provenance  # noqa: PLC0415 -- half a second, and an extra

    publishers, unknown = _publishers(identities)
    if not publishers:
        return Attestations(Attested.UNKNOWN, f"no support for publishers of kind {unknown}")
    try:
        bundles = Provenance.model_validate_json(provenance).attestation_bundles
        subject = Subject(name=filename, digest=sha256)
    except (ValueError, RecursionError):
        return Attestations(Attested.UNKNOWN, "its provenance cannot be read")
    attestations = [each for bundle in bundles for each in bundle.attestations][:_ATTESTATIONS]
    if not attestations:
        return Attestations(Attested.UNKNOWN, "its provenance holds no attestation")
    refusals = []
    for publisher, refusal in _refusals(subject, attestations, publishers, offline=offline):
        if refusal is None:
            return Attestations(Attested.VERIFIED, _shown(publisher))
        refusals.append(refusal)
    return Attestations(Attested.REFUSED, refusals[0])


def _publishers(identities: Sequence[Mapping[str, object]]) -> tuple[list[Publisher], str]:
    """Give the identities that can be verified, and the kinds of the others."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415
    from pypi_attestations import Publisher  # noqa: PLC0415

    adapter: TypeAdapter[Any] = TypeAdapter(Publisher)
    found, unknown = [], []
    for identity in identities:
        try:
            found.append(adapter.validate_python(dict(identity)))
        except ValidationError:
            unknown.append(str(identity.get("kind")))
    return found, ", ".join(sorted(set(unknown)))


def _refusals(
    subject: Distribution,
    attestations: Sequence[Attestation],
    publishers: Sequence[Publisher],
    *,
    offline: bool,
) -> Iterator[tuple[Publisher, str | None]]:
    """Yield for each attestation and publisher why it does not hold; None where it does."""
    from pypi_attestations import AttestationError  # noqa: PLC0415
    from sigstore.errors import TUFError  # noqa: PLC0415

    for attestation in attestations:
        for publisher in publishers:
            try:
                try:
                    attestation.verify(publisher, subject, offline=offline)
                except TUFError:  # the root of trust cannot be renewed: the shipped one decides
                    offline = True
                    attestation.verify(publisher, subject, offline=True)
            except AttestationError as error:
                yield publisher, one_line(str(error))
            else:
                yield publisher, None


def _shown(publisher: Publisher) -> str:
    """Give a publisher in words: `GitHub a/b, release.yml`."""
    known = publisher.model_dump(exclude_none=True)
    kind = known.pop("kind")
    return one_line(f"{kind} {', '.join(str(value) for value in known.values())}")
