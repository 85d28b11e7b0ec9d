"""Nothing comes out of a parser of a stranger's bytes but the errors it documents."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

import cbor2
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.credentials.cbor import decode_cbor
from provenance.credentials.cose import check_claim_signature, parse_cose_sign1
from provenance.credentials.engine_signing import sign_stream
from provenance.credentials.jumbf import parse_jumbf
from provenance.credentials.manifest_store import parse_manifest_store
from provenance.errors import DirectoryError, LimitError, MalformedError, TrustListError
from provenance.limits import DEFAULT_LIMITS
from provenance.trust.certificates import load_der_chain, parse_pem_bundle
from provenance.trust.chain import ChainChecker
from provenance.trust.directory import parse_directory
from provenance.trust.lists import ListPurpose, parse_trust_list
from provenance.trust.profile import Purpose, check_leaf_profile
from provenance.trust.timestamps import TimeStampChecker, parse_token
from tests.factory import media, pki
from tests.factory.pki import Holder
from tests.factory.sign import manifest
from tests.factory.stores import parse_store
from tests.factory.tsa import make_authority, make_token

AT = datetime(2026, 5, 5, tzinfo=UTC)
STAMPED = b"what was stamped"
_QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@cache
def _tiers() -> tuple[Holder, Holder, Holder]:
    return pki.three_tier()


@cache
def _clock() -> tuple[Holder, Holder]:
    return make_authority()


@cache
def _store() -> bytes:
    """A manifest store with one manifest, by the engine."""
    leaf = _tiers()[2]
    return sign_stream(
        io.BytesIO(media.jpeg()),
        io.BytesIO(),
        media_type="image/jpeg",
        manifest=manifest(),
        signer=pki.signer_of(leaf),
        sidecar=True,
    )


@cache
def _signature() -> bytes:
    return parse_store(_store()).manifest.child("c2pa.signature").children[1].payload


@cache
def _chain() -> tuple[bytes, ...]:
    return tuple(c.public_bytes(Encoding.DER) for c in _tiers()[2].chain)


@cache
def _token() -> bytes:
    return make_token(hashlib.sha256(STAMPED).digest(), tsa=_clock()[1], gen_time=AT)


@cache
def _directory() -> bytes:
    root, _, leaf = _tiers()
    document = {
        "schema_version": "1",
        "name": "Studio directory",
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "agencies": [
            {
                "id": "aurora",
                "names": [{"language": "en", "name": "Aurora Entertainment"}],
                "keys": [{"id": "k", "spki_sha256": pki.spki_sha256(leaf.certificate)}],
                "anchors": [
                    {
                        "id": "a",
                        "certificate_pem": root.pem.decode(),
                        "subject": {"organization": "Aurora Entertainment"},
                    }
                ],
            }
        ],
    }
    return json.dumps(document).encode()


@st.composite
def _spoilt(draw: st.DrawFn, make: Callable[[], bytes]) -> bytes:
    """The sample with some bytes changed, cut out or put in, or cut short."""
    data = bytearray(make())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["change", "insert", "delete", "repeat", "cut"])):
            case "change":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "delete":
                del data[at : at + draw(st.integers(1, 16))]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 200))]
            case _:
                del data[at:]
    return bytes(data)


def _hostile(make: Callable[[], bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(_spoilt(make), st.binary(max_size=300))


@_QUICK
@given(_hostile(_store))
def test_manifest_stores(data: bytes) -> None:
    try:
        parse_jumbf(data, DEFAULT_LIMITS)
        store = parse_manifest_store(data)
    except (MalformedError, LimitError):
        return
    for found in store.manifests.values():
        found.missing_assertions()
        found.changed_assertions()
        assert found.claim.generator is None or isinstance(found.claim.generator, str)
        for assertion in found.assertions.values():
            assertion.decode_map()


@_QUICK
@given(_hostile(_signature), st.binary(max_size=20))
def test_signatures(data: bytes, claim: bytes) -> None:
    try:
        sign1 = parse_cose_sign1(data)
    except (MalformedError, LimitError):
        return
    check_claim_signature(sign1, claim)


_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.binary()), inner, max_size=4),
        st.tuples(st.integers(0, 300), inner).map(lambda pair: cbor2.CBORTag(*pair)),
    ),
    max_leaves=12,
)


@_QUICK
@given(st.one_of(st.binary(max_size=200), _hostile(_signature), _VALUES.map(cbor2.dumps)))
def test_cbor(data: bytes) -> None:
    try:
        decode_cbor(data, where="item", limits=DEFAULT_LIMITS)
    except (MalformedError, LimitError):
        return


_PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**64), 2**64 - 1),
        st.floats(allow_nan=False),
        st.binary(max_size=300),
        st.text(max_size=300),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=30),
        st.dictionaries(st.one_of(st.text(), st.integers(0, 400)), inner, max_size=30),
    ),
    max_leaves=60,
)


@_QUICK
@given(_PLAIN, st.binary(min_size=1, max_size=3))
def test_cbor_comes_back_whole_and_without_a_rest(value: object, rest: bytes) -> None:
    data = cbor2.dumps(value)
    assert decode_cbor(data, where="item", limits=DEFAULT_LIMITS) == value
    try:
        decode_cbor(data + rest, where="item", limits=DEFAULT_LIMITS)
    except MalformedError:
        return
    raise AssertionError("an item with a rest was decoded")


@_QUICK
@given(_hostile(_token))
def test_time_stamps(data: bytes) -> None:
    root = _clock()[0]
    entry = parse_trust_list(root.pem, name="x", purpose=ListPurpose.TIME_STAMP, source="x")
    answer = TimeStampChecker([entry]).check(data, STAMPED)
    assert answer.at is None or answer.at.tzinfo is UTC
    try:
        parse_token(data)
    except MalformedError:
        return


@_QUICK
@given(st.sampled_from([0, 1]), st.data())
def test_certificates(which: int, data: st.DataObject) -> None:
    chain = list(_chain())
    chain[which] = data.draw(_hostile(lambda: _chain()[which]))
    root = _tiers()[0].certificate.public_bytes(Encoding.DER)
    checker = ChainChecker(load_der_chain([root], where="root"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            loaded = load_der_chain(chain, where="signature")
        except MalformedError:
            return
        checker.check(loaded, AT)
        assert check_leaf_profile(loaded[0].x509, purpose=Purpose.CLAIM_SIGNING)


@_QUICK
@given(_hostile(lambda: _tiers()[2].chain_pem))
def test_bundles(data: bytes) -> None:
    try:
        parse_pem_bundle(data.decode("utf-8", "replace"), where="list.pem")
    except TrustListError:
        return


@_QUICK
@given(_hostile(_directory))
def test_directories(data: bytes) -> None:
    try:
        parse_directory(data, where="d.json", source="test")
    except DirectoryError:
        return
