"""Consent that nobody gave: a stranger's word, another artist's, an old one, one that was moved.

None of it moves the verdict: that a release is official, and how it was made, are two
questions. Each attack has its twin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.render import render_report
from provenance.findings import FindingCode
from provenance.media.sniff import sniff
from provenance.report import Report
from provenance.signing.claim_content import ClaimContent
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.release_content import claim_content
from provenance.trust.lists import ListPurpose
from provenance.verdict import Axis, ConsentState, Verdict
from provenance.verification.policy import Policy
from tests.factory import judging, media, pki, surgery
from tests.factory.identity import add_identity, with_identity
from tests.factory.judging import AT, House
from tests.factory.pki import Holder
from tests.factory.releases import (
    AI,
    CONSENT,
    SIGNED_AT,
    folder_with,
    minimal,
    sign_content,
    sign_with_identity,
    the_file,
)
from tests.factory.sign import store_of
from tests.factory.stores import Store
from tests.factory.surgery import forge_timestamp

JPEG = "image/jpeg"
LABEL = "org.provenance-verifier.consent"
MADE = {"path": "a.jpg", "digital_source_type": "trainedAlgorithmicMedia", "ai": dict(AI)}
NAMES = {FindingCode.CONSENT_MISSING, FindingCode.CONSENT_NOT_ATTRIBUTED}

Judge = Callable[..., Report]
Content = Callable[..., ClaimContent]


@pytest.fixture
def content(tmp_path: Path) -> Content:
    """What is claimed about a picture that a model made, with the artist's consent on record."""

    def make(
        entry: Mapping[str, Any] = MADE, *, at: datetime = SIGNED_AT, **fields: Any
    ) -> ClaimContent:
        fields.setdefault("consents", [dict(CONSENT)])
        loaded = folder_with(tmp_path, minimal(entry, **fields), {"a.jpg": media.jpeg(1)})
        kind = sniff(media.jpeg(1))
        assert kind is not None
        return claim_content(loaded, the_file(loaded), media_format=kind, at=at)

    return make


@pytest.fixture(scope="module")
def press(house: House) -> MemorySigner:
    """The agency's key for identities."""
    return house.signer("Identity", eku=(pki.DOCUMENT_SIGNING,))


@pytest.fixture(scope="module")
def product() -> tuple[Holder, Holder]:
    """A product that the agency lists: the root of its trust list, and its certificate."""
    root, _, leaf = pki.three_tier("Vantage", organization="Vantage Cameras")
    return root, leaf


@pytest.fixture(scope="module")
def studio() -> tuple[Holder, Holder]:
    """An authority that identifies artists, and the certificate of one."""
    root = pki.root(pki.name("Studio TEST root", organization="Studio Identity"))
    leaf = pki.issue(
        pki.name("NOVA9 TEST", organization="NOVA9"), root, eku=(pki.DOCUMENT_SIGNING,)
    )
    return root, leaf


@pytest.fixture(scope="module")
def judge(
    agency: DevAgency,
    house: House,
    meridian: tuple[Holder, Holder],
    product: tuple[Holder, Holder],
    studio: tuple[Holder, Holder],
) -> Judge:
    """Verifies as of `AT`; `entry` and `territory` change the directory and the policy."""
    listed = {
        "id": "vantage",
        "name": "Vantage Studio",
        "anchors": [
            {
                "certificate_pem": product[0].pem.decode(),
                "subject": {"organization": "Vantage Cameras"},
            }
        ],
    }

    def call(
        data: bytes,
        *,
        at: datetime = AT,
        entry: Mapping[str, Any] | None = None,
        territory: str | None = None,
    ) -> Report:
        directory = judging.directory_of(
            agency, house.root, entry={"products": [listed], **(entry or {})}
        )
        verifier = judging.verifier_of(
            directory,
            trust_lists=[judging.trust_list("products", product[0])],
            time_stamp_lists=[
                judging.trust_list("meridian", meridian[0], purpose=ListPurpose.TIME_STAMP)
            ],
            identity_lists=[judging.trust_list("studio", studio[0], purpose=ListPurpose.IDENTITY)],
            policy=Policy(territory=territory),
        )
        return verifier.verify(data, at=at)

    return call


def official(report: Report, consent: ConsentState) -> list[str]:
    """An official release whose consent stands so; the states of its statements."""
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert report.ai.consent is consent, report.ai
    return [entry.state for entry in report.ai.consents]


def codes(report: Report) -> set[FindingCode]:
    found = {f.code for f in report.findings if f.axis is Axis.AI}
    return found - {FindingCode.AI_DECLARED, FindingCode.AI_CLAIMED_UNSIGNED}


def shown(report: Report) -> str:
    text = render_report(report, name="a.jpg", colour=False)
    return " ".join(text.split())


def test_twin_a_consent_that_the_agency_has_signed_for(
    content: Content, agency_signer: MemorySigner, press: MemorySigner, judge: Judge
) -> None:
    data = sign_with_identity(media.jpeg(1), content(), signer=agency_signer, identity=press)
    report = judge(data)
    assert official(report, ConsentState.ON_RECORD) == ["counts"]
    assert codes(report) == {FindingCode.CONSENT_ON_RECORD}
    (consent,) = report.ai.consents
    (signer,) = consent.signed_by
    assert (signer.kind, signer.agency and signer.agency.id) == ("agency", "aurora-entertainment")
    assert [(use.use, use.artist) for use in report.ai.uses] == [("voice", "NOVA9")]
    assert report.summary.endswith(
        "It declares that AI made all of it, with the consent of NOVA9 on record."
    )
    text = shown(report)
    assert 'Consent on record for all that is declared: voice of "NOVA9"' in text
    assert 'Aurora Entertainment says that "NOVA9" consented to voice; from' in text
    assert '"mailto:consent@aurora.example"' in text


def test_twin_a_consent_that_the_agencys_claim_lists_as_created(
    content: Content, agency_signer: MemorySigner, judge: Judge
) -> None:
    made = content()
    for entry in made.manifest["assertions"]:
        entry["created"] = True
    report = judge(sign_content(media.jpeg(1), made, signer=agency_signer))
    assert official(report, ConsentState.ON_RECORD) == ["counts"]


def test_what_the_agencys_claim_only_gathered_is_nobodys_word(
    content: Content, agency_signer: MemorySigner, judge: Judge
) -> None:
    report = judge(sign_content(media.jpeg(1), content(), signer=agency_signer))
    assert official(report, ConsentState.NOT_ATTRIBUTED) == ["not-attributed"]
    assert codes(report) == NAMES
    assert report.ai.consents[0].signed_by == ()
    assert "no consent of an artist is on record that counts" in report.summary
    assert 'somebody says that "NOVA9" consented' in shown(report)


def test_an_identity_that_leaves_the_consent_out_does_not_vouch_for_it(
    content: Content, agency_signer: MemorySigner, press: MemorySigner, judge: Judge
) -> None:
    made = content()
    data = sign_with_identity(
        media.jpeg(1), made, signer=agency_signer, identity=press,
        references=[label for label in made.referenced if label != LABEL],
    )  # fmt: skip
    assert official(judge(data), ConsentState.NOT_ATTRIBUTED) == ["not-attributed"]


@pytest.mark.parametrize("with_identity", [True, False])
def test_a_strangers_word_is_never_the_artists_consent(
    content: Content, stranger: MemorySigner, judge: Judge, *, with_identity: bool
) -> None:
    made = content()
    if with_identity:
        data = sign_with_identity(media.jpeg(1), made, signer=stranger, identity=stranger)
    else:
        for entry in made.manifest["assertions"]:
            entry["created"] = True
        data = sign_content(media.jpeg(1), made, signer=stranger)
    report = judge(data)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.ai.consent is ConsentState.NOT_ATTRIBUTED
    assert codes(report) == NAMES
    assert report.ai.uses == ()
    assert "consent" not in report.summary
    text = shown(report)
    assert "none that counts" in text
    assert "does not count (no agency of the directory has signed for it)" in text


def test_a_strangers_consent_without_any_declaration_is_still_called_what_it_is(
    content: Content, stranger: MemorySigner, judge: Judge
) -> None:
    made = content()
    kept = [e for e in made.manifest["assertions"] if e["label"] in {LABEL, "c2pa.actions.v2"}]
    kept[0]["data"]["actions"][0]["digitalSourceType"] = kept[0]["data"]["actions"][0][
        "digitalSourceType"
    ].replace("trainedAlgorithmicMedia", "digitalCapture")
    made.manifest["assertions"][:] = kept
    report = judge(sign_content(media.jpeg(1), made, signer=stranger))
    assert report.ai.consent is ConsentState.NOT_NEEDED
    assert codes(report) == {FindingCode.CONSENT_NOT_ATTRIBUTED}
    assert "does not count" in shown(report)


def test_an_agencys_identity_under_a_strangers_claim_vouches_for_nothing(
    content: Content, stranger: MemorySigner, press: MemorySigner, judge: Judge
) -> None:
    data = sign_with_identity(media.jpeg(1), content(), signer=stranger, identity=press)
    report = judge(data)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.has(FindingCode.IDENTITY_REWRAPPED)
    assert report.ai.consent is ConsentState.NOT_ATTRIBUTED


def test_twin_under_the_claim_of_a_product_that_the_agency_lists(
    content: Content, product: tuple[Holder, Holder], press: MemorySigner, judge: Judge
) -> None:
    data = sign_with_identity(
        media.jpeg(1), content(), signer=pki.signer_of(product[1]), identity=press
    )
    assert official(judge(data), ConsentState.ON_RECORD) == ["counts"]


@pytest.mark.parametrize("where", ["created_assertions", "gathered_assertions"])
def test_what_the_listed_product_adds_is_not_the_agencys_word(
    where: str,
    content: Content,
    product: tuple[Holder, Holder],
    press: MemorySigner,
    judge: Judge,
) -> None:
    # Whoever holds the product can put a consent of their own beside the agency's.
    made = content()
    said = next(e["data"] for e in made.manifest["assertions"] if e["label"] == LABEL)

    def edit(store: Store) -> None:
        store.add_assertion(f"{LABEL}__1", {**said, "identifier": "added"}, where=where)

    data = sign_with_identity(
        media.jpeg(1), made, signer=pki.signer_of(product[1]), identity=press, edit=edit
    )
    report = judge(data)
    states = official(report, ConsentState.ON_RECORD)
    by_paper = dict(zip([c.identifier for c in report.ai.consents], states, strict=True))
    assert by_paper == {"C-2026-0117": "counts", "added": "not-attributed"}


@pytest.mark.parametrize(
    ("consent", "state", "verdict_of_axis"),
    [
        ({"artist": "VEGA5"}, "other-artist", ConsentState.NONE),
        ({"uses": ["likeness"]}, "other-use", ConsentState.NONE),
        ({"validUntil": "2026-10-31T00:00:00Z"}, "expired", ConsentState.EXPIRED),
        ({"validFrom": "2026-11-02T00:00:00Z"}, "not-begun", ConsentState.NONE),
    ],
)
def test_a_consent_for_something_else_counts_for_nothing(  # noqa: PLR0917 - fixtures
    consent: dict[str, Any],
    state: str,
    verdict_of_axis: ConsentState,
    content: Content,
    agency_signer: MemorySigner,
    press: MemorySigner,
    judge: Judge,
) -> None:
    # An agency that skips its own rules, or another program that has none.
    made = content()
    said = next(e["data"] for e in made.manifest["assertions"] if e["label"] == LABEL)
    said |= consent
    data = sign_with_identity(media.jpeg(1), made, signer=agency_signer, identity=press)
    report = judge(data, entry={"scope": {"artists": ["NOVA9", "VEGA5"]}})
    assert official(report, verdict_of_axis) == [state]
    expired = state == "expired"
    found = FindingCode.CONSENT_EXPIRED if expired else FindingCode.CONSENT_MISMATCH
    assert codes(report) == {found, FindingCode.CONSENT_MISSING}
    assert "consent of NOVA9" not in report.summary
    assert "consent of VEGA5" not in report.summary


def test_an_agency_cannot_speak_for_anothers_artist(
    content: Content, agency_signer: MemorySigner, press: MemorySigner, judge: Judge
) -> None:
    made = content()
    for entry in made.manifest["assertions"]:
        if entry["label"] == LABEL:
            entry["data"]["artist"] = "VEGA5"
        if entry["label"] == "c2pa.ai-disclosure":
            entry["data"]["metadata"]["org.provenance-verifier.artists"] = ["VEGA5"]
    data = sign_with_identity(media.jpeg(1), made, signer=agency_signer, identity=press)
    assert official(judge(data), ConsentState.NOT_ATTRIBUTED) == ["out-of-scope"]
    # Its twin: the directory lists the artist.
    report = judge(data, entry={"scope": {"artists": ["NOVA9", "VEGA5"]}})
    assert official(report, ConsentState.ON_RECORD) == ["counts"]


@pytest.mark.parametrize(
    ("territory", "state"), [("KR", ConsentState.ON_RECORD), ("US", ConsentState.NONE)]
)
def test_a_consent_that_does_not_reach_to_where_it_is_asked_about(  # noqa: PLR0917 - fixtures
    territory: str,
    state: ConsentState,
    content: Content,
    agency_signer: MemorySigner,
    press: MemorySigner,
    judge: Judge,
) -> None:
    made = content(consents=[{**CONSENT, "territories": ["KR", "JP"]}], territories=["KR", "JP"])
    data = sign_with_identity(media.jpeg(1), made, signer=agency_signer, identity=press)
    official(judge(data, territory=territory), state)
    official(judge(data), ConsentState.ON_RECORD)


def test_a_consent_whose_term_has_ended_since_was_good_when_it_was_signed(  # noqa: PLR0917 - fixtures
    content: Content,
    agency_signer: MemorySigner,
    press: MemorySigner,
    meridian: tuple[Holder, Holder],
    home_made: Holder,
    judge: Judge,
) -> None:
    data = sign_with_identity(media.jpeg(1), content(), signer=agency_signer, identity=press)
    after = datetime(2028, 6, 1, tzinfo=UTC)
    stamped = forge_timestamp(data, JPEG, tsa=meridian[1], gen_time=SIGNED_AT)
    report = judge(stamped, at=after)
    assert official(report, ConsentState.ENDED) == ["ended"]
    assert codes(report) == {FindingCode.CONSENT_ENDED}
    assert "with the consent of NOVA9, whose term has ended since" in report.summary
    # A time that nobody recognised attests revives nothing.
    forged = forge_timestamp(data, JPEG, tsa=home_made, gen_time=SIGNED_AT)
    assert official(judge(forged, at=after), ConsentState.EXPIRED) == ["expired"]
    assert official(judge(data, at=after), ConsentState.EXPIRED) == ["expired"]


@pytest.mark.parametrize(
    ("days", "state", "axis"),
    [
        (-1, "not-begun", ConsentState.NONE),
        (1, "counts", ConsentState.ON_RECORD),
        (31, "expired", ConsentState.EXPIRED),
    ],
)
def test_the_term_is_held_against_the_trusted_time(  # noqa: PLR0917 - fixtures
    days: int,
    state: str,
    axis: ConsentState,
    content: Content,
    agency_signer: MemorySigner,
    press: MemorySigner,
    meridian: tuple[Holder, Holder],
    judge: Judge,
) -> None:
    made = content()
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    said = next(e["data"] for e in made.manifest["assertions"] if e["label"] == LABEL)
    said |= {"validFrom": begin.isoformat(), "validUntil": (begin + timedelta(30)).isoformat()}
    data = sign_with_identity(media.jpeg(1), made, signer=agency_signer, identity=press)
    stamped = forge_timestamp(data, JPEG, tsa=meridian[1], gen_time=begin + timedelta(days))
    assert official(judge(stamped, at=begin + timedelta(29 if days == 1 else 40)), axis) == [state]


@pytest.mark.parametrize("how", ["assertion", "content"])
def test_a_consent_in_credentials_that_do_not_hold_is_not_repeated(
    how: str, content: Content, agency_signer: MemorySigner, press: MemorySigner, judge: Judge
) -> None:
    data = sign_with_identity(media.jpeg(1), content(), signer=agency_signer, identity=press)
    spoilt = (
        surgery.flip_in_assertion(data, JPEG, LABEL)
        if how == "assertion"
        else surgery.flip_in_media(data, JPEG)
    )
    report = judge(spoilt)
    assert report.verdict is Verdict.ALTERED
    assert report.ai.consent is ConsentState.NOT_CHECKED
    assert report.ai.consents == ()
    assert codes(report) == set()


def test_credentials_moved_to_another_picture_bring_no_consent(
    content: Content, agency_signer: MemorySigner, press: MemorySigner, judge: Judge
) -> None:
    made = content()
    data = sign_with_identity(media.jpeg(1), made, signer=agency_signer, identity=press)
    other = surgery.embed_store(media.jpeg(2), JPEG, store_of(data, JPEG))
    report = judge(other)
    assert report.verdict is Verdict.ALTERED
    assert report.ai.consents == ()


def test_a_stranger_who_makes_something_of_the_release_takes_no_consent_along(  # noqa: PLR0917 - fixtures
    content: Content,
    agency_signer: MemorySigner,
    press: MemorySigner,
    stranger: MemorySigner,
    judge: Judge,
    tmp_path: Path,
) -> None:
    parent = sign_with_identity(media.jpeg(1), content(), signer=agency_signer, identity=press)
    (tmp_path / "a.jpg").write_bytes(parent)
    edit = {"action": "c2pa.edited", "digital_source_type": "trainedAlgorithmicMedia"}
    entry = {"path": "a.jpg", "actions": [edit], "ai": dict(AI)}
    loaded = folder_with(tmp_path, minimal(entry, consents=[dict(CONSENT)]), {"a.jpg": parent})
    kind = sniff(parent)
    assert kind is not None
    made = claim_content(
        loaded, the_file(loaded), media_format=kind, at=SIGNED_AT, has_credentials=True
    )
    made.manifest["assertions"][:] = [e for e in made.manifest["assertions"] if e["label"] != LABEL]
    report = judge(sign_content(parent, made, signer=stranger))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.has(FindingCode.MADE_FROM_RELEASE)
    assert report.ai.consent is ConsentState.NONE
    assert report.ai.consents == ()


def test_the_artists_own_key_beside_the_agencys_is_named(
    content: Content,
    agency_signer: MemorySigner,
    press: MemorySigner,
    studio: tuple[Holder, Holder],
    judge: Judge,
) -> None:
    made = content()
    data = _co_signed(made, agency_signer, [press, pki.signer_of(studio[1])])
    report = judge(data)
    assert official(report, ConsentState.ON_RECORD) == ["counts"]
    signers = report.ai.consents[0].signed_by
    assert [(s.kind, s.recognised_by, s.says_name) for s in signers] == [
        ("agency", "anchor:second-0", "Aurora Entertainment"),
        ("listed", "list:studio", "NOVA9"),
    ]
    assert 'vouched for by list:studio (certificate says "NOVA9")' in shown(report)


def test_the_artists_own_key_alone_makes_nothing_count(
    content: Content, stranger: MemorySigner, studio: tuple[Holder, Holder], judge: Judge
) -> None:
    # A name in a certificate of a list is what that list's authority wrote.
    data = _co_signed(content(), stranger, [pki.signer_of(studio[1])])
    report = judge(data)
    assert report.ai.consent is ConsentState.NOT_ATTRIBUTED
    assert [s.kind for s in report.ai.consents[0].signed_by] == ["listed"]
    assert "does not count" in shown(report)


def test_hostile_statements_are_left_out_of_account(
    content: Content, agency_signer: MemorySigner, press: MemorySigner, judge: Judge
) -> None:
    made = content()
    broken = {"artist": "NOVA9", "validFrom": "soon"}
    made.manifest["assertions"].extend({"label": LABEL, "data": broken} for _ in range(60))
    data = sign_with_identity(media.jpeg(1), made, signer=agency_signer, identity=press)
    report = judge(data)
    assert official(report, ConsentState.ON_RECORD) == ["counts"]
    unreadable = [f for f in report.findings if f.code is FindingCode.CONSENT_UNREADABLE]
    assert len(unreadable) == 49
    assert "soon" not in str(unreadable)


def _co_signed(
    made: ClaimContent, signer: MemorySigner, identities: Sequence[MemorySigner]
) -> bytes:
    """The picture with several statements of identity, each over all that is said."""

    def edit(store: Store) -> None:
        covered = [*made.referenced, "c2pa.hash.data"]
        for number, identity in enumerate(identities):
            label = f"cawg.identity__{number}" if number else "cawg.identity"
            add_identity(store, identity, references=covered, label=label, roles=None)

    return with_identity(
        media.jpeg(1),
        JPEG,
        signer=signer,
        edit=edit,
        actions=(),
        assertions=made.manifest["assertions"],
        title="t",
    )
