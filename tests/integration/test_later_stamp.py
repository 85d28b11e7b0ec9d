"""Later time-stamps: what a release is worth once its certificate has expired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from provenance.errors import ConfigurationError, SelfCheckError, SigningError, TimeStampError
from provenance.findings import FindingCode
from provenance.media.formats import FORMATS
from provenance.runtime.fetch import GuardedFetcher
from provenance.signing.dev_agency import DevAgency
from provenance.signing.dev_agency_folder import write_dev_agency
from provenance.signing.later_stamp import LaterStamper, RememberingFetcher
from provenance.signing.memory_signer import MemorySigner
from provenance.trust.directory import LoadedDirectory
from provenance.verdict import RevocationState, TimeState, Verdict
from provenance.verification.verifier import Verifier
from tests.factory import judging, media, ocsp, pki
from tests.factory.command_line import Cli
from tests.factory.desk import Desk, authority_of, now, time_stamp_list
from tests.factory.judging import House
from tests.factory.ocsp import Responder, running_responder
from tests.factory.pki import Holder
from tests.factory.sign import sign
from tests.factory.tsa import TimeStampAuthority, make_authority, running_authority

# Longer than any certificate of the tests is valid.
LATER = timedelta(days=20_000)


@pytest.fixture
def desk(agency: DevAgency, tsa_server: TimeStampAuthority) -> Desk:
    return Desk(agency=agency, tsa=tsa_server)


@pytest.fixture
def stamper(desk: Desk, agency_signer: MemorySigner) -> LaterStamper:
    return LaterStamper(signer=agency_signer, verifier=desk.verifier(), time_stamper=desk.stamper())


@pytest.fixture
def release(tmp_path: Path, signed: Callable[..., bytes]) -> Callable[[str], Path]:
    """A release of this kind that was signed without a time-stamp."""

    def write(kind: str) -> Path:
        path = tmp_path / f"release.{FORMATS[kind].extensions[0]}"
        path.write_bytes(signed(kind))
        return path

    return write


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "mp4", "mov", "m4a", "heic", "avif"])
def test_a_stamped_release_outlives_its_certificate(
    kind: str, desk: Desk, stamper: LaterStamper, release: Callable[[str], Path], tmp_path: Path
) -> None:
    """Its twin without a stamp is undetermined from then on."""
    source = release(kind)
    before = source.read_bytes()
    stamped = stamper.stamp(source, tmp_path / "stamped")
    assert (stamped.report.verdict, stamped.report.time.state) == (
        Verdict.OFFICIAL,
        TimeState.TRUSTED,
    )
    assert not stamped.has_status
    then = desk.verifier().verify(stamped.out, at=now() + LATER)
    assert then.verdict is Verdict.OFFICIAL, then.summary
    assert then.time.trusted_at == stamped.stamp.at
    twin = desk.verifier().verify(source, at=now() + LATER)
    assert (twin.verdict, twin.reason) == (
        Verdict.UNDETERMINED,
        FindingCode.CERTIFICATE_EXPIRED,
    )
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    "kind", ["webp", "tiff", "avi", "wav", "mp3", "flac", "pdf", "svg", "docx"]
)
def test_types_in_which_an_update_does_not_verify_are_refused(
    kind: str, desk: Desk, stamper: LaterStamper, release: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(SigningError, match="cannot be stamped later: an update manifest in it"):
        stamper.stamp(release(kind), tmp_path / "stamped")
    assert not (tmp_path / "stamped").exists()
    assert desk.tsa.requests == []


def test_a_release_that_has_a_stamp_gets_another_and_the_first_one_counts(
    desk: Desk, stamper: LaterStamper, tmp_path: Path
) -> None:
    made = desk.signer().sign(desk.job(tmp_path, "jpeg"))
    stamped = stamper.stamp(made.out, tmp_path / "stamped.jpg")
    again = stamper.stamp(stamped.out, tmp_path / "again.jpg")
    assert made.stamp is not None
    for report in (stamped.report, again.report):
        assert report.verdict is Verdict.OFFICIAL
        assert report.time.trusted_at == made.stamp.at


def test_what_is_not_official_is_not_stamped(
    desk: Desk, stamper: LaterStamper, release: Callable[[str], Path], tmp_path: Path
) -> None:
    changed = release("png")
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(SelfCheckError, match="expected an official release: got altered"):
        stamper.stamp(changed, tmp_path / "stamped.png")
    unsigned = tmp_path / "unsigned.jpg"
    unsigned.write_bytes(media.jpeg())
    with pytest.raises(SelfCheckError, match="expected an official release: got unverified"):
        stamper.stamp(unsigned, tmp_path / "stamped.jpg")
    assert desk.tsa.requests == []
    assert stamper.stamp(release("png"), tmp_path / "stamped.png").report.verdict


def test_a_stranger_cannot_stamp_as_the_agency(
    desk: Desk, release: Callable[[str], Path], tmp_path: Path
) -> None:
    stamper = LaterStamper(
        signer=judging.house("Stranger").signer("Stranger"),
        verifier=desk.verifier(),
        time_stamper=desk.stamper(),
    )
    with pytest.raises(SelfCheckError, match="what was stamped does not verify: got signed-unrec"):
        stamper.stamp(release("jpeg"), tmp_path / "stamped.jpg")
    assert not (tmp_path / "stamped.jpg").exists()


def test_without_a_stamp_that_counts_nothing_is_written(
    desk: Desk, stamper: LaterStamper, release: Callable[[str], Path], tmp_path: Path
) -> None:
    desk.tsa.wrong_imprint = True
    with pytest.raises(TimeStampError, match="it was made for other bytes"):
        stamper.stamp(release("jpeg"), tmp_path / "stamped.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["release.jpg"]


def test_the_next_authority_is_asked(
    desk: Desk, agency_signer: MemorySigner, release: Callable[[str], Path], tmp_path: Path
) -> None:
    with running_authority() as broken:
        broken.http_status = 500
        stamper = LaterStamper(
            signer=agency_signer,
            verifier=desk.verifier(),
            time_stamper=desk.stamper(authority_of(broken.url), authority_of(desk.tsa.url)),
        )
        stamped = stamper.stamp(release("jpeg"), tmp_path / "stamped.jpg")
        ((url, why),) = stamped.stamp.tried
        assert (url, stamped.stamp.authority_url) == (broken.url, desk.tsa.url)
        assert "got 500" in why


def test_nothing_is_overwritten(
    stamper: LaterStamper, release: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "stamped.jpg").write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match="exists already"):
        stamper.stamp(release("jpeg"), tmp_path / "stamped.jpg")
    assert (tmp_path / "stamped.jpg").read_bytes() == b"mine"


@pytest.fixture(scope="module")
def running() -> Iterator[Responder]:
    with running_responder() as responder:
        yield responder


@pytest.fixture(scope="module")
def second() -> House:
    return judging.house("Aurora stamped")


@pytest.fixture(scope="module")
def leaf(second: House, running: Responder) -> Holder:
    """A certificate that says to ask the responder."""
    return pki.issue(
        pki.name("Stamped TEST leaf"),
        second.issuing,
        eku=(pki.CLAIM_SIGNING, pki.EMAIL_PROTECTION),
        extensions=[ocsp.points_to(running.url)],
    )


@pytest.fixture
def listed(agency: DevAgency, second: House) -> LoadedDirectory:
    return judging.directory_of(agency, second.root)


@pytest.fixture
def asking(desk: Desk, listed: LoadedDirectory, running: Responder, leaf: Holder) -> LaterStamper:
    """Also asks the issuer."""
    running.requests.clear()
    fetched = RememberingFetcher(GuardedFetcher(network_allow=[running.place]))
    return LaterStamper(
        signer=pki.signer_of(leaf),
        verifier=Verifier(
            directory=listed,
            time_stamp_lists=[time_stamp_list(desk.tsa.root)],
            clock=now,
            ocsp_fetcher=fetched,
        ),
        time_stamper=desk.stamper(),
        fetched=fetched,
    )


@pytest.mark.parametrize("kind", ["jpeg", "mp4"])
def test_the_issuers_answer_travels_with_the_release(
    *,
    kind: str,
    desk: Desk,
    asking: LaterStamper,
    listed: LoadedDirectory,
    running: Responder,
    second: House,
    leaf: Holder,
    tmp_path: Path,
) -> None:
    running.answer = lambda _: ocsp.make_response(
        leaf.certificate, second.issuing, this_update=now() - timedelta(hours=1)
    )
    source = tmp_path / "release"
    source.write_bytes(sign(media.make(kind), FORMATS[kind].media_type, signer=pki.signer_of(leaf)))
    stamped = asking.stamp(source, tmp_path / "stamped")
    assert stamped.has_status
    asked = len(running.requests)
    offline = desk.verifier(directory=listed)
    report = offline.verify(stamped.out)
    assert report.verdict is Verdict.OFFICIAL, report.summary
    assert (report.revocation.state, report.revocation.source) == (
        RevocationState.GOOD,
        "manifest",
    )
    assert offline.verify(source).revocation.state is RevocationState.NOT_CHECKED
    assert len(running.requests) == asked


def test_a_certificate_that_its_issuer_revoked_is_not_stamped(
    asking: LaterStamper, running: Responder, second: House, leaf: Holder, tmp_path: Path
) -> None:
    source = tmp_path / "release.jpg"
    source.write_bytes(sign(media.jpeg(), "image/jpeg", signer=pki.signer_of(leaf)))
    running.answer = lambda _: ocsp.make_response(
        leaf.certificate,
        second.issuing,
        this_update=now() - timedelta(hours=1),
        revoked_at=now() - timedelta(days=1),
    )
    with pytest.raises(SelfCheckError, match="expected an official release: got signed-unrec"):
        asking.stamp(source, tmp_path / "stamped.jpg")
    assert not (tmp_path / "stamped.jpg").exists()


def test_an_issuer_that_does_not_answer_is_named(
    asking: LaterStamper, running: Responder, leaf: Holder, tmp_path: Path
) -> None:
    source = tmp_path / "release.jpg"
    source.write_bytes(sign(media.jpeg(), "image/jpeg", signer=pki.signer_of(leaf)))
    running.http_status = 500
    with pytest.raises(SigningError, match=r"expected its issuer to say .* got 500"):
        asking.stamp(source, tmp_path / "stamped.jpg")
    running.http_status = 200


def test_the_command(
    agency: DevAgency,
    tsa_server: TimeStampAuthority,
    release: Callable[[str], Path],
    tmp_path: Path,
    cli: Cli,
) -> None:
    folder = tmp_path / "agency"
    write_dev_agency(agency, folder, passphrase=None)
    (tmp_path / "tsa.pem").write_bytes(tsa_server.root.pem)
    source, out = release("jpeg"), tmp_path / "stamped.jpg"
    lists = ("--time-stamp-list", str(tmp_path / "tsa.pem"))
    command = [
        *("stamp", str(source), "--out", str(out), *lists, "--unsafe-plain-key"),
        *("--key", str(folder / "leaf.key.pem"), "--certificate", str(folder / "chain.pem")),
        *("--directory", str(folder / "directory.json")),
    ]
    refused = cli(*command)
    assert refused.code == 2
    assert "expected a time-stamp authority (--tsa URL)" in refused.err
    place = tsa_server.url.split("/")[2]
    done = cli(*command, "--tsa", tsa_server.url, "--network-allow", place)
    assert done.code == 0, done.err
    assert "TEST, not a release" in done.out
    judged = ("--directory", str(folder / "directory.json"), *lists, "--at", "2090-01-01T00:00:00Z")
    assert cli("verify", str(out), *judged).code == 0
    assert cli("verify", str(source), *judged).code == 4


def test_an_authority_that_only_a_stranger_lists_revives_nothing(
    desk: Desk, stamper: LaterStamper, release: Callable[[str], Path], tmp_path: Path
) -> None:
    stamped = stamper.stamp(release("jpeg"), tmp_path / "stamped.jpg")
    elsewhere = Verifier(
        directory=desk.directory,
        time_stamp_lists=[time_stamp_list(make_authority("Other")[0])],
        clock=now,
    )
    report = elsewhere.verify(stamped.out, at=now() + LATER)
    assert report.verdict is Verdict.UNDETERMINED
    assert report.reason is FindingCode.CERTIFICATE_EXPIRED
