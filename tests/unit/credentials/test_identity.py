from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cbor2
import pytest

from provenance.credentials.cose import CoseSign1, SignatureAnswer, parse_cose_sign1
from provenance.credentials.identity import (
    IdentityAssertion,
    IdentitySignature,
    check_identity_signature,
    parse_identity,
)
from provenance.credentials.jumbf import ContentBox, SuperBox
from provenance.credentials.manifest_store import Assertion, HashedUri, parse_manifest_store
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS, Limits
from tests.factory import media, pki
from tests.factory.identity import add_identity, engine_signed
from tests.factory.sign import sign, store_of
from tests.factory.stores import parse_store

JPEG = "image/jpeg"
HOLDER = pki.three_tier("Aurora", eku=(pki.DOCUMENT_SIGNING,))[2]
URL = "self#jumbf=c2pa.assertions/c2pa.hash.data"
PAYLOAD = {
    "referenced_assertions": [{"url": URL, "hash": bytes(32)}],
    "sig_type": "cawg.x509.cose",
    "role": ["cawg.publisher"],
}
GOOD = {"signer_payload": PAYLOAD, "signature": b"\0", "pad1": b"\0\0"}


def assertion_of(content: bytes, kind: bytes = b"cbor") -> Assertion:
    box = SuperBox(b"cbor" + bytes(12), "", (), (ContentBox(kind, content),), b"", 0, 0)
    return Assertion("cawg.identity", box, created=False, referenced=True)


def parse(said: Any, limits: Limits = DEFAULT_LIMITS) -> IdentityAssertion:
    return parse_identity(assertion_of(cbor2.dumps(said)), limits)


def signed(**fields: Any) -> tuple[IdentityAssertion, CoseSign1]:
    """A statement as the factory builds it, and its signature."""
    signer = pki.signer_of(HOLDER)
    store = parse_store(store_of(sign(media.jpeg(), JPEG, signer=signer), JPEG))
    add_identity(store, signer, **fields)
    manifest = parse_manifest_store(store.to_bytes()).active
    identity = parse_identity(manifest.assertions["cawg.identity"])
    return identity, parse_cose_sign1(identity.signature)


def test_what_a_statement_says_comes_back() -> None:
    found = parse(GOOD)
    assert found.label == "cawg.identity"
    assert found.references == (HashedUri(URL, bytes(32), None),)
    assert found.sig_type == "cawg.x509.cose"
    assert found.roles == ("cawg.publisher",)
    assert found.signature == b"\0"
    assert found.pads_are_zero
    assert found.encodings == (cbor2.dumps(PAYLOAD, canonical=True), cbor2.dumps(PAYLOAD))
    assert found.engine_encoding == cbor2.dumps(PAYLOAD)


def test_the_payload_is_signed_as_it_stands_however_it_was_encoded() -> None:
    # A length in two bytes where one would do, in a map without a stated length.
    stored = cbor2.dumps(PAYLOAD).replace(b"\x58\x20", b"\x59\x00\x20")
    content = b"\xbf" + cbor2.dumps("signer_payload") + stored
    content += b"".join(map(cbor2.dumps, ("signature", b"\0", "pad1", b""))) + b"\xff"
    found = parse_identity(assertion_of(content))
    assert found.encodings == (cbor2.dumps(PAYLOAD, canonical=True), stored)


def test_fields_nobody_names_are_left_out_of_account() -> None:
    payload = PAYLOAD | {"expected_countersigners": [{"x": b""}]}
    found = parse({**GOOD, "signer_payload": payload, "named_actor_claims": [b"\0"], 7: "x"})
    assert found.references == (HashedUri(URL, bytes(32), None),)
    # They were signed all the same.
    assert found.encodings == (cbor2.dumps(payload, canonical=True), cbor2.dumps(payload))
    assert found.engine_encoding == cbor2.dumps(PAYLOAD)


def test_a_value_that_is_written_in_another_way_again_counts_as_it_stands() -> None:
    # Tag 1, a date in seconds, comes back as tag 0, a date in text.
    payload = {**PAYLOAD, "x": cbor2.CBORTag(1, 0)}
    stored = cbor2.dumps(payload)
    found = parse({**GOOD, "signer_payload": payload})
    assert found.encodings[-1] == stored
    assert cbor2.loads(found.encodings[0]) == cbor2.loads(stored)


def _without(fields: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if k != key}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], "expected a CBOR map, got major type 4"),
        ("text", "expected a CBOR map, got major type 3"),
        ({}, "expected a map with a signer_payload that is a map"),
        ({**GOOD, "signer_payload": []}, "expected a map with a signer_payload that is a map"),
        (_without(GOOD, "signature"), "expected the signature to be a byte string"),
        ({**GOOD, "signature": "x"}, "expected the signature to be a byte string"),
        ({**GOOD, "signature": b""}, "expected the signature to be a byte string"),
        (_without(GOOD, "pad1"), "expected pad1, and pad2 if any, to be byte strings"),
        ({**GOOD, "pad1": [0]}, "expected pad1, and pad2 if any, to be byte strings"),
        ({**GOOD, "pad2": None}, "expected pad1, and pad2 if any, to be byte strings"),
    ],
)
def test_a_statement_that_is_none_is_refused(said: Any, reason: str) -> None:
    with pytest.raises(MalformedError, match=f"^cawg.identity: {reason}$"):
        parse(said)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("referenced_assertions", None, "referenced_assertions to be a filled array"),
        ("referenced_assertions", [], "referenced_assertions to be a filled array"),
        ("referenced_assertions", {"url": URL}, "referenced_assertions to be a filled array"),
        ("referenced_assertions", [{"url": URL}], "every reference to have a url and a hash"),
        ("referenced_assertions", [URL], "every reference to have a url and a hash"),
        ("sig_type", "", "sig_type to be text"),
        ("sig_type", b"cawg.x509.cose", "sig_type to be text"),
        ("role", [], "role to be a filled array of texts"),
        ("role", "cawg.publisher", "role to be a filled array of texts"),
        ("role", ["cawg.publisher", ""], "role to be a filled array of texts"),
        ("role", ["cawg.publisher", 1], "role to be a filled array of texts"),
        ("role", None, "role to be a filled array of texts"),
    ],
)
def test_a_payload_that_is_none_is_refused(field: str, value: Any, reason: str) -> None:
    with pytest.raises(MalformedError, match=f"^cawg.identity: expected {reason}$"):
        parse({**GOOD, "signer_payload": {**PAYLOAD, field: value}})


@pytest.mark.parametrize("field", ["referenced_assertions", "sig_type"])
def test_a_payload_without_a_required_field_is_refused(field: str) -> None:
    with pytest.raises(MalformedError, match=f"^cawg.identity: expected {field} to be"):
        parse({**GOOD, "signer_payload": _without(PAYLOAD, field)})


def test_only_cbor_is_a_statement() -> None:
    with pytest.raises(MalformedError, match="expected a cbor box, got none"):
        parse_identity(assertion_of(b"{}", kind=b"json"))


def test_more_values_than_the_limit_are_not_built() -> None:
    said = {**GOOD, "x": [0] * 50}
    assert parse(said, Limits(max_cbor_items=100)).pads_are_zero
    with pytest.raises(LimitError, match="max_cbor_items"):
        parse(said, Limits(max_cbor_items=40))


@pytest.mark.parametrize(
    ("pads", "zero"),
    [
        ({"pad1": b""}, True),
        ({"pad1": bytes(1000), "pad2": bytes(3)}, True),
        ({"pad1": bytes(1000) + b"\1"}, False),
        ({"pad1": b"", "pad2": b"\0\x80\0"}, False),
    ],
)
def test_padding_holds_nothing_but_zeros(pads: dict[str, bytes], zero: object) -> None:
    assert parse({**GOOD, **pads}).pads_are_zero is zero


@pytest.mark.parametrize("canonical", [True, False])
def test_a_signature_over_either_encoding_is_one(canonical: object) -> None:
    identity, sign1 = signed(canonical=canonical)
    answer = check_identity_signature(identity, sign1)
    assert answer.answer is SignatureAnswer.VALID
    assert answer.payload == identity.encodings[0 if canonical else -1]
    assert (answer.payload == identity.engine_encoding) is not canonical


def test_a_signature_that_the_engine_made_is_one_over_what_it_writes() -> None:
    claim = pki.three_tier("Vantage")[2]
    data = engine_signed(media.jpeg(), JPEG, claim=claim, identity=HOLDER)
    manifest = parse_manifest_store(store_of(data, JPEG)).active
    identity = parse_identity(manifest.assertions["cawg.identity"])
    answer = check_identity_signature(identity, parse_cose_sign1(identity.signature))
    assert answer == IdentitySignature(SignatureAnswer.VALID, identity.engine_encoding)


@pytest.mark.parametrize(
    "fields", [{"spoil_signature": True}, {"sign_other": True}, {"chain_protected": False}]
)
def test_a_signature_that_is_none_of_it(fields: dict[str, Any]) -> None:
    answer = check_identity_signature(*signed(**fields))
    assert answer == IdentitySignature(SignatureAnswer.MISMATCH)


def test_a_payload_inside_the_signature_has_to_be_this_one() -> None:
    identity, sign1 = signed()
    _, unprotected, _, signature = cbor2.loads(identity.signature).value
    for payload, answer in (
        (identity.encodings[-1], SignatureAnswer.VALID),
        (b"another", SignatureAnswer.MISMATCH),
    ):
        parts: list[Any] = [sign1.protected, unprotected, payload, signature]
        attached = parse_cose_sign1(cbor2.dumps(cbor2.CBORTag(18, parts)))
        assert check_identity_signature(identity, attached).answer is answer


def test_an_algorithm_nobody_knows_accuses_nobody() -> None:
    identity, sign1 = signed()
    header = {**cbor2.loads(sign1.protected), 1: -65535}
    parts: list[Any] = [cbor2.dumps(header), {}, None, sign1.signature]
    unknown = parse_cose_sign1(cbor2.dumps(cbor2.CBORTag(18, parts)))
    assert check_identity_signature(identity, unknown).answer is SignatureAnswer.UNSUPPORTED
