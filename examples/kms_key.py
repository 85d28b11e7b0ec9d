"""Sign with a key that a cloud service keeps.

    provenance sign ... --key python:kms_key:signer --certificate chain.pem

The service is a local stand-in here with the call of a cloud's key service: a key id, the
digest of the message and an algorithm go in, a signature in DER comes out. Put your
service's client in its place; the rest stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from provenance.signing.callable_signer import CallableSigner


class StandInForKms:
    """Keeps one P-256 key and signs digests with it, as a cloud service would."""

    def __init__(self, key_file: Path) -> None:
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("expected a key on P-256")
        self._key = key

    def sign(
        self,
        *,
        KeyId: str,  # noqa: N803 - the service's own spelling
        Message: bytes,  # noqa: N803
        MessageType: str,  # noqa: N803
        SigningAlgorithm: str,  # noqa: N803
    ) -> Mapping[str, Any]:
        """Sign a digest; the answer has the signature in DER."""
        if (MessageType, SigningAlgorithm) != ("DIGEST", "ECDSA_SHA_256") or len(Message) != 32:
            raise ValueError("expected the SHA-256 of the message and ECDSA_SHA_256")
        signature = self._key.sign(Message, ec.ECDSA(Prehashed(hashes.SHA256())))
        return {"KeyId": KeyId, "Signature": signature, "SigningAlgorithm": SigningAlgorithm}


def signer(chain: Sequence[x509.Certificate]) -> CallableSigner:
    """Make the signer for this chain; every worker process makes its own."""
    # With a cloud: client = boto3.client("kms"), and nothing secret is read here.
    client = StandInForKms(Path(os.environ["KMS_STAND_IN_KEY"]))

    def call(digest: bytes) -> bytes:
        answer = client.sign(
            KeyId="alias/aurora-releases",
            Message=digest,
            MessageType="DIGEST",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        return bytes(answer["Signature"])

    return CallableSigner(call, chain, algorithm="ES256", takes="digest", name="aurora-releases")
