from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.cose import (
    ALGORITHMS,
    CoseSign1,
    SignatureAnswer,
    TimeStampToken,
    check_claim_signature,
    check_cose_signature,
    parse_cose_sign1,
)
from provenance.errors import LimitError, MalformedError
from provenance.limits import Limits
from tests.factory import pki
from tests.factory.pki import KeyKind
from tests.factory.sign import store_of
from tests.factory.stores import parse_store

CLAIM = b"the claim"
IDS = {name: number for number, name in ALGORITHMS.items()}
KINDS = {
    "ES256": KeyKind.P256,
    "ES384": KeyKind.P384,
    "ES512": KeyKind.P521,
    "PS256": KeyKind.RSA2048,
    "PS384": KeyKind.RSA2048,
    "PS512": KeyKind.RSA2048,
    "EdDSA": KeyKind.ED25519,
}


def _sign1(
    algorithm: str = "ES256",
    *,
    kind: KeyKind | None = None,
    claim: bytes = CLAIM,
    protected: Mapping[Any, Any] | None = None,
    unprotected: Mapping[Any, Any] | None = None,
    payload: bytes | None = None,
) -> bytes:
    """A COSE_Sign1 over the claim; `protected` replaces algorithm and chain."""
    leaf = _leaf(algorithm, kind)
    signer = pki.signer_of(leaf, algorithm=algorithm if kind is None else None)
    if protected is None:
        protected = {1: IDS[algorithm], 33: _ders(leaf)}
    header = cbor2.dumps(dict(protected))
    signature = signer.sign(cbor2.dumps(["Signature1", header, b"", claim]))
    return cbor2.dumps(cbor2.CBORTag(18, [header, dict(unprotected or {}), payload, signature]))


@cache
def _leaf(algorithm: str, kind: KeyKind | None = None) -> pki.Holder:
    return pki.three_tier(f"COSE {algorithm}", kind=kind or KINDS[algorithm])[2]


def _ders(holder: pki.Holder) -> list[bytes]:
    return [c.public_bytes(Encoding.DER) for c in holder.chain]


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("algorithm", KINDS)
def test_each_algorithm_is_verified_and_a_flipped_bit_is_a_mismatch(algorithm: str) -> None:
    sign1 = parse_cose_sign1(_sign1(algorithm))
    assert sign1.algorithm == algorithm
    assert check_cose_signature(sign1, CLAIM) is SignatureAnswer.VALID

    for at in (0, len(sign1.signature) // 2, len(sign1.signature) - 1):
        flipped = dataclasses.replace(sign1, signature=_flip(sign1.signature, at))
        assert check_cose_signature(flipped, CLAIM) is SignatureAnswer.MISMATCH
    assert check_cose_signature(sign1, _flip(CLAIM, 0)) is SignatureAnswer.MISMATCH
    longer = dataclasses.replace(sign1, signature=sign1.signature + b"\0")
    assert check_cose_signature(longer, CLAIM) is SignatureAnswer.MISMATCH
    empty = dataclasses.replace(sign1, signature=b"")
    assert check_cose_signature(empty, CLAIM) is SignatureAnswer.MISMATCH


def test_the_engine_and_we_agree_on_a_signed_file(signed_jpeg: bytes) -> None:
    store = parse_store(store_of(signed_jpeg, "image/jpeg"))
    claim = store.claim_box.children[1].payload
    data = store.manifest.child("c2pa.signature").children[1].payload
    sign1 = parse_cose_sign1(data)
    assert sign1.chain_protected
    assert check_claim_signature(sign1, claim) is SignatureAnswer.VALID
    assert check_claim_signature(sign1, _flip(claim, 20)) is SignatureAnswer.MISMATCH


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("ES256", KeyKind.RSA2048),
        ("ES256", KeyKind.ED25519),
        ("PS256", KeyKind.P256),
        ("EdDSA", KeyKind.P256),
        ("EdDSA", KeyKind.RSA2048),
    ],
)
def test_a_key_of_another_kind_is_a_mismatch(algorithm: str, kind: KeyKind) -> None:
    header = {1: IDS[algorithm], 33: _ders(_leaf(algorithm, kind))}
    sign1 = parse_cose_sign1(_sign1(algorithm, kind=kind, protected=header))
    assert check_cose_signature(sign1, CLAIM) is SignatureAnswer.MISMATCH


@pytest.mark.parametrize("unknown", [-257, -9, 0, None, "ES256", -7.0, True, b"ES256"])
def test_an_unknown_algorithm_accuses_nobody(unknown: object) -> None:
    leaf = _leaf("ES256")
    sign1 = parse_cose_sign1(_sign1(protected={1: unknown, 33: _ders(leaf)}))
    assert sign1.algorithm is None
    assert check_cose_signature(sign1, CLAIM) is SignatureAnswer.UNSUPPORTED


def test_the_algorithm_is_read_from_the_protected_header_alone() -> None:
    leaf = _leaf("ES256")
    data = _sign1(protected={33: _ders(leaf)}, unprotected={1: IDS["ES256"]})
    assert check_cose_signature(parse_cose_sign1(data), CLAIM) is SignatureAnswer.UNSUPPORTED


def test_a_signature_without_a_certificate_belongs_to_nobody() -> None:
    sign1 = parse_cose_sign1(_sign1(protected={1: IDS["ES256"]}))
    assert sign1.chain == ()
    assert check_cose_signature(sign1, CLAIM) is SignatureAnswer.MISMATCH


def test_a_certificate_that_cannot_be_read_accuses_nobody() -> None:
    leaf = _leaf("ES256")
    der = _ders(leaf)[0]
    at = der.index(bytes.fromhex("a003020102")) + 4
    # X.509 knows versions 1 to 3, written as 0 to 2.
    version_four = der[:at] + b"\x03" + der[at + 1 :]
    for broken in (b"", b"no certificate", der[:-1], version_four):
        sign1 = parse_cose_sign1(_sign1(protected={1: IDS["ES256"], 33: [broken]}))
        assert check_cose_signature(sign1, CLAIM) is SignatureAnswer.UNSUPPORTED


def test_an_odd_certificate_is_used_without_a_word() -> None:
    """A serial number of zero: found by fuzzing, where it was warned of on stderr."""
    leaf = pki.issue("COSE of serial one", serial=1)
    der = leaf.certificate.public_bytes(Encoding.DER)
    odd = der.replace(b"\x02\x01\x01", b"\x02\x01\x00", 1)
    assert odd != der
    header = cbor2.dumps({1: IDS["ES256"], 33: odd})
    signature = pki.signer_of(leaf).sign(cbor2.dumps(["Signature1", header, b"", CLAIM]))
    sign1 = parse_cose_sign1(cbor2.dumps(cbor2.CBORTag(18, [header, {}, None, signature])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check_cose_signature(sign1, CLAIM) is SignatureAnswer.VALID


def test_a_claim_signature_is_detached() -> None:
    for payload, answer in (
        (None, SignatureAnswer.VALID),
        (CLAIM, SignatureAnswer.VALID),
        (b"another claim", SignatureAnswer.MISMATCH),
        (b"", SignatureAnswer.MISMATCH),
    ):
        sign1 = parse_cose_sign1(_sign1(payload=payload))
        assert sign1.payload == payload
        assert check_claim_signature(sign1, CLAIM) is answer


def test_a_payload_of_its_own_does_not_replace_the_claim() -> None:
    # Rightly signed, but over what it brings along.
    sign1 = parse_cose_sign1(_sign1(claim=b"another claim", payload=b"another claim"))
    assert check_claim_signature(sign1, CLAIM) is SignatureAnswer.MISMATCH


@pytest.mark.parametrize(
    ("protected", "unprotected", "chain", "is_protected"),
    [
        ({33: [b"a"]}, {33: [b"b"]}, (b"a",), True),
        ({"x5chain": [b"a"]}, {33: [b"b"]}, (b"a",), True),
        ({33: [b"a"], "x5chain": [b"c"]}, {}, (b"a",), True),
        ({}, {33: [b"b", b"c"]}, (b"b", b"c"), False),
        ({}, {"x5chain": [b"b"]}, (b"b",), False),
        ({33: b"a"}, {}, (b"a",), True),
        ({}, {}, (), False),
    ],
)
def test_where_the_chain_is_found(
    protected: dict[Any, Any], unprotected: dict[Any, Any], chain: object, *, is_protected: bool
) -> None:
    sign1 = parse_cose_sign1(_sign1(protected=protected, unprotected=unprotected))
    assert (sign1.chain, sign1.chain_protected) == (chain, is_protected)


def test_another_chain_in_the_unprotected_header_changes_nothing() -> None:
    _, _, thief = pki.three_tier("Thief", organization="Thief")
    plain = parse_cose_sign1(_sign1())
    added = parse_cose_sign1(_sign1(unprotected={33: _ders(thief), "x5chain": _ders(thief)}))
    assert added.chain == plain.chain
    assert check_cose_signature(added, CLAIM) is SignatureAnswer.VALID


def test_the_number_of_certificates_is_limited() -> None:
    data = _sign1(unprotected={33: [b"c"] * 17}, protected={1: IDS["ES256"]})
    with pytest.raises(LimitError, match="17 certificates exceed max_certificates"):
        parse_cose_sign1(data)
    assert len(parse_cose_sign1(data, Limits(max_certificates=17)).chain) == 17


def test_what_stands_beside_the_signature_is_read() -> None:
    sign1 = parse_cose_sign1(
        _sign1(
            unprotected={
                "sigTst": {"tstTokens": [{"val": b"old"}, {"val": 1}, 7]},
                "sigTst2": {"tstTokens": [{"val": b"new"}, {}]},
                "rVals": {"ocspVals": [b"response", "text"]},
                "pad": bytes(100),
            }
        )
    )
    assert sign1.time_stamps == (
        TimeStampToken("sigTst2", b"new"),
        TimeStampToken("sigTst", b"old"),
    )
    assert sign1.ocsp_responses == (b"response",)


@pytest.mark.parametrize("junk", [1, "text", [], {}, {"tstTokens": 1, "ocspVals": 1}])
def test_junk_beside_the_signature_is_left_out(junk: object) -> None:
    sign1 = parse_cose_sign1(_sign1(unprotected={"sigTst": junk, "sigTst2": junk, "rVals": junk}))
    assert sign1.time_stamps == ()
    assert sign1.ocsp_responses == ()
    assert check_cose_signature(sign1, CLAIM) is SignatureAnswer.VALID


def _parts(**changes: object) -> list[object]:
    parts = {"protected": cbor2.dumps({1: -7}), "unprotected": {}, "payload": None} | changes
    return [*parts.values(), b"signature"] if len(parts) == 3 else list(parts.values())


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (cbor2.CBORTag(98, _parts()), "expected CBOR tag 18, got 98"),
        (cbor2.CBORTag(18, _parts()[:3]), "expected an array of 4 items"),
        ([*_parts(), 1], "expected an array of 4 items"),
        ({}, "expected an array of 4 items"),
        (_parts(protected={}), "wrong type"),
        (_parts(unprotected=[]), "wrong type"),
        (_parts(payload="text"), "wrong type"),
        (_parts(signature="text"), "wrong type"),
        (_parts(protected=cbor2.dumps([])), "protected header: expected a map"),
        (_parts(protected=b"\xff"), "protected header: expected CBOR"),
        (_parts(protected=bytes.fromhex("a201260126")), "Duplicate map key: 1"),
        (_parts(unprotected={33: [1]}), "expected x5chain to hold byte strings"),
        (_parts(unprotected={33: "text"}), "expected x5chain to hold byte strings"),
    ],
)
def test_what_is_no_signature_is_refused(item: object, reason: str) -> None:
    with pytest.raises(MalformedError, match=reason):
        parse_cose_sign1(cbor2.dumps(item))


def test_the_tag_may_be_left_out_and_the_protected_header_be_empty() -> None:
    sign1 = parse_cose_sign1(cbor2.dumps(_parts(protected=b"")))
    assert isinstance(sign1, CoseSign1)
    assert sign1.algorithm is None
    assert parse_cose_sign1(cbor2.dumps(_parts())).algorithm == "ES256"


def test_the_signed_bytes_are_those_of_the_standard() -> None:
    # RFC 9052 §4.4: context, protected header, no external data, payload.
    sign1 = parse_cose_sign1(cbor2.dumps(_parts()))
    expected = ["Signature1", cbor2.dumps({1: -7}), b"", b"x"]
    assert cbor2.loads(sign1.to_be_signed(b"x")) == expected


@pytest.mark.parametrize(
    ("critical", "message"),
    [
        ([99], "not understood"),
        ([[33]], "not understood"),
        ([{33: 1}], "not understood"),
        (["example.aurora"], "not understood"),
        ([], "expected crit to list"),
        (True, "expected crit to list"),
    ],
)
def test_a_critical_parameter_that_nobody_here_understands_is_refused(
    critical: object, message: str
) -> None:
    leaf = _leaf("ES256", None)
    header = {1: IDS["ES256"], 2: critical, 33: _ders(leaf), 99: 1, "example.aurora": 1}
    with pytest.raises(MalformedError, match=message):
        parse_cose_sign1(_sign1(protected=header))


def test_twin_a_critical_parameter_that_is_acted_upon() -> None:
    header = {1: IDS["ES256"], 2: [33], 33: _ders(_leaf("ES256", None))}
    sign1 = parse_cose_sign1(_sign1(protected=header))
    assert check_claim_signature(sign1, CLAIM) is SignatureAnswer.VALID
