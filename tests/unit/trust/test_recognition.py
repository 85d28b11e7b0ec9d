from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.trust.certificates import Certificate, load_der_chain
from provenance.trust.directory import About, LoadedDirectory, parse_directory
from provenance.trust.lists import ListPurpose, TrustList, parse_trust_list
from provenance.trust.recognition import Recogniser, Recognition
from provenance.verdict import SignerKind
from tests.factory import pki
from tests.factory.pki import Holder

AT = datetime(2026, 5, 5, tzinfo=UTC)
DAY = timedelta(days=1)
ROOT, ISSUING, LEAF = pki.three_tier()
_, _, STRANGER = pki.three_tier("Stranger", organization="Stranger")
SPKI = pki.spki_sha256(LEAF.certificate)


def _chain(holder: Holder) -> tuple[Certificate, ...]:
    return load_der_chain([c.public_bytes(Encoding.DER) for c in holder.chain], where="signature")


def _stamp(moment: datetime) -> str:
    return moment.isoformat()


def _key(spki: str = SPKI, **fields: Any) -> dict[str, Any]:
    return {"id": "2026", "spki_sha256": spki, **fields}


def _anchor(organization: str = "Aurora Entertainment", **fields: Any) -> dict[str, Any]:
    return {
        "id": "root",
        "certificate_pem": ROOT.pem.decode(),
        "subject": {"organization": organization},
        **fields,
    }


def _agency(identifier: str = "aurora", **fields: Any) -> dict[str, Any]:
    return {"id": identifier, "names": [{"language": "en", "name": identifier.title()}], **fields}


def _directory(*agencies: dict[str, Any]) -> LoadedDirectory:
    document = {
        "schema_version": "1",
        "name": "Studio directory",
        "version": 1,
        "issued_at": "2026-01-01T00:00:00Z",
        "test": True,
        "agencies": agencies,
    }
    return parse_directory(json.dumps(document).encode(), where="d.json", source="test")


def _list(name: str = "public", *holders: Holder, pem: bytes = ROOT.pem) -> TrustList:
    data = b"".join(h.pem for h in holders) or pem
    return parse_trust_list(data, name=name, purpose=ListPurpose.CLAIM, source="list.pem")


def _ask(
    *agencies: dict[str, Any],
    lists: Sequence[TrustList] = (),
    chain: Sequence[Certificate] | None = None,
    at: datetime = AT,
    trusted: datetime | None = None,
    kind: str = "image",
) -> Recognition:
    recogniser = Recogniser(_directory(*agencies), lists)
    return recogniser.recognise(
        chain or _chain(LEAF), at=trusted or at, trusted_time=trusted, about=About(media_kind=kind)
    )


def _codes(answer: Recognition) -> list[str]:
    return [found.code.value for found in answer.findings]


def _assert_agency(answer: Recognition, by: str, identifier: str = "aurora") -> None:
    assert answer.kind is SignerKind.AGENCY
    assert answer.agency is not None
    assert answer.agency.id == identifier
    assert answer.recognised_by == by
    assert answer.disowned_by is None
    assert _codes(answer)[-1] == "signer-is-agency"


def _assert_disowned(answer: Recognition) -> None:
    assert answer.kind is SignerKind.UNRECOGNISED
    assert answer.agency is None
    assert answer.disowned_by is not None
    assert answer.disowned_by.id == "aurora"
    assert answer.recognised_by is None
    assert _codes(answer)[-1] == "key-disowned"


def test_a_listed_key_is_the_agencys() -> None:
    _assert_agency(_ask(_agency(keys=[_key()])), "key:2026")
    answer = _ask(_agency(keys=[_key("77" * 32)]))
    assert answer.kind is SignerKind.UNRECOGNISED
    assert _codes(answer) == ["signer-unrecognised"]


def test_a_listed_key_is_the_agencys_under_any_certificate() -> None:
    again = pki.issue("Renewed", pki.root("Renewed TEST root"), key=LEAF.key)
    _assert_agency(_ask(_agency(keys=[_key()]), chain=_chain(again)), "key:2026")


def test_a_leaf_below_an_anchor_is_the_agencys_if_its_subject_says_so() -> None:
    _assert_agency(_ask(_agency(anchors=[_anchor()])), "anchor:root")
    other = _ask(_agency(anchors=[_anchor("Borealis Entertainment")]))
    assert (other.kind, _codes(other)) == (SignerKind.UNRECOGNISED, ["signer-unrecognised"])


def test_the_right_subject_below_another_root_is_nobody() -> None:
    fake_root = pki.issue(
        ROOT.certificate.subject, key=pki.make_key("thief"), ca=True, key_usage=("key_cert_sign",)
    )
    fake = pki.issue(LEAF.certificate.subject, fake_root, key=pki.make_key("thief's leaf"))
    answer = _ask(_agency(keys=[_key()], anchors=[_anchor()]), chain=_chain(fake))
    assert (answer.kind, _codes(answer)) == (SignerKind.UNRECOGNISED, ["signer-unrecognised"])


@pytest.mark.parametrize("entry", ["keys", "anchors"])
@pytest.mark.parametrize(
    ("window", "counts"),
    [
        ({"not_before": _stamp(AT - DAY), "not_after": _stamp(AT + DAY)}, True),
        ({"not_before": _stamp(AT), "not_after": _stamp(AT)}, True),
        ({"not_before": _stamp(AT + DAY)}, False),
        ({"not_after": _stamp(AT - DAY)}, False),
    ],
)
def test_a_key_counts_inside_its_window(
    entry: str, window: dict[str, str], *, counts: bool
) -> None:
    made = _key(**window) if entry == "keys" else _anchor(**window)
    answer = _ask(_agency() | {entry: [made]})
    if counts:
        _assert_agency(answer, "key:2026" if entry == "keys" else "anchor:root")
    else:
        assert answer.kind is SignerKind.UNRECOGNISED
        assert answer.disowned_by is None
        assert _codes(answer) == ["key-outside-window", "signer-unrecognised"]


@pytest.mark.parametrize("how", ["key", "anchor", "revoked key", "revoked number", "revoked CA"])
@pytest.mark.parametrize(
    ("trusted", "counts"),
    [
        (AT - timedelta(seconds=1), True),
        (AT, False),
        (AT + timedelta(seconds=1), False),
        (None, False),
    ],
)
def test_a_stolen_key_counts_only_with_an_earlier_trusted_time(
    how: str, trusted: datetime | None, *, counts: bool
) -> None:
    since = _stamp(AT)
    leaf = LEAF.certificate
    fields: dict[str, Any] = {
        "key": {"keys": [_key(compromised_since=since)]},
        "anchor": {"anchors": [_anchor(compromised_since=since)]},
        "revoked key": {
            "keys": [_key()],
            "revoked": [{"spki_sha256": SPKI, "since": since}],
        },
        "revoked number": {
            "anchors": [_anchor()],
            "revoked": [
                {
                    "serial_number": f"{leaf.serial_number:x}",
                    "issuer_common_name": "Aurora TEST issuing CA",
                    "since": since,
                }
            ],
        },
        "revoked CA": {
            "anchors": [_anchor()],
            "revoked": [{"spki_sha256": pki.spki_sha256(ISSUING.certificate), "since": since}],
        },
    }[how]
    # The time of verification lies before the theft in every case: it does not help.
    answer = _ask(_agency(**fields), at=AT - 9 * DAY, trusted=trusted)
    if counts:
        assert answer.kind is SignerKind.AGENCY
    else:
        _assert_disowned(answer)


@pytest.mark.parametrize("trusted", [None, AT - 99 * DAY])
def test_what_is_disowned_without_a_date_was_never_good(trusted: datetime | None) -> None:
    for revoked in (
        {"spki_sha256": SPKI},
        {
            "serial_number": f"{LEAF.certificate.serial_number:x}",
            "issuer_common_name": "Aurora TEST issuing CA",
        },
    ):
        agency = _agency(anchors=[_anchor()], revoked=[revoked])
        _assert_disowned(_ask(agency, trusted=trusted))
    somebody_else = {"serial_number": "1", "issuer_common_name": "Aurora TEST issuing CA"}
    agency = _agency(anchors=[_anchor()], revoked=[somebody_else])
    _assert_agency(_ask(agency, trusted=trusted), "anchor:root")


def test_a_disowned_authority_does_not_touch_a_key_that_is_listed_by_itself() -> None:
    revoked = [{"spki_sha256": pki.spki_sha256(ISSUING.certificate)}]
    _assert_agency(_ask(_agency(keys=[_key()], revoked=revoked)), "key:2026")


@pytest.mark.parametrize("carried", [True, False])
@pytest.mark.parametrize("disowned", [True, False])
def test_a_disowned_anchor_vouches_for_nobody_though_the_chain_leaves_it_out(
    *, carried: bool, disowned: bool
) -> None:
    issuing = _anchor(certificate_pem=ISSUING.pem.decode(), id="issuing")
    revoked = [{"spki_sha256": pki.spki_sha256(ISSUING.certificate)}] if disowned else []
    agency = _agency(anchors=[_anchor(), issuing], revoked=revoked)
    chain = _chain(LEAF)
    answer = _ask(agency, chain=chain if carried else chain[:1])
    if disowned:
        _assert_disowned(answer)
    else:
        _assert_agency(answer, "anchor:issuing")


def test_the_earliest_theft_decides() -> None:
    agency = _agency(
        keys=[_key(compromised_since=_stamp(AT + 5 * DAY))],
        revoked=[{"spki_sha256": SPKI, "since": _stamp(AT)}],
    )
    _assert_agency(_ask(agency, trusted=AT - DAY), "key:2026")
    _assert_disowned(_ask(agency, trusted=AT + DAY))


@pytest.mark.parametrize("where", ["agency", "key"])
@pytest.mark.parametrize(
    ("kinds", "allowed"),
    [
        (None, {"image", "video", "audio", "document"}),
        (["image"], {"image"}),
        (["video", "audio"], {"video", "audio"}),
        ([], set()),
    ],
)
def test_a_key_speaks_inside_its_scope(
    where: str, kinds: list[str] | None, allowed: set[str]
) -> None:
    scope = {"media_kinds": kinds}
    agency = (
        _agency(keys=[_key()], scope=scope)
        if where == "agency"
        else _agency(keys=[_key(scope=scope)])
    )
    for kind in ("image", "video", "audio", "document"):
        answer = _ask(agency, kind=kind)
        if kind in allowed:
            _assert_agency(answer, "key:2026")
        else:
            assert _codes(answer) == ["key-out-of-scope", "signer-unrecognised"]


def test_both_scopes_have_to_allow_it() -> None:
    agency = _agency(
        keys=[_key(scope={"media_kinds": ["image", "video"]})],
        scope={"media_kinds": ["video", "audio"]},
    )
    assert _ask(agency, kind="image").kind is SignerKind.UNRECOGNISED
    assert _ask(agency, kind="video").kind is SignerKind.AGENCY
    assert _ask(agency, kind="audio").kind is SignerKind.UNRECOGNISED


def test_a_trust_list_recognises_but_makes_no_agency() -> None:
    answer = _ask(lists=[_list()])
    assert answer.kind is SignerKind.LISTED
    assert answer.recognised_by == "list:public"
    assert answer.agency is None
    assert _codes(answer) == ["signer-listed"]
    assert _ask(lists=[_list()], chain=_chain(STRANGER)).kind is SignerKind.UNRECOGNISED


def test_the_agency_comes_before_a_list() -> None:
    answer = _ask(_agency(anchors=[_anchor()]), lists=[_list()])
    _assert_agency(answer, "anchor:root")


def test_lists_are_asked_one_by_one_and_named() -> None:
    others = _list("others", pem=pki.root("Other TEST root").pem)
    assert _ask(lists=[others, _list()]).recognised_by == "list:public"
    (finding,) = _ask(lists=[others]).findings
    assert finding.evidence == {"lists_asked": ["others"]}


def test_a_leaf_on_a_list_is_recognised_as_itself_and_vouches_for_nobody() -> None:
    pinned = _list("pinned", LEAF)
    assert _ask(lists=[pinned]).recognised_by == "list:pinned"
    below = pki.issue("Below TEST leaf", LEAF)
    assert _ask(lists=[pinned], chain=_chain(below)).kind is SignerKind.UNRECOGNISED
    renewed = pki.issue(LEAF.certificate.subject, ISSUING, key=LEAF.key, serial=7)
    assert _ask(lists=[pinned], chain=_chain(renewed)).kind is SignerKind.UNRECOGNISED
    lonely = pki.issue("Lonely TEST signer", eku=[pki.CLAIM_SIGNING])
    itself = _ask(lists=[_list("pinned", lonely)], chain=_chain(lonely))
    assert itself.kind is SignerKind.LISTED


def test_out_of_window_or_scope_falls_through_to_a_list() -> None:
    for agency, code in (
        (_agency(keys=[_key(not_after=_stamp(AT - DAY))]), "key-outside-window"),
        (_agency(keys=[_key(scope={"media_kinds": []})]), "key-out-of-scope"),
    ):
        answer = _ask(agency, lists=[_list()])
        assert answer.kind is SignerKind.LISTED
        assert _codes(answer) == [code, "signer-listed"]


@pytest.mark.parametrize(
    "agency",
    [
        _agency(keys=[_key(compromised_since=_stamp(AT))]),
        _agency(keys=[_key()], revoked=[{"spki_sha256": SPKI}]),
        _agency(anchors=[_anchor()], revoked=[{"spki_sha256": SPKI}]),
        # Disowned and no longer listed at all.
        _agency(revoked=[{"spki_sha256": SPKI}]),
        _agency(revoked=[{"spki_sha256": SPKI, "since": _stamp(AT)}]),
    ],
)
def test_disowned_beats_a_trust_list(agency: dict[str, Any]) -> None:
    assert _ask(_agency(), lists=[_list()]).kind is SignerKind.LISTED
    _assert_disowned(_ask(agency, lists=[_list()]))
    _assert_disowned(_ask(agency))


def test_a_key_disowned_after_a_trusted_time_is_on_its_list_again() -> None:
    agency = _agency(revoked=[{"spki_sha256": SPKI, "since": _stamp(AT)}])
    assert _ask(agency, lists=[_list()], trusted=AT - DAY).kind is SignerKind.LISTED


def test_anybody_can_write_a_disowned_number_into_a_certificate() -> None:
    number = LEAF.certificate.serial_number
    forged = pki.issue(
        "Stranger", pki.root("Aurora TEST issuing CA"), key=STRANGER.key, serial=number
    )
    agency = _agency(
        revoked=[{"serial_number": f"{number:x}", "issuer_common_name": "Aurora TEST issuing CA"}]
    )
    answer = _ask(agency, chain=_chain(forged))
    assert answer.disowned_by is None
    assert _codes(answer) == ["signer-unrecognised"]


def test_two_agencies_below_one_anchor_are_told_apart_by_subject() -> None:
    agencies = [
        _agency("aurora", anchors=[_anchor("Aurora Entertainment")]),
        _agency("borealis", anchors=[_anchor("Borealis")]),
    ]
    borealis = pki.issue(pki.name("Borealis TEST leaf", organization="Borealis"), ISSUING)
    _assert_agency(_ask(*agencies), "anchor:root", "aurora")
    _assert_agency(_ask(*agencies, chain=_chain(borealis)), "anchor:root", "borealis")


def test_one_agencys_trouble_is_not_the_others() -> None:
    agencies = [
        _agency("borealis", keys=[_key("77" * 32)], revoked=[{"spki_sha256": SPKI}]),
        _agency("aurora", keys=[_key()]),
    ]
    _assert_agency(_ask(*agencies), "key:2026", "aurora")


def test_the_anchors_of_two_agencies_are_not_one_heap() -> None:
    issuing_anchor = _anchor(certificate_pem=ISSUING.pem.decode(), id="issuing")
    for first, second in (("aurora", "borealis"), ("borealis", "aurora")):
        agencies = {
            "aurora": _agency("aurora", anchors=[_anchor("Aurora Entertainment")]),
            "borealis": _agency(
                "borealis", anchors=[issuing_anchor | {"subject": {"organization": "Borealis"}}]
            ),
        }
        answer = _ask(agencies[first], agencies[second])
        _assert_agency(answer, "anchor:root", "aurora")


def test_without_a_directory_nobody_is_an_agency() -> None:
    answer = Recogniser(None, [_list()]).recognise(
        _chain(LEAF), at=AT, trusted_time=AT, about=About(media_kind="image")
    )
    assert answer.kind is SignerKind.LISTED
    answer = Recogniser(None, []).recognise(
        _chain(LEAF), at=AT, trusted_time=AT, about=About(media_kind="image")
    )
    assert _codes(answer) == ["test-key", "signer-unrecognised"]


def test_a_list_of_time_stamp_authorities_is_refused() -> None:
    clocks = parse_trust_list(
        ROOT.pem, name="clocks", purpose=ListPurpose.TIME_STAMP, source="clocks.pem"
    )
    with pytest.raises(ValueError, match="time-stamp authorities cannot vouch for claim signers"):
        Recogniser(_directory(), [clocks])


@pytest.mark.parametrize(
    ("protected", "vouched", "kind"),
    [
        (True, False, SignerKind.AGENCY),
        (False, True, SignerKind.AGENCY),
        (False, False, SignerKind.UNRECOGNISED),
    ],
)
def test_a_key_under_a_chain_that_anybody_can_exchange(
    protected: bool,  # noqa: FBT001 - a column of the table above
    vouched: bool,  # noqa: FBT001
    kind: SignerKind,
) -> None:
    # A certificate over a public key can be made by everybody: where the signature
    # does not cover the chain, it says nothing about expiry or serial number.
    recogniser = Recogniser(_directory(_agency(keys=[_key()])), [_list()] if vouched else [])
    answer = recogniser.recognise(
        _chain(LEAF),
        at=AT,
        trusted_time=None,
        about=About(media_kind="image"),
        chain_protected=protected,
    )
    assert answer.kind is kind
