"""One OCSP response: what does an issuer, or somebody it authorised, say about a certificate?

Spec: RFC 6960 §3.2, §4.2.1 and §4.2.2.2; RFC 5019 §2.1.1 for the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from asn1crypto import core, ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequest, OCSPRequestBuilder
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.errors import MalformedError
from provenance.trust.certificates import Certificate, load_der

__all__ = [
    "CertificateStatus",
    "OcspResponse",
    "Statement",
    "build_ocsp_request",
    "parse_ocsp_response",
]

_MAX_RESPONSE_BYTES = 64 * 1024
_MAX_STATEMENTS = 64
_MAX_CERTIFICATES = 8
_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
# The hash only names a certificate that the signature is then about; SHA-1 is
# what RFC 5019 prescribes, and what nearly all responders use.
_ID_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - see above
    "sha256": hashes.SHA256(),
}
# Extensions that a responder's certificate may mark critical; another one is a
# condition that nobody here checks (RFC 5280 §4.2).
_UNDERSTOOD_CRITICAL = {
    x509.BasicConstraints.oid,
    x509.KeyUsage.oid,
    x509.ExtendedKeyUsage.oid,
    x509.AuthorityKeyIdentifier.oid,
    x509.SubjectKeyIdentifier.oid,
    x509.OCSPNoCheck.oid,
}
# asn1crypto parses lazily and reports hostile structures through all of these.
_MALFORMED = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    OverflowError,
    NotImplementedError,
    UnsupportedAlgorithm,
)


class CertificateStatus(StrEnum):
    """What a responder says of a certificate (RFC 6960 §2.2)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an authorised responder said about one certificate.

    Attributes:
        status: What it said.
        produced_at: When it signed that.
        this_update: The moment for which it is known to be right.
        next_update: When something newer will be known; None is not stated.
        revoked_at: Since when it is revoked.
        invalid_since: Since when its key was no longer to be relied on, where the
            issuer learnt that later (RFC 5280 §5.3.2, invalidity date).
        remembered_since: How far back the responder remembers certificates that
            have ended (RFC 6960 §4.4.4, archive cutoff).
        reason: CRL reason in the words of RFC 5280, `key_compromise`; None is not stated.
        says_responder: What the responder's certificate says of itself; untrusted text.
        delegated: Whether the issuer authorised somebody else to answer.
        responder_exempt: Whether the responder's own certificate is exempt from
            revocation (`id-pkix-ocsp-nocheck`). Where it is not, nobody here asks.
    """

    status: CertificateStatus
    produced_at: datetime
    this_update: datetime
    next_update: datetime | None
    revoked_at: datetime | None
    invalid_since: datetime | None
    remembered_since: datetime | None
    reason: str | None
    says_responder: str | None
    delegated: bool
    responder_exempt: bool


@dataclass(frozen=True, slots=True)
class OcspResponse:
    """A response that could be read; nobody vouches for it before `statement_about`."""

    basic: ocsp.BasicOCSPResponse
    produced_at: datetime
    certificates: tuple[Certificate, ...]

    def statement_about(self, subject: Certificate, issuer: Certificate) -> Statement | None:
        """What does it say about this certificate? None where it is about others only.

        The certificate is found by serial number and by hashes of its issuer's
        name and key. The signature has to be the issuer's own, or that of a
        certificate which the issuer itself made for answering and which was
        valid when the answer was made.

        Raises:
            MalformedError: It is about the certificate, and it cannot be read or
                was not signed by anybody who may.
        """
        try:
            single = self._find(subject, issuer)
            if single is None:
                return None
            responder = self._authorised(issuer)
            _refuse_critical(single["single_extensions"])
            _refuse_critical(self.basic["tbs_response_data"]["response_extensions"])
            return self._statement(single, responder, issuer)
        except _MALFORMED as error:
            raise MalformedError(f"OCSP response: cannot be read: {error}") from error

    def _find(self, subject: Certificate, issuer: Certificate) -> Any:
        latest, latest_update = None, datetime.min.replace(tzinfo=UTC)
        for single in self.basic["tbs_response_data"]["responses"]:
            named = single["cert_id"]
            if named["serial_number"].native != subject.x509.serial_number:
                continue
            algorithm = named["hash_algorithm"]["algorithm"].native
            if algorithm not in _ID_HASHES:
                continue
            expected = _certificate_id(subject.der, issuer.der, algorithm)
            if (
                named["issuer_name_hash"].native == expected.issuer_name_hash
                and named["issuer_key_hash"].native == expected.issuer_key_hash
            ):
                update = _moment(single["this_update"].native)
                if update > latest_update:
                    latest, latest_update = single, update
        return latest

    def _authorised(self, issuer: Certificate) -> Certificate:
        """The certificate whose key made the signature, if it may answer for this issuer.

        Raises:
            MalformedError: Nobody of that kind made it.
        """
        identifier = self.basic["tbs_response_data"]["responder_id"]
        why = "it was not signed by the issuer or by a responder that the issuer authorised"
        for candidate in (issuer, *self.certificates):
            if not _is_named(candidate, identifier):
                continue
            if candidate.der != issuer.der:
                problem = _why_not_delegated(candidate, issuer, self.produced_at)
                if problem:
                    why = problem
                    continue
            if self._signed_by(candidate):
                return candidate
            why = "its signature does not hold"
        raise MalformedError(f"OCSP response: {why}")

    def _signed_by(self, responder: Certificate) -> bool:
        data = self.basic["tbs_response_data"].dump()
        signature = self.basic["signature"].native
        algorithm = self.basic["signature_algorithm"]
        try:
            _verify(responder.x509.public_key(), algorithm, signature, data)
        except InvalidSignature:
            return False
        return True

    def _statement(self, single: Any, responder: Certificate, issuer: Certificate) -> Statement:
        status = single["cert_status"]
        revoked_at, reason = None, None
        if status.name == "revoked":
            revoked_at = _moment(status.chosen["revocation_time"].native)
            reason = status.chosen["revocation_reason"].native
        next_update = single["next_update"].native
        return Statement(
            status=CertificateStatus(status.name),
            produced_at=self.produced_at,
            this_update=_moment(single["this_update"].native),
            next_update=None if next_update is None else _moment(next_update),
            revoked_at=revoked_at,
            invalid_since=_date_in(single, "invalidity_date"),
            remembered_since=_date_in(single, "archive_cutoff"),
            reason=reason,
            says_responder=responder.says_common_name or responder.says_organization,
            delegated=responder.der != issuer.der,
            responder_exempt=_has(responder.x509, x509.OCSPNoCheck),
        )


def parse_ocsp_response(der: bytes) -> OcspResponse:
    """What does this OCSP response hold?

    Raises:
        MalformedError: Not one, too large, or a refusal to answer.
    """
    if len(der) > _MAX_RESPONSE_BYTES:
        raise MalformedError(
            f"OCSP response: {len(der)} bytes, expected {_MAX_RESPONSE_BYTES} at most"
        )
    try:
        response = ocsp.OCSPResponse.load(der, strict=True)
        status = response["response_status"].native
        if status != "successful":
            raise MalformedError(f"OCSP response: the responder gave no answer, status {status}")
        outer = response["response_bytes"]
        if outer["response_type"].native != "basic_ocsp_response":
            raise MalformedError("OCSP response: expected a basic response")
        basic = outer["response"].parsed
        certificates = _items(basic["certs"])
        statements = basic["tbs_response_data"]["responses"]
        if len(certificates) > _MAX_CERTIFICATES or len(statements) > _MAX_STATEMENTS:
            raise MalformedError("OCSP response: expected few certificates and few statements")
        return OcspResponse(
            basic=basic,
            produced_at=_moment(basic["tbs_response_data"]["produced_at"].native),
            certificates=tuple(load_der(c.dump(), where="OCSP response") for c in certificates),
        )
    except _MALFORMED as error:
        raise MalformedError(f"OCSP response: cannot be read: {error}") from error


def build_ocsp_request(subject: Certificate, issuer: Certificate) -> bytes:
    """Which request asks about this certificate?

    Without a nonce: few responders repeat one, and the answer's own times keep
    an old answer from passing for a new one (RFC 5019 §2.1.1 and §4).
    """
    builder = OCSPRequestBuilder().add_certificate(subject.x509, issuer.x509, _ID_HASHES["sha1"])
    return builder.build().public_bytes(Encoding.DER)


@lru_cache(maxsize=256)
def _certificate_id(subject: bytes, issuer: bytes, algorithm: str) -> OCSPRequest:
    of = [load_der(der, where="OCSP request").x509 for der in (subject, issuer)]
    return OCSPRequestBuilder().add_certificate(of[0], of[1], _ID_HASHES[algorithm]).build()


def _moment(value: object) -> datetime:
    # Year 0 is no datetime; a local time has no zone.
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise MalformedError("OCSP response: a time in it is not a moment in UTC")
    return value.astimezone(UTC)


def _items(field: Any) -> Any:
    """What an optional list holds."""
    return () if isinstance(field, core.Void) else field


def _date_in(single: Any, extension: str) -> datetime | None:
    """The date that this extension of a statement gives, if it is there."""
    for entry in _items(single["single_extensions"]):
        if entry["extn_id"].native == extension:
            return _moment(entry["extn_value"].parsed.native)
    return None


def _refuse_critical(extensions: Any) -> None:
    """Stop at a condition that nobody here checks (RFC 6960 §4.4)."""
    if any(extension["critical"].native for extension in _items(extensions)):
        raise MalformedError("OCSP response: it carries a critical extension, unknown here")


def _is_named(certificate: Certificate, identifier: Any) -> bool:
    if identifier.name == "by_key":
        digest: bytes = asn1_x509.Certificate.load(certificate.der).public_key.sha1
        return bool(digest == identifier.native)
    subject = certificate.x509.subject.public_bytes()
    named = identifier.chosen.chosen
    # The same letters in another encoding are the same name (RFC 5280 §7.1), which
    # takes long to find out.
    return named.contents == asn1_x509.Name.load(subject).chosen.contents or bool(
        asn1_x509.Name.load(subject) == identifier.chosen
    )


def _why_not_delegated(
    responder: Certificate, issuer: Certificate, produced_at: datetime
) -> str | None:
    """Why may this certificate not answer for the issuer? None where it may.

    Spec: RFC 6960 §4.2.2.2: issued directly by the CA that issued the
    certificate in question, and marked for this by its extended key usage.
    """
    try:
        responder.x509.verify_directly_issued_by(issuer.x509)
    except (InvalidSignature, ValueError, TypeError):
        return "its responder was not authorised by the issuer of the certificate"
    extensions = responder.x509.extensions
    if not _lists_ocsp_signing(extensions):
        return "its responder's certificate is not one for OCSP signing"
    usage = next((e.value for e in extensions if isinstance(e.value, x509.KeyUsage)), None)
    if usage is not None and not usage.digital_signature:
        return "its responder's key may not sign answers"
    if any(e.critical and e.oid not in _UNDERSTOOD_CRITICAL for e in extensions):
        return "its responder's certificate carries a critical extension, unknown here"
    if not responder.is_valid_at(produced_at):
        return "its responder's certificate was not valid when it answered"
    return None


def _lists_ocsp_signing(extensions: x509.Extensions) -> bool:
    return any(
        isinstance(e.value, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.OCSP_SIGNING in e.value
        for e in extensions
    )


def _has(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> bool:
    return any(isinstance(extension.value, kind) for extension in certificate.extensions)


def _verify(key: Any, algorithm: Any, signature: bytes, data: bytes) -> None:
    """Check one signature; an algorithm below SHA-2 is none."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, data)
        return
    name = algorithm.hash_algo
    if name not in _HASHES:
        raise MalformedError(f"OCSP response: expected a signature with SHA-2, got {name}")
    match key:
        case rsa.RSAPublicKey():
            scheme: padding.AsymmetricPadding = padding.PKCS1v15()
            if algorithm.signature_algo == "rsassa_pss":
                scheme = padding.PSS(padding.MGF1(_HASHES[name]), algorithm.salt_length)
            key.verify(signature, data, scheme, _HASHES[name])
        case ec.EllipticCurvePublicKey():
            key.verify(signature, data, ec.ECDSA(_HASHES[name]))
        case _:
            raise MalformedError(f"OCSP response: cannot check a key of {type(key).__name__}")
