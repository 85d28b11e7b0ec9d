from __future__ import annotations

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance.errors import LimitError, MalformedError
from provenance.registry.log.errors import LogProofError
from provenance.registry.log.keys import (
    KeyKind,
    VerifierKey,
    cosignature_time,
    parse_signer_key,
    parse_verifier_key,
)
from provenance.registry.log.note import (
    NoteSignature,
    check_note,
    parse_note,
    parse_signature_lines,
    sign_note,
)
from tests.factory.release_log import HonestWitness, note_key

VECTORS = Path(__file__).parent / "vectors"

# The example of golang.org/x/mod/sumdb/note (BSD-3-Clause).
GO_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_OTHER = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
GO_TEXT = (
    b"If you think cryptography is the answer to your problem,\n"
    b"then you don't know what your problem is.\n"
)
GO_LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfq"
    "dngotpRZb6KE6RyyBwJnAM=\n"
).encode()
GO_OTHER_LINE = (
    "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOT"
    "GwnWLox33WWd1RvMc+QQ=\n"
).encode()

# The example of c2sp.org/signed-note.
C2SP_VERIFIER = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n"
    "\n"
    "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3"
    "mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

# Keys of the witness and the log of `checkpoint_ed25519.txt`.
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
ARCHE = (
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
)


def key(text: str) -> VerifierKey:
    return parse_verifier_key(text, where="key")


def test_a_note_is_signed_as_go_signs_it() -> None:
    signer = parse_signer_key(GO_SIGNER, where="key")
    assert signer.key.text == GO_VERIFIER
    assert sign_note(GO_TEXT, [signer]).encoded == GO_TEXT + b"\n" + GO_LINE


def test_notes_of_others_verify() -> None:
    for data, text in ((GO_TEXT + b"\n" + GO_LINE, GO_VERIFIER), (C2SP_NOTE, C2SP_VERIFIER)):
        note = parse_note(data, where="note")
        assert note.encoded == data
        ((found, _),) = check_note(note, [key(text)], where="note")
        assert found.text == text


def test_each_known_key_is_checked_and_others_are_passed_over() -> None:
    note = parse_note(GO_TEXT + b"\n" + GO_LINE + GO_OTHER_LINE, where="note")
    both = [key(GO_VERIFIER), key(GO_OTHER)]
    assert [k.name for k, _ in check_note(note, both, where="n")] == ["PeterNeumann", "EnochRoot"]
    assert [k.name for k, _ in check_note(note, both[1:], where="n")] == ["EnochRoot"]
    assert check_note(note, [], where="n") == ()
    assert check_note(note, [key(C2SP_VERIFIER)], where="n") == ()


def test_one_wrong_signature_of_a_known_key_condemns_the_note() -> None:
    spoilt = GO_LINE[:60] + b"ABCD" + GO_LINE[60:]
    note = parse_note(GO_TEXT + b"\n" + GO_OTHER_LINE + spoilt, where="note")
    with pytest.raises(LogProofError, match=r"the signature of PeterNeumann \(c74f20a3\) does not"):
        check_note(note, [key(GO_VERIFIER), key(GO_OTHER)], where="note")
    assert len(check_note(note, [key(GO_OTHER)], where="note")) == 1
    changed = parse_note(GO_TEXT.replace(b"your", b"their") + b"\n" + GO_LINE, where="note")
    with pytest.raises(LogProofError, match="does not verify"):
        check_note(changed, [key(GO_VERIFIER)], where="note")


@pytest.mark.parametrize(
    "data",
    [
        # The bad messages of sumdb/note/note_test.go.
        GO_TEXT,
        GO_TEXT + b"\n",
        GO_TEXT + b"\n" + GO_LINE[:-1],
        b"\x01" + GO_TEXT + b"\n" + GO_LINE,
        b"\xff" + GO_TEXT + b"\n" + GO_LINE,
        GO_TEXT + b"\n" + GO_LINE.replace(b"PeterNeumann", b"Bad Name"),
        GO_TEXT + b"\n" + GO_LINE + b"Unexpected line.\n",
        # And some more.
        GO_TEXT + b"\n" + GO_LINE.replace(b"Peter", b"Pe+er"),
        GO_TEXT + b"\n" + GO_LINE.replace(b"AM=", b"AN="),
        GO_TEXT + b"\n" + GO_LINE.replace(b"AM=", b"AM"),
        GO_TEXT + b"\n" + GO_LINE.replace(b" x0", b"  x0"),
        GO_TEXT + b"\n" + "\u2014 PeterNeumann x08goA==\n".encode()[:-6] + b"\n",
        GO_TEXT + b"\n" + GO_LINE.replace(b"\n", b"\r\n"),
        GO_TEXT + b"\n" + GO_LINE.replace("\u2014".encode(), b"-"),
        b"",
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^n: "):
        parse_note(data, where="n")


def test_too_much_is_refused() -> None:
    with pytest.raises(LimitError, match="expected 64 signatures at most, got 65"):
        parse_note(GO_TEXT + b"\n" + GO_LINE * 65, where="n")
    with pytest.raises(LimitError, match="expected 262144 bytes at most"):
        parse_note(GO_TEXT * 5000 + b"\n" + GO_LINE, where="n")
    assert len(parse_note(GO_TEXT + b"\n" + GO_LINE * 64, where="n").signatures) == 64


def test_the_last_empty_line_ends_the_text() -> None:
    text = b"a\n\nb\n"
    note = parse_note(text + b"\n" + GO_LINE, where="n")
    assert note.text == text


def test_a_signature_of_the_same_key_is_replaced() -> None:
    note = parse_note(C2SP_NOTE, where="n")
    (old,) = note.signatures
    new = NoteSignature(name=old.name, key_id=old.key_id, value=b"x" * 64)
    other = NoteSignature(name="another", key_id=old.key_id, value=b"x" * 64)
    assert note.with_signatures([new, other]).signatures == (new, other)


def test_a_verifier_key_has_one_spelling() -> None:
    for cut in range(len(GO_VERIFIER)):
        for part in (GO_VERIFIER[:cut], GO_VERIFIER[cut + 1 :] if cut else ""):
            with pytest.raises(MalformedError):
                key(part)
    for at, character in enumerate(GO_VERIFIER):
        changed = GO_VERIFIER[:at] + chr(ord(character) + 1) + GO_VERIFIER[at + 1 :]
        with pytest.raises(MalformedError):
            key(changed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (  # of the wrong length, with the key id that fits; from sumdb/note/note_test.go
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
            "expected base64 in its one spelling",
        ),
        (  # of an unknown kind, with the key id that fits; from the same
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "expected a key of kind 0x01, 0x04, 0x06, got 0x65",
        ),
        (GO_VERIFIER.replace("c74f20a3", "C74F20A3"), "expected the key id c74f20a3"),
        ("+c74f20a3+AQ==", "as the name"),
        (f"a+00000000+{'A' * 5000}", "expected 4096 characters at most"),
        ("a+00000000+", "got none"),
        # An octet that is no UTF-8, as a policy's reader hands it on.
        (f"\udc80{GO_VERIFIER}", "as the name"),
    ],
)
def test_another_key_is_refused_for_its_reason(text: str, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        key(text)


def test_a_signer_key_is_refused_without_being_repeated() -> None:
    for at in range(len(GO_SIGNER)):
        for bad in (GO_SIGNER[:at], GO_SIGNER[:at] + "!" + GO_SIGNER[at + 1 :]):
            with pytest.raises(MalformedError) as caught:
                parse_signer_key(bad, where="key")
            assert GO_SIGNER[40:] not in str(caught.value)
    assert "81" not in repr(parse_signer_key(GO_SIGNER, where="key"))


def test_signatures_of_a_public_log_and_its_witness_verify() -> None:
    note = parse_note((VECTORS / "checkpoint_ed25519.txt").read_bytes(), where="n")
    found = dict(check_note(note, [key(ARCHE), key(REMORA)], where="n"))
    assert [k.kind for k in found] == [KeyKind.ED25519, KeyKind.ED25519_COSIGNATURE]
    assert cosignature_time(found[key(REMORA)].value) == datetime(
        2026, 5, 23, 21, 50, 24, tzinfo=UTC
    )
    smaller = parse_note(note.encoded.replace(b"1432088532", b"42"), where="n")
    for text in (ARCHE, REMORA):
        with pytest.raises(LogProofError, match="does not verify"):
            check_note(smaller, [key(text)], where="n")


def test_a_post_quantum_cosignature_of_a_public_witness_verifies() -> None:
    note = parse_note((VECTORS / "checkpoint_ml_dsa.txt").read_bytes(), where="n")
    witness = key((VECTORS / "witness_ml_dsa.vkey").read_text().strip())
    ((found, signature),) = check_note(note, [witness], where="n")
    assert found.kind is KeyKind.ML_DSA_44_COSIGNATURE
    assert cosignature_time(signature.value) == datetime(2026, 8, 2, 21, 4, 51, tzinfo=UTC)
    smaller = parse_note(note.encoded.replace(b"185550722", b"42"), where="n")
    # Extension lines are not among what is signed: a note with one is not covered.
    more = parse_note(note.encoded.replace(b"\n\n", b"\nmore\n\n", 1), where="n")
    for changed in (smaller, more):
        with pytest.raises(LogProofError, match="does not verify"):
            check_note(changed, [witness], where="n")


def test_a_witness_signs_checkpoints_alone() -> None:
    cosigner = HonestWitness().cosigner
    text = b"log\n1\n" + b"A" * 43 + b"=\n"
    signature = cosigner.cosign(text, at=datetime(2026, 5, 1, tzinfo=UTC))
    assert cosigner.key.verify(text, signature)
    # The time is signed too.
    (time_s,) = struct.unpack(">Q", signature[:8])
    later = struct.pack(">Q", time_s + 1) + signature[8:]
    assert not cosigner.key.verify(text, later)
    assert not cosigner.key.verify(text, signature[8:])
    with pytest.raises(MalformedError, match="expected origin, size and root"):
        cosigner.cosign(b"pay 1\n", at=datetime(2026, 5, 1, tzinfo=UTC))


def test_keys_of_one_name_are_told_apart_by_kind() -> None:
    plain = note_key().key
    witness = VerifierKey(name=plain.name, kind=KeyKind.ED25519_COSIGNATURE, public=plain.public)
    assert plain.key_id != witness.key_id
    assert parse_verifier_key(witness.text, where="k") == witness
    assert (plain.is_cosigner, witness.is_cosigner) == (False, True)
    text = b"log\n1\n" + b"A" * 43 + b"=\n"
    assert not witness.verify(text, note_key().sign(text))


@pytest.mark.parametrize(
    ("signature", "message"),
    [(b"", "expected a time first"), (b"\xff" * 72, "before the year 10000")],
)
def test_a_time_that_is_none_is_refused(signature: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        cosignature_time(signature)


def test_lines_of_a_witness_are_read_by_themselves() -> None:
    (signature,) = parse_signature_lines(GO_LINE.decode(), where="w")
    assert (signature.name, signature.line.encode()) == ("PeterNeumann", GO_LINE)
    with pytest.raises(MalformedError, match="expected a line break after the last signature"):
        parse_signature_lines(GO_LINE.decode()[:-1], where="w")
