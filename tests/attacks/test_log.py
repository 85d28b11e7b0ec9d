"""Attacks on the release log: by whoever keeps it, whoever serves it, and whoever hands on proofs.

Each stands beside what it imitates, which passes.
"""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cbor2
import pytest

from provenance.credentials.cose import SignatureAnswer, parse_cose_sign1
from provenance.errors import MalformedError
from provenance.registry.log.agencies import AgencyChecker, EntryState
from provenance.registry.log.alarms import AlarmKind, MonitorReport
from provenance.registry.log.bundle import Bundle, read_bundle_file, write_bundle_file
from provenance.registry.log.bundle_check import BundleReport, check_bundle
from provenance.registry.log.checkpoint import Checkpoint
from provenance.registry.log.errors import LogError, LogProofError
from provenance.registry.log.fsck import check_log
from provenance.registry.log.leaf import (
    SignedStatement,
    embargo,
    make_leaf,
    parse_leaf,
    reveal,
    sign_statement,
)
from provenance.registry.log.merkle import hash_children, hash_record, is_included
from provenance.registry.log.monitor import LogMonitor
from provenance.registry.log.note import NoteSignature, parse_note, sign_note
from provenance.registry.log.policy import Policy, check_checkpoint, parse_policy, policy_of
from provenance.registry.log.proof import InclusionProof, check_inclusion, parse_inclusion_proof
from provenance.registry.log.prove import make_inclusion_proof
from provenance.registry.log.reader import LogReader
from provenance.registry.log.statement import canonical_json
from provenance.registry.log.store import LogStore
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.release_log import (
    AT,
    HonestWitness,
    MemoryLog,
    Trial,
    agencies_of,
    note_key,
    register,
    tree_of,
    withdraw,
)

KEY = note_key()
POLICY = policy_of(KEY.key)
NOW = AT + timedelta(days=1)
SALT = bytes(range(32))


@pytest.fixture
def agencies(agency: DevAgency) -> AgencyChecker:
    return agencies_of(agency)


@pytest.fixture
def trial(tmp_path: Path, agency_signer: MemorySigner) -> Trial:
    """A log in which release 2 has been withdrawn."""
    trial = Trial(tmp_path / "log", agency_signer)
    trial.append(*(register(n) for n in range(5)))
    trial.append(withdraw(2))
    return trial


@pytest.fixture
def stranger() -> DevAgency:
    """Somebody who calls himself what the agency is called."""
    return create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT - timedelta(days=1),
    )


def records_of(trial: Trial) -> list[bytes]:
    store = LogStore(trial.folder.store, read_only=True)
    records = [row.record for row in store.rows(0, store.size())]
    store.close()
    return records


def look(
    reader: LogReader, agencies: AgencyChecker, seen: bytes | None = None, **options: object
) -> MonitorReport:
    return LogMonitor(reader, POLICY, agencies).look(seen, now=NOW, **options)  # type: ignore[arg-type]


def kinds(report: MonitorReport) -> set[AlarmKind]:
    return {alarm.kind for alarm in report.alarms}


def bundled(trial: Trial, index: int, **parts: object) -> Bundle:
    record, proof = make_inclusion_proof(trial.reader, index, POLICY)
    whole = Bundle(entry=record, proof=proof.encoded, policy=POLICY.text.encode())
    return replace(whole, **parts)  # type: ignore[arg-type]


def checked(bundle: Bundle, agencies: AgencyChecker, policy: Policy = POLICY) -> BundleReport:
    stream = io.BytesIO()
    write_bundle_file(stream, bundle)
    stream.seek(0)
    return check_bundle(read_bundle_file(stream, where="b"), policy, agencies, where="b")


def test_a_checkpoint_signed_by_a_thief(trial: Trial, agencies: AgencyChecker) -> None:
    good = look(trial.reader, agencies)
    assert good.alarms == ()
    thief = note_key("thief")
    forged = sign_note(trial.head.text, [thief]).encoded
    with pytest.raises(LogProofError, match="is not signed by a log of the policy"):
        check_checkpoint(forged, POLICY, where="c")
    # Under the key id of the log, which anybody can read.
    (line,) = parse_note(forged, where="c").signatures
    note = replace(
        parse_note(forged, where="c"), signatures=(replace(line, key_id=KEY.key.key_id),)
    )
    with pytest.raises(LogProofError, match=r"the signature of .* does not verify"):
        check_checkpoint(note.encoded, POLICY, where="c")
    # A good signature over another text.
    moved = trial.checkpoint.replace(b"\n6\n", b"\n7\n")
    with pytest.raises(LogProofError, match="does not verify"):
        check_checkpoint(moved, POLICY, where="c")


def test_a_release_that_the_logs_keeper_invented(
    trial: Trial, agencies: AgencyChecker, stranger: DevAgency
) -> None:
    """He has the log's key, and can sign any tree. He cannot sign for the agency."""
    records = records_of(trial)
    genuine = sign_statement(register(9), trial.signer)
    good = make_leaf(genuine, logged_at=trial.at).record
    assert look(MemoryLog.of([*records, good], KEY), agencies).alarms == ()
    invented: list[tuple[SignedStatement, AlarmKind]] = [
        (replace(genuine, statement=register(10)), AlarmKind.AGENCY_SIGNATURE),
        (sign_statement(register(9), stranger.signer()), AlarmKind.AGENCY_KEY),
    ]
    for signed, kind in invented:
        record = make_leaf(signed, logged_at=trial.at).record
        report = look(MemoryLog.of([*records, record], KEY), agencies)
        assert kinds(report) == {kind}
        with pytest.raises(LogError), trial.writing(agencies=agencies) as writer:
            writer.append([signed], at=trial.at)


def test_the_agencys_certificate_over_a_strangers_key(
    trial: Trial, agencies: AgencyChecker, stranger: DevAgency
) -> None:
    """The chain is signed: the agency's cannot be put in the place of the signer's own."""
    signed = sign_statement(register(9), stranger.signer())
    good = sign_statement(register(9), trial.signer)
    assert agencies.check(make_leaf(good, logged_at=AT)).state is EntryState.AGENCY
    header = cbor2.loads(good.sign1.protected)
    own = cbor2.loads(signed.sign1.protected)
    swapped = cbor2.dumps({**own, 33: header[33]}, canonical=True)
    cose = cbor2.dumps(cbor2.CBORTag(18, [swapped, {}, None, signed.sign1.signature]))
    forged = SignedStatement(register(9), cose, parse_cose_sign1(cose))
    answer = agencies.check(make_leaf(forged, logged_at=AT))
    assert answer.state is EntryState.SIGNATURE


def test_a_signature_that_the_agency_made_for_something_else(agency_signer: MemorySigner) -> None:
    """What a claim signature covers is no statement, and the other way round."""
    good = sign_statement(register(1), agency_signer)
    assert good.check_signature() is SignatureAnswer.VALID
    payload = canonical_json(register(1))
    header = cbor2.loads(good.sign1.protected)
    for other in ({1: header[1], 33: header[33]}, {**header, 3: "application/c2pa-claim"}):
        protected = cbor2.dumps(other)
        signature = agency_signer.sign(cbor2.dumps(["Signature1", protected, b"", payload]))
        cose = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, signature]))
        # Even over the very same bytes.
        elsewhere = SignedStatement(register(1), cose, parse_cose_sign1(cose))
        assert elsewhere.check_signature() is SignatureAnswer.VALID
        record = make_leaf(elsewhere, logged_at=AT).record
        with pytest.raises(MalformedError, match="cose: expected content type"):
            parse_leaf(record, where="l")


def test_an_entry_that_was_edited_afterwards(trial: Trial, agencies: AgencyChecker) -> None:
    seen = trial.checkpoint
    assert check_log(trial.folder).findings == ()
    # Where it is served:
    public = trial.folder.public / "tile" / "entries" / "000.p" / "6"
    good = public.read_bytes()
    public.write_bytes(good.replace(b"NOVA9-3", b"NOVA9-4"))
    assert kinds(look(trial.reader, agencies)) == {AlarmKind.DAMAGED}
    with pytest.raises(LogProofError, match="the log's tiles do not lead from it to"):
        make_inclusion_proof(trial.reader, 3, POLICY)
    public.write_bytes(good)
    assert look(trial.reader, agencies, seen).alarms == ()
    # In the store, by somebody who takes the triggers away, and mends hash and tiles too:
    forged = make_leaf(sign_statement(register(77), trial.signer), logged_at=trial.at).record
    with closing(sqlite3.connect(trial.folder.store)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            db.execute(f"DROP TRIGGER {name}")
        db.execute(
            "UPDATE entry SET record = ?, leaf_hash = ? WHERE leaf_index = 3",
            (forged, hash_record(forged)),
        )
        db.commit()
    report = check_log(trial.folder, repair=True)
    assert not report.is_sound
    assert "do not give the root that was signed" in report.findings[0].what


def test_a_tree_that_was_truncated(trial: Trial, agencies: AgencyChecker) -> None:
    """The withdrawal was the last entry: without it the release would be current again."""
    records, seen = records_of(trial), trial.checkpoint
    longer = MemoryLog.of([*records, records[0]], KEY)
    assert AlarmKind.REGRESSION not in kinds(look(longer, agencies, seen))
    cut = MemoryLog.of(records[:5], KEY)
    assert kinds(look(cut, agencies, seen)) == {AlarmKind.REGRESSION}
    # Grown again with something else, it is no shorter, and no continuation either.
    other = make_leaf(sign_statement(register(8), trial.signer), logged_at=trial.at).record
    grown = MemoryLog.of([*records[:5], other, other], KEY)
    assert kinds(look(grown, agencies, seen)) == {AlarmKind.FORK}


def test_a_withdrawal_that_was_taken_out(trial: Trial, agencies: AgencyChecker) -> None:
    """A log built again without it is sound in itself: only who has seen the first can tell."""
    trial.append(register(6))
    seen = trial.checkpoint
    records = records_of(trial)
    without = MemoryLog.of([r for r in records if b'"withdraw"' not in r], KEY)
    assert look(without, agencies).alarms == ()
    assert kinds(look(without, agencies, seen)) == {AlarmKind.REGRESSION}
    padded = MemoryLog.of([r for r in records if b'"withdraw"' not in r] + records[:1], KEY)
    assert kinds(look(padded, agencies, seen)) == {AlarmKind.FORK}
    # A proof of the withdrawal, once handed out, stays one.
    record, proof = make_inclusion_proof(trial.reader, 5, POLICY)
    assert check_inclusion(proof, record, POLICY, where="p").checkpoint.size == 7
    forged = replace(proof, checkpoint=padded.checkpoint)
    with pytest.raises(LogProofError, match="does not prove"):
        check_inclusion(forged, record, POLICY, where="p")


def test_one_face_for_the_agency_and_another_for_the_rest(
    trial: Trial, agencies: AgencyChecker
) -> None:
    """Both are signed by the log, and each is sound for who sees no other."""
    records = records_of(trial)
    without = [r for r in records if b'"withdraw"' not in r]
    face, other = MemoryLog.of(records, KEY), MemoryLog.of([*without, records[0]], KEY)
    assert look(face, agencies).alarms == ()
    assert AlarmKind.FORK not in kinds(look(other, agencies))
    # Those who compare what they have seen find out.
    assert kinds(look(face, agencies, others=[other.checkpoint])) == {AlarmKind.FORK}
    # A witness signs one of them alone, and a policy that asks for it refuses the other.
    witness = HonestWitness()
    text = POLICY.text.replace("quorum none", f"witness w {witness.cosigner.key.text}\nquorum w")
    policy = parse_policy(text.encode(), where="p")
    signature = witness.cosigner.cosign(parse_note(face.checkpoint, where="n").text, at=AT)
    key = witness.cosigner.key
    line = NoteSignature(name=key.name, key_id=key.key_id, value=signature)
    good = parse_note(face.checkpoint, where="n").with_signatures([line])
    assert check_checkpoint(good.encoded, policy, where="c").witnesses == {"w": AT}
    bad = parse_note(other.checkpoint, where="n").with_signatures([line])
    with pytest.raises(LogProofError, match=r"the signature of witness\.fans\.example/w1"):
        check_checkpoint(bad.encoded, policy, where="c")
    with pytest.raises(LogProofError, match="got none"):
        check_checkpoint(other.checkpoint, policy, where="c")


def test_an_old_checkpoint_played_back(trial: Trial, agencies: AgencyChecker) -> None:
    """As signed as ever; it shows the time before a withdrawal."""
    store = LogStore(trial.folder.store, read_only=True)
    old = store.checkpoint(5)
    store.close()
    assert old is not None
    seen = trial.checkpoint
    assert look(trial.reader, agencies, seen).alarms == ()
    trial.folder.checkpoint.write_bytes(old.note)
    assert look(trial.reader, agencies).alarms == ()
    assert kinds(look(trial.reader, agencies, seen)) == {AlarmKind.REGRESSION}
    # To the log itself: it goes on from what it remembers.
    with trial.writing() as writer:
        assert writer.checkpoint == seen
    assert trial.checkpoint == seen


def test_a_proof_for_another_entry(trial: Trial, agencies: AgencyChecker) -> None:
    first, second = bundled(trial, 0), bundled(trial, 1)
    assert checked(first, agencies).is_proven
    for swapped in (
        replace(first, proof=second.proof),
        replace(second, entry=first.entry),
        replace(first, proof=first.proof.replace(b"index 0\n", b"index 1\n")),
    ):
        report = checked(swapped, agencies)
        assert report.is_refuted
        assert "does not prove that this entry is number" in report.checks[0].text


def test_a_node_handed_out_as_an_entry(trial: Trial) -> None:
    """Leaves and nodes are hashed apart, so that no tree has two readings."""
    records = records_of(trial)[:4]
    hashes = [hash_record(record) for record in records]
    left, right = hash_children(hashes[0], hashes[1]), hash_children(hashes[2], hashes[3])
    root = tree_of(records).root()
    assert root == hash_children(left, right)
    assert is_included(0, 4, hashes[0], [hashes[1], right], root)
    # The two hashes below a node, as one record of a tree that would be half as large.
    assert not is_included(0, 2, hash_record(hashes[0] + hashes[1]), [right], root)
    head = Checkpoint(origin=KEY.name, size=4, root=root)
    note = sign_note(head.text, [KEY]).encoded
    proof = InclusionProof(index=0, hashes=(right,), checkpoint=note)
    with pytest.raises(LogProofError, match="does not prove"):
        check_inclusion(proof, hashes[0] + hashes[1], POLICY, where="p")


def test_an_embargo_opened_with_another_salt(trial: Trial, agencies: AgencyChecker) -> None:
    """What was committed to cannot be exchanged for something else afterwards."""
    hidden = register(7)
    done = trial.append(embargo(hidden, SALT, at=AT))
    (entry,) = done.indices
    seen = trial.checkpoint
    other_salt = SALT[::-1]
    # Another release, or another salt, opens another commitment than the one in the log.
    for statement, salt in ((hidden, other_salt), (register(8), SALT), (register(8), other_salt)):
        forged = reveal(statement, salt, entry=entry, at=AT)
        with pytest.raises(LogError, match=f"what entry {entry} did not put under embargo"):
            trial.append(forged)
        record = make_leaf(sign_statement(forged, trial.signer), logged_at=trial.at).record
        log = MemoryLog.of([*records_of(trial), record], KEY)
        assert kinds(look(log, agencies, seen)) == {AlarmKind.EMBARGO}
    # With the commitment of the log written over them, they are no statement at all.
    good = sign_statement(reveal(hidden, SALT, entry=entry, at=AT), trial.signer)
    leaf = make_leaf(good, logged_at=trial.at)
    spoilt = leaf.record.replace(SALT.hex().encode(), other_salt.hex().encode())
    with pytest.raises(MalformedError, match="salt and statement do not open the commitment"):
        parse_leaf(spoilt, where="l")
    assert trial.append(reveal(hidden, SALT, entry=entry, at=AT)).added == 1
    assert look(trial.reader, agencies, seen).alarms == ()


def test_an_embargo_of_another_agency_revealed_as_ones_own(
    trial: Trial, stranger: DevAgency
) -> None:
    """A copied commitment shows nothing: the agency is in what is committed to."""
    hidden = register(7)
    trial.append(embargo(hidden, SALT, at=AT))
    copied = embargo(hidden, SALT, at=AT).model_copy(update={"agency": "borealis"})
    with trial.writing() as writer:
        signed = sign_statement(copied, stranger.signer())
        (entry,) = writer.append([signed], at=trial.at).indices
    # When the agency reveals, the copier has salt and release, and still nothing to show.
    claimed = register(7, agency="borealis")
    with pytest.raises(LogError, match="did not put under embargo"):
        trial.append(reveal(claimed, SALT, entry=entry, at=AT))
    with pytest.raises(LogError, match="did not put under embargo"):
        trial.append(reveal(hidden, SALT, entry=entry, at=AT))
    assert trial.append(reveal(hidden, SALT, entry=6, at=AT)).added == 1


def test_a_bundle_with_its_own_log_and_policy(
    trial: Trial, tmp_path: Path, agencies: AgencyChecker
) -> None:
    """A forger can keep a log of his own, and say in the bundle that it is to be believed."""
    assert checked(bundled(trial, 0), agencies).is_proven
    forger = Trial(tmp_path / "forger", trial.signer, label="forger")
    forger.append(register(0))
    record, proof = make_inclusion_proof(forger.reader, 0, forger.policy)
    own = Bundle(entry=record, proof=proof.encoded, policy=forger.policy.text.encode())
    assert checked(own, agencies, forger.policy).is_proven
    report = checked(own, agencies)
    assert report.is_refuted
    assert not report.is_proven


def test_a_proof_whose_extra_data_says_something_else(trial: Trial) -> None:
    """Nobody signs it, and nobody here reads it."""
    record, proof = make_inclusion_proof(trial.reader, 0, POLICY)
    claims = replace(proof, extra=b"withdrawn: no")
    again = parse_inclusion_proof(claims.encoded, where="p")
    assert check_inclusion(again, record, POLICY, where="p").checkpoint == trial.head
    assert again.extra == b"withdrawn: no"


def test_time_put_back_in_the_log(trial: Trial, agencies: AgencyChecker) -> None:
    """A stolen key's statement, put in as if it had been taken before the theft."""
    records, seen = records_of(trial), trial.checkpoint
    good = make_leaf(sign_statement(register(9), trial.signer), logged_at=trial.at).record
    assert look(MemoryLog.of([*records, good], KEY), agencies, seen).alarms == ()
    early = make_leaf(
        sign_statement(register(9), trial.signer), logged_at=AT - timedelta(days=30)
    ).record
    assert kinds(look(MemoryLog.of([*records, early], KEY), agencies, seen)) == {AlarmKind.CLOCK}
    # Further up, where its time would fit, it is another tree than the one that was seen.
    assert kinds(look(MemoryLog.of([early, *records], KEY), agencies, seen)) == {AlarmKind.FORK}
