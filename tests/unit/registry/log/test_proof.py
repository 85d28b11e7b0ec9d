from __future__ import annotations

import base64
from hashlib import sha256

import pytest

from provenance.errors import FetchError, LimitError, MalformedError
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.policy import Policy, policy_of
from provenance.registry.log.proof import (
    ConsistencyProof,
    InclusionProof,
    check_consistency,
    check_inclusion,
    parse_consistency_proof,
    parse_inclusion_proof,
)
from provenance.registry.log.prove import make_consistency_proof, make_inclusion_proof
from tests.factory.release_log import MemoryLog, note_key

KEY = note_key()
POLICY = policy_of(KEY.key)
RECORDS = [b"record %d" % n for n in range(300)]
H1, H2 = sha256(b"hash1").digest(), sha256(b"hash2").digest()


def log_of(count: int) -> MemoryLog:
    return MemoryLog.of(RECORDS[:count], KEY)


EXTRA = "ZXh0cmEgaW5mb3JtYXRpb24="
B1, B2 = base64.b64encode(H1).decode(), base64.b64encode(H2).decode()


@pytest.mark.parametrize(
    ("proof", "expected"),
    [
        # Cases of proof/tlog_proof_test.go in github.com/transparency-dev/formats.
        (
            InclusionProof(index=5, hashes=(H1, H2), checkpoint=b"test checkpoint\n"),
            f"c2sp.org/tlog-proof@v1\nindex 5\n{B1}\n{B2}\n\ntest checkpoint\n",
        ),
        (
            InclusionProof(
                index=10, hashes=(H1,), checkpoint=b"checkpoint data\n", extra=b"extra information"
            ),
            f"c2sp.org/tlog-proof@v1\nextra {EXTRA}\nindex 10\n{B1}\n\ncheckpoint data\n",
        ),
        (
            InclusionProof(index=0, hashes=(), checkpoint=b"checkpoint\n"),
            "c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n",
        ),
    ],
)
def test_a_proof_is_written_as_the_specification_says(proof: InclusionProof, expected: str) -> None:
    assert proof.encoded == expected.encode()
    assert parse_inclusion_proof(proof.encoded, where="p") == proof


@pytest.mark.parametrize(
    ("data", "message"),
    [
        # Cases of the same file.
        (b"wrong-header\nindex 0\n\ncheckpoint\n", "expected 'c2sp.org/tlog-proof@v1' first"),
        (b"c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\nc\n", "extra: expected base64"),
        (b"c2sp.org/tlog-proof@v1\n\n\ncheckpoint\n", "expected an index line"),
        (b"c2sp.org/tlog-proof@v1\nindex notanumber\n\nc\n", "index: expected a decimal"),
        (b"c2sp.org/tlog-proof@v1\nindex -5\n\nc\n", "index: expected a decimal"),
        (b"c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\nc\n", "hash 0: expected base64"),
        (b"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nc\n", "hash 0: expected a hash of 32 bytes"),
        # And some more.
        (b"c2sp.org/tlog-proof@v1\nindex 05\n\nc\n", "index: expected a decimal"),
        (b"c2sp.org/tlog-proof@v1\nextra AAAA\n\nc\n", "expected an index line"),
        (b"c2sp.org/tlog-proof@v1\nindex 0\n", "expected an empty line and then a checkpoint"),
        (b"c2sp.org/tlog-proof@v1\nindex \xd9\xa1\n\nc\n", "expected ASCII before the checkpoint"),
        (b"", "expected an empty line"),
    ],
)
def test_what_is_no_proof_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        parse_inclusion_proof(data, where="p")


def test_too_much_is_refused() -> None:
    many = InclusionProof(index=0, hashes=(H1,) * 64, checkpoint=b"c\n").encoded
    with pytest.raises(LimitError, match="expected 63 hashes at most, got 64"):
        parse_inclusion_proof(many, where="p")
    with pytest.raises(LimitError, match="bytes at most"):
        parse_inclusion_proof(bytes(500_000), where="p")


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 300])
def test_every_entry_of_a_log_is_proven(size: int) -> None:
    log = log_of(size)
    for index in {0, size // 2, size - 1}:
        record, proof = make_inclusion_proof(log, index, POLICY)
        assert record == RECORDS[index]
        again = parse_inclusion_proof(proof.encoded, where="p")
        checked = check_inclusion(again, record, POLICY, where="p")
        assert (checked.checkpoint.size, checked.witnesses) == (size, {})


def test_a_proof_is_for_its_entry_alone() -> None:
    record, proof = make_inclusion_proof(log_of(300), 7, POLICY)
    with pytest.raises(LogProofError, match="does not prove that this entry is number 7 of"):
        check_inclusion(proof, RECORDS[8], POLICY, where="p")
    moved = InclusionProof(index=6, hashes=proof.hashes, checkpoint=proof.checkpoint)
    with pytest.raises(LogProofError, match="is number 6 of"):
        check_inclusion(moved, record, POLICY, where="p")
    with pytest.raises(LogProofError, match="is not signed by a log of the policy"):
        check_inclusion(proof, record, policy_of(note_key("other").key), where="p")


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (5, 5), (1, 2), (255, 257), (3, 300)])
def test_a_checkpoint_is_shown_to_continue_another(old: int, new: int) -> None:
    seen = log_of(old).checkpoint
    proof = make_consistency_proof(log_of(new), seen, POLICY)
    again = parse_consistency_proof(proof.encoded, where="p")
    assert again == proof
    assert check_consistency(again, seen, POLICY, where="p").checkpoint.size == new


def test_what_does_not_continue_is_not_shown_to() -> None:
    log, seen = log_of(9), log_of(5).checkpoint
    fork = MemoryLog.of([*RECORDS[:4], b"other", *RECORDS[5:9]], KEY)
    with pytest.raises(LogProofError, match="does not continue"):
        make_consistency_proof(fork, seen, POLICY)
    with pytest.raises(LogProofError, match="does not continue"):
        make_consistency_proof(log_of(4), seen, POLICY)
    proof = make_consistency_proof(log, seen, POLICY)
    forged = ConsistencyProof(old_size=5, hashes=proof.hashes, checkpoint=fork.checkpoint)
    with pytest.raises(LogProofError, match=r"does not prove that .* 9 entries.* continues .* 5"):
        check_consistency(forged, seen, POLICY, where="p")
    with pytest.raises(LogProofError, match=r"begins at 5 entries, and the checkpoint seen .* 4"):
        check_consistency(proof, log_of(4).checkpoint, POLICY, where="p")
    other = note_key("other", name="other.example")
    both = [policy_of(KEY.key), policy_of(other.key)]
    policy = Policy(logs=(*both[0].logs, *both[1].logs))
    strange = ConsistencyProof(
        old_size=5, hashes=(), checkpoint=MemoryLog.of(RECORDS[:5], other).checkpoint
    )
    with pytest.raises(LogProofError, match=r"is of 'other\.example', expected"):
        check_consistency(strange, seen, policy, where="p")


def test_a_consistency_proof_is_what_a_witness_is_sent() -> None:
    # The example of c2sp.org/tlog-witness, "add-checkpoint", as far as it goes.
    example = (
        b"old 20852014\n"
        b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
        b"jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
        b"5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
        b"/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n"
        b"\n"
        b"example.com/behind-the-sofa\n"
        b"20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        b"\n"
    )
    proof = parse_consistency_proof(example, where="p")
    assert (proof.old_size, len(proof.hashes), proof.encoded) == (20_852_014, 4, example)
    for bad in (b"new 5\n\nc", b"old\n\nc", b"old -1\n\nc", b"old 5\nAAAA\n\nc"):
        with pytest.raises(MalformedError):
            parse_consistency_proof(bad, where="p")


def test_a_damaged_log_gives_no_proof() -> None:
    log = log_of(300)
    with pytest.raises(LogProofError, match="entry 300: is not in"):
        make_inclusion_proof(log, 300, POLICY)
    log.files["tile/0/000"] = bytes(8192)
    with pytest.raises(LogProofError, match="entry 7: the log's tiles do not lead from it"):
        make_inclusion_proof(log, 7, POLICY)
    del log.files["tile/0/000"]
    with pytest.raises(MalformedError, match="tile/0/000: is missing"):
        make_inclusion_proof(log, 7, POLICY)
    with pytest.raises(MalformedError, match="is missing; no proof can be made without it"):
        make_consistency_proof(log, log_of(3).checkpoint, POLICY)
    del log.files["checkpoint"]
    with pytest.raises(MalformedError, match="checkpoint: there is none"):
        make_inclusion_proof(log, 7, POLICY)


def test_a_full_tile_stands_in_for_its_partial_forms() -> None:
    small, large = log_of(200), log_of(300)
    # As a reader sees it who got the checkpoint just before the log went on.
    mixed = MemoryLog()
    mixed.files = {**large.files, "checkpoint": small.checkpoint}
    record, proof = make_inclusion_proof(mixed, 150, POLICY)
    assert check_inclusion(proof, record, POLICY, where="p").checkpoint.size == 200
    assert "tile/0/000.p/200" in mixed.asked


def test_an_error_of_the_reader_comes_through() -> None:
    class Down:
        def read(self, path: str, *, max_bytes: int) -> bytes | None:
            raise FetchError(f"{path}: no answer, {max_bytes} bytes wanted")

    with pytest.raises(FetchError, match="checkpoint: no answer"):
        make_inclusion_proof(Down(), 0, POLICY)
