"""Time-stamps of our own: tokens by a pure function, and an authority on loopback.

The tokens are built field by field, so that each can be wrong on its own. An authority
is any certificate holder; `make_authority` makes one that follows the profile.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding

from tests.factory import pki
from tests.factory.pki import Holder, KeyKind

__all__ = [
    "TimeStampAuthority",
    "make_authority",
    "make_token",
    "running_authority",
    "sign_with_holder",
    "timestamp_response",
]

# Below 2.999, the arc for examples.
_POLICY = "2.999.1"
_HASHES: dict[str, hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    # For signatures that nobody may accept.
    "sha1": hashes.SHA1(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def make_authority(
    label: str = "Meridian",
    *,
    kind: KeyKind = KeyKind.P256,
    eku: Sequence[str] | None = (pki.TIME_STAMPING,),
    eku_critical: bool = True,
    not_before: datetime = pki.NOT_BEFORE,
    not_after: datetime = pki.NOT_AFTER,
) -> tuple[Holder, Holder]:
    """A root and a time-stamping leaf below it (RFC 3161 §2.3: one critical purpose)."""
    organization = f"{label} Time"
    top = pki.root(pki.name(f"{label} TEST time root", organization=organization))
    leaf = pki.issue(
        pki.name(f"{label} TEST time-stamping", organization=organization),
        top,
        kind=kind,
        eku=eku,
        eku_critical=eku_critical,
        not_before=not_before,
        not_after=not_after,
    )
    return top, leaf


def make_token(
    imprint_digest: bytes,
    *,
    tsa: Holder,
    gen_time: datetime,
    hash_name: str = "sha256",
    nonce: int | None = None,
    serial: int = 1,
    certificates: Sequence[x509.Certificate] | None = None,
    signing_certificate: x509.Certificate | None = None,
    name_signing_certificate: bool = True,
    signed_digest: bytes | None = None,
    spoil_signature: bool = False,
    unsorted_attributes: bool = False,
) -> bytes:
    """A TimeStampToken (RFC 3161 §2.4.2) in DER.

    Args:
        imprint_digest: The digest it is about.
        tsa: Who signs it.
        gen_time: The time it states.
        hash_name: The hash of the imprint, and of the signature.
        nonce: Repeated from the request.
        serial: The token's number.
        certificates: Those inside; by default the authority's chain. Empty: none.
        signing_certificate: Named in the ESS attribute instead of the authority's.
        name_signing_certificate: Whether there is an ESS attribute at all.
        signed_digest: Stands in the message-digest attribute instead of the right one.
        spoil_signature: Change one bit of the signature.
        unsorted_attributes: Put the signed attributes in another order than DER has them,
            and sign them so.
    """
    info: dict[str, Any] = {
        "version": "v1",
        "policy": _POLICY,
        "message_imprint": {
            "hash_algorithm": {"algorithm": hash_name},
            "hashed_message": imprint_digest,
        },
        "serial_number": serial,
        "gen_time": core.GeneralizedTime(gen_time.astimezone(UTC).replace(microsecond=0)),
    }
    if nonce is not None:
        info["nonce"] = nonce
    content = tsp.TSTInfo(info).dump()
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {
                "type": "message_digest",
                "values": [signed_digest or hashlib.new(hash_name, content).digest()],
            },
        ]
    )
    if name_signing_certificate:
        named = signing_certificate or tsa.certificate
        digest = hashlib.sha256(named.public_bytes(Encoding.DER)).digest()
        attributes.append(
            cms.CMSAttribute(
                {
                    "type": "signing_certificate_v2",
                    "values": [tsp.SigningCertificateV2({"certs": [{"cert_hash": digest}]})],
                }
            )
        )
    if unsorted_attributes:
        ordered = attributes.dump()
        pieces = [entry.dump() for entry in cms.CMSAttributes.load(ordered)]
        content_bytes = sum(map(len, pieces))
        head = ordered[: len(ordered) - content_bytes]
        attributes = cms.CMSAttributes.load(head + b"".join(reversed(pieces)))
    algorithm, signature = sign_with_holder(tsa, attributes.dump(), hash_name)
    if spoil_signature:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    own = _asn1(tsa.certificate)
    inside = tsa.chain if certificates is None else certificates
    signed: dict[str, Any] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": hash_name}],
        "encap_content_info": {
            "content_type": "tst_info",
            "content": core.ParsableOctetString(content),
        },
        "signer_infos": [
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    {
                        "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                            {"issuer": own.issuer, "serial_number": own.serial_number}
                        )
                    }
                ),
                "digest_algorithm": {"algorithm": hash_name},
                "signed_attrs": attributes,
                "signature_algorithm": algorithm,
                "signature": signature,
            }
        ],
    }
    if inside:
        signed["certificates"] = [_asn1(certificate) for certificate in inside]
    token = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(signed)})
    return bytes(token.dump())


def timestamp_response(token: bytes | None, *, status: str = "granted") -> bytes:
    """A TimeStampResp (RFC 3161 §2.4.2) in DER; without a token it is a refusal."""
    fields = tsp.PKIStatusInfo({"status": status}).dump() + (token or b"")
    # The token is optional in RFC 3161, but not in asn1crypto's TimeStampResp.
    return bytes(core.Sequence(contents=fields).dump())


@dataclass(slots=True, kw_only=True)
class TimeStampAuthority:
    """An authority that answers on loopback, as a test tells it to.

    Attributes:
        url: Where it listens.
        root: Its root.
        tsa: Who signs its tokens; a test may replace it.
        gen_time: The time it states; `None` is the machine's clock.
        wrong_imprint: Stamp another digest than the one asked for.
        http_status: Anything but 200 is sent without a body.
        answer: Replaces all of that: gets the request, gives the body.
        break_off: So many of the next connections are reset instead of answered.
        requests: What it was asked, in order.
    """

    url: str
    root: Holder
    tsa: Holder
    gen_time: datetime | None = None
    wrong_imprint: bool = False
    http_status: int = 200
    answer: Callable[[bytes], bytes] | None = None
    break_off: int = 0
    requests: list[bytes] = field(default_factory=list)

    def reset(self) -> None:
        """Back to an honest authority that has not been asked anything."""
        self.root, self.tsa = make_authority()
        self.gen_time = None
        self.wrong_imprint = False
        self.http_status = 200
        self.answer = None
        self.break_off = 0
        self.requests.clear()

    def respond(self, request: bytes) -> bytes:
        """The response to one TimeStampReq."""
        self.requests.append(request)
        if self.answer is not None:
            return self.answer(request)
        asked = tsp.TimeStampReq.load(request)
        digest = asked["message_imprint"]["hashed_message"].native
        if self.wrong_imprint:
            digest = bytes([digest[0] ^ 1]) + digest[1:]
        token = make_token(
            digest,
            tsa=self.tsa,
            gen_time=self.gen_time or datetime.now(UTC),
            hash_name=asked["message_imprint"]["hash_algorithm"]["algorithm"].native,
            nonce=asked["nonce"].native,
            serial=len(self.requests),
        )
        return timestamp_response(token)


@contextmanager
def running_authority() -> Iterator[TimeStampAuthority]:
    """An authority that listens on loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            if authority.break_off:
                authority.break_off -= 1
                # With nothing to linger for, closing resets the connection.
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
                self.connection.close()
                return
            body = authority.respond(request)
            self.send_response(authority.http_status)
            if authority.http_status != 200:
                body = b""
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing on stderr."""

    class Server(ThreadingHTTPServer):
        # The default of five is full as soon as the machine is busy with other tests.
        request_queue_size = 128

    root, tsa = make_authority()
    with Server(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        host, port = server.server_address[:2]
        authority = TimeStampAuthority(url=f"http://{host!s}:{port}/", root=root, tsa=tsa)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield authority
        finally:
            server.shutdown()
            thread.join()


def sign_with_holder(
    holder: Holder, data: bytes, hash_name: str
) -> tuple[algos.SignedDigestAlgorithm, bytes]:
    """A signature of the kind that the holder's key makes, and its name in ASN.1."""
    chosen = _HASHES[hash_name]
    if isinstance(holder.key, ec.EllipticCurvePrivateKey):
        name, signature = f"{hash_name}_ecdsa", holder.key.sign(data, ec.ECDSA(chosen))
    elif isinstance(holder.key, ed25519.Ed25519PrivateKey):
        name, signature = "ed25519", holder.key.sign(data)
    else:
        name, signature = f"{hash_name}_rsa", holder.key.sign(data, padding.PKCS1v15(), chosen)
    return algos.SignedDigestAlgorithm({"algorithm": name}), signature


def _asn1(certificate: x509.Certificate) -> Any:
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))
