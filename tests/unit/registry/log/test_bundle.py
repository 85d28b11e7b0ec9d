from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.agencies import AgencyChecker
from provenance.registry.log.bundle import (
    BUNDLE_MEMBERS,
    Bundle,
    ReadBundle,
    read_bundle_file,
    write_bundle_file,
)
from provenance.registry.log.bundle_check import BundleReport, CheckState, check_bundle
from provenance.registry.log.leaf import embargo, make_leaf, reveal, sign_statement
from provenance.registry.log.policy import parse_policy, policy_of
from provenance.registry.log.prove import make_inclusion_proof
from provenance.registry.log.stored_zip import MAX_MEMBER_BYTES, read_stored_zip, write_stored_zip
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.trust.lists import ListPurpose, parse_trust_list
from provenance.trust.timestamps import TimeStampChecker
from tests.factory.release_log import (
    AT,
    HonestWitness,
    MemoryLog,
    Trial,
    agencies_of,
    note_key,
    register,
)
from tests.factory.tsa import make_authority, make_token

SALT = bytes(range(32))


def bundle_of(trial: Trial, index: int, **parts: object) -> Bundle:
    record, proof = make_inclusion_proof(trial.reader, index, trial.policy)
    whole = Bundle(entry=record, proof=proof.encoded, policy=trial.policy.text.encode())
    return replace(whole, **parts)  # type: ignore[arg-type]


def packed(bundle: Bundle, asset: bytes | None = None) -> bytes:
    stream = io.BytesIO()
    write_bundle_file(stream, bundle, None if asset is None else io.BytesIO(asset))
    return stream.getvalue()


def unpacked(data: bytes) -> ReadBundle:
    return read_bundle_file(io.BytesIO(data), where="b")


def check(
    read: ReadBundle, trial: Trial, agencies: AgencyChecker, **options: object
) -> BundleReport:
    return check_bundle(read, trial.policy, agencies, where="b", **options)  # type: ignore[arg-type]


def states(report: BundleReport) -> dict[str, CheckState]:
    return {check.name: check.state for check in report.checks}


PASSED, FAILED, NOT_CHECKED = CheckState.PASSED, CheckState.FAILED, CheckState.NOT_CHECKED


@pytest.fixture
def agencies(agency: DevAgency) -> AgencyChecker:
    return agencies_of(agency)


def test_a_bundle_comes_back_as_it_was_and_any_tool_opens_it(trial: Trial) -> None:
    trial.append(register(1))
    bundle = bundle_of(trial, 0, manifest=b"manifest 1", time_stamp=b"token")
    data = packed(bundle, b"picture 1")
    assert data == packed(bundle, b"picture 1")
    assert unpacked(data) == ReadBundle(
        bundle=bundle, asset_sha256=sha256(b"picture 1").hexdigest()
    )
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == [
            "entry.json",
            "entry.tlog-proof",
            "policy",
            "checkpoint.tst",
            "manifest.c2pa",
            "asset",
        ]
        assert opened.read("asset") == b"picture 1"
        assert opened.getinfo("asset").date_time == (1980, 1, 1, 0, 0, 0)
    assert set(zipfile.ZipFile(io.BytesIO(data)).namelist()) < set(BUNDLE_MEMBERS)


def test_a_whole_bundle_proves_the_release(trial: Trial, agencies: AgencyChecker) -> None:
    trial.append(register(1))
    bundle = bundle_of(trial, 0, manifest=b"manifest 1")
    report = check(unpacked(packed(bundle, b"picture 1")), trial, agencies)
    assert states(report) == dict.fromkeys(
        ("inclusion", "agency-signature", "agency-key", "asset", "manifest"), PASSED
    )
    assert report.is_proven
    assert not report.is_refuted
    assert report.leaf is not None
    assert report.leaf.statement == register(1)
    assert (report.index, report.checkpoint and report.checkpoint.checkpoint) == (0, trial.head)
    with pytest.raises(TypeError, match="look at its checks"):
        bool(report)


def test_a_bundle_without_the_file_has_its_digest(trial: Trial, agencies: AgencyChecker) -> None:
    trial.append(register(1))
    read = unpacked(packed(bundle_of(trial, 0)))
    assert read.asset_sha256 is None
    report = check(read, trial, agencies)
    assert states(report)["asset"] is NOT_CHECKED
    assert sha256(b"picture 1").hexdigest() in report.checks[-1].text
    assert report.is_proven
    beside = sha256(b"picture 1").hexdigest()
    assert states(check(read, trial, agencies, asset_sha256=beside))["asset"] is PASSED
    other = check(read, trial, agencies, asset_sha256="0" * 64)
    assert states(other)["asset"] is FAILED
    assert other.is_refuted


def test_another_file_or_manifest_refutes_it(trial: Trial, agencies: AgencyChecker) -> None:
    trial.append(register(1))
    bundle = bundle_of(trial, 0, manifest=b"manifest 2")
    report = check(unpacked(packed(bundle, b"picture 2")), trial, agencies)
    assert states(report)["asset"] is FAILED
    report = check(unpacked(packed(bundle, b"picture 1")), trial, agencies)
    assert (states(report)["asset"], states(report)["manifest"]) == (PASSED, FAILED)
    # One file of the release in the bundle, and another one beside it.
    report = check(
        unpacked(packed(bundle_of(trial, 0), b"picture 1")),
        trial,
        agencies,
        asset_sha256=sha256(b"picture 2").hexdigest(),
    )
    assert states(report)["asset"] is FAILED


def test_the_policy_in_it_decides_nothing(trial: Trial, tmp_path: Path, agency: DevAgency) -> None:
    # A forger's log, with the forger's policy packed beside it.
    forger = Trial(tmp_path / "forger", trial.signer, label="forger")
    forger.append(register(1))
    read = unpacked(packed(bundle_of(forger, 0)))
    assert states(check(read, forger, agencies_of(agency)))["inclusion"] is PASSED
    report = check(read, trial, agencies_of(agency))
    assert states(report)["inclusion"] is FAILED
    assert not report.is_proven


def test_without_a_directory_it_proves_no_agency(trial: Trial) -> None:
    trial.append(register(1))
    report = check(unpacked(packed(bundle_of(trial, 0))), trial, AgencyChecker(None))
    assert states(report)["agency-key"] is NOT_CHECKED
    assert (report.is_proven, report.is_refuted) == (False, False)


def test_an_embargoed_release_carries_both_entries(trial: Trial, agencies: AgencyChecker) -> None:
    hidden = register(7)
    trial.append(embargo(hidden, SALT, at=AT))
    trial.append(embargo(hidden, SALT[::-1], at=AT))
    trial.append(reveal(hidden, SALT, entry=0, at=AT))

    def with_embargo(index: int | None) -> BundleReport:
        earlier = None
        if index is not None:
            record, proof = make_inclusion_proof(trial.reader, index, trial.policy)
            earlier = (record, proof.encoded)
        bundle = bundle_of(trial, 2, embargo=earlier)
        return check(unpacked(packed(bundle, b"picture 7")), trial, agencies)

    report = with_embargo(0)
    assert report.is_proven
    assert states(report)["embargo"] is PASSED
    assert "which the log took at 2026-05-01T12:00:01Z" in report.checks[3].text
    assert states(with_embargo(None))["embargo"] is NOT_CHECKED
    for other in (1, 2):
        assert states(with_embargo(other))["embargo"] is FAILED
    bundle = bundle_of(trial, 2, embargo=(b"{}", b"?"))
    assert states(check(unpacked(packed(bundle)), trial, agencies))["embargo"] is FAILED
    stray = bundle_of(trial, 0, embargo=(bundle.entry, bundle.proof))
    report = check(unpacked(packed(stray)), trial, agencies)
    assert states(report)["embargo"] is FAILED


def test_an_embargo_counts_if_the_same_log_took_it_before(
    trial: Trial, agencies: AgencyChecker
) -> None:
    """A policy may believe several logs; only the one of the entry can say what it took first."""
    hidden = register(7)
    other_key = note_key("other", name="other.example")
    statements = trial.sign(
        embargo(hidden, SALT, at=AT),
        reveal(hidden, SALT, entry=2, at=AT),
        embargo(hidden, SALT, at=AT + timedelta(seconds=1)),
        reveal(hidden, SALT, entry=0, at=AT),
    )
    records = [make_leaf(one, logged_at=AT).record for one in statements]
    log, other = MemoryLog.of(records, trial.key), MemoryLog.of(records, other_key)
    policy = replace(trial.policy, logs=(*trial.policy.logs, *policy_of(other_key.key).logs))

    def embargo_with(index: int, source: MemoryLog, earlier: int) -> CheckState:
        (told, proof), (hid, its) = (
            make_inclusion_proof(*which, policy) for which in ((log, index), (source, earlier))
        )
        bundle = Bundle(
            entry=told, proof=proof.encoded, policy=b"quorum none", embargo=(hid, its.encoded)
        )
        report = check_bundle(unpacked(packed(bundle)), policy, agencies, where="b")
        assert states(report)["inclusion"] is PASSED
        return states(report)["embargo"]

    assert embargo_with(3, log, 0) is PASSED
    assert embargo_with(3, other, 0) is FAILED
    # It names an entry that came after it.
    assert embargo_with(1, log, 2) is FAILED


def test_an_embargo_counts_if_the_agency_signed_it(trial: Trial, agencies: AgencyChecker) -> None:
    """Whoever keeps the log can put anything in: not what the agency committed to, and when."""
    hidden = register(7)
    stranger = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT - timedelta(days=1),
    )
    good, another = trial.sign(embargo(hidden, SALT, at=AT), embargo(register(8), SALT, at=AT))
    unsigned = replace(another, statement=good.statement)
    of_a_stranger = sign_statement(embargo(hidden, SALT, at=AT), stranger.signer())
    records = [make_leaf(one, logged_at=AT).record for one in (good, unsigned, of_a_stranger)]
    for index in range(3):
        (told,) = trial.sign(reveal(hidden, SALT, entry=index, at=AT))
        records.append(make_leaf(told, logged_at=AT).record)
    log = MemoryLog.of(records, trial.key)

    def embargo_in(index: int) -> CheckState:
        (told, proof), (earlier, its) = (
            make_inclusion_proof(log, n, trial.policy) for n in (index + 3, index)
        )
        bundle = Bundle(
            entry=told, proof=proof.encoded, policy=b"quorum none", embargo=(earlier, its.encoded)
        )
        return states(check(unpacked(packed(bundle)), trial, agencies))["embargo"]

    assert [embargo_in(index) for index in range(3)] == [PASSED, FAILED, FAILED]


def test_the_file_in_it_and_the_one_beside_it_are_one(
    trial: Trial, agencies: AgencyChecker
) -> None:
    one, two = register(1).files + register(2).files
    trial.append(register(1).model_copy(update={"files": (one, two)}))
    read = unpacked(packed(bundle_of(trial, 0, manifest=b"manifest 2"), b"picture 1"))
    assert states(check(read, trial, agencies))["manifest"] is FAILED
    report = check(read, trial, agencies, asset_sha256=two.sha256)
    assert states(report)["asset"] is FAILED
    read = unpacked(packed(bundle_of(trial, 0, manifest=b"manifest 2"), b"picture 2"))
    assert check(read, trial, agencies, asset_sha256=two.sha256).is_proven


def test_what_cannot_be_read_is_refuted(trial: Trial, agencies: AgencyChecker) -> None:
    trial.append(register(1))
    good = bundle_of(trial, 0)
    for bad in (replace(good, entry=b"{}"), replace(good, proof=b"?"), replace(good, entry=b"")):
        report = check(unpacked(packed(bad)), trial, agencies)
        assert (report.is_refuted, report.leaf) == (True, None)
    other = replace(good, proof=good.proof.replace(b"index 0", b"index 1"))
    report = check(unpacked(packed(other)), trial, agencies)
    assert states(report)["inclusion"] is FAILED
    assert states(report)["agency-key"] is PASSED


def test_a_forged_statement_is_refuted(trial: Trial, agencies: AgencyChecker) -> None:
    trial.append(register(1))
    good = bundle_of(trial, 0)
    forged = replace(good, entry=good.entry.replace(b"NOVA9-1", b"NOVA9-2"))
    report = check(unpacked(packed(forged)), trial, agencies)
    assert states(report)["inclusion"] is FAILED
    assert states(report)["agency-signature"] is FAILED
    assert states(report)["agency-key"] is NOT_CHECKED


def test_parts_that_belong_together_come_together(trial: Trial) -> None:
    trial.append(register(1))
    good = bundle_of(trial, 0)

    def of(*members: tuple[str, bytes]) -> bytes:
        stream = io.BytesIO()
        parts: list[tuple[str, BinaryIO]] = [(n, io.BytesIO(d)) for n, d in members]
        write_stored_zip(stream, parts)
        return stream.getvalue()

    entry, proof = ("entry.json", good.entry), ("entry.tlog-proof", good.proof)
    policy = ("policy", good.policy)
    unpacked(of(entry, proof, policy))
    for members, message in (
        ((entry, proof), "expected policy in it, got none"),
        ((proof, policy), "expected entry.json in it, got none"),
        ((entry, proof, ("embargo.json", b"{}"), policy), "embargo.json and embargo.tlog-proof"),
        ((), "expected entry.json in it"),
    ):
        with pytest.raises(MalformedError, match=message):
            unpacked(of(*members))
    for others in (
        (proof, entry, policy),
        (entry, entry, proof, policy),
        (entry, proof, policy, ("other", b"")),
        (entry, proof, ("../policy", b"")),
    ):
        with pytest.raises(MalformedError, match=r"b: expected the next of .*, stored as it is"):
            unpacked(of(*others))
    with pytest.raises(LimitError, match=r"entry\.json: expected 4096 bytes at most, got 4097"):
        unpacked(of(("entry.json", bytes(4097)), proof, policy))


def test_only_its_one_form_is_read(trial: Trial) -> None:
    trial.append(register(1))
    bundle = bundle_of(trial, 0)
    good = packed(bundle, b"picture 1")
    # By another tool, with other dates: the same parts, and not this form.
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as other:
        for name, data in (("entry.json", bundle.entry), ("entry.tlog-proof", bundle.proof)):
            other.writestr(name, data)
    for bad in (
        stream.getvalue(),
        good + b"\0",
        b"MZ" + good,
        good[:-1],
        good[: len(good) // 2],
        good.replace(b"picture 1", b"picture 2"),
        good[:-20] + b"\1" + good[-19:],
        b"",
        b"PK\3\4",
    ):
        with pytest.raises(MalformedError, match=r"^b: "):
            unpacked(bad)
    # Every byte of it counts: no reader can be shown one thing and another reader another.
    for at in range(0, len(good), 41):
        changed = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        with pytest.raises((MalformedError, LimitError)):
            unpacked(changed)


def test_a_member_is_handed_on_in_pieces() -> None:
    stream, pieces = io.BytesIO(), []
    write_stored_zip(stream, [("asset", io.BytesIO(bytes(3_000_000)))])
    stream.seek(0)
    names = read_stored_zip(
        stream, {"asset": 3_000_000}, lambda _, piece: pieces.append(len(piece)), where="z"
    )
    assert (names, sum(pieces), max(pieces)) == (("asset",), 3_000_000, 1_048_576)


def test_a_file_that_is_too_long_is_refused_before_it_is_all_written() -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1, /) -> bytes:
            return bytes(size)

    class Sink(io.BytesIO):
        written = 0

        def write(self, data: object, /) -> int:
            self.written += len(data)  # type: ignore[arg-type]
            return len(data)  # type: ignore[arg-type]

        def tell(self) -> int:
            return MAX_MEMBER_BYTES - 5_000_000

    sink = Sink()
    with pytest.raises(LimitError, match=f"asset: expected {MAX_MEMBER_BYTES} bytes at most"):
        write_stored_zip(sink, [("asset", Endless())])  # type: ignore[list-item]
    assert sink.written < 6_000_000


def test_the_log_of_a_policy_signs_it(trial: Trial, agency: DevAgency) -> None:
    trial.append(register(1))
    read = unpacked(packed(bundle_of(trial, 0)))
    other = policy_of(note_key("other").key)
    report = check_bundle(read, other, agencies_of(agency), where="b")
    assert "is not signed by a log of the policy" in report.checks[0].text


def test_a_time_stamp_counts_by_the_list_of_who_asks(trial: Trial, agencies: AgencyChecker) -> None:
    trial.append(register(1), witnesses=[HonestWitness()])
    root, authority = make_authority()
    lists = parse_trust_list(
        root.pem, name="clocks", purpose=ListPurpose.TIME_STAMP, source="clocks.pem"
    )

    def time_of(stamped: bytes, checker: TimeStampChecker | None) -> list[tuple[CheckState, str]]:
        token = make_token(sha256(stamped).digest(), tsa=authority, gen_time=AT)
        read = unpacked(packed(bundle_of(trial, 0, time_stamp=token)))
        report = check(read, trial, agencies, time_stamps=checker)
        return [(c.state, c.text) for c in report.checks if c.name == "time"]

    good = trial.head.text
    assert time_of(good, TimeStampChecker([lists])) == [
        (PASSED, "clocks: the checkpoint existed at 2026-05-01T12:00:00Z")
    ]
    ((state, text),) = time_of(b"another checkpoint", TimeStampChecker([lists]))
    assert (state, text.startswith("time-stamp: ")) == (FAILED, True)
    ((state, text),) = time_of(good, TimeStampChecker([]))
    assert (state, text) == (NOT_CHECKED, "time-stamp: no time-stamp list was given")
    ((state, _),) = time_of(good, None)
    assert state is NOT_CHECKED


def test_the_times_of_witnesses_are_said(trial: Trial, agencies: AgencyChecker) -> None:
    witness = HonestWitness()
    trial.append(register(1), witnesses=[witness])
    text = trial.policy.text.replace("quorum none", "")
    policy = parse_policy(
        f"{text}witness fans {witness.cosigner.key.text}\nquorum fans\n".encode(), where="p"
    )
    report = check_bundle(unpacked(packed(bundle_of(trial, 0))), policy, agencies, where="b")
    assert report.checks[-1].text == "witness fans signed the checkpoint at 2026-05-01T12:00:00Z"
