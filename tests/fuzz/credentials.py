"""Fuzz targets for manifest stores, signatures, bindings, certificates, time-stamps and OCSP."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.cbor import decode_cbor
from provenance.credentials.cbor_slices import slice_of_value
from provenance.credentials.consent import parse_consent
from provenance.credentials.cose import check_claim_signature, parse_cose_sign1
from provenance.credentials.identity import check_identity_signature, parse_identity
from provenance.credentials.jumbf import ContentBox, SuperBox, parse_jumbf
from provenance.credentials.manifest_store import Assertion, parse_manifest_store
from provenance.errors import LimitError, MalformedError
from provenance.limits import DEFAULT_LIMITS
from provenance.media.containers import extract_manifest, parse_layout
from provenance.media.formats import FORMATS
from provenance.signing.carried_credentials import find_in_credentials
from provenance.trust.certificates import load_der, load_der_chain
from provenance.trust.chain import ChainChecker
from provenance.trust.lists import ListPurpose, parse_trust_list
from provenance.trust.ocsp import parse_ocsp_response
from provenance.trust.profile import Purpose, check_leaf_profile
from provenance.trust.timestamps import TimeStampChecker, parse_token
from provenance.verification.bindings import parse_hard_binding, recompute, unknown_algorithm
from provenance.verification.coverage import judge_coverage
from tests.factory import ocsp, pki
from tests.factory.pki import Holder
from tests.factory.stores import parse_store
from tests.factory.tsa import make_authority, make_token
from tests.fuzz.seeds import loose_store, other_bindings, signed_samples
from tests.fuzz.target import Target

__all__ = ["TARGETS"]

_AT = datetime(2026, 5, 5, tzinfo=UTC)
_STAMPED = b"what was stamped"
_LIMITS = DEFAULT_LIMITS
_LABELS = ("c2pa.hash.data", "c2pa.hash.boxes", "c2pa.hash.bmff.v3", "c2pa.hash.collection.data")


@cache
def _tiers() -> tuple[Holder, Holder, Holder]:
    return pki.three_tier("Fuzz chain")


@cache
def _clock() -> tuple[Holder, Holder]:
    return make_authority("Fuzz")


def _manifest_store(data: bytes) -> None:
    # A store that stands alone is a sidecar; whatever is in it, nothing is raised.
    find_in_credentials(io.BytesIO(data), FORMATS["c2pa"], _LIMITS)
    with contextlib.suppress(MalformedError, LimitError):
        parse_jumbf(data, _LIMITS)
    store = parse_manifest_store(data)
    for found in store.manifests.values():
        found.missing_assertions()
        found.changed_assertions()
        if found.signature is not None:
            with contextlib.suppress(MalformedError, LimitError):
                check_claim_signature(parse_cose_sign1(found.signature), found.claim.data)
        for assertion in found.assertions.values():
            for parse in (parse_hard_binding, parse_consent, parse_identity):
                with contextlib.suppress(MalformedError, LimitError):
                    parse(assertion, _LIMITS)


def _cbor(data: bytes) -> None:
    decode_cbor(data, where="item", limits=_LIMITS)
    found = slice_of_value(data, "alg", where="item", limits=_LIMITS)
    assert found is None or found in data


def _cose(data: bytes) -> None:
    check_claim_signature(parse_cose_sign1(data), b"claim")


def _assertion(label: str, content: bytes, kind: bytes = b"cbor") -> Assertion:
    box = SuperBox(b"cbor" + bytes(12), label, (), (ContentBox(kind, content),), b"", 0, 0)
    return Assertion(label, box, created=False, referenced=True)


def _binding(data: bytes) -> None:
    label = _LABELS[data[0] % len(_LABELS)] if data else _LABELS[0]
    binding = parse_hard_binding(_assertion(label, data[1:]), _LIMITS)
    unknown_algorithm(binding, "sha256")
    kind = {"c2pa.hash.bmff.v3": "mp4", "c2pa.hash.collection.data": "docx"}.get(label, "jpeg")
    asset = _assets()[kind]
    layout = parse_layout(io.BytesIO(asset), len(asset), FORMATS[kind], _LIMITS)
    stream = io.BytesIO(asset)
    with contextlib.suppress(MalformedError, LimitError):
        recompute(binding, stream, layout, "sha256")
    answer = judge_coverage(
        binding,
        layout,
        stream,
        media_format=FORMATS[kind],
        store_bytes=sum(r.size_bytes for r in layout.manifest_payload),
        embedded=True,
        limits=_LIMITS,
    )
    assert answer.full is (not answer.uncovered and answer.coverage.covered_bytes > 0)
    assert all(0 <= r.start < r.end <= len(asset) for r in answer.uncovered)


@cache
def _assets() -> dict[str, bytes]:
    return {kind: signed_samples()[kind] for kind in ("jpeg", "mp4", "docx")}


def _binding_seeds() -> Iterator[bytes]:
    for kind in ("jpeg", "mp4", "docx", "png"):
        manifest = parse_manifest_store(_store_of(signed_samples()[kind], kind)).active
        for assertion in manifest.hard_bindings:
            yield bytes([_LABELS.index(assertion.label)]) + assertion.box.contents[0].content
    boxed = parse_manifest_store(_store_of(other_bindings()["box-jpeg"], "jpeg")).active
    for assertion in boxed.hard_bindings:
        yield bytes([_LABELS.index(assertion.label)]) + assertion.box.contents[0].content


def _store_of(data: bytes, kind: str) -> bytes:
    stream = io.BytesIO(data)
    layout = parse_layout(stream, len(data), FORMATS[kind], _LIMITS)
    return extract_manifest(stream, layout, _LIMITS)


def _consent(data: bytes) -> None:
    parse_consent(_assertion("x", data[1:], b"json" if data[:1] == b"j" else b"cbor"), _LIMITS)


_IDENTITY = {
    "signer_payload": {
        "referenced_assertions": [
            {"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32)}
        ],
        "sig_type": "cawg.x509.cose",
        "role": ["cawg.publisher"],
    },
    "signature": bytes(70),
    "pad1": bytes(20),
    "pad2": b"",
}
_CONSENT = {
    "artist": "NOVA9",
    "uses": ["voice"],
    "validFrom": "2026-06-01T00:00:00+09:00",
    "validUntil": "2028-05-31T23:59:59+09:00",
    "territories": ["KR"],
    "revocationContact": "mailto:consent@aurora.example",
    "paperSha256": "5a" * 32,
    "identifier": "C-1",
}


def _identity(data: bytes) -> None:
    found = parse_identity(_assertion("cawg.identity", data), _LIMITS)
    assert found.references
    sign1 = parse_cose_sign1(found.signature)
    check_identity_signature(found, sign1)


def _certificates(data: bytes) -> None:
    chain = load_der_chain([data, *(_der(c) for c in _tiers()[2].chain[1:])], where="signature")
    root = load_der_chain([_der(_tiers()[0].certificate)], where="root")
    ChainChecker(root).check(chain, _AT)
    assert check_leaf_profile(chain[0].x509, purpose=Purpose.CLAIM_SIGNING)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _time_stamp(data: bytes) -> None:
    answer = _stamps().check(data, _STAMPED)
    assert answer.at is None or answer.at.tzinfo is UTC
    parse_token(data)


@cache
def _stamps() -> TimeStampChecker:
    root = _clock()[0].pem
    return TimeStampChecker(
        [parse_trust_list(root, name="x", purpose=ListPurpose.TIME_STAMP, source="x")]
    )


def _ocsp(data: bytes) -> None:
    subject, issuer = (load_der(_der(_tiers()[n].certificate), where="sample") for n in (2, 1))
    parse_ocsp_response(data).statement_about(subject, issuer)


def _ocsp_seeds() -> Iterator[bytes]:
    _, issuing, leaf = _tiers()
    yield ocsp.make_response(
        leaf.certificate, issuing, responder=ocsp.delegate(issuing), this_update=_AT
    )
    yield ocsp.make_response(
        leaf.certificate, issuing, this_update=_AT, revoked_at=_AT, reason="superseded"
    )
    yield ocsp.refusal()


def _signature() -> bytes:
    return parse_store(loose_store()).manifest.child("c2pa.signature").children[1].payload


TARGETS = (
    Target(
        name="jumbf",
        run=_manifest_store,
        seeds=lambda: [loose_store()],
        tokens=(b"jumb", b"jumd", b"cbor", b"json", b"bidb", b"c2pa.claim.v2", b"self#jumbf="),
    ),
    Target(
        name="cbor",
        run=_cbor,
        seeds=lambda: [_signature(), cbor2.dumps(_CONSENT), cbor2.dumps({"alg": [1, None, 2.5]})],
        tokens=(b"\x9f", b"\xbf", b"\xff", b"\xd8\x1c", b"\xd8\x1d", b"\xfb", b"\xc2", b"calg"),
        max_bytes=16 * 1024,
    ),
    Target(name="cose", run=_cose, seeds=lambda: [_signature()], max_bytes=16 * 1024),
    Target(name="binding", run=_binding, seeds=_binding_seeds, max_bytes=8 * 1024),
    Target(
        name="consent",
        run=_consent,
        seeds=lambda: [b"c" + cbor2.dumps(_CONSENT)],
        max_bytes=4 * 1024,
    ),
    Target(
        name="identity",
        run=_identity,
        seeds=lambda: [
            cbor2.dumps(_IDENTITY),
            cbor2.dumps({**_IDENTITY, "signature": _signature()}),
        ],
        max_bytes=16 * 1024,
    ),
    Target(
        name="certificates",
        run=_certificates,
        seeds=lambda: [_der(c) for holder in _tiers() for c in holder.chain],
        max_bytes=4 * 1024,
    ),
    Target(
        name="time-stamp",
        run=_time_stamp,
        seeds=lambda: [
            make_token(hashlib.sha256(_STAMPED).digest(), tsa=_clock()[1], gen_time=_AT)
        ],
        max_bytes=16 * 1024,
    ),
    Target(name="ocsp", run=_ocsp, seeds=_ocsp_seeds, max_bytes=16 * 1024),
)
