"""Asking an issuer over the network: only when told to, only about a recognised signer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.ocsp import load_der_ocsp_request

from provenance.findings import FindingCode
from provenance.report import Report
from provenance.runtime.fetch import GuardedFetcher
from provenance.signing.dev_agency import DevAgency
from provenance.trust.lists import ListPurpose
from provenance.verdict import RevocationState, Verdict
from tests.factory import judging, media, ocsp, pki
from tests.factory.judging import AT, GOOD, House, codes
from tests.factory.ocsp import Responder, running_responder
from tests.factory.pki import Holder
from tests.factory.sign import sign
from tests.factory.surgery import corrupt_signature, forge_timestamp
from tests.factory.tsa import make_authority

JPEG = "image/jpeg"
DAY = timedelta(days=1)
STAMPED = datetime(2026, 3, 1, tzinfo=UTC)
ROOM = {"label": "example.aurora.room", "data": {"pad": "x" * 8000}}
Ask = Callable[..., Report]


@pytest.fixture(scope="module")
def running() -> Iterator[Responder]:
    with running_responder() as responder:
        yield responder


@pytest.fixture(scope="module")
def house() -> House:
    return judging.house("Aurora live")


@pytest.fixture(scope="module")
def meridian() -> tuple[Holder, Holder]:
    return make_authority("Meridian")


@pytest.fixture(scope="module")
def leaf(house: House, running: Responder) -> Holder:
    """A leaf that says to ask the responder on loopback."""
    return pki.issue(
        pki.name("Live TEST leaf"),
        house.issuing,
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
        extensions=[ocsp.points_to(running.url)],
    )


@pytest.fixture(scope="module")
def plain(leaf: Holder) -> bytes:
    return sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf), assertions=[ROOM])


@pytest.fixture
def responder(running: Responder, house: House, leaf: Holder) -> Responder:
    """It says that the leaf is good."""
    running.http_status = 200
    running.requests.clear()
    running.answer = lambda _: ocsp.make_response(
        leaf.certificate, house.issuing, this_update=AT - DAY
    )
    return running


@pytest.fixture
def ask(
    agency: DevAgency, house: House, responder: Responder, meridian: tuple[Holder, Holder]
) -> Ask:
    """Verifies, and asks the responder."""
    verifier = judging.verifier_of(
        judging.directory_of(agency, house.root),
        time_stamp_lists=[
            judging.trust_list("meridian", meridian[0], purpose=ListPurpose.TIME_STAMP)
        ],
        ocsp_fetcher=GuardedFetcher(network_allow=[responder.place]),
    )
    return verifier.verify


def test_an_issuer_says_that_the_certificate_is_good(
    plain: bytes, leaf: Holder, responder: Responder, ask: Ask
) -> None:
    report = ask(plain)
    assert report.verdict is Verdict.OFFICIAL
    assert codes(report) == GOOD | {FindingCode.CERTIFICATE_NOT_REVOKED}
    assert report.revocation.state is RevocationState.GOOD
    assert report.revocation.source == "fetched"
    assert report.context.network_allow == (responder.place,)
    ((_, request),) = responder.requests
    assert load_der_ocsp_request(request).serial_number == leaf.certificate.serial_number


def test_an_issuer_says_that_it_is_revoked(
    plain: bytes, leaf: Holder, house: House, responder: Responder, ask: Ask
) -> None:
    responder.answer = lambda _: ocsp.make_response(
        leaf.certificate, house.issuing, this_update=AT - DAY, revoked_at=STAMPED + DAY
    )
    report = ask(plain)
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.revocation.state is RevocationState.REVOKED
    assert report.revocation.source == "fetched"


def test_a_live_revocation_outweighs_a_stapled_good(
    plain: bytes, leaf: Holder, house: House, responder: Responder, ask: Ask
) -> None:
    good = ocsp.make_response(leaf.certificate, house.issuing, this_update=AT - 2 * DAY)
    responder.answer = lambda _: ocsp.make_response(
        leaf.certificate, house.issuing, this_update=AT - DAY, revoked_at=AT - DAY
    )
    report = ask(ocsp.staple(plain, JPEG, good))
    assert report.revocation.state is RevocationState.REVOKED
    assert report.revocation.source == "fetched"


def test_a_revocation_that_came_along_is_not_asked_about(
    plain: bytes, leaf: Holder, house: House, responder: Responder, ask: Ask
) -> None:
    revoked = ocsp.make_response(
        leaf.certificate, house.issuing, this_update=AT - DAY, revoked_at=AT - DAY
    )
    report = ask(ocsp.staple(plain, JPEG, revoked))
    assert report.revocation.source == "stapled"
    assert not responder.requests


def test_without_being_told_nobody_is_asked(
    plain: bytes, agency: DevAgency, house: House, responder: Responder
) -> None:
    report = judging.verifier_of(judging.directory_of(agency, house.root)).verify(plain)
    assert report.verdict is Verdict.OFFICIAL
    assert report.revocation.why == "offline; no answer of its issuer travels with the file"
    assert report.context.network_allow == ()
    assert not responder.requests


def test_an_address_that_a_stranger_chose_is_never_asked(responder: Responder, ask: Ask) -> None:
    _, issuing, _ = pki.three_tier("Stranger", organization="Stranger")
    leaf = pki.issue(
        pki.name("Stranger TEST caller", organization="Stranger"),
        issuing,
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
        extensions=[ocsp.points_to(responder.url)],
    )
    report = ask(sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf)))
    assert report.verdict is Verdict.SIGNED_UNRECOGNISED
    assert report.revocation.why == "the signing key is not recognised"
    assert not responder.requests


def test_of_a_signature_that_does_not_hold_nobody_is_asked(
    plain: bytes, responder: Responder, ask: Ask
) -> None:
    report = ask(corrupt_signature(plain, JPEG))
    assert report.verdict is Verdict.ALTERED
    assert report.revocation.why == "there is no signature that holds"
    assert not responder.requests


@pytest.mark.parametrize(
    ("status", "why"), [(500, "expected HTTP status 200, got 500"), (404, "got 404")]
)
def test_a_responder_that_fails_is_no_answer(
    status: int, why: str, plain: bytes, responder: Responder, ask: Ask
) -> None:
    responder.http_status = status
    report = ask(plain)
    assert report.verdict is Verdict.OFFICIAL
    assert report.revocation.state is RevocationState.NOT_CHECKED
    assert report.revocation.why.startswith("asking its issuer failed: ")
    assert why in report.revocation.why
    assert [c.why for c in report.checks_not_run if c.check == "revocation"] == [
        report.revocation.why
    ]


def test_an_old_answer_played_again_is_no_answer_although_the_time_is_attested(  # noqa: PLR0917
    plain: bytes,
    leaf: Holder,
    house: House,
    responder: Responder,
    ask: Ask,
    meridian: tuple[Holder, Holder],
) -> None:
    # Between us and the responder: it was right for the attested time, but the
    # issuer may have found out since.
    old = ocsp.make_response(leaf.certificate, house.issuing, this_update=STAMPED)
    responder.answer = lambda _: old
    stamped = forge_timestamp(plain, JPEG, tsa=meridian[1], gen_time=STAMPED)
    report = ask(stamped)
    assert "stale although it was asked for just now" in report.revocation.why
    assert report.revocation.state is RevocationState.NOT_CHECKED
    # The same answer, stapled, is one for its time.
    assert ask(ocsp.staple(stamped, JPEG, old)).revocation.source == "stapled"


@pytest.mark.parametrize("valid_for", [7 * DAY, None])
@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (None, RevocationState.REVOKED),
        ("key_compromise", RevocationState.REVOKED),
        ("certificate_hold", RevocationState.NOT_CHECKED),
    ],
)
def test_a_revocation_does_not_go_stale_unless_it_can_be_lifted(  # noqa: PLR0917
    reason: str | None,
    state: RevocationState,
    valid_for: timedelta | None,
    plain: bytes,
    leaf: Holder,
    house: House,
    responder: Responder,
    ask: Ask,
) -> None:
    # Many responders answer from a list of revocations that is days old.
    responder.answer = lambda _: ocsp.make_response(
        leaf.certificate,
        house.issuing,
        this_update=AT - 20 * DAY,
        valid_for=valid_for,
        revoked_at=AT - 30 * DAY,
        reason=reason,
    )
    report = ask(plain)
    assert report.revocation.state is state, report.revocation.why
    revoked = state is RevocationState.REVOKED
    assert report.verdict is (Verdict.SIGNED_UNRECOGNISED if revoked else Verdict.OFFICIAL)


def test_an_old_revocation_played_again_does_not_prove_that_the_use_was_earlier(  # noqa: PLR0917
    plain: bytes,
    leaf: Holder,
    house: House,
    responder: Responder,
    ask: Ask,
    meridian: tuple[Holder, Holder],
) -> None:
    # The issuer may have found out since that the key was stolen before.
    def says(this_update: datetime) -> None:
        responder.answer = lambda _: ocsp.make_response(
            leaf.certificate,
            house.issuing,
            this_update=this_update,
            revoked_at=STAMPED + DAY,
            reason="key_compromise",
        )

    stamped = forge_timestamp(plain, JPEG, tsa=meridian[1], gen_time=STAMPED)
    says(AT - 20 * DAY)
    assert "stale although it was asked for just now" in ask(stamped).revocation.why
    says(AT - DAY)
    assert ask(stamped, at=AT + timedelta(minutes=2)).revocation.state is RevocationState.GOOD


def test_an_answer_without_an_end_is_right_for_the_hour(
    plain: bytes, leaf: Holder, house: House, responder: Responder, ask: Ask
) -> None:
    def says(this_update: datetime) -> None:
        responder.answer = lambda _: ocsp.make_response(
            leaf.certificate, house.issuing, this_update=this_update, valid_for=None
        )

    says(AT - DAY)
    assert "stale" in ask(plain).revocation.why
    says(AT - timedelta(minutes=50))
    assert ask(plain, at=AT + timedelta(minutes=2)).revocation.state is RevocationState.GOOD


@pytest.mark.parametrize("end", [AT + 7 * DAY, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_an_answer_may_be_right_until_the_end_of_the_calendar(  # noqa: PLR0917
    end: datetime, plain: bytes, leaf: Holder, house: House, responder: Responder, ask: Ask
) -> None:
    said = AT - DAY
    responder.answer = lambda _: ocsp.make_response(
        leaf.certificate, house.issuing, this_update=said, valid_for=end - said
    )
    assert ask(plain).revocation.state is RevocationState.GOOD


def test_the_same_question_is_not_asked_for_every_file(
    plain: bytes, leaf: Holder, responder: Responder, ask: Ask
) -> None:
    other = sign(media.jpeg(2), JPEG, signer=pki.signer_of(leaf))
    assert {ask(data).revocation.state for data in (plain, other)} == {RevocationState.GOOD}
    assert len(responder.requests) == 1
    assert ask(plain, at=AT + timedelta(hours=2)).revocation.state is RevocationState.GOOD
    assert len(responder.requests) == 2

    responder.http_status = 500
    for _ in range(3):
        assert ask(plain, at=AT + timedelta(hours=4)).revocation.state is (
            RevocationState.NOT_CHECKED
        )
    assert len(responder.requests) == 3


def test_a_certificate_that_does_not_say_whom_to_ask(house: House, ask: Ask) -> None:
    report = ask(sign(media.jpeg(), JPEG, signer=house.signer("Silent")))
    assert report.revocation.why == "its certificate does not say whom to ask"


def test_a_private_address_is_asked_only_where_the_operator_says_so(
    plain: bytes, agency: DevAgency, house: House, responder: Responder
) -> None:
    verifier = judging.verifier_of(
        judging.directory_of(agency, house.root), ocsp_fetcher=GuardedFetcher()
    )
    report = verifier.verify(plain)
    assert "only ports 80 and 443 are asked" in report.revocation.why
    assert not responder.requests


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "provenance.cli.main", "verify", *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_command_line_asks_with_fetch_alone(  # noqa: PLR0917
    plain: bytes,
    agency: DevAgency,
    house: House,
    leaf: Holder,
    responder: Responder,
    tmp_path: Path,
) -> None:
    responder.answer = lambda _: ocsp.make_response(
        leaf.certificate, house.issuing, this_update=datetime.now(UTC) - DAY
    )
    entry = agency.directory_entry()
    entry["agencies"][0]["anchors"].append(
        {
            "id": "live",
            "certificate_pem": house.root.pem.decode("ascii"),
            "subject": {"organization": agency.organization},
        }
    )
    directory, file = tmp_path / "directory.json", tmp_path / "release.jpg"
    directory.write_text(json.dumps(entry), "utf-8")
    file.write_bytes(plain)
    common = (str(file), "--directory", str(directory), "--json")

    silent = json.loads(_run(*common).stdout)
    assert silent["revocation"]["state"] == "not-checked"
    assert not responder.requests

    asked = json.loads(_run(*common, "--fetch", "--network-allow", responder.place).stdout)
    assert asked["revocation"]["state"] == "good"
    assert asked["context"]["network_allow"] == [responder.place]
    assert len(responder.requests) == 1

    refused = json.loads(_run(*common, "--fetch").stdout)
    assert "only ports 80 and 443 are asked" in refused["revocation"]["why"]
    assert _run(*common, "--network-allow", responder.place).returncode == 2
    wrong = _run(*common, "--fetch", "--network-allow", "nowhere")
    assert wrong.returncode == 2
    assert "network allow: expected host:port, got 'nowhere'" in wrong.stderr


def test_the_certificate_is_found_without_the_root_in_the_chain(
    agency: DevAgency, house: House, responder: Responder
) -> None:
    # Two tiers: the chain that travels along is the leaf alone.
    leaf = pki.issue(
        pki.name("Direct TEST leaf"),
        house.root,
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
        extensions=[ocsp.points_to(responder.url)],
    )
    assert len(leaf.chain) == 1
    responder.answer = lambda _: ocsp.make_response(
        leaf.certificate, house.root, this_update=AT - DAY
    )
    verifier = judging.verifier_of(
        judging.directory_of(agency, house.root),
        ocsp_fetcher=GuardedFetcher(network_allow=[responder.place]),
    )
    report = verifier.verify(sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf)))
    assert report.revocation.state is RevocationState.GOOD


def test_of_a_key_that_is_listed_alone_no_issuer_is_known(
    agency: DevAgency, responder: Responder
) -> None:
    # Its owner vouches for the key; who made a certificate for it is anybody's choice.
    _, issuing, _ = pki.three_tier("Unlisted", organization="Unlisted")
    leaf = pki.issue(
        pki.name("Pinned TEST leaf"),
        issuing,
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
        extensions=[ocsp.points_to(responder.url)],
    )
    key = {
        "id": "pinned",
        "spki_sha256": pki.spki_sha256(leaf.certificate),
        "not_before": pki.NOT_BEFORE.isoformat(),
    }
    verifier = judging.verifier_of(
        judging.directory_of(agency, keys=[key]),
        ocsp_fetcher=GuardedFetcher(network_allow=[responder.place]),
    )
    revoked = ocsp.make_response(
        leaf.certificate, issuing, this_update=AT - DAY, revoked_at=AT - DAY
    )
    data = sign(media.jpeg(), JPEG, signer=pki.signer_of(leaf), assertions=[ROOM])
    report = verifier.verify(ocsp.staple(data, JPEG, revoked))
    assert report.verdict is Verdict.OFFICIAL
    assert report.signer.recognised_by == "key:pinned"
    assert report.revocation.why == "nobody who is recognised vouches for its issuer"
    assert not responder.requests
