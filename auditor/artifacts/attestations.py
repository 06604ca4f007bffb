"""Whether an artifact was attested by whom the lock names (PEP 740; PEP 751).

The signatures are Sigstore's; `pypi-attestations` (extra `attestations`) verifies them.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from auditor.artifacts.archive_limits import ATTESTATIONS
from auditor.errors import UsageError
from auditor.model import Attestation, AttestationState
from auditor.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pypi_attestations import Attestation as Signed
    from pypi_attestations import Distribution, Publisher

_PREFIX = "Verification failed: "

# It warns whenever its root of trust is not renewed, once for each signature.
logging.getLogger("sigstore").addHandler(logging.NullHandler())


def require_support() -> None:
    """Raise `UsageError` where the extra that verifies is not installed."""
    if find_spec("pypi_attestations") is None:
        raise UsageError(
            "--attestations needs the extra that verifies signatures",
            "pip install 'pylock-auditor[attestations]'",
        )


def trust(*, offline: bool) -> str:
    """Prepare the root of trust that Sigstore keeps for this user; say why there is none.

    It is renewed from Sigstore's own server. Where that cannot be reached, or with `offline`,
    the one of the last time decides, else the one that was shipped.
    """
    from sigstore.errors import Error, TUFError  # noqa: PLC0415 -- half a second, and an extra
    from sigstore.verify import Verifier  # noqa: PLC0415

    try:
        if not offline:
            with suppress(TUFError):
                Verifier.production()
        Verifier.production(offline=True)
    except OSError as error:
        return f"Sigstore's root of trust cannot be kept: {error.strerror}"
    except (Error, ValueError) as error:
        return f"Sigstore's root of trust cannot be read: {one_line(str(error))}"
    return ""


def verify(
    filename: str, sha256: str, provenance: bytes, identities: Sequence[Mapping[str, object]]
) -> Attestation:
    """Look for an attestation of these bytes by one of the identities; `trust` comes first.

    `provenance` is the document that an index serves beside the file (PEP 740). One
    attestation is enough: a lock's identities cover any file of a package.
    """
    from pypi_attestations import Distribution as Subject  # noqa: PLC0415 -- see `trust`
    from pypi_attestations import Provenance  # noqa: PLC0415

    publishers, unknown = _publishers(identities)
    if not publishers:
        return _unknown(f"attestations by {unknown} cannot be verified")
    try:
        bundles = Provenance.model_validate_json(provenance).attestation_bundles
        subject = Subject(name=filename, digest=sha256)
    except (ValueError, RecursionError):
        return _unknown("its provenance cannot be read")
    claims = [(bundle.publisher, each) for bundle in bundles for each in bundle.attestations]
    if not claims:
        return _unknown("its provenance holds no attestation")
    claims = claims[:ATTESTATIONS]
    ours, _ = _holder(subject, ((wanted, signed) for _, signed in claims for wanted in publishers))
    if ours is not None:
        return Attestation(AttestationState.VERIFIED, found=ours)
    other, refusal = _holder(subject, claims)
    why = f"no signature holds: {refusal}" if other is None else "they are by others"
    if unknown:
        return _unknown(f"{why}, and attestations by {unknown} cannot be verified")
    return Attestation(AttestationState.REFUSED, why, other)


def shown_identity(identity: Mapping[str, object]) -> str:
    """Return an attestation's identity in words: `GitHub owner/repository, release.yml`.

    Environments are left out: they stand in no certificate, so nobody verifies them.
    """
    values = [str(value) for key, value in identity.items() if key not in {"kind", "environment"}]
    return one_line(f"{identity.get('kind', 'publisher of no kind')} {', '.join(values)}")


def _unknown(why: str) -> Attestation:
    return Attestation(AttestationState.UNKNOWN, why)


def _publishers(identities: Sequence[Mapping[str, object]]) -> tuple[list[Publisher], str]:
    """Return the identities that can be verified, and the others in words.

    An identity that says more than the verifier knows to compare is one of the others.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 -- see `trust`
    from pypi_attestations import Publisher  # noqa: PLC0415

    adapter: TypeAdapter[Any] = TypeAdapter(Publisher)
    found, unknown = [], []
    for identity in identities:
        try:
            publisher = adapter.validate_python(dict(identity))
        except ValidationError:
            unknown.append(shown_identity(identity))
            continue
        if identity.keys() <= publisher.model_dump().keys():
            found.append(publisher)
        else:
            unknown.append(shown_identity(identity))
    return found, " or ".join(unknown)


def _holder(
    subject: Distribution, claims: Iterable[tuple[Publisher, Signed]]
) -> tuple[str | None, str]:
    """Return the first publisher who attested, in words; else why the first claim does not hold."""
    refusal = ""
    for publisher, signed in claims:
        try:
            signed.verify(publisher, subject, offline=True)  # as `trust` left it
        except Exception as error:  # noqa: BLE001 -- hostile bytes, and parsers of many libraries
            refusal = refusal or one_line(str(error).removeprefix(_PREFIX) or type(error).__name__)
        else:
            return shown_identity(publisher.model_dump(exclude_none=True)), ""
    return None, refusal
