from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest
from pydantic import ValidationError

from provenance.credentials.cose import SignatureAnswer
from provenance.errors import LimitError, MalformedError, SigningError
from provenance.registry.log.agencies import EntryState
from provenance.registry.log.leaf import (
    CONTENT_TYPE,
    MAX_LEAF_BYTES,
    embargo,
    make_leaf,
    parse_leaf,
    parse_signed_statement,
    reveal,
    sign_statement,
)
from provenance.registry.log.parts import sign_release, split_release
from provenance.registry.log.statement import (
    AuditRoot,
    KeyChange,
    KeyEvent,
    Register,
    ReleaseFile,
    Reveal,
    Statement,
    Supersede,
    canonical_json,
    commitment_to,
    opens,
    parse_statement,
)
from provenance.signing.dev_agency import DevAgency, create_dev_agency
from provenance.signing.memory_signer import MemorySigner
from tests.factory.release_log import AT, agencies_of, register, withdraw

SALT = bytes(range(32))


def every_statement() -> list[Statement]:
    hidden = register(7)
    return [
        register(1),
        withdraw(1),
        Supersede(agency="a", claimed_at=AT, release="NOVA9-1", replaced_by="NOVA9-2"),
        KeyChange(agency="a", claimed_at=AT, event=KeyEvent.INTRODUCE, spki_sha256="0" * 64),
        AuditRoot(
            agency="a",
            claimed_at=AT,
            subject="moderation",
            root="0" * 64,
            count=0,
            since=AT - timedelta(days=1),
            until=AT,
        ),
        embargo(hidden, SALT, at=AT),
        reveal(hidden, SALT, entry=5, at=AT),
    ]


@pytest.mark.parametrize("statement", every_statement(), ids=lambda s: s.type)
def test_every_statement_comes_back_as_it_was_signed(
    statement: Statement, agency_signer: MemorySigner
) -> None:
    signed = sign_statement(statement, agency_signer)
    assert parse_signed_statement(signed.encoded, where="s").statement == statement
    leaf = make_leaf(signed, logged_at=AT)
    assert len(leaf.record) < MAX_LEAF_BYTES
    again = parse_leaf(leaf.record, where="l")
    assert (again.statement, again.logged_at, again.record) == (statement, AT, leaf.record)
    assert again.signed.check_signature() is SignatureAnswer.VALID
    assert again.signed.digest == signed.digest


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "PS256", "EdDSA"])
def test_any_claim_signing_key_signs_statements(algorithm: str) -> None:
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT,
        algorithm=algorithm,
    )
    leaf = make_leaf(sign_statement(register(1), agency.signer()), logged_at=AT)
    again = parse_leaf(leaf.record, where="l").signed
    assert again.check_signature() is SignatureAnswer.VALID
    assert again.chain[0].spki_sha256 == agency.leaf_spki_sha256
    assert len(again.chain) == 2


def test_a_statement_is_small_and_canonical(agency_signer: MemorySigner) -> None:
    leaf = make_leaf(sign_statement(register(1), agency_signer), logged_at=AT)
    document = json.loads(leaf.record)
    assert list(document) == ["cose", "logged_at", "statement", "v"]
    (file,) = document["statement"].pop("files")
    assert document["statement"] == {
        "agency": "aurora-entertainment",
        "claimed_at": "2026-05-01T12:00:00Z",
        "release": "NOVA9-1",
        "type": "register",
    }
    assert sorted(file) == ["active_manifest", "manifest_sha256", "media_type", "sha256"]
    document = json.loads(leaf.record)
    assert json.dumps(document, separators=(",", ":")).encode() == leaf.record
    assert len(leaf.record) < 2_600


def test_the_signature_covers_statement_type_and_chain(agency_signer: MemorySigner) -> None:
    signed = sign_statement(register(1), agency_signer)
    other = sign_statement(register(2), agency_signer)
    assert replace(signed, statement=other.statement).check_signature() is SignatureAnswer.MISMATCH
    protected = cbor2.loads(signed.sign1.protected)
    assert (protected[3], len(protected[33])) == (CONTENT_TYPE, 2)


def test_one_statement_signed_twice_is_one_statement(agency_signer: MemorySigner) -> None:
    first, second = (sign_statement(register(1), agency_signer) for _ in range(2))
    assert first.cose != second.cose  # ECDSA draws a new number each time
    assert first.digest == second.digest
    assert first.digest != sign_statement(register(2), agency_signer).digest


Edit = Callable[[dict[str, Any]], object]


def changed(record: bytes, edit: Edit) -> bytes:
    document = json.loads(record)
    edit(document)
    return canonical_json(document)


def recoded(document: dict[str, Any], edit: Callable[[list[Any]], object]) -> None:
    """Take the COSE apart, change it, and put it together again."""
    text = document["cose"]
    cose = cbor2.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    parts = list(cose.value)
    edit(parts)
    data = cbor2.dumps(cbor2.CBORTag(18, parts))
    document["cose"] = base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def with_header(parts: list[Any], **changes: Any) -> None:
    header = cbor2.loads(parts[0])
    header.update({int(name[1:]): value for name, value in changes.items()})
    parts[0] = cbor2.dumps({k: v for k, v in header.items() if v is not None})


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d.update(v=2), "l: v: "),
        (lambda d: d.update(v=True), "l: v: "),
        (lambda d: d.update(more=1), "l: more: Extra inputs"),
        (lambda d: d.pop("logged_at"), "l: logged_at: Field required"),
        (lambda d: d.update(logged_at="2026-05-01T12:00:00+00:00"), "logged_at: expected a time"),
        (lambda d: d.update(logged_at="2026-13-01T12:00:00Z"), "l: logged_at: "),
        (lambda d: d["statement"].update(type="resell"), "l: statement: document: "),
        (lambda d: d["statement"].update(title="NOVA9"), "title: Extra inputs"),
        (lambda d: d["statement"].update(release="NOVA 9"), "release: String should match"),
        (lambda d: d["statement"].update(files=[]), "files: Tuple should have at least 1"),
        (lambda d: d["statement"]["files"].append(d["statement"]["files"][0]), "listed twice"),
        (lambda d: d["statement"]["files"][0].update(iscc=None), "l: statement: expected its one"),
        (lambda d: d.update(cose="!"), "l: cose: String should match"),
        (lambda d: d.update(cose="AAB"), "cose: expected base64url in its one spelling"),
        (lambda d: d.update(cose="A"), "cose: expected base64url"),
        (lambda d: d.update(cose="AAAA"), "claim signature"),
        (lambda d: recoded(d, lambda p: p.__setitem__(1, {4: b"kid"})), "an empty unprotected"),
        (lambda d: recoded(d, lambda p: p.__setitem__(2, b"{}")), "a detached payload"),
        (lambda d: recoded(d, lambda p: with_header(p, _3="text/plain")), "expected content type"),
        (lambda d: recoded(d, lambda p: with_header(p, _3=None)), "expected content type"),
        (lambda d: recoded(d, lambda p: with_header(p, _33=None)), "a protected chain"),
    ],
)
def test_what_is_no_entry_is_refused(edit: Edit, message: str, agency_signer: MemorySigner) -> None:
    leaf = make_leaf(sign_statement(register(1), agency_signer), logged_at=AT)
    with pytest.raises(MalformedError, match=message):
        parse_leaf(changed(leaf.record, edit), where="l")


def test_an_entry_has_one_spelling(agency_signer: MemorySigner) -> None:
    record = make_leaf(sign_statement(register(1), agency_signer), logged_at=AT).record
    for bad in (
        record + b"\n",
        b" " + record,
        record.replace(b'"v":1', b'"v":1.0'),
        record.replace(b'"v":1', b'"v":1,"v":1'),
        record.replace(b"NOVA9", b"\\u004eOVA9"),
        b'{"v":1}'.decode().encode("utf-16"),
        b'{"v":NaN}',
        b'"\\ud800"',
        b"[" * 4000,
        b"1" * 4000,
        b"",
    ):
        with pytest.raises(MalformedError, match="expected canonical JSON"):
            parse_leaf(bad, where="l")


def test_an_entry_that_is_too_long_is_refused(agency_signer: MemorySigner) -> None:
    with pytest.raises(LimitError, match="l: expected 4096 bytes at most, got 4097"):
        parse_leaf(b"a" * 4097, where="l")
    files = [
        ReleaseFile(sha256=f"{n:064x}", media_type="image/jpeg", active_manifest="u" * 200)
        for n in range(16)
    ]
    large = Register(agency="a", claimed_at=AT, release="R", files=tuple(files))
    with pytest.raises(LimitError, match="state the release in several parts"):
        sign_statement(large, agency_signer)


def test_a_large_release_is_stated_in_parts(agency_signer: MemorySigner) -> None:
    files = [register(n).files[0] for n in range(20)]
    parts = sign_release(files, agency="a", release="R", at=AT, signer=agency_signer)
    assert 3 <= len(parts) <= 6
    stated = [file for part in parts for file in part.statement.files]  # type: ignore[union-attr]
    assert stated == files
    assert all(len(make_leaf(p, logged_at=AT).record) <= MAX_LEAF_BYTES for p in parts)
    assert sign_release([], agency="a", release="R", at=AT, signer=agency_signer) == ()


def test_a_statement_keeps_its_chain_before_it_keeps_its_length(
    agency: DevAgency, agency_signer: MemorySigner
) -> None:
    """Who lists an authority and not the key could not say whose a bare leaf is."""
    files = [
        ReleaseFile(
            sha256=f"{n:064x}",
            media_type="image/jpeg",
            manifest_sha256=f"{n:064x}",
            active_manifest=f"urn:c2pa:{n:08x}-0000-4000-8000-000000000000",
            iscc="ISCC:" + "A" * 56,
        )
        for n in range(20)
    ]
    parts = sign_release(files, agency=agency.agency_id, release="R", at=AT, signer=agency_signer)
    assert [len(part.chain) for part in parts] == [2] * len(parts)
    checker = agencies_of(agency)
    for part in parts:
        answer = checker.check_statement(part, taken_at=AT)
        assert answer.state is EntryState.AGENCY, answer.why
    stated = [file for part in parts for file in part.statement.files]  # type: ignore[union-attr]
    assert stated == files
    # A chain that leaves no room even for one file is left out, as before.
    long = MemorySigner(
        algorithm=agency_signer.algorithm,
        certificate_chain_pem=agency_signer.certificate_chain_pem * 3,
        key=agency_signer.key,
    )
    parts = sign_release(files, agency=agency.agency_id, release="R", at=AT, signer=long)
    assert {len(part.chain) for part in parts} == {1}


def test_what_is_embargoed_can_be_revealed(agency_signer: MemorySigner) -> None:
    files = [register(n).files[0] for n in range(20)]
    parts = split_release(files, agency="aurora-entertainment", release="R", at=AT)
    assert [file for part in parts for file in part.files] == files
    assert len(parts) > 3
    for part in parts:
        hidden = sign_statement(embargo(part, SALT, at=AT), agency_signer)
        shown = sign_statement(reveal(part, SALT, entry=2**52, at=AT), agency_signer)
        for signed in (hidden, shown):
            assert len(make_leaf(signed, logged_at=AT).record) <= MAX_LEAF_BYTES
    large = Register(agency="a", claimed_at=AT, release="R", files=tuple(files[:8]))
    with pytest.raises(LimitError, match="embargo: expected a statement of 1600 bytes at most"):
        embargo(large, SALT, at=AT)
    with pytest.raises(LimitError, match="release R: file 0 alone makes a statement of more than"):
        split_release(files, agency="a", release="R", at=AT, max_bytes=200)
    assert split_release([], agency="a", release="R", at=AT) == ()


def test_a_chain_that_does_not_fit_is_cut_to_its_leaf() -> None:
    agency = create_dev_agency(
        name="Aurora Entertainment",
        name_ko="오로라 엔터테인먼트",
        organization="Aurora Entertainment",
        artists=["NOVA9"],
        at=AT,
    )
    once = agency.signer()
    long = replace(once, certificate_chain_pem=once.certificate_chain_pem + agency.issuing_pem * 3)
    signed = sign_statement(register(1), long)
    assert len(signed.sign1.chain) == 1
    assert signed.check_signature() is SignatureAnswer.VALID


def test_a_signer_that_cannot_be_used_is_refused(agency_signer: MemorySigner) -> None:
    with pytest.raises(SigningError, match="expected one of COSE, got 'RS256'"):
        sign_statement(register(1), replace(agency_signer, algorithm="RS256"))
    with pytest.raises(SigningError, match="the certificate chain is not PEM"):
        sign_statement(register(1), replace(agency_signer, certificate_chain_pem=b"\xff"))


def test_an_embargo_says_nothing_of_what_it_hides(agency_signer: MemorySigner) -> None:
    hidden = register(7)
    signed = sign_statement(embargo(hidden, SALT, at=AT), agency_signer)
    assert set(signed.document["statement"]) == {"agency", "claimed_at", "commitment", "type"}
    assert b"NOVA9" not in signed.encoded
    assert commitment_to(hidden, SALT) != commitment_to(hidden, SALT[::-1])
    # Without a salt, whoever guesses the release could find it.
    with pytest.raises(ValueError, match="salt: expected 32 bytes, got 0"):
        commitment_to(hidden, b"")


def test_a_reveal_has_to_open_its_commitment() -> None:
    hidden = register(7)
    good = reveal(hidden, SALT, entry=5, at=AT)
    assert opens(good, embargo(hidden, SALT, at=AT))
    assert not opens(good, embargo(hidden, SALT[::-1], at=AT))
    assert not opens(good, embargo(register(7, agency="b"), SALT, at=AT))
    whole = good.model_dump()
    for change, message in (
        ({"salt": SALT[::-1].hex()}, "salt and statement do not open the commitment"),
        ({"statement": register(8)}, "do not open the commitment"),
        ({"statement": register(7, agency="b")}, "the statement revealed is of another agency"),
    ):
        with pytest.raises(ValidationError, match=message):
            Reveal(**{**whole, **change})


def test_statements_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValidationError, match="expected since when the key is compromised"):
        KeyChange(agency="a", claimed_at=AT, event=KeyEvent.COMPROMISE, spki_sha256="0" * 64)
    with pytest.raises(ValidationError, match="expected whole seconds with a time zone"):
        register(1, at=datetime(2026, 5, 1))  # noqa: DTZ001 - what is wrong with it
    with pytest.raises(ValidationError, match="expected whole seconds with a time zone"):
        register(1, at=AT + timedelta(microseconds=1))
    document = withdraw(1).model_dump(mode="json")
    with pytest.raises(MalformedError, match=r"s: withdraw\.reason: Input should be"):
        parse_statement({**document, "reason": "because of Kim"}, where="s")


def test_times_are_in_utc_and_of_four_digits() -> None:
    early = register(1, at=datetime(98, 1, 2, tzinfo=UTC))
    assert early.model_dump(mode="json")["claimed_at"] == "0098-01-02T00:00:00Z"
