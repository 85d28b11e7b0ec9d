from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.credentials.cose import parse_cose_sign1
from provenance.errors import MalformedError
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.lists import ListPurpose, TrustList, parse_trust_list
from provenance.trust.timestamps import (
    TimeStampAnswer,
    TimeStampChecker,
    TimeStampState,
    parse_token,
)
from tests.factory import media, pki, surgery
from tests.factory.pki import Holder, KeyKind
from tests.factory.sign import sign, stamped_by_engine, store_of
from tests.factory.stores import parse_store
from tests.factory.tsa import (
    TimeStampAuthority,
    make_authority,
    make_token,
    timestamp_response,
)

JPEG = "image/jpeg"
AT = datetime(2026, 5, 5, 12, 0, tzinfo=UTC)
STAMPED = b"what was stamped"
ROOT, TSA = make_authority()


def _list(*roots: Holder, purpose: ListPurpose = ListPurpose.TIME_STAMP) -> TrustList:
    data = b"".join(holder.pem for holder in roots)
    return parse_trust_list(data, name="clocks", purpose=purpose, source="clocks.pem")


def _token(
    tsa: Holder = TSA, *, stamped: bytes = STAMPED, hash_name: str = "sha256", **fields: object
) -> bytes:
    digest = hashlib.new(hash_name, stamped).digest()
    options = {"tsa": tsa, "gen_time": AT, "hash_name": hash_name, **fields}
    return make_token(digest, **options)  # type: ignore[arg-type]


def _check(
    token: bytes, stamped: bytes = STAMPED, *, roots: Sequence[Holder] = (ROOT,)
) -> TimeStampAnswer:
    return TimeStampChecker([_list(*roots)] if roots else []).check(token, stamped)


def _assert_trusted(answer: TimeStampAnswer, at: datetime = AT) -> None:
    assert answer == TimeStampAnswer(
        state=TimeStampState.TRUSTED,
        at=at,
        authority=answer.authority,
        trust_list="clocks",
    )


def test_a_token_of_a_listed_authority_is_trusted() -> None:
    answer = _check(_token())
    _assert_trusted(answer)
    assert answer.authority == "Meridian TEST time-stamping"


@pytest.mark.parametrize(
    "kind", [KeyKind.P256, KeyKind.P384, KeyKind.P521, KeyKind.ED25519, KeyKind.RSA2048]
)
@pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
def test_every_key_and_digest_is_checked(kind: KeyKind, hash_name: str) -> None:
    root, tsa = make_authority(f"Clock {kind}", kind=kind)
    _assert_trusted(_check(_token(tsa, hash_name=hash_name), roots=[root]))
    spoilt = _check(_token(tsa, hash_name=hash_name, spoil_signature=True), roots=[root])
    assert (spoilt.state, spoilt.why) == (TimeStampState.INVALID, "its signature does not hold")


def test_signed_attributes_in_another_order_are_taken_as_they_came() -> None:
    """asn1crypto sorts a set anew once something in it was looked at: other bytes than signed."""
    unsorted = _token(unsorted_attributes=True)
    attributes = parse_token(unsorted).signer["signed_attrs"]
    came = attributes.dump()
    assert [attribute["type"].native for attribute in attributes]
    assert [attribute["values"][0].native for attribute in attributes]
    assert attributes.dump() != came
    _assert_trusted(_check(unsorted))
    spoilt = _check(_token(unsorted_attributes=True, spoil_signature=True))
    assert (spoilt.state, spoilt.why) == (TimeStampState.INVALID, "its signature does not hold")


@pytest.mark.parametrize("status", ["granted", "granted_with_mods"])
def test_a_response_is_worth_what_its_token_is(status: str) -> None:
    _assert_trusted(_check(timestamp_response(_token(), status=status)))


@pytest.mark.parametrize("status", ["rejection", "waiting", "revocation_warning"])
def test_a_response_that_does_not_grant_is_worth_nothing(status: str) -> None:
    answer = _check(timestamp_response(_token(), status=status))
    assert answer.state is TimeStampState.INVALID
    assert answer.why == f"time-stamp: the authority did not grant it, status {status}"
    assert answer.at is None


@pytest.mark.parametrize("claim_version", [1, 2])
def test_the_token_in_a_signed_file(
    claim_version: int, agency_signer: MemorySigner, tsa_server: TimeStampAuthority
) -> None:
    tsa_server.gen_time = AT
    data = stamped_by_engine(
        media.jpeg(),
        JPEG,
        signer=agency_signer,
        tsa_url=tsa_server.url,
        claim_version=claim_version,
    )
    store = parse_store(store_of(data, JPEG))
    sign1 = parse_cose_sign1(store.manifest.child("c2pa.signature").children[1].payload)
    (found,) = sign1.time_stamps
    stamped = store.timestamp_message()

    assert found.header == ("sigTst" if claim_version == 1 else "sigTst2")
    _assert_trusted(_check(found.token, stamped, roots=[tsa_server.root]))
    strange = _check(found.token, stamped, roots=[make_authority("Other")[0]])
    assert strange.state is TimeStampState.UNTRUSTED
    moved = _check(found.token, stamped + b"x", roots=[tsa_server.root])
    assert (moved.state, moved.why) == (TimeStampState.INVALID, "it was made for other bytes")


@pytest.mark.parametrize("claim_version", [1, 2])
def test_a_home_made_authority_is_never_trusted(
    claim_version: int, agency_signer: MemorySigner
) -> None:
    _, home_made = make_authority()
    # The same names under another root of the same name.
    fake_root = pki.issue(
        ROOT.certificate.subject,
        key=pki.make_key("thief"),
        ca=True,
        key_usage=("key_cert_sign", "crl_sign"),
    )
    fake = pki.issue(
        home_made.certificate.subject,
        fake_root,
        eku=[pki.TIME_STAMPING],
        eku_critical=True,
        key=pki.make_key("thief's clock"),
    )
    data = sign(media.jpeg(), JPEG, signer=agency_signer, claim_version=claim_version)
    forged = surgery.forge_timestamp(data, JPEG, tsa=fake, gen_time=AT)
    store = parse_store(store_of(forged, JPEG))
    sign1 = parse_cose_sign1(store.manifest.child("c2pa.signature").children[1].payload)
    (found,) = sign1.time_stamps

    answer = _check(found.token, store.timestamp_message())

    assert answer.state is TimeStampState.UNTRUSTED
    assert answer.authority == "Meridian TEST time-stamping"
    assert answer.trust_list is None
    _assert_trusted(_check(found.token, store.timestamp_message(), roots=[fake_root]))


OTHER = make_authority("Other")[1]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"spoil_signature": True}, "its signature does not hold"),
        ({"signed_digest": bytes(32)}, "time-stamp: its signed digest is not that of its content"),
        (
            {"name_signing_certificate": False},
            "time-stamp: it does not name the certificate that signed it",
        ),
        (
            {"signing_certificate": OTHER.certificate},
            "time-stamp: it does not name the certificate that signed it",
        ),
        ({"certificates": ()}, "time-stamp: it carries no certificate of its signer"),
        (
            {"certificates": OTHER.chain},
            "time-stamp: it carries no certificate of its signer",
        ),
    ],
)
def test_a_spoilt_token_is_invalid(fields: dict[str, object], why: str) -> None:
    _assert_trusted(_check(_token()))
    answer = _check(_token(**fields))  # type: ignore[arg-type]
    assert (answer.state, answer.why) == (TimeStampState.INVALID, why)
    assert answer.trust_list is None


def test_another_certificate_for_the_same_key_may_not_be_slipped_in() -> None:
    """The signature would still hold: only the named certificate tells them apart."""
    twin = pki.issue(
        TSA.certificate.subject,
        ROOT,
        key=TSA.key,
        eku=[pki.TIME_STAMPING],
        eku_critical=True,
        serial=TSA.certificate.serial_number,
        not_after=pki.NOT_AFTER + timedelta(days=900),
    )
    answer = _check(_token(certificates=twin.chain))
    assert answer.state is TimeStampState.INVALID
    assert answer.why == "time-stamp: it does not name the certificate that signed it"


def test_a_token_is_about_the_bytes_it_was_made_for() -> None:
    answer = _check(_token(stamped=b"other bytes"))
    assert (answer.state, answer.why) == (TimeStampState.INVALID, "it was made for other bytes")


def test_a_weak_digest_proves_nothing() -> None:
    digest = hashlib.sha1(STAMPED).digest()
    token = _token().replace(hashlib.sha256(STAMPED).digest(), digest + bytes(12))
    assert _check(token).state is TimeStampState.INVALID
    # The right SHA-1 digest under a right signature, but SHA-1.
    answer = _check(_renamed(_token(hash_name="sha256"), "sha1"))
    assert answer.state is TimeStampState.INVALID


def _renamed(token: bytes, hash_name: str) -> bytes:
    oids = {
        "sha256": bytes.fromhex("0609608648016503040201"),
        "sha1": b"\x06\x05\x2b\x0e\x03\2\x1a",
    }
    return token.replace(oids["sha256"], oids[hash_name].ljust(11, b"\0"))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"eku_critical": False}, "extended key usage is critical"),
        (
            {"eku": [pki.TIME_STAMPING, pki.EMAIL_PROTECTION]},
            "extended key usage is timeStamping alone",
        ),
        ({"eku": [pki.CLAIM_SIGNING]}, "extended key usage is timeStamping alone"),
        ({"eku": None}, "extended key usage is present"),
        ({"kind": KeyKind.RSA1024}, "key is RSA of 2048 bits or more"),
    ],
)
def test_a_certificate_that_may_not_stamp_is_untrusted(fields: dict[str, object], why: str) -> None:
    root, tsa = make_authority("Unfit", **fields)  # type: ignore[arg-type]
    answer = _check(_token(tsa), roots=[root])
    assert answer.state is TimeStampState.UNTRUSTED
    assert answer.why.startswith(f"its certificate may not stamp time: {why}")


@pytest.mark.parametrize(
    ("window", "trusted"),
    [
        ({}, True),
        ({"not_before": AT, "not_after": AT}, True),
        ({"not_after": AT - timedelta(seconds=1)}, False),
        ({"not_before": AT + timedelta(seconds=1)}, False),
    ],
)
def test_the_authority_has_to_be_valid_at_the_time_it_states(
    window: dict[str, datetime], *, trusted: bool
) -> None:
    root, tsa = make_authority("Window", **window)  # type: ignore[arg-type]
    answer = _check(_token(tsa), roots=[root])
    assert (answer.state is TimeStampState.TRUSTED) is trusted
    if not trusted:
        assert answer.state is TimeStampState.UNTRUSTED
        assert answer.why == "its certificate was not valid at that time"


def test_without_a_list_nobody_vouches() -> None:
    answer = _check(_token(), roots=[])
    assert (answer.state, answer.why) == (
        TimeStampState.UNTRUSTED,
        "no time-stamp list was given",
    )
    assert answer.at == AT


def test_anchors_of_claim_signers_never_enter() -> None:
    TimeStampChecker([_list(ROOT)])
    with pytest.raises(ValueError, match="a list of claim signers cannot vouch"):
        TimeStampChecker([_list(ROOT, purpose=ListPurpose.CLAIM)])
    with pytest.raises(ValueError, match="a list of claim signers cannot vouch"):
        TimeStampChecker([_list(ROOT), _list(ROOT, purpose=ListPurpose.CLAIM)])


def test_each_list_is_asked_and_named() -> None:
    other = parse_trust_list(
        make_authority("Other")[0].pem, name="other", purpose=ListPurpose.TIME_STAMP, source="x"
    )
    _assert_trusted(TimeStampChecker([other, _list(ROOT)]).check(_token(), STAMPED))
    assert TimeStampChecker([other]).check(_token(), STAMPED).state is TimeStampState.UNTRUSTED


def test_a_path_through_an_issuing_authority_is_followed() -> None:
    root = pki.root("Long TEST root")
    issuing = pki.issue("Long TEST CA", root, ca=True, key_usage=("key_cert_sign",))
    tsa = pki.issue("Long TEST clock", issuing, eku=[pki.TIME_STAMPING], eku_critical=True)
    _assert_trusted(_check(_token(tsa), roots=[root]))
    backwards = tuple(reversed(tsa.chain))
    _assert_trusted(_check(_token(tsa, certificates=backwards), roots=[root]))
    alone = _check(_token(tsa, certificates=tsa.chain[:1]), roots=[root])
    assert alone.state is TimeStampState.UNTRUSTED


def _with_time(text: bytes) -> bytes:
    """A token whose authority states this text as its time, under a right signature."""
    plain = b"20260101000000Z"
    assert len(text) == len(plain)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    content = parse_token(_token(gen_time=moment)).content.replace(plain, text)
    token = _token(gen_time=moment, signed_digest=hashlib.sha256(content).digest())
    return token.replace(plain, text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (b"20260101000000Z", datetime(2026, 1, 1, tzinfo=UTC)),
        (b"2026010109+0900", datetime(2026, 1, 1, tzinfo=UTC)),
        # Without a zone: a local time, nobody knows where.
        (b"202601010000.00", None),
        # The year 0 is no year of a datetime, and this 1 January is still in it.
        (b"00000101000000Z", None),
        (b"0001010100+1400", None),
        (b"20260101000060Z", None),
        (b"quite soon now.", None),
    ],
)
def test_a_time_that_is_no_moment_is_invalid(text: bytes, at: datetime | None) -> None:
    answer = _check(_with_time(text))
    if at is not None:
        _assert_trusted(answer, at)
        assert answer.at is not None
        assert answer.at.tzinfo is UTC
    else:
        assert answer.state is TimeStampState.INVALID
        assert answer.at is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x00",
        b"\x30\x80" * 3000,
        b"token",
        _token()[:-1],
        _token() + b"\0",
        TSA.certificate.public_bytes(Encoding.DER),
        timestamp_response(None),
        bytes(256 * 1024 + 1),
    ],
)
def test_what_is_no_token_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError, match=r"^time-stamp: "):
        parse_token(data)
    assert _check(data).state is TimeStampState.INVALID


def test_a_token_is_taken_apart() -> None:
    token = parse_token(_token(hash_name="sha384"))
    assert token.gen_time == AT
    assert token.imprint_algorithm == "sha384"
    assert token.imprint == hashlib.sha384(STAMPED).digest()
    assert [c.says_common_name for c in token.chain] == ["Meridian TEST time-stamping"]
