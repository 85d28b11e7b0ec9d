"""Time-stamps: does a recognised authority attest when these bytes existed?

Spec: RFC 3161 §2.4.2, RFC 5652 §5.4 and §5.6, RFC 5035 §3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from provenance.errors import MalformedError
from provenance.trust.certificates import Certificate, load_der, load_der_chain
from provenance.trust.chain import ChainChecker
from provenance.trust.lists import ListPurpose, TrustList
from provenance.trust.profile import Purpose, profile_faults

__all__ = [
    "TimeStampAnswer",
    "TimeStampChecker",
    "TimeStampState",
    "Token",
    "parse_token",
    "token_of_response",
]

_MAX_TOKEN_BYTES = 256 * 1024
_MAX_CERTIFICATES = 16
# Clocks differ a little.
_MAX_AHEAD = timedelta(minutes=5)
_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
# A response carries a token only with these: granted, granted with modifications.
_GRANTED = {"granted", "granted_with_mods"}


class TimeStampState(StrEnum):
    """How much a token is worth.

    `invalid`: damaged, or made for other bytes. `untrusted`: right in itself,
    but no recognised authority stands behind it.
    """

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One RFC 3161 token, taken apart.

    Attributes:
        gen_time: The time it states, UTC.
        imprint_algorithm: Hash of the imprint, `sha256` and so on.
        imprint: Digest of the stamped bytes.
        nonce: What the authority repeated of the request, if anything.
        content: DER of the TSTInfo, which the signer's digest is over.
        signer: The CMS SignerInfo.
        chain: Certificates, the signer's first, as far as they link up.
    """

    gen_time: datetime
    imprint_algorithm: str
    imprint: bytes
    nonce: int | None
    content: bytes
    signer: cms.SignerInfo
    chain: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampAnswer:
    """What one token is worth, with the time it states.

    Attributes:
        state: How much it is worth.
        at: The time stated, where the token could be read; only in state
            `trusted` does anybody vouch for it.
        authority: What the token's certificate says of itself; untrusted text.
        trust_list: Name of the list whose anchor vouches, in state `trusted`.
        why: Why it is not trusted.
    """

    state: TimeStampState
    at: datetime | None = None
    authority: str | None = None
    trust_list: str | None = None
    why: str = ""


def _content_info(der: bytes) -> cms.ContentInfo:
    """The token of a TimeStampResp, or the bare token."""
    outer = core.Sequence.load(der, strict=True)
    if isinstance(outer[0], core.ObjectIdentifier):
        return cms.ContentInfo.load(der, strict=True)
    # A refusal has no token, without which the whole response does not parse.
    status = tsp.PKIStatusInfo.load(outer[0].dump())["status"].native
    if status not in _GRANTED:
        raise MalformedError(f"time-stamp: the authority did not grant it, status {status}")
    return tsp.TimeStampResp.load(der, strict=True)["time_stamp_token"]


def _signer_certificate(
    signer: cms.SignerInfo, certificates: Sequence[Any]
) -> tuple[bytes, list[bytes]]:
    """DER of the certificate that the signer names, and of the others."""
    wanted, others = None, []
    for choice in certificates:
        certificate = choice.chosen
        identifier = signer["sid"].chosen
        if isinstance(identifier, cms.IssuerAndSerialNumber):
            # The number first: names are compared by rules that take a while (RFC 5280 §7.1).
            same = certificate.serial_number == identifier[
                "serial_number"
            ].native and _is_same_name(certificate.issuer, identifier["issuer"])
        else:
            same = certificate.key_identifier == identifier.native
        if same and wanted is None:
            wanted = certificate.dump()
        else:
            others.append(certificate.dump())
    if wanted is None:
        raise MalformedError("time-stamp: it carries no certificate of its signer")
    return wanted, others


def _is_same_name(one: asn1_x509.Name, other: asn1_x509.Name) -> bool:
    return bool(one.dump() == other.dump() or one == other)


def _order(leaf: bytes, others: Sequence[bytes]) -> tuple[Certificate, ...]:
    """Put the certificates of a CMS set into chain order, leaf first."""
    pool = [load_der(der, where="time-stamp") for der in others]
    chain = [load_der(leaf, where="time-stamp")]
    while True:
        following = next(
            (c for c in pool if c.x509.subject == chain[-1].x509.issuer and c not in chain), None
        )
        if following is None:
            return load_der_chain([c.der for c in chain], where="time-stamp")
        chain.append(following)


def parse_token(der: bytes) -> Token:
    """What does this token, or this response with a token, say?

    Raises:
        MalformedError: Not one, not granted, or with other than one signer.
    """
    if len(der) > _MAX_TOKEN_BYTES:
        raise MalformedError(f"time-stamp: {len(der)} bytes, expected {_MAX_TOKEN_BYTES} at most")
    try:
        info = _content_info(der)
        signed = info["content"]
        content = signed["encap_content_info"]
        if (info["content_type"].native, content["content_type"].native) != (
            "signed_data",
            "tst_info",
        ):
            raise MalformedError("time-stamp: expected signed data over a TSTInfo")
        stated = content["content"].parsed
        signers, certificates = signed["signer_infos"], signed["certificates"]
        if len(signers) != 1 or len(certificates) > _MAX_CERTIFICATES:
            raise MalformedError("time-stamp: expected one signer and few certificates")
        imprint = stated["message_imprint"]
        gen_time = stated["gen_time"].native
        # RFC 3161 §2.4.2: in UTC. Year 0 is no datetime; a local time has no zone.
        if not isinstance(gen_time, datetime) or gen_time.tzinfo is None:
            raise MalformedError("time-stamp: its time is not a moment in UTC")
        return Token(
            gen_time=gen_time.astimezone(UTC),
            imprint_algorithm=imprint["hash_algorithm"]["algorithm"].native,
            imprint=imprint["hashed_message"].native,
            nonce=stated["nonce"].native,
            content=content["content"].contents,
            signer=signers[0],
            chain=_order(*_signer_certificate(signers[0], certificates)),
        )
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        # asn1crypto parses lazily and reports hostile structures through all of these.
        raise MalformedError(f"time-stamp: expected an RFC 3161 token: {error}") from error


def token_of_response(der: bytes) -> bytes:
    """Which token does this response (RFC 3161 §2.4.2) hold, in DER?

    Raises:
        MalformedError: Not a response, or the authority did not grant a time-stamp.
    """
    if len(der) > _MAX_TOKEN_BYTES:
        raise MalformedError(f"time-stamp: {len(der)} bytes, expected {_MAX_TOKEN_BYTES} at most")
    try:
        token: bytes = _content_info(der).dump()
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise MalformedError(f"time-stamp: expected an RFC 3161 response: {error}") from error
    return token


def _digest(name: str, data: bytes) -> bytes:
    if name not in _HASHES:
        raise MalformedError(f"time-stamp: expected SHA-2, got {name}")
    return hashlib.new(name, data).digest()


def _check_attributes(token: Token) -> bytes:
    """Do the signed attributes bind the content and the certificate?

    Returns the DER that the signature is over.

    Raises:
        MalformedError: An attribute is missing or names something else.
    """
    # RFC 5652 §5.4: signed as a SET, though it stands there under the tag [0]. Taken before
    # anything in it is looked at, these are the bytes that came, not written anew.
    tagged: bytes = token.signer["signed_attrs"].dump()
    signed = b"\x31" + tagged[1:]
    attributes = {a["type"].native: a["values"] for a in token.signer["signed_attrs"]}
    digest_name = token.signer["digest_algorithm"]["algorithm"].native
    content_type = attributes.get("content_type")
    if content_type is None or content_type[0].native != "tst_info":
        raise MalformedError("time-stamp: its signed content type is not TSTInfo")
    message_digest = attributes.get("message_digest")
    if message_digest is None or message_digest[0].native != _digest(digest_name, token.content):
        raise MalformedError("time-stamp: its signed digest is not that of its content")
    leaf = token.chain[0].der
    # RFC 3161 §2.4.1: the signing certificate must be bound, or it could be exchanged.
    if "signing_certificate_v2" in attributes:
        identifier = attributes["signing_certificate_v2"][0]["certs"][0]
        name = identifier["hash_algorithm"]["algorithm"].native
        bound = identifier["cert_hash"].native == hashlib.new(name, leaf).digest()
    elif "signing_certificate" in attributes:
        identifier = attributes["signing_certificate"][0]["certs"][0]
        # RFC 2634 fixes SHA-1 here; it only names a certificate that the
        # signature and the chain then prove.
        bound = identifier["cert_hash"].native == hashlib.sha1(leaf).digest()  # noqa: S324
    else:
        bound = False
    if not bound:
        raise MalformedError("time-stamp: it does not name the certificate that signed it")
    return signed


def _check_signature(token: Token, signed: bytes) -> None:
    algorithm = token.signer["signature_algorithm"]
    digest_name = token.signer["digest_algorithm"]["algorithm"].native
    if digest_name not in _HASHES:
        raise MalformedError(f"time-stamp: expected SHA-2, got {digest_name}")
    hash_algorithm = _HASHES[digest_name]
    signature = token.signer["signature"].native
    match token.chain[0].x509.public_key():
        case rsa.RSAPublicKey() as key:
            if algorithm.signature_algo == "rsassa_pss":
                scheme: padding.AsymmetricPadding = padding.PSS(
                    padding.MGF1(hash_algorithm), algorithm.salt_length
                )
            else:
                scheme = padding.PKCS1v15()
            key.verify(signature, signed, scheme, hash_algorithm)
        case ec.EllipticCurvePublicKey() as key:
            key.verify(signature, signed, ec.ECDSA(hash_algorithm))
        case ed25519.Ed25519PublicKey() as key:
            key.verify(signature, signed)
        case other:
            raise MalformedError(f"time-stamp: cannot check a key of {type(other).__name__}")


class TimeStampChecker:
    """Answers for one set of time-stamp lists; claim anchors never enter here."""

    def __init__(self, lists: Sequence[TrustList]) -> None:
        if any(entry.purpose is not ListPurpose.TIME_STAMP for entry in lists):
            raise ValueError("a list of claim signers cannot vouch for time-stamp authorities")
        self._checkers = [(entry, ChainChecker(entry.anchors)) for entry in lists]

    def check(self, der: bytes, stamped: bytes, *, now: datetime | None = None) -> TimeStampAnswer:
        """Does a recognised authority attest that these bytes existed, and when?

        The imprint, the signature, the bound certificate and the profile of the
        authority's certificate are checked, then its path to an anchor of a
        time-stamp list at the stated time. Whether that certificate was revoked
        is not (C2PA asks for no revocation check of an authority).

        Spec: RFC 3161 §2.3 and §2.4.2; C2PA 2.5, "Validate the time-stamp".

        Args:
            der: Token or response, as found.
            stamped: The bytes it has to be about.
            now: The time of verification: a stamp from later than that proves nothing.
        """
        try:
            token = parse_token(der)
        except MalformedError as error:
            return TimeStampAnswer(state=TimeStampState.INVALID, why=str(error))
        return self.check_token(token, stamped, now=now)

    def check_token(
        self, token: Token, stamped: bytes, *, now: datetime | None = None
    ) -> TimeStampAnswer:
        """The same of a token that was taken apart already, and not been checked before."""
        why = _why_not_proven(token, stamped)
        if why:
            return _answer(token, TimeStampState.INVALID, why)
        leaf = token.chain[0]
        faults = profile_faults(leaf.x509, purpose=Purpose.TIME_STAMPING)
        if faults:
            why = f"its certificate may not stamp time: {faults[0].clause}, got {faults[0].got}"
        elif now is not None and token.gen_time > now + _MAX_AHEAD:
            why = "it states a time that has not come yet"
        elif not leaf.is_valid_at(token.gen_time):
            why = "its certificate was not valid at that time"
        elif not self._checkers:
            why = "no time-stamp list was given"
        if why:
            return _answer(token, TimeStampState.UNTRUSTED, why)
        for entry, checker in self._checkers:
            found = checker.check(token.chain, token.gen_time)
            if any(entry.trusts(anchor, token.gen_time) for anchor in found.anchors):
                return _answer(token, TimeStampState.TRUSTED, trust_list=entry.name)
            why = why or found.why or "its anchor was not listed at that time"
        return _answer(token, TimeStampState.UNTRUSTED, why)


def _answer(
    token: Token, state: TimeStampState, why: str = "", *, trust_list: str | None = None
) -> TimeStampAnswer:
    leaf = token.chain[0]
    return TimeStampAnswer(
        state=state,
        at=token.gen_time,
        authority=leaf.says_common_name or leaf.says_organization,
        trust_list=trust_list,
        why=why,
    )


def _why_not_proven(token: Token, stamped: bytes) -> str:
    """Why does the token not prove itself to be about these bytes? Empty where it does."""
    try:
        if _digest(token.imprint_algorithm, stamped) != token.imprint:
            return "it was made for other bytes"
        _check_signature(token, _check_attributes(token))
    except MalformedError as error:
        return str(error)
    except InvalidSignature:
        return "its signature does not hold"
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        IndexError,
        UnsupportedAlgorithm,
    ) as error:
        return f"it cannot be checked: {error}"
    return ""
