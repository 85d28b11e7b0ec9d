"""A time-stamp authority in a process of its own, so light that nobody measured waits for it.

Its tokens are encoded by hand: building them with an ASN.1 library takes as long as
signing half a picture, on a core that is measured.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

from asn1crypto import tsp
from cryptography.hazmat.primitives.serialization import Encoding

from tests.factory.pki import Holder
from tests.factory.tsa import make_authority, sign_with_holder

__all__ = ["RunningAuthority", "authority_process"]

_ALGORITHM = bytes.fromhex("300b0609608648016503040201")
_ECDSA = bytes.fromhex("300a06082a8648ce3d040302")
_TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAuthority:
    """Where it listens, and what vouches for it."""

    url: str
    root_pem: bytes


@contextmanager
def authority_process(*, delay_s: float = 0.0) -> Iterator[RunningAuthority]:
    """An authority on loopback until the block ends.

    Args:
        delay_s: How long each answer takes, as over a network.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, delay_s), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.terminate()
        process.join()
        here.close()
        there.close()


def _serve(there: Connection, delay_s: float) -> None:
    root, tsa = make_authority()
    encoder = _Encoder(tsa)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = encoder.answer(self.rfile.read(int(self.headers["Content-Length"])))
            time.sleep(delay_s)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        there.send(
            RunningAuthority(url=f"http://127.0.0.1:{server.server_address[1]}/", root_pem=root.pem)
        )
        server.serve_forever()


class _Encoder:
    """Writes TimeStampResps (RFC 3161 §2.4.2) of one authority."""

    def __init__(self, tsa: Holder) -> None:
        self._tsa = tsa
        leaf = tsa.certificate
        self._certificates = b"".join(one.public_bytes(Encoding.DER) for one in tsa.chain)
        self._signer = _der(0x30, leaf.issuer.public_bytes(), _integer(leaf.serial_number))
        digest = hashlib.sha256(leaf.public_bytes(Encoding.DER)).digest()
        named = _der(0x30, _der(0x30, _der(0x30, _der(0x04, digest))))
        self._named = _der(0x30, bytes.fromhex("060b2a864886f70d010910022f"), _der(0x31, named))
        self._type = _der(0x30, bytes.fromhex("06092a864886f70d010903"), _der(0x31, _TST_INFO))
        self._serial = 0

    def answer(self, request: bytes) -> bytes:
        """The response to one TimeStampReq over SHA-256."""
        asked = tsp.TimeStampReq.load(request)
        self._serial += 1
        nonce = asked["nonce"].native
        content = _der(
            0x30,
            _integer(1),
            bytes.fromhex("0603883701"),
            asked["message_imprint"].dump(),
            _integer(self._serial),
            _der(0x18, f"{datetime.now(UTC):%Y%m%d%H%M%SZ}".encode()),
            b"" if nonce is None else _integer(nonce),
        )
        digest = _der(0x04, hashlib.sha256(content).digest())
        attributes = (
            self._type
            + _der(0x30, bytes.fromhex("06092a864886f70d010904"), _der(0x31, digest))
            + self._named
        )
        _, signature = sign_with_holder(self._tsa, _der(0x31, attributes), "sha256")
        signer = _der(
            0x30,
            _integer(1),
            self._signer,
            _ALGORITHM,
            _der(0xA0, attributes),
            _ECDSA,
            _der(0x04, signature),
        )
        signed = _der(
            0x30,
            _integer(3),
            _der(0x31, _ALGORITHM),
            _der(0x30, _TST_INFO, _der(0xA0, _der(0x04, content))),
            _der(0xA0, self._certificates),
            _der(0x31, signer),
        )
        token = _der(0x30, bytes.fromhex("06092a864886f70d010702"), _der(0xA0, signed))
        return _der(0x30, _der(0x30, _integer(0)), token)


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))
