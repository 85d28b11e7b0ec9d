from __future__ import annotations

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.credentials.claim_stamps import (
    add_to_claim_signature,
    encode_sign1,
    stamp_message,
)
from provenance.credentials.cose import parse_cose_sign1
from provenance.credentials.manifest_store import parse_manifest_store
from provenance.errors import MalformedError, SigningError
from tests.factory.sign import store_of
from tests.factory.stores import parse_store

JPEG = "image/jpeg"


@pytest.fixture(scope="module")
def store(signed_jpeg: bytes) -> bytes:
    return store_of(signed_jpeg, JPEG)


def _header(store: bytes) -> dict[object, object]:
    (_, header, _, _) = parse_store(store).cose
    return dict(header)


def test_a_token_and_answers_take_the_room_of_the_padding(store: bytes) -> None:
    changed = add_to_claim_signature(store, token=b"token", ocsp=[b"one", b"two"])
    assert len(changed) == len(store)
    signature = parse_manifest_store(changed).active.signature
    assert signature is not None
    sign1 = parse_cose_sign1(signature)
    assert [(t.header, t.token) for t in sign1.time_stamps] == [("sigTst2", b"token")]
    assert sign1.ocsp_responses == (b"one", b"two")
    before, after = parse_store(store), parse_store(changed)
    assert before.cose[0] == after.cose[0]
    assert before.cose[2:] == after.cose[2:]
    assert before.claim == after.claim


def test_what_is_stamped_does_not_depend_on_what_is_added(store: bytes) -> None:
    changed = add_to_claim_signature(store, token=b"token")
    assert stamp_message(changed) == stamp_message(store)
    assert stamp_message(store) == parse_store(store).timestamp_message()


@pytest.mark.parametrize("size", [1, 23, 24, 255, 256, 9_000, 10_300])
def test_tokens_of_any_size_that_fits(size: int, store: bytes) -> None:
    changed = add_to_claim_signature(store, token=bytes(size))
    assert len(changed) == len(store)
    signature = parse_manifest_store(changed).active.signature
    assert signature is not None
    assert [t.token for t in parse_cose_sign1(signature).time_stamps] == [bytes(size)]


def test_one_that_does_not_fit_is_refused_with_what_is_missing(store: bytes) -> None:
    with pytest.raises(SigningError, match=r"got \d+: \d+ too many"):
        add_to_claim_signature(store, token=bytes(11_000))


def test_nothing_is_added_twice(store: bytes) -> None:
    changed = add_to_claim_signature(store, token=b"token", ocsp=[b"one"])
    with pytest.raises(SigningError, match="carries a time-stamp already"):
        add_to_claim_signature(changed, token=b"other")
    with pytest.raises(SigningError, match="carries the certificate's status already"):
        add_to_claim_signature(changed, token=None, ocsp=[b"other"])


def test_other_headers_stay(store: bytes) -> None:
    parsed = parse_store(store)
    parsed.set_unprotected({"temp": 7})
    changed = add_to_claim_signature(parsed.to_bytes(), token=b"token")
    assert _header(changed)["temp"] == 7


def test_the_same_signature_in_an_older_manifest_is_left_alone(store: bytes) -> None:
    """A copy of the signature that stands before the real one must not be taken for it."""
    parsed = parse_store(store)
    signature = cbor2.dumps(cbor2.CBORTag(18, parsed.cose))
    parsed.add_assertion("example.quoted", {"quoted": signature})
    changed = add_to_claim_signature(parsed.to_bytes(), token=b"token")
    quoted = parse_store(changed).assertion("example.quoted")["quoted"]
    assert quoted == signature
    assert "sigTst2" in _header(changed)


def test_a_claim_of_version_1_is_refused(store: bytes) -> None:
    parsed = parse_store(store)
    box = parsed.claim_box.children[0]
    box.payload = box.payload.replace(b"c2pa.claim.v2", b"c2pa.claim")
    with pytest.raises(SigningError, match="expected a claim of version 2, got version 1"):
        add_to_claim_signature(parsed.to_bytes(), token=b"token")


def test_what_is_no_store_is_refused() -> None:
    with pytest.raises(MalformedError):
        add_to_claim_signature(b"no store", token=b"token")


@settings(max_examples=60, deadline=None)
@given(pad=st.integers(min_value=40, max_value=700), token=st.integers(min_value=0, max_value=300))
def test_the_length_is_kept_or_the_token_refused(pad: int, token: int) -> None:
    """Every length of padding can be hit, with a second pad where one is not enough."""
    header = {"sigTst2": bytes(token)}
    try:
        encoded = encode_sign1(b"\xa0", header, None, b"s" * 64, size=80 + pad)
    except SigningError:
        plain = cbor2.dumps(cbor2.CBORTag(18, [b"\xa0", header, None, b"s" * 64]))
        assert len(plain) + 5 > 80 + pad
        return
    assert len(encoded) == 80 + pad
    assert cbor2.loads(encoded).value[1]["sigTst2"] == bytes(token)
