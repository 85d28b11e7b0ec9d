"""Evidence bundles: the same each time, and one changed byte is found and named."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import KeySet

from provenance.errors import ConflictError
from provenance.jws.keys import ServiceKey, seal_statement
from provenance.moderation.audit import event_digest
from provenance.moderation.evidence.bundle import (
    EvidenceFile,
    EvidenceParts,
    canonical,
    write_evidence,
)
from provenance.moderation.evidence.bundle_check import (
    CheckState,
    EvidenceReport,
    LogCheck,
    check_evidence,
)
from provenance.moderation.evidence.documents import (
    AuditLine,
    EvidenceAction,
    EvidenceAppeal,
    EvidenceCase,
    EvidenceComplaint,
    EvidenceDecision,
    EvidenceSeal,
    EvidenceSubject,
)
from provenance.moderation.model import AuditEvent
from provenance.moderation.vocabulary import (
    ActionState,
    ActionType,
    AppealOutcome,
    AppealState,
    CaseState,
    Category,
    Channel,
    Ground,
    Outcome,
    Queue,
    ReporterRole,
    Severity,
)
from provenance.trust.lists import ListPurpose, parse_trust_list
from provenance.trust.timestamps import TimeStampChecker
from tests.factory.service_keys import new_service_key
from tests.factory.tsa import make_authority, make_token

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PICTURE = b"the bytes of a picture"


KEY = new_service_key()


def decision(name: str, *, supersedes: str | None = None, maker: str = "one") -> EvidenceDecision:
    return EvidenceDecision(
        id=name,
        subjects=("subject",),
        outcome=Outcome.VIOLATION,
        policies=("impersonation@2026-1",),
        ground=Ground.TERMS,
        reference="4.2",
        facts="It passes itself off as the group.",
        actions=(ActionType.REMOVE,),
        territories=(),
        ends_at=None,
        automated_detection=False,
        maker=maker,
        second=None,
        supersedes=supersedes,
        created_at=NOW,
    )


def audit(count: int) -> list[AuditLine]:
    lines: list[AuditLine] = []
    prev = "0" * 64
    for seq in range(1, count + 1):
        bare = AuditEvent(
            seq=seq,
            at=NOW + timedelta(seconds=seq),
            actor="system",
            verb="case.opened",
            object="case:case",
            detail="{}",
            prev=prev,
            sha256="",
        )
        prev = event_digest(bare)
        lines.append(
            AuditLine.model_validate(
                {**{name: getattr(bare, name) for name in AuditEvent.__slots__}, "sha256": prev}
            )
        )
    return lines


CASE = EvidenceCase(
    id="case",
    state=CaseState.CLOSED,
    category=Category.IMPERSONATION,
    severity=Severity.HIGH,
    queue=Queue.GENERAL,
    opened_at=NOW,
    subjects=(
        EvidenceSubject(
            id="subject",
            url="https://video.example/1",
            sha256=sha256(PICTURE).hexdigest(),
            verdict="lookalike",
        ),
    ),
    complaints=(
        EvidenceComplaint(
            received_at=NOW,
            channel=Channel.PAGE,
            role=ReporterRole.ANYONE,
            category=Category.IMPERSONATION,
        ),
    ),
    decisions=(decision("first"), decision("second", supersedes="first", maker="two")),
    actions=(
        EvidenceAction(
            id="action",
            decision="first",
            subject="subject",
            type=ActionType.REMOVE,
            state=ActionState.DONE,
            done_at=NOW,
        ),
    ),
    appeals=(
        EvidenceAppeal(
            id="appeal",
            decision="first",
            by="uploader",
            filed_at=NOW,
            state=AppealState.DECIDED,
            reviewer="two",
            outcome=AppealOutcome.UPHELD,
            new_decision="second",
        ),
    ),
)
PARTS = EvidenceParts(
    case=CASE,
    audit=audit(3),
    reports={"subject": b'{"verdict": "lookalike"}'},
    statements=("A decision and its reasons\n",),
)


def with_file(parts: EvidenceParts = PARTS, data: bytes = PICTURE) -> EvidenceParts:
    return replace(parts, files=[EvidenceFile(subject="subject", stream=io.BytesIO(data))])


def written(parts: EvidenceParts, *, key: ServiceKey = KEY, stamp: bytes | None = None) -> bytes:
    stream = io.BytesIO()
    write_evidence(
        stream,
        parts,
        key=key,
        issuer="https://verify.example",
        made_at=NOW,
        stamper=None if stamp is None else lambda _: stamp,
    )
    return stream.getvalue()


def checked(
    data: bytes,
    *,
    keys: KeySet | None = KEY.key_set,
    time_stamps: TimeStampChecker | None = None,
    log_check: LogCheck | None = None,
) -> EvidenceReport:
    return check_evidence(
        io.BytesIO(data),
        keys=keys,
        event_digest=event_digest,
        time_stamps=time_stamps,
        log_check=log_check,
        where="bundle",
    )


def failed(report: EvidenceReport) -> list[tuple[str, str]]:
    return [(one.name, one.text) for one in report.checks if one.state is CheckState.FAILED]


WHOLE = written(with_file(), stamp=b"not a token, and signed all the same")


def test_what_was_written_is_proven_and_the_same_each_time() -> None:
    report = checked(WHOLE)
    assert failed(report) == []
    assert report.is_proven
    assert report.case == CASE
    assert written(with_file(), stamp=b"not a token, and signed all the same") == WHOLE
    with pytest.raises(TypeError):
        bool(report)
    # Any tool can open it.
    assert zipfile.ZipFile(io.BytesIO(WHOLE)).namelist() == [
        "seal.jws", "manifest.json", "manifest.tst", "case.json", "audit.jsonl",
        "report-000.json", "statement-000.txt", "file-000",
    ]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(place=st.integers(0, len(WHOLE) - 1), turn=st.integers(1, 255))
def test_one_changed_byte_anywhere_is_found(place: int, turn: int) -> None:
    changed = bytearray(WHOLE)
    changed[place] ^= turn
    report = checked(bytes(changed))
    assert report.is_refuted
    assert not report.is_proven


@settings(deadline=None)
@given(length=st.integers(0, len(WHOLE) - 1))
def test_one_that_was_cut_off_is_found(length: int) -> None:
    assert checked(WHOLE[:length]).is_refuted


def test_one_with_something_behind_it_is_found() -> None:
    assert checked(WHOLE + b"\0").is_refuted


def repacked(member: str, data: bytes) -> bytes:
    """With this content instead, and all checksums right: by somebody who knows the form."""
    source = zipfile.ZipFile(io.BytesIO(WHOLE))
    offsets = {info.filename: info.header_offset for info in source.infolist()}
    original = source.read(member)
    assert len(original) == len(data), "the length of the member stays"
    changed = bytearray(WHOLE)
    at = offsets[member] + 30 + len(member)
    changed[at : at + len(data)] = data
    crc = zlib.crc32(data).to_bytes(4, "little")
    changed[offsets[member] + 14 : offsets[member] + 18] = crc
    central = WHOLE.rindex(member.encode()) - 46
    changed[central + 16 : central + 20] = crc
    return bytes(changed)


@settings(max_examples=60, deadline=None)
@given(
    member=st.sampled_from(zipfile.ZipFile(io.BytesIO(WHOLE)).namelist()),
    place=st.integers(0, 10_000),
    turn=st.integers(1, 255),
)
def test_a_byte_changed_with_its_checksum_is_found_and_its_member_named(
    member: str, place: int, turn: int
) -> None:
    data = bytearray(zipfile.ZipFile(io.BytesIO(WHOLE)).read(member))
    data[place % len(data)] ^= turn
    report = checked(repacked(member, bytes(data)))
    texts = [text for _, text in failed(report)]
    assert report.is_refuted
    # What the manifest says is believed before its signature is looked at: a changed one may
    # name members that are not there, and those are named then.
    assert any(member in text or member == "manifest.json" for text in texts), texts


def test_the_untouched_twin_of_a_repacked_one_is_accepted() -> None:
    same = zipfile.ZipFile(io.BytesIO(WHOLE)).read("case.json")
    assert repacked("case.json", same) == WHOLE
    assert checked(repacked("case.json", same)).is_proven


def test_the_seal_has_one_spelling() -> None:
    """The last character of a signature has bits that no byte comes from."""
    seal = zipfile.ZipFile(io.BytesIO(WHOLE)).read("seal.jws")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(seal[-1]) ^ 1]
    report = checked(repacked("seal.jws", seal[:-1] + bytes([other])))
    assert failed(report) == [
        ("signature", "seal.jws: is not written in its one way (RFC 7515 §2)")
    ]


def test_whose_word_it_is() -> None:
    stranger = new_service_key()
    assert failed(checked(WHOLE, keys=stranger.key_set)) == [
        ("signature", "seal.jws: none of these keys signed it")
    ]
    open_ = checked(WHOLE, keys=None)
    assert not open_.is_refuted
    assert not open_.is_proven
    # Somebody else's bundle of the same case is somebody else's word.
    assert checked(written(PARTS, key=stranger), keys=stranger.key_set).is_proven


def test_a_seal_of_another_manifest_does_not_fit() -> None:
    seal = EvidenceSeal(manifest_sha256="ab" * 32, time_stamp_sha256=None)
    token = seal_statement(canonical(seal), KEY, kind="provenance-evidence+jws")
    plain = written(PARTS)
    own = zipfile.ZipFile(io.BytesIO(plain)).read("seal.jws")
    assert len(token) == len(own)
    at = 30 + len("seal.jws")
    changed = bytearray(plain)
    changed[at : at + len(own)] = token.encode()
    crc = zlib.crc32(token.encode()).to_bytes(4, "little")
    changed[14:18] = crc
    central = plain.rindex(b"seal.jws") - 46
    changed[central + 16 : central + 20] = crc
    assert ("signature", "manifest.json: is not the one that was signed") in failed(
        checked(bytes(changed))
    )


def test_media_of_a_restricted_case_is_never_inside() -> None:
    restricted = CASE.model_copy(
        update={"queue": Queue.RESTRICTED, "category": Category.CHILD_SAFETY}
    )
    with pytest.raises(ConflictError, match="files of restricted cases are never put in"):
        written(with_file(replace(PARTS, case=restricted)))
    report = checked(written(replace(PARTS, case=restricted)))
    assert report.is_proven
    assert report.manifest is not None
    assert report.manifest.restricted


def test_a_file_is_the_one_that_the_case_is_about() -> None:
    with pytest.raises(ConflictError, match="expected the bytes of subject subject, got others"):
        written(with_file(data=b"another picture"))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (
            {"decisions": (decision("second", supersedes="first"), decision("first"))},
            "replaces first, which is not before it",
        ),
        ({"decisions": (decision("first"), decision("first"))}, "decision first is there twice"),
        ({"decisions": ()}, "action action has no decision"),
        (
            {"appeals": (CASE.appeals[0].model_copy(update={"reviewer": "one"}),)},
            "was decided by who had decided before",
        ),
        (
            {"decisions": (decision("first").model_copy(update={"facts": " "}),)},
            "lacks its policy, facts or maker",
        ),
    ],
)
def test_a_case_that_cannot_have_been_decided_so(changed: dict[str, object], why: str) -> None:
    """The service itself signed it, and it is still no proof of a decision."""
    report = checked(written(replace(PARTS, case=CASE.model_copy(update=changed))))
    assert any(name == "case" and why in text for name, text in failed(report)), failed(report)


def test_an_entry_of_the_audit_that_was_changed_or_moved() -> None:
    lines = audit(3)
    changed = [lines[0], lines[1].model_copy(update={"verb": "case.voided"}), lines[2]]
    assert failed(checked(written(replace(PARTS, audit=changed)))) == [
        ("audit", "audit.jsonl: entry 2: its digest does not match")
    ]
    assert failed(checked(written(replace(PARTS, audit=[lines[1], lines[0]])))) == [
        ("audit", "audit.jsonl: entry 1 comes after 2")
    ]
    other = audit(3)[1].model_copy(update={"prev": "ab" * 32})
    forged = other.model_copy(update={"sha256": event_digest(AuditEvent(**other.model_dump()))})
    assert failed(checked(written(replace(PARTS, audit=[lines[0], forged])))) == [
        ("audit", "audit.jsonl: entry 2 does not continue 1")
    ]
    # What is about other cases is left out, and that is no fault.
    assert checked(written(replace(PARTS, audit=[lines[0], lines[2]]))).is_proven


def test_an_audit_without_entries_shows_nothing() -> None:
    assert failed(checked(written(replace(PARTS, audit=[])))) == [
        ("audit", "audit.jsonl: expected entries about case:case, got none")
    ]
    others = [line.model_copy(update={"object": "case:other"}) for line in audit(1)]
    others = [one.model_copy(update={"sha256": _digest(one)}) for one in others]
    assert failed(checked(written(replace(PARTS, audit=others)))) == [
        ("audit", "audit.jsonl: expected entries about case:case, got none")
    ]
    assert checked(written(replace(PARTS, audit=audit(1)))).is_proven


def _digest(line: AuditLine) -> str:
    return event_digest(AuditEvent(**line.model_dump()))


def test_log_bundles_are_checked_where_there_is_a_policy() -> None:
    parts = replace(PARTS, logs={"subject": b"a log bundle"})
    states = {one.name: one.state for one in checked(written(parts)).checks}
    assert states["log"] is CheckState.NOT_CHECKED
    asked: list[tuple[bytes, str, str | None]] = []

    def refuse(data: bytes, name: str, digest: str | None) -> tuple[CheckState, str]:
        asked.append((data, name, digest))
        return CheckState.FAILED, "does not hold"

    report = checked(written(parts), log_check=refuse)
    assert failed(report) == [("log", "does not hold")]
    # A look-alike is not the release's own file: its digest is not asked for.
    assert asked == [(b"a log bundle", "log-000.zip", None)]


def test_the_time_stamp_is_over_the_manifest() -> None:
    root, tsa = make_authority()
    data = root.certificate.public_bytes(Encoding.PEM)
    trusted = parse_trust_list(data, name="clocks", purpose=ListPurpose.TIME_STAMP, source="clocks")
    good = TimeStampChecker([trusted])
    tokens: list[bytes] = []

    def stamper(message: bytes) -> bytes:
        tokens.append(make_token(sha256(message).digest(), tsa=tsa, gen_time=NOW))
        return tokens[0]

    stream = io.BytesIO()
    write_evidence(
        stream, PARTS, key=KEY, issuer="https://verify.example", made_at=NOW, stamper=stamper
    )
    states = {one.name: one for one in checked(stream.getvalue(), time_stamps=good).checks}
    assert states["time"].state is CheckState.PASSED, states["time"].text
    assert "clocks: the manifest existed at 2026-05-01T12:00:00Z" in states["time"].text
    # Over other bytes it is none; the seal is right, because the service signed it so.
    other = written(replace(PARTS, statements=()), stamp=tokens[0])
    assert [name for name, _ in failed(checked(other, time_stamps=good))] == ["time"]
    # Without a list it stays open.
    states = {one.name: one for one in checked(stream.getvalue()).checks}
    assert states["time"].state is CheckState.NOT_CHECKED


def test_nothing_inside_could_tell_who_complained() -> None:
    fields = set(EvidenceComplaint.model_fields)
    assert fields == {"received_at", "channel", "role", "category"}
    assert "complaint" not in EvidenceAppeal.model_fields
    text = json.dumps(EvidenceCase.model_json_schema())
    for word in ("email", "explanation", "contact", "pin"):
        assert f'"{word}"' not in text
