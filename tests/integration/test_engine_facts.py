"""What the engine does that can turn a verdict, held down one by one.

Where it is at odds with the specification or with its documentation the test says so,
and a decision of ours stands against it. An engine that changes its mind fails here
first: then the decision is looked at again, not the test loosened.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cbor2
import pytest
from c2pa import Builder, C2paError, C2paSigningAlg, Context, Reader, Signer, load_settings

from provenance.credentials.cose import SignatureAnswer, check_claim_signature, parse_cose_sign1
from provenance.credentials.engine import CLAIM_EKUS, Engine, EngineState
from provenance.credentials.engine_identity import combine_signers
from provenance.credentials.engine_signing import sign_stream
from provenance.credentials.manifest_store import parse_manifest_store
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from tests.factory import media, pki, surgery
from tests.factory.bindings import box_hashed_jpeg, excluded_pixels_png
from tests.factory.fragments import sign_fragments
from tests.factory.pki import Holder
from tests.factory.reading import EngineReading, read
from tests.factory.sign import OFFLINE, ingredient, manifest, sidecar, sign, store_of
from tests.factory.stores import Store
from tests.factory.tsa import make_authority

JPEG, PNG, MP4 = "image/jpeg", "image/png", "video/mp4"
STAMPED = datetime(2025, 2, 1, tzinfo=UTC)
EXPIRED = {"signingCredential.expired", "signingCredential.untrusted"}

_CA: dict[str, Any] = {"ca": True, "key_usage": ("key_cert_sign", "crl_sign")}

Signed = Callable[..., bytes]


@pytest.fixture(scope="module")
def forger() -> MemorySigner:
    return pki.signer_of(pki.three_tier("Forger", organization="Forger")[2])


@pytest.fixture(scope="module")
def expired() -> tuple[Holder, MemorySigner]:
    """A root that lasts, and a signer whose certificate ended on 1 March 2025."""
    root, _, leaf = pki.three_tier("Expired", not_after=datetime(2025, 3, 1, tzinfo=UTC))
    return root, pki.signer_of(leaf)


def _document(
    data: bytes, media_type: str = JPEG, *, settings: Mapping[str, Any], **options: Any
) -> dict[str, Any]:
    """What the bare engine says under exactly these settings."""
    with (
        Context.from_dict(dict(settings)) as context,
        Reader(media_type, io.BytesIO(data), context=context, **options) as reader,
    ):
        document: dict[str, Any] = json.loads(reader.json())
    return document


def _codes(document: Mapping[str, Any], kind: str) -> set[str]:
    active = document.get("validation_results", {}).get("activeManifest", {})
    return {status["code"] for status in active.get(kind, ())}


def _trust(pem: str, kind: str, **trust: Any) -> dict[str, Any]:
    """Offline settings with one anchor of this kind."""
    anchor = {"trust_anchors": pem, "trust_kind": kind, "trust_uri": "urn:test:list"}
    purposes = "".join(f"{oid}\n" for oid in CLAIM_EKUS)
    return {**OFFLINE, "trust": {"anchors": [anchor], "trust_config": purposes, **trust}}


@pytest.mark.parametrize("kind", ["manifest", "tsa", "cawg"])
def test_an_anchor_of_any_kind_makes_a_signer_trusted(
    kind: str, signed_jpeg: bytes, agency: DevAgency
) -> None:
    document = _document(signed_jpeg, settings=_trust(agency.root_pem.decode(), kind))
    assert document["validation_state"] == "Trusted"
    assert "signingCredential.trusted" in _codes(document, "success")


@pytest.mark.parametrize("kind", ["manifest", "tsa"])
def test_an_anchor_of_claim_signers_makes_a_time_stamp_trusted(
    kind: str, signed_jpeg: bytes
) -> None:
    root, tsa = make_authority()
    stamped = surgery.forge_timestamp(signed_jpeg, JPEG, tsa=tsa, gen_time=STAMPED)
    document = _document(stamped, settings=_trust(root.pem.decode(), kind))
    assert "timeStamp.trusted" in _codes(document, "success")


@pytest.mark.parametrize("purpose", [pki.TIME_STAMPING, pki.OCSP_SIGNING])
def test_a_certificate_for_another_purpose_is_a_trusted_signer(purpose: str) -> None:
    root, _, leaf = pki.three_tier(f"For {purpose}", eku=[purpose])
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=pki.signer_of(leaf))
    assert read(data, JPEG, anchors=[root]).state == "Trusted"


def test_the_claim_signing_purpose_counts_only_where_the_settings_name_it() -> None:
    root, _, leaf = pki.three_tier("Only claims", eku=[pki.CLAIM_SIGNING])
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=pki.signer_of(leaf))
    named = _trust(root.pem.decode(), "manifest")
    unnamed = {**OFFLINE, "trust": {"anchors": named["trust"]["anchors"]}}

    assert _document(data, settings=named)["validation_state"] == "Trusted"
    document = _document(data, settings=unnamed)
    assert document["validation_state"] == "Invalid"
    assert "signingCredential.invalid" in _codes(document, "failure")


def test_a_misspelt_setting_is_ignored_without_a_word(signed_jpeg: bytes) -> None:
    misspelt = {
        **OFFLINE,
        "verifi": {"remote_manifest_fetch": False},
        "core": {**OFFLINE["core"], "allowed_network_host": ["aurora.example"]},
        "trust": {"trust_ancors": "no PEM"},
    }
    assert _document(signed_jpeg, settings=misspelt)["validation_state"] == "Valid"


@pytest.mark.parametrize("setting", ["cawg_trust", "allowed_list"])
def test_a_documented_setting_is_ignored_without_a_word(
    setting: str, signed_jpeg: bytes, agency: DevAgency
) -> None:
    pem = (agency.leaf_pem + agency.root_pem).decode()
    settings: dict[str, Any] = dict(OFFLINE)
    if setting == "cawg_trust":
        settings["cawg_trust"] = {"trust_anchors": pem}
    else:
        settings["trust"] = {"allowed_list": pem}
    document = _document(signed_jpeg, settings=settings)
    assert document["validation_state"] == "Valid"
    assert "signingCredential.untrusted" in _codes(document, "failure")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_settings_loaded_for_the_whole_process_do_not_reach_a_reader(
    signed_jpeg: bytes, agency: DevAgency
) -> None:
    load_settings(_trust(agency.root_pem.decode(), "manifest"))
    assert _document(signed_jpeg, settings=OFFLINE)["validation_state"] == "Valid"


def test_names_tell_nothing_about_who_signed(agency: DevAgency) -> None:
    def by(label: str) -> EngineReading:
        # Two strangers who give the same names to their authorities and themselves.
        top = pki.issue("Twin TEST root", key=pki.make_key(label), **_CA)
        leaf = pki.issue("Twin", top, key=pki.make_key(f"{label} leaf"), eku=list(CLAIM_EKUS[:2]))
        return read(sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf)), JPEG)

    first, second = (by(label).active["signature_info"] for label in ("one", "two"))
    assert first["issuer"] == second["issuer"] == "Aurora Entertainment"
    assert first["common_name"] == second["common_name"] == "Twin"
    assert agency.organization == first["issuer"]


def test_any_self_made_certificate_is_valid(forger: MemorySigner) -> None:
    result = read(sign(media.jpeg(), JPEG, signer=forger), JPEG)
    assert result.state == "Valid"
    assert result.failure == {"signingCredential.untrusted"}


def test_a_self_signed_leaf_is_taken_for_an_anchor() -> None:
    lonely = pki.issue("Lonely", eku=list(CLAIM_EKUS[:2]))
    data = surgery.sign_unchecked(media.jpeg(), JPEG, signer=pki.signer_of(lonely))
    assert read(data, JPEG, anchors=[lonely]).state == "Trusted"
    assert read(data, JPEG).state != "Trusted"


def test_an_expired_signer_is_inside_validity_by_its_successes(
    expired: tuple[Holder, MemorySigner],
) -> None:
    root, signer = expired
    result = read(surgery.sign_unchecked(media.jpeg(), JPEG, signer=signer), JPEG, anchors=[root])
    assert result.state == "Invalid"
    assert result.failure == EXPIRED
    # Nothing was altered, and the engine's successes say more than is so.
    assert {"claimSignature.insideValidity", "assertion.dataHash.match"} <= result.success


def test_revocation_is_not_looked_at(signed_jpeg: bytes, agency: DevAgency) -> None:
    result = read(signed_jpeg, JPEG, anchors=[agency.root_pem])
    assert result.state == "Trusted"
    codes = result.success | result.informational | result.failure
    assert {code for code in codes if "ocsp" in code} <= {"signingCredential.ocsp.skipped"}


@pytest.mark.parametrize("joined", ["\n", ""])
def test_bundles_joined_without_a_newline_lose_an_anchor(
    joined: str, signed_jpeg: bytes, agency: DevAgency
) -> None:
    other = pki.root("Other TEST root").pem.decode().strip()
    bundle = other + joined + agency.root_pem.decode()
    state = _document(signed_jpeg, settings=_trust(bundle, "manifest"))["validation_state"]
    assert state == ("Trusted" if joined else "Valid")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda pem: pem.replace("MII", "!!!", 1),
        lambda pem: pem.replace("-----END CERTIFICATE-----\n", ""),
        lambda pem: pem[:300],
    ],
    ids=["no base64", "no end", "cut"],
)
def test_one_corrupt_anchor_silences_the_good_one_beside_it(
    spoil: Callable[[str], str], signed_jpeg: bytes, agency: DevAgency, *, first: bool
) -> None:
    good, other = agency.root_pem.decode(), pki.root("Other TEST root").pem.decode()

    def state(second: str) -> str:
        bundle = second + good if first else good + second
        document = _document(signed_jpeg, settings=_trust(bundle, "manifest"))
        return str(document["validation_state"])

    assert state(other) == "Trusted"
    assert state(spoil(other)) == "Valid"


def test_a_version_one_claim_takes_its_time_from_anybody(
    agency_signer: MemorySigner, agency: DevAgency
) -> None:
    _, home_made = make_authority("Home-made")
    data = sign(media.jpeg(), JPEG, signer=agency_signer, claim_version=1)
    forged = surgery.forge_timestamp(data, JPEG, tsa=home_made, gen_time=STAMPED)
    assert "timeStamp.trusted" in read(forged, JPEG, anchors=[agency.root_pem]).success


@pytest.mark.parametrize(("claim_version", "state"), [(1, "Trusted"), (2, "Invalid")])
def test_a_home_made_time_revives_an_expired_version_one_claim(
    claim_version: int, state: str, expired: tuple[Holder, MemorySigner]
) -> None:
    root, signer = expired
    _, home_made = make_authority("Home-made")
    dead = surgery.sign_unchecked(media.jpeg(), JPEG, signer=signer, claim_version=claim_version)
    revived = surgery.forge_timestamp(dead, JPEG, tsa=home_made, gen_time=STAMPED)
    assert read(dead, JPEG, anchors=[root]).failure == EXPIRED
    assert read(revived, JPEG, anchors=[root]).state == state


def test_an_untrusted_time_is_shown_like_a_trusted_one(signed_jpeg: bytes) -> None:
    _, home_made = make_authority("Home-made")
    forged = surgery.forge_timestamp(signed_jpeg, JPEG, tsa=home_made, gen_time=STAMPED)
    result = read(forged, JPEG)
    assert "timeStamp.untrusted" in result.informational
    assert result.active["signature_info"]["time"] == "2025-02-01T00:00:00+00:00"


def test_bytes_after_a_box_hashed_picture_change_nothing(
    agency_signer: MemorySigner, agency: DevAgency
) -> None:
    data = box_hashed_jpeg(media.jpeg(), signer=agency_signer)
    for tail in (b"", b"PK\5\6" + bytes(18), b"<html>", media.jpeg(2)):
        assert read(data + tail, JPEG, anchors=[agency.root_pem]).state == "Trusted"


def test_a_picture_inside_a_declared_exclusion_may_be_any(
    agency_signer: MemorySigner, agency: DevAgency
) -> None:
    shown, hashed = media.png(2, compress_level=0), media.png(1, compress_level=0)
    data = excluded_pixels_png(shown, hashed, signer=agency_signer)
    result = read(data, PNG, anchors=[agency.root_pem])
    assert result.state == "Trusted"
    assert "assertion.dataHash.additionalExclusionsPresent" in result.informational


@pytest.mark.parametrize(
    "forge",
    [
        lambda data: surgery.rename_brand(data, b"mp42"),
        lambda data: surgery.append_box(data, b"free"),
        lambda data: surgery.append_box(data, b"skip"),
        lambda data: surgery.append_box(data, b"mfra"),
    ],
    ids=["ftyp", "free", "skip", "mfra"],
)
def test_exempt_boxes_of_a_video_may_be_any(
    forge: Callable[[bytes], bytes], signed_mp4: bytes, agency: DevAgency
) -> None:
    assert read(forge(signed_mp4), MP4, anchors=[agency.root_pem]).state == "Trusted"
    other = surgery.append_box(signed_mp4, b"mdat")
    assert read(other, MP4, anchors=[agency.root_pem]).failure == {"assertion.bmffHash.mismatch"}


@pytest.mark.parametrize("kind", ["docx", "epub"])
def test_a_program_before_a_document_changes_nothing(
    kind: str, signed: Signed, agency: DevAgency
) -> None:
    data = surgery.prepend(signed(kind))
    result = read(data, media.MEDIA_TYPES[kind], anchors=[agency.root_pem])
    assert result.state == "Trusted"


@pytest.mark.parametrize("how", ["another picture", "one bit", "appended bytes"])
def test_every_change_of_a_picture_looks_the_same(how: str, signed_jpeg: bytes) -> None:
    changed = {
        "another picture": lambda: surgery.embed_store(
            media.jpeg(2), JPEG, store_of(signed_jpeg, JPEG)
        ),
        "one bit": lambda: surgery.flip_in_media(signed_jpeg, JPEG),
        "appended bytes": lambda: surgery.append(signed_jpeg),
    }[how]()
    assert "assertion.dataHash.mismatch" in read(changed, JPEG).failure


def test_an_initialisation_segment_alone_is_taken_for_altered(
    agency_signer: MemorySigner, agency: DevAgency
) -> None:
    start, fragments = sign_fragments(*media.fragmented_mp4(), signer=agency_signer)
    alone = read(start, MP4, anchors=[agency.root_pem])
    assert alone.failure == {"assertion.bmffHash.mismatch"}
    whole = read(start, MP4, anchors=[agency.root_pem], fragment=fragments[0])
    assert whole.state == "Trusted"


def _composed(data: bytes, signer: MemorySigner) -> bytes:
    return sign(media.jpeg(2), JPEG, signer=signer, ingredients=[ingredient(data, JPEG)])


def test_an_ingredient_whose_manifest_was_taken_out_is_a_failure(
    signed_jpeg: bytes, agency_signer: MemorySigner, agency: DevAgency
) -> None:
    data = _composed(signed_jpeg, agency_signer)

    def drop(store: Store) -> None:
        size_bytes = len(store.to_bytes())
        store.root.children.pop(1)
        store.sign(agency_signer, size_bytes=size_bytes)

    assert read(data, JPEG, anchors=[agency.root_pem]).state == "Trusted"
    result = read(surgery.edit_store(data, JPEG, drop), JPEG, anchors=[agency.root_pem])
    # Documentation and source of the engine file this code under the successes, too.
    assert result.state == "Invalid"
    assert result.failure == {"ingredient.manifest.missing"}


def test_a_failure_that_a_signer_recorded_is_left_out(
    signed_jpeg: bytes, agency_signer: MemorySigner, agency: DevAgency
) -> None:
    data = _composed(surgery.flip_in_media(signed_jpeg, JPEG), agency_signer)
    result = read(data, JPEG, anchors=[agency.root_pem])

    assert result.state == "Trusted"
    deltas = json.dumps(result.document["validation_results"].get("ingredientDeltas", []))
    assert "mismatch" not in deltas
    # It is in the ingredient assertion alone.
    store = parse_manifest_store(store_of(data, JPEG))
    (used,) = store.active.of_type("c2pa.ingredient", "c2pa.ingredient.v2", "c2pa.ingredient.v3")
    assert "assertion.dataHash.mismatch" in repr(used.decode())


def test_an_identity_that_does_not_hold_leaves_the_file_valid(
    agency_signer: MemorySigner, agency: DevAgency
) -> None:
    def add(store: Store) -> None:
        store.add_assertion(
            "cawg.identity",
            {
                "signer_payload": {
                    "sig_type": "cawg.x509.cose",
                    "referenced_assertions": [
                        {"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32)}
                    ],
                },
                "signature": b"no signature",
                "pad1": b"",
            },
        )

    room = {"label": "example.aurora.filler", "data": {"pad": "x" * 2000}}
    data = sign(media.jpeg(), JPEG, signer=agency_signer, assertions=[room])

    def change(store: Store) -> None:
        add(store)
        store.remove_assertion("example.aurora.filler")

    plain = surgery.resign(
        data, JPEG, signer=agency_signer, edit=lambda s: s.remove_assertion("example.aurora.filler")
    )
    assert read(plain, JPEG, anchors=[agency.root_pem]).state == "Trusted"
    result = read(
        surgery.resign(data, JPEG, signer=agency_signer, edit=change),
        JPEG,
        anchors=[agency.root_pem],
    )
    assert any(code.startswith("cawg.") for code in result.failure)
    assert result.state == "Valid"
    assert "cawg.identity.well-formed" not in result.success


@pytest.mark.parametrize("kind", media.MEDIA_TYPES)
def test_a_file_without_credentials_is_an_error_of_its_own(kind: str) -> None:
    with pytest.raises(C2paError.ManifestNotFound):
        read(media.make(kind), media.MEDIA_TYPES[kind])


@pytest.mark.parametrize("kind", media.MEDIA_TYPES)
def test_asking_for_the_signature_gives_the_whole_store(kind: str, signed: Signed) -> None:
    store = store_of(signed(kind), media.MEDIA_TYPES[kind])
    parsed = parse_manifest_store(store)
    assert parsed.data == store
    assert store[4:8] == b"jumb"


def test_the_claim_signature_can_be_checked_without_the_engine(signed: Signed) -> None:
    active = parse_manifest_store(store_of(signed("png"), PNG)).active
    assert active.signature is not None
    sign1 = parse_cose_sign1(active.signature)
    assert sign1.payload is None
    assert check_claim_signature(sign1, active.claim.data) is SignatureAnswer.VALID


def test_broken_credentials_raise_instead_of_giving_a_state(signed_jpeg: bytes) -> None:
    store = store_of(signed_jpeg, JPEG)
    broken = surgery.replace_store(signed_jpeg, JPEG, store[:60] + bytes(len(store) - 60))
    with pytest.raises(C2paError) as error:
        read(broken, JPEG)
    assert not isinstance(error.value, (C2paError.ManifestNotFound, C2paError.NotSupported))


@pytest.mark.parametrize("name", ["teaser.png", "teaser.mp4", "teaser.txt"])
def test_the_bytes_of_a_file_win_over_its_name_and_over_the_stated_type(
    name: str, signed_jpeg: bytes, tmp_path: Path
) -> None:
    # It was the other way round in earlier engines, so a name is never given to it.
    path = tmp_path / name
    path.write_bytes(signed_jpeg)
    with Context.from_dict(dict(OFFLINE)) as context, Reader(str(path), context=context) as reader:
        assert json.loads(reader.json())["active_manifest"]
    assert "assertion.dataHash.match" in read(signed_jpeg, PNG).success


def test_a_sidecar_beside_a_file_is_not_picked_up(
    agency_signer: MemorySigner, tmp_path: Path
) -> None:
    store = sidecar(media.jpeg(), JPEG, signer=agency_signer)
    path = tmp_path / "teaser.jpg"
    path.write_bytes(media.jpeg())
    path.with_suffix(".c2pa").write_bytes(store)
    with Context.from_dict(dict(OFFLINE)) as context, pytest.raises(C2paError.ManifestNotFound):
        Reader(str(path), context=context)
    assert "assertion.dataHash.match" in read(media.jpeg(), JPEG, store=store).success


@contextmanager
def _server(body: bytes) -> Iterator[tuple[str, list[str]]]:
    """A web server on loopback that notes who connects and what is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/c2pa")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing on stderr."""

    class Server(ThreadingHTTPServer):
        def verify_request(self, *_arguments: Any) -> bool:
            # An encrypted request gets no further than this.
            asked.append("connection")
            return True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def _elsewhere(signer: MemorySigner, url: str, kind: str) -> tuple[bytes, bytes]:
    """A picture whose XMP names an address for its credentials, and these."""
    out = io.BytesIO()
    store = sign_stream(
        io.BytesIO(media.make(kind)),
        out,
        media_type=media.MEDIA_TYPES[kind],
        manifest=manifest(),
        signer=signer,
        sidecar=True,
        remote_url=url,
    )
    return out.getvalue(), store


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_credentials_elsewhere_are_fetched_unless_every_host_is_forbidden(
    kind: str, agency_signer: MemorySigner
) -> None:
    with _server(b"no store") as (base, asked):
        url = f"{base}/x.c2pa"
        data, _ = _elsewhere(agency_signer, url, kind)

        # Without settings a stranger's file makes the engine call an address of its choice.
        with pytest.raises(C2paError):
            Reader(media.MEDIA_TYPES[kind], io.BytesIO(data))
        assert asked == ["connection", "/x.c2pa"]

        asked.clear()
        reading = Engine().read(io.BytesIO(data), media.MEDIA_TYPES[kind])
        assert reading.state is EngineState.REMOTE
        assert reading.remote_url == url
        assert asked == []


def test_each_of_two_settings_stops_the_fetching(agency_signer: MemorySigner) -> None:
    with _server(b"no store") as (base, asked):
        data, _ = _elsewhere(agency_signer, f"{base}/x.c2pa", "jpeg")
        for settings, fetched in (
            ({}, True),
            ({"verify": {"remote_manifest_fetch": False}}, False),
            ({"core": {"allowed_network_hosts": []}}, False),
        ):
            asked.clear()
            with pytest.raises(C2paError):
                _document(data, settings=settings)
            assert bool(asked) is fetched, settings


def _identity_of(did: str) -> dict[str, Any]:
    """An identity assertion whose credential was issued by this decentralised identifier."""
    credential = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://cawg.io/identity/1.1/ica/context/",
        ],
        "type": ["VerifiableCredential", "IdentityClaimsAggregationCredential"],
        "issuer": did,
        "validFrom": "2025-01-01T00:00:00Z",
        "credentialSubject": {
            "verifiedIdentities": [
                {
                    "type": "cawg.social_media",
                    "username": "nova9",
                    "uri": "https://nova9.example",
                    "verifiedAt": "2025-01-01T00:00:00Z",
                    "provider": {"id": "https://nova9.example", "name": "NOVA9"},
                }
            ],
            "c2paAsset": {
                "referenced_assertions": [
                    {
                        "url": "self#jumbf=c2pa.assertions/c2pa.hash.data",
                        "hash": base64.b64encode(bytes(32)).decode(),
                    }
                ],
                "sig_type": "cawg.identity_claims_aggregation",
            },
        },
    }
    protected = cbor2.dumps({1: -8, 3: "application/vc"})
    cose = cbor2.CBORTag(18, [protected, {}, json.dumps(credential).encode(), bytes(64)])
    return {
        "signer_payload": {
            "sig_type": "cawg.identity_claims_aggregation",
            "referenced_assertions": [
                {"url": "self#jumbf=c2pa.assertions/c2pa.hash.data", "hash": bytes(32)}
            ],
        },
        "signature": cbor2.dumps(cose),
        "pad1": b"",
    }


def test_an_identity_that_cannot_be_resolved_makes_the_file_invalid(
    agency_signer: MemorySigner, agency: DevAgency
) -> None:
    with _server(b"{}") as (base, asked):
        did = f"did:web:localhost%3A{base.rpartition(':')[2]}"
        room = {"label": "example.aurora.filler", "data": {"pad": "x" * 4000}}
        data = sign(media.jpeg(), JPEG, signer=agency_signer, assertions=[room])

        def change(store: Store) -> None:
            store.remove_assertion("example.aurora.filler")
            store.add_assertion("cawg.identity", _identity_of(did))

        data = surgery.resign(data, JPEG, signer=agency_signer, edit=change)
        result = read(data, JPEG, anchors=[agency.root_pem])

        assert asked == []
        assert "cawg.ica.did_unavailable" in result.failure
        assert result.state == "Invalid"
        # Nothing about the file itself is wrong.
        assert {"claimSignature.validated", "assertion.dataHash.match"} <= result.success


def test_signers_that_are_combined_twice_give_one_identity(agency_signer: MemorySigner) -> None:
    """The outer one. A second name under a manifest needs another way than this."""
    first, second = (
        pki.three_tier(label, eku=(pki.DOCUMENT_SIGNING,))[2] for label in ("First", "Second")
    )
    combined = _engine_signer_of(agency_signer)
    for holder in (first, second):
        combined = combine_signers(
            combined, _engine_signer_of(pki.signer_of(holder)), references=(), roles=("x.role",)
        )
    out = io.BytesIO()
    with (
        Context.from_dict(dict(OFFLINE)) as context,
        Builder.from_json(json.dumps(manifest()), context) as builder,
        combined,
    ):
        builder.sign(combined, JPEG, io.BytesIO(media.jpeg()), out)
    names = read(out.getvalue(), JPEG).active["assertions"]
    (identity,) = [a for a in names if a["label"].startswith("cawg.identity")]
    assert identity["data"]["signature_info"]["common_name"] == "Second TEST leaf"


def _engine_signer_of(signer: MemorySigner) -> Signer:
    return Signer.from_callback(
        signer.sign, C2paSigningAlg.ES256, signer.certificate_chain_pem.decode()
    )
