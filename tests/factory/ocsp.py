"""OCSP answers of our own: responses by a pure function, and a responder on loopback.

A responder is any certificate holder, so each answer can be wrong in one thing: who
signed it, for which certificate, for which time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any

from asn1crypto import core, ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder
from cryptography.x509.oid import AuthorityInformationAccessOID

from provenance.credentials.engine_signing import ClaimSigner
from tests.factory import pki
from tests.factory.pki import Holder
from tests.factory.stores import Store
from tests.factory.surgery import edit_store, resign
from tests.factory.tsa import sign_with_holder
from tests.factory.updates import update

__all__ = [
    "Responder",
    "delegate",
    "make_response",
    "points_to",
    "refusal",
    "running_responder",
    "staple",
    "status_update",
]


def make_response(
    subject: x509.Certificate,
    issuer: Holder,
    *,
    responder: Holder | None = None,
    this_update: datetime,
    valid_for: timedelta | None = timedelta(days=7),
    produced_at: datetime | None = None,
    unknown: bool = False,
    revoked_at: datetime | None = None,
    reason: str | None = None,
    dates: Mapping[str, datetime] = MappingProxyType({}),
    critical: bool = False,
    id_hash: str = "sha1",
    by_key: bool = False,
    certificates: Sequence[x509.Certificate] | None = None,
    signed_with: str = "sha256",
    spoil_signature: bool = False,
) -> bytes:
    """An answer about one certificate, in DER; good, unless it is told otherwise.

    Args:
        subject: The certificate it is about.
        issuer: Who is named as its issuer.
        responder: Who signs; by default the issuer.
        this_update: From when on it is right.
        valid_for: For how long; not stated without it.
        produced_at: When it says it was signed; by default at `this_update`.
        unknown: The responder does not know the certificate.
        revoked_at: Revoked, since then.
        reason: Why, as `key_compromise`.
        dates: Extensions by name: `invalidity_date`, `archive_cutoff`.
        critical: Add a critical extension that nobody knows.
        id_hash: Names the certificate by this hash.
        by_key: Name the responder by its key and not by its name.
        certificates: Those inside; by default the responder's, unless it is the issuer.
        signed_with: The hash under the signature.
        spoil_signature: Change one bit of the signature.
    """
    signer = responder or issuer
    single: dict[str, Any] = {
        "cert_id": _certificate_id(subject, issuer, id_hash),
        "cert_status": _status(unknown=unknown, revoked_at=revoked_at, reason=reason),
        "this_update": _moment(this_update),
    }
    if valid_for is not None:
        single["next_update"] = _moment(this_update + valid_for)
    extensions = [_extension(name, _moment(date)) for name, date in dates.items()]
    if critical:
        # Below 2.999, the arc for examples.
        extensions.append(_extension("2.999.1", core.Null(), critical=True))
    if extensions:
        single["single_extensions"] = extensions
    own = asn1_x509.Certificate.load(signer.certificate.public_bytes(Encoding.DER))
    data = ocsp.ResponseData(
        {
            "responder_id": ocsp.ResponderId("by_key", own.public_key.sha1)
            if by_key
            else ocsp.ResponderId("by_name", own.subject),
            "produced_at": _moment(produced_at or this_update),
            "responses": [single],
        }
    )
    algorithm, signature = sign_with_holder(signer, data.dump(), signed_with)
    if spoil_signature:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    basic: dict[str, Any] = {
        "tbs_response_data": data,
        "signature_algorithm": algorithm,
        "signature": signature,
    }
    inside = certificates
    if inside is None:
        inside = [] if signer is issuer else [signer.certificate]
    if inside:
        basic["certs"] = [
            asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
            for certificate in inside
        ]
    response = ocsp.OCSPResponse(
        {
            "response_status": "successful",
            "response_bytes": {
                "response_type": "basic_ocsp_response",
                "response": core.ParsableOctetString(ocsp.BasicOCSPResponse(basic).dump()),
            },
        }
    )
    return bytes(response.dump())


def refusal(status: str = "try_later") -> bytes:
    """A response without an answer."""
    return bytes(ocsp.OCSPResponse({"response_status": status}).dump())


def delegate(
    issuer: Holder,
    label: str = "Aurora TEST responder",
    *,
    eku: Sequence[str] | None = (pki.OCSP_SIGNING,),
    no_check: bool = True,
    **fields: Any,
) -> Holder:
    """Somebody whom the issuer made for answering; `fields` are those of `pki.issue`."""
    extensions = [(x509.OCSPNoCheck(), False)] if no_check else []
    return pki.issue(label, issuer, eku=eku, extensions=extensions, **fields)


def points_to(url: str) -> tuple[x509.ExtensionType, bool]:
    """The extension by which a certificate says where to ask about it."""
    there = x509.UniformResourceIdentifier(url)
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, there)
    return x509.AuthorityInformationAccess([access]), False


def staple(data: bytes, media_type: str, *responses: bytes) -> bytes:
    """The file with these answers in the unprotected header, which nobody signs.

    A time-stamp that is there stays.
    """

    def edit(store: Store) -> None:
        kept = {k: v for k, v in store.cose[1].items() if k not in ("pad", "pad2", "rVals")}
        store.set_unprotected({**kept, "rVals": {"ocspVals": list(responses)}})

    return edit_store(data, media_type, edit)


def status_update(
    data: bytes, media_type: str, *responses: bytes, signer: ClaimSigner, **options: Any
) -> bytes:
    """A signed file with an update manifest that brings these answers.

    Spec: C2PA 2.5, "Certificate status assertion": a map with a list `ocspVals`.
    """

    def edit(store: Store) -> None:
        store.remove_assertion("example.aurora.room")
        # What the engine says of every update; without it, this one adds status alone.
        store.remove_assertion("c2pa.actions.v2")
        store.add_assertion("c2pa.certificate-status", {"ocspVals": list(responses)})

    # The store keeps its size, so room is made for what comes in.
    room = {"label": "example.aurora.room", "data": {"pad": "x" * sum(map(len, responses))}}
    updated = update(data, media_type, signer=signer, assertions=[room], **options)
    return resign(updated, media_type, signer=signer, edit=edit)


@dataclass(slots=True, kw_only=True)
class Responder:
    """A responder that answers on loopback, as a test tells it to.

    Attributes:
        url: Where it listens.
        answer: Gets the request, gives the body.
        headers: Sent besides the content type.
        content_type: Of the body.
        http_status: Anything but 200 is sent without a body.
        requests: Path and body of what it was asked, in order.
        hosts: The `Host` header of each.
    """

    url: str
    answer: Callable[[bytes], bytes] = bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/ocsp-response"
    http_status: int = 200
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Its host and port, as an operator allows them."""
        return self.url.removeprefix("http://").rstrip("/")

    @property
    def port(self) -> int:
        return int(self.place.rpartition(":")[2])


@contextmanager
def running_responder() -> Iterator[Responder]:
    """A responder that listens on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            responder.requests.append((self.path, request))
            responder.hosts.append(self.headers["Host"])
            self.send_response(responder.http_status)
            body = responder.answer(request) if responder.http_status == 200 else b""
            self.send_header("Content-Type", responder.content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in responder.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        host, port = server.server_address[:2]
        responder = Responder(url=f"http://{host!s}:{port}/")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield responder
        finally:
            server.shutdown()
            thread.join()


def _certificate_id(subject: x509.Certificate, issuer: Holder, hash_name: str) -> ocsp.CertId:
    chosen = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384()}
    builder = OCSPRequestBuilder().add_certificate(subject, issuer.certificate, chosen[hash_name])
    asked = ocsp.OCSPRequest.load(builder.build().public_bytes(Encoding.DER))
    return asked["tbs_request"]["request_list"][0]["req_cert"]


def _status(*, unknown: bool, revoked_at: datetime | None, reason: str | None) -> ocsp.CertStatus:
    if unknown:
        return ocsp.CertStatus("unknown", ocsp.StatusUnknown())
    if revoked_at is None:
        return ocsp.CertStatus("good", ocsp.StatusGood())
    revoked: dict[str, Any] = {"revocation_time": _moment(revoked_at)}
    if reason is not None:
        revoked["revocation_reason"] = reason
    return ocsp.CertStatus("revoked", ocsp.RevokedInfo(revoked))


def _extension(name: str, value: Any, *, critical: bool = False) -> dict[str, Any]:
    return {
        "extn_id": name,
        "critical": critical,
        "extn_value": core.ParsableOctetString(value.dump()),
    }


def _moment(moment: datetime) -> core.GeneralizedTime:
    return core.GeneralizedTime(moment.astimezone(UTC).replace(microsecond=0))
