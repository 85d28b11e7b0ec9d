"""Reading certificates: PEM bundles of an operator, DER chains of a stranger."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID, ObjectIdentifier

from provenance.errors import MalformedError, TrustListError

__all__ = [
    "TEST_UNIT",
    "Certificate",
    "is_for_trials",
    "load_der",
    "load_der_chain",
    "parse_pem_bundle",
]

_REMEMBERED_BYTES = 16 * 1024
TEST_UNIT = "TEST - NOT FOR RELEASES"
"""What the subject of every certificate of a throw-away agency says (OU)."""

_UNUSABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_MARKER = re.compile(r"-----(?P<edge>BEGIN|END) (?P<what>[A-Z0-9 ]{1,64})-----")
# What was meant as a marker and is none would hide the block behind it.
_SPOILT = re.compile(r"--[ \t]*(?:BEGIN|END)\b|\b(?:BEGIN|END) [A-Z0-9 ]{1,64}--", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A parsed certificate, with what is asked of it again and again.

    The names in it are what its maker wrote; nothing here makes them true.
    """

    der: bytes
    x509: x509.Certificate
    sha256: str
    spki_sha256: str

    def __reduce__(self) -> tuple[Callable[[bytes], Certificate], tuple[bytes]]:
        # A parsed certificate of the library cannot be sent to another process.
        return _parse, (self.der,)

    @property
    def not_before(self) -> datetime:
        """First moment of its validity, UTC."""
        return self.x509.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """Last moment of its validity, UTC."""
        return self.x509.not_valid_after_utc

    def is_valid_at(self, moment: datetime) -> bool:
        """Does the moment lie inside the certificate's own validity?"""
        return self.not_before <= moment <= self.not_after

    def says(self, oid: ObjectIdentifier) -> str | None:
        """What does the subject say for this attribute? Untrusted text."""
        return _attribute(self.x509.subject, oid)

    @property
    def says_common_name(self) -> str | None:
        """The subject's common name."""
        return self.says(NameOID.COMMON_NAME)

    @property
    def says_organization(self) -> str | None:
        """The subject's organisation."""
        return self.says(NameOID.ORGANIZATION_NAME)

    @property
    def says_issuer(self) -> str | None:
        """The issuer's common name, else its organisation."""
        return _attribute(self.x509.issuer, NameOID.COMMON_NAME) or _attribute(
            self.x509.issuer, NameOID.ORGANIZATION_NAME
        )

    @property
    def is_test(self) -> bool:
        """Does its subject say that it was made for trials?"""
        return is_for_trials(self.x509.subject)

    @property
    def is_ca(self) -> bool:
        """Do its basic constraints say that it may issue certificates?"""
        try:
            return bool(
                self.x509.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
            )
        except (x509.ExtensionNotFound, ValueError):
            return False


def is_for_trials(subject: x509.Name) -> bool:
    """Does this subject say, by its unit (OU), that it was made for trials?"""
    units = subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return any(unit.value == TEST_UNIT for unit in units)


def _attribute(name: x509.Name, oid: ObjectIdentifier) -> str | None:
    values = name.get_attributes_for_oid(oid)
    if not values:
        return None
    value = values[0].value
    return value if isinstance(value, str) else None


def load_der(der: bytes, *, where: str) -> Certificate:
    """Which certificate do these bytes encode?

    Raises:
        MalformedError: Not a certificate, or with a key nobody here can use.
    """
    try:
        return _parse(der) if len(der) <= _REMEMBERED_BYTES else _parse.__wrapped__(der)
    except _UNUSABLE as error:
        raise MalformedError(f"{where}: expected an X.509 certificate: {error}") from error


# The same few chains come back with every release of an agency, and a
# certificate of that size is a certificate; larger ones are not kept.
@lru_cache(maxsize=1024)
def _parse(der: bytes) -> Certificate:
    with warnings.catch_warnings():
        # Odd serial numbers and attributes still parse; the chain decides about
        # them, and a stranger's certificate has nothing to say on stderr.
        warnings.simplefilter("ignore")
        parsed = x509.load_der_x509_certificate(der)
        spki = parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        # Lazily parsed parts fail here, not in the middle of a decision.
        _ = parsed.subject, parsed.issuer, parsed.extensions
        _ = parsed.not_valid_before_utc, parsed.not_valid_after_utc
    return Certificate(
        der, parsed, hashlib.sha256(der).hexdigest(), hashlib.sha256(spki).hexdigest()
    )


def load_der_chain(chain: Sequence[bytes], *, where: str) -> tuple[Certificate, ...]:
    """Which certificates does this chain hold, leaf first, as far as they link up?

    Only certificates whose subject is the issuer of the one before are kept: a
    signature may carry others, and a path through any heap of certificates
    would take as long as its author likes.

    Raises:
        MalformedError: The leaf is missing or not a certificate.
    """
    if not chain:
        raise MalformedError(f"{where}: expected a certificate chain, got none")
    linked = [load_der(chain[0], where=f"{where}, leaf")]
    for der in chain[1:]:
        try:
            following = load_der(der, where=where)
        except MalformedError:
            break
        if following.x509.subject != linked[-1].x509.issuer:
            break
        linked.append(following)
    return tuple(linked)


def parse_pem_bundle(text: str, *, where: str) -> tuple[Certificate, ...]:
    """Which certificates does this PEM text of an operator hold, in order?

    Text between the blocks is allowed, as the public lists have it. Everything
    else is an error: a list that silently loses an anchor is worse than none.

    Raises:
        TrustListError: No certificate at all, a block that is cut off, not a
            certificate or not readable. Names the file and the line.
    """
    found = []
    line, counted, end = 1, 0, 0
    begin: re.Match[str] | None = None
    for marker in _MARKER.finditer(text):
        if begin is None:
            line += text.count("\n", counted, marker.start())
            counted = marker.start()
            _check_between(text[end : marker.start()], where)
        place = f"{where}, line {line}"
        if marker["what"] != "CERTIFICATE":
            raise TrustListError(f"{place}: expected a CERTIFICATE block, got {marker['what']}")
        if (marker["edge"] == "BEGIN") is not (begin is None):
            lacks = "a BEGIN" if begin is None else "an END"
            raise TrustListError(f"{place}: expected {lacks} line for this block, got none")
        if begin is None:
            begin = marker
            continue
        found.append(_load_block(text[begin.end() : marker.start()], place))
        begin, end = None, marker.end()
    if begin is not None:
        raise TrustListError(f"{where}, line {line}: expected an END line for this block, got none")
    _check_between(text[end:], where)
    if not found:
        raise TrustListError(f"{where}: expected at least one certificate, got none")
    return tuple(found)


def _check_between(text: str, where: str) -> None:
    spoilt = _SPOILT.search(text)
    if spoilt is not None:
        raise TrustListError(
            f"{where}: expected '-----BEGIN CERTIFICATE-----' or its END, got {spoilt.group()!r}"
        )


def _load_block(body: str, place: str) -> Certificate:
    try:
        return load_der(base64.b64decode("".join(body.split()), validate=True), where=place)
    except binascii.Error as error:
        raise TrustListError(f"{place}: not base64: {error}") from error
    except MalformedError as error:
        raise TrustListError(str(error)) from error
    except ValueError as error:
        raise TrustListError(f"{place}: not base64: {error}") from error
