"""Files in which two readers would each see something else, and additions nobody asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.credentials.engine import Engine, EngineReading
from provenance.findings import FindingCode
from provenance.report import Report
from provenance.signing.memory_signer import MemorySigner
from provenance.verdict import AiState, TimeState, Verdict
from tests.factory import media, surgery, updates
from tests.factory.pki import Holder
from tests.factory.sign import ingredient, sign, store_of
from tests.factory.stores import Box, Store, parse_store
from tests.factory.surgery import forge_timestamp

Judge = Callable[..., Report]
PNG = "image/png"
PAD = {"label": "example.pad", "data": {"p": "x" * 60_000}}
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
FUTURE = datetime(2031, 1, 1, tzinfo=UTC)


def reference(other: Store) -> dict[str, Any]:
    digest = hashlib.sha256(other.manifest.to_bytes()[8:]).digest()
    return {"url": f"self#jumbf=/c2pa/{other.label}", "hash": digest, "alg": "sha256"}


def status_only(store: Store) -> str:
    """Leave only the ingredient in an update; its label."""
    store.remove_assertion("c2pa.actions.v2")
    store.remove_assertion("example.pad")
    boxes = store.assertions.children[1:]
    return next(box.label for box in boxes if box.label.startswith("c2pa.ingredient"))


@pytest.mark.parametrize("label", ["c2pa.ingredient", "c2pa.ingredient.v2", "c2pa.ingredient.v3"])
@pytest.mark.parametrize("first", ["agency", "stranger"])
def test_an_update_whose_parent_is_one_for_us_and_another_for_the_engine(
    label: str,
    first: str,
    agency_signer: MemorySigner,
    stranger: MemorySigner,
    judge: Judge,
) -> None:
    # The stranger's picture; the agency's manifest is only carried along.
    release = parse_store(store_of(sign(media.png(1), PNG, signer=agency_signer), PNG))
    own = sign(media.png(2), PNG, signer=stranger)

    def edit(store: Store) -> None:
        old = status_only(store)
        said = store.assertion(old)
        mine, theirs = said["activeManifest"], reference(release)
        store.remove_assertion(old)
        fields = {
            "relationship": "parentOf",
            "dc:title": "t",
            "dc:format": PNG,
            "instanceID": "xmp:iid:1",
            "activeManifest": theirs if first == "agency" else mine,
            "c2pa_manifest": mine if first == "agency" else theirs,
        }
        if label.endswith("v3"):
            fields |= {k: said[k] for k in ("claimSignature", "validationResults") if k in said}
        store.add_assertion(label, fields)
        store.root.children.insert(1, release.manifest)

    carrier = updates.update(own, PNG, signer=stranger, assertions=[PAD])
    report = judge(surgery.resign(carrier, PNG, signer=stranger, edit=edit))
    assert report.verdict is Verdict.UNDETERMINED, report.summary
    assert not report.has(FindingCode.SIGNER_IS_AGENCY)


@pytest.mark.parametrize("relationship", ["componentOf", "inputTo"])
def test_a_strangers_status_update_adds_nothing_to_a_releases_history(
    relationship: str, agency_signer: MemorySigner, stranger: MemorySigner, judge: Judge
) -> None:
    release = sign(media.png(1), PNG, signer=agency_signer)
    created = {"action": "c2pa.created", "digitalSourceType": TRAINED}
    generated = sign(media.png(3), PNG, signer=stranger, actions=[created])
    other = parse_store(store_of(generated, PNG))

    def edit(store: Store) -> None:
        said = store.assertion(status_only(store))
        signature = other.manifest.child("c2pa.signature").to_bytes()[8:]
        claim_signature = {
            "url": f"self#jumbf=/c2pa/{other.label}/c2pa.signature",
            "hash": hashlib.sha256(signature).digest(),
            "alg": "sha256",
        }
        fields = {
            "relationship": relationship,
            "dc:title": "made by AI, says a stranger",
            "dc:format": PNG,
            "activeManifest": reference(other),
            "claimSignature": claim_signature,
            "validationResults": said["validationResults"],
        }
        store.add_assertion("c2pa.ingredient.v3__1", fields)
        store.root.children.insert(1, other.manifest)

    carrier = updates.update(release, PNG, signer=stranger, assertions=[PAD])
    report = judge(surgery.resign(carrier, PNG, signer=stranger, edit=edit))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED, report.summary
    assert report.has(FindingCode.UPDATED_BY_OTHERS)


def test_twin_a_strangers_status_update_with_the_parent_alone(
    agency_signer: MemorySigner, stranger: MemorySigner, judge: Judge
) -> None:
    release = sign(media.png(1), PNG, signer=agency_signer)
    carrier = updates.update(release, PNG, signer=stranger, assertions=[PAD])
    report = judge(
        surgery.resign(carrier, PNG, signer=stranger, edit=lambda s: status_only(s) and None)
    )
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert report.ai.state is AiState.NOT_DECLARED


def test_a_stamp_from_the_future_proves_nothing(
    signed_png: bytes, meridian: tuple[Holder, Holder], judge: Judge
) -> None:
    data = forge_timestamp(signed_png, PNG, tsa=meridian[1], gen_time=FUTURE)
    report = judge(data)
    assert report.time.state is TimeState.CLAIMED
    assert report.has(FindingCode.TIME_STAMP_UNTRUSTED)
    later = judge(data, at=datetime(2031, 1, 2, tzinfo=UTC))
    assert later.time.state is TimeState.TRUSTED
    assert later.time.trusted_at == FUTURE


@pytest.mark.parametrize("absolute", ["the same address", "another address"])
def test_a_claim_that_lists_one_assertion_twice_is_not_given_to_the_engine(
    absolute: str, agency_signer: MemorySigner, judge: Judge
) -> None:
    # The engine copies an assertion each time it is listed, until memory ends.
    def edit(store: Store) -> None:
        claim = store.claim
        again = dict(claim["created_assertions"][0])
        if absolute == "another address":
            label = again["url"].rsplit("/", 1)[-1]
            again["url"] = f"self#jumbf=/c2pa/{store.label}/c2pa.assertions/{label}"
        claim["created_assertions"] = [*claim["created_assertions"], again]
        store.claim = claim
        store.remove_assertion("example.pad")

    carrier = sign(media.png(1), PNG, signer=agency_signer, assertions=[PAD])
    report = judge(surgery.resign(carrier, PNG, signer=agency_signer, edit=edit))
    assert report.verdict is Verdict.UNDETERMINED, report.summary
    assert report.reason is FindingCode.CREDENTIALS_UNREADABLE
    (found,) = [f for f in report.findings if f.code is FindingCode.CREDENTIALS_UNREADABLE]
    assert "lists an assertion more than once" in found.evidence["why"]


def test_twin_the_same_claim_with_each_assertion_once(
    agency_signer: MemorySigner, judge: Judge
) -> None:
    def edit(store: Store) -> None:
        store.remove_assertion("example.pad")

    carrier = sign(media.png(1), PNG, signer=agency_signer, assertions=[PAD])
    report = judge(surgery.resign(carrier, PNG, signer=agency_signer, edit=edit))
    assert report.verdict is Verdict.OFFICIAL, report.summary


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of which types the engine was given a file."""
    types: list[str] = []
    read = Engine.read

    def spy(engine: Engine, stream: Any, engine_type: str, **options: Any) -> EngineReading:
        types.append(engine_type)
        return read(engine, stream, engine_type, **options)

    monkeypatch.setattr(Engine, "read", spy)
    return types


def nested(depth: int) -> Any:
    return 1 if depth == 0 else [nested(depth - 1)]


@pytest.mark.parametrize(("depth", "readable"), [(1, True), (100, False)])
def test_a_claim_that_cannot_be_read_here_is_not_given_to_the_engine(
    depth: int,
    readable: bool,  # noqa: FBT001 - a column of the table above
    asked: list[str],
    agency_signer: MemorySigner,
    judge: Judge,
) -> None:
    # Which reads it all the same, and would copy what it lists, however often it does.
    def edit(store: Store) -> None:
        store.claim = {**store.claim, "example": nested(depth)}
        store.remove_assertion("example.pad")

    carrier = sign(media.png(1), PNG, signer=agency_signer, assertions=[PAD])
    report = judge(surgery.resign(carrier, PNG, signer=agency_signer, edit=edit))
    assert report.verdict is (Verdict.OFFICIAL if readable else Verdict.UNDETERMINED)
    assert report.reason is (None if readable else FindingCode.CREDENTIALS_UNREADABLE)
    assert bool(asked) is readable


@pytest.mark.parametrize(("times", "borne"), [(1, True), (2500, False)])
def test_an_ingredients_claim_that_cannot_be_read_here_lists_no_more_than_is_borne(
    times: int,
    borne: bool,  # noqa: FBT001 - a column of the table above
    asked: list[str],
    agency_signer: MemorySigner,
    judge: Judge,
) -> None:
    large = {"label": "example.large", "data": {"p": "x" * 90_000}}
    source = sign(media.png(2), PNG, signer=agency_signer, assertions=[large])

    def edit(store: Store) -> None:
        for number in range(4):
            store.remove_assertion("example.pad" + (f"__{number}" if number else ""))
        inner = Store(Box(b"jumb", children=store.root.children[:2]))
        claim = inner.claim
        listed = claim["gathered_assertions"] + claim["created_assertions"]
        (entry,) = (e for e in listed if e["url"].endswith("example.large"))
        claim["gathered_assertions"] = [dict(entry) for _ in range(times)]
        inner.claim = {**claim, "example": nested(100)}

    carrier = sign(
        media.png(1),
        PNG,
        signer=agency_signer,
        assertions=[PAD] * 4,
        ingredients=[ingredient(source, PNG)],
    )
    report = judge(surgery.resign(carrier, PNG, signer=agency_signer, edit=edit))
    assert report.verdict is (Verdict.OFFICIAL if borne else Verdict.UNDETERMINED)
    assert report.reason is (None if borne else FindingCode.LIMIT_REACHED)
    assert bool(asked) is borne


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_sidecar_does_not_vouch_for_what_stands_in_the_place_of_credentials(
    kind: str, agency_signer: MemorySigner, judge: Judge
) -> None:
    # The binding leaves that place out; only the credentials judged may stand there.
    media_type = media.MEDIA_TYPES[kind]
    release = sign(media.make(kind, 1), media_type, signer=agency_signer)
    store = store_of(release, media_type)
    # The box headers stay, so that it is still found and read as a store.
    junk = store[:40] + (b"a payload that nobody signed, " * 1000)[: len(store) - 40]
    hidden = surgery.replace_store(release, media_type, junk)
    report = judge(hidden, sidecar=store)
    assert report.verdict is Verdict.UNDETERMINED, report.summary
    assert not report.has(FindingCode.FULLY_COVERED)
    assert not report.has(FindingCode.EMBEDDED_OVERRULED)


@pytest.mark.parametrize("purpose", [b"manifest", b"original"])
def test_a_sidecar_does_not_vouch_for_boxes_of_the_credentials_own_type(
    purpose: bytes, signed_mp4: bytes, judge: Judge
) -> None:
    user_type = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    box = user_type + bytes(4) + purpose + bytes(9) + b"hidden film " * 10_000
    data = surgery.append_box(signed_mp4, b"uuid", box)
    report = judge(data, sidecar=store_of(signed_mp4, "video/mp4"))
    assert report.verdict is Verdict.UNDETERMINED, report.summary
    assert not report.has(FindingCode.FULLY_COVERED)
