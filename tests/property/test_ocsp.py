"""OCSP responses by strangers: whatever the bytes, an answer or the one error for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import MalformedError
from provenance.trust.certificates import Certificate, load_der
from provenance.trust.ocsp import Statement, parse_ocsp_response
from tests.factory import ocsp, pki
from tests.factory.pki import Holder

ROOT, ISSUING, LEAF = pki.three_tier("Property")
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = ocsp.make_response(
    LEAF.certificate, ISSUING, responder=ocsp.delegate(ISSUING), this_update=MOMENT
)
REVOKED = ocsp.make_response(
    LEAF.certificate,
    ISSUING,
    this_update=MOMENT,
    revoked_at=MOMENT,
    reason="superseded",
    dates={"invalidity_date": MOMENT},
    by_key=True,
)


def certificate(holder: Holder) -> Certificate:
    return load_der(holder.certificate.public_bytes(Encoding.DER), where="sample")


SUBJECT, ISSUER = certificate(LEAF), certificate(ISSUING)


def read(der: bytes) -> Statement | None:
    return parse_ocsp_response(der).statement_about(SUBJECT, ISSUER)


def test_twin_the_samples_can_be_read() -> None:
    for der in (GOOD, REVOKED):
        assert read(der) is not None


def mutated() -> st.SearchStrategy[bytes]:
    def change(der: bytes, at: int, bits: int, cut: int | None) -> bytes:
        changed = bytearray(der)
        changed[at % len(der)] ^= bits
        return bytes(changed[:cut])

    return st.builds(
        change,
        st.sampled_from([GOOD, REVOKED]),
        st.integers(0, 4000),
        st.integers(1, 255),
        st.none() | st.integers(0, 1500),
    )


@settings(max_examples=300, deadline=None)
@given(der=mutated() | st.binary(max_size=200))
def test_a_changed_response_is_refused_or_says_the_same(der: bytes) -> None:
    try:
        statement = read(der)
    except MalformedError:
        return
    # What is not signed may change: how the certificates lie in it, and the status.
    assert statement in (None, read(GOOD), read(REVOKED))


def test_too_much_is_not_looked_at() -> None:
    with pytest.raises(MalformedError, match="70000 bytes, expected 65536 at most"):
        parse_ocsp_response(bytes(70_000))
    crowd = [LEAF.certificate] * 9
    many = ocsp.make_response(LEAF.certificate, ISSUING, this_update=MOMENT, certificates=crowd)
    with pytest.raises(MalformedError, match="expected few certificates"):
        parse_ocsp_response(many)
