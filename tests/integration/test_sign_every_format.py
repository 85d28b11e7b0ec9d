"""Every format that can be signed, from the source to the verdict of three readers."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from c2pa import Context, Reader

from provenance.errors import (
    ConfigurationError,
    PlanError,
    SelfCheckError,
    SigningError,
    TimeStampError,
)
from provenance.findings import FindingCode
from provenance.media.formats import FORMATS
from provenance.signing.dev_agency import DevAgency
from provenance.signing.signer import Signer
from provenance.verdict import TimeState, Verdict
from tests.factory import media
from tests.factory.desk import Desk
from tests.factory.judging import house
from tests.factory.sign import OFFLINE
from tests.factory.tsa import TimeStampAuthority

# The second engine reads the parts of a signed ZIP by another name than they have.
_ONE_ENGINE = {"docx", "epub"}
_PURPOSES = "1.3.6.1.4.1.62558.2.1\n1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n"

_TYPES = ("[Content_Types].xml", "<Types/>")
_ODF = "application/vnd.oasis.opendocument."
_ARCHIVES = {
    "docx": (_TYPES, ("word/document.xml", "<x/>")),
    "xlsx": (_TYPES, ("xl/workbook.xml", "<x/>")),
    "pptx": (_TYPES, ("ppt/presentation.xml", "<x/>")),
    "odt": (("mimetype", f"{_ODF}text"), ("content.xml", "<x/>")),
    "ods": (("mimetype", f"{_ODF}spreadsheet"), ("content.xml", "<x/>")),
    "odp": (("mimetype", f"{_ODF}presentation"), ("content.xml", "<x/>")),
    "odg": (("mimetype", f"{_ODF}graphics"), ("content.xml", "<x/>")),
    "epub": (("mimetype", "application/epub+zip"), ("a.xhtml", "<x/>")),
    "oxps": (_TYPES, ("a.fdseq", "<x/>")),
    "zip": (("a.txt", "a"), ("b.txt", "b")),
}


@pytest.fixture
def desk(agency: DevAgency, tsa_server: TimeStampAuthority) -> Desk:
    return Desk(agency=agency, tsa=tsa_server)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", list(media.SAMPLES))
def test_it_is_official_for_us_trusted_for_the_engine_and_clean_for_the_second(
    kind: str, desk: Desk, tmp_path: Path
) -> None:
    job = desk.job(tmp_path, kind, with_identity=True)
    before = job.source.read_bytes()

    signed = desk.signer(identity=desk.agency.signer()).sign(job)

    report = signed.report
    assert report.verdict is Verdict.OFFICIAL
    assert report.time.state is TimeState.TRUSTED
    (identity,) = report.identity
    assert (identity.state, identity.roles) == ("verified", ("cawg.publisher",))
    assert set(job.content.referenced) <= set(identity.covers)
    assert report.has(FindingCode.SECOND_ENGINE_AGREES) is (kind not in _ONE_ENGINE)
    assert _engine_state(job.out, kind, desk) == "Trusted"
    assert job.source.read_bytes() == before
    assert report.asset.size_bytes == job.out.stat().st_size
    assert _names(tmp_path) == sorted([job.out.name, "release.yaml", job.source.name])


def _archive(kind: str, *, deflate: bool) -> bytes:
    first, second = _ARCHIVES[kind]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(*first)
        archive.writestr(*second, zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED)
    return out.getvalue()


@pytest.mark.parametrize("kind", list(_ARCHIVES))
def test_every_document_that_is_an_archive_is_signed_where_its_entries_are_stored(
    kind: str, desk: Desk, tmp_path: Path
) -> None:
    job = desk.job(tmp_path, "docx")
    job.source.write_bytes(_archive(kind, deflate=False))
    assert desk.signer().sign(job).report.verdict is Verdict.OFFICIAL
    job.source.write_bytes(_archive(kind, deflate=True))
    with pytest.raises(SigningError, match="compression method not supported"):
        desk.signer().sign(job, replace=True)


@pytest.mark.parametrize("kind", ["jpeg", "mp4", "pdf"])
def test_credentials_beside_the_file(kind: str, desk: Desk, tmp_path: Path) -> None:
    job = desk.job(tmp_path, kind, sidecar=True)
    signed = desk.signer().sign(job)
    assert signed.sidecar == job.sidecar_path
    # The engine saves a PDF anew, even where it puts nothing into it.
    assert kind == "pdf" or job.out.read_bytes() == job.source.read_bytes()
    verifier = desk.verifier()
    report = verifier.verify(job.out, sidecar=job.sidecar_path)
    assert (report.verdict, report.time.state) == (Verdict.OFFICIAL, TimeState.TRUSTED)
    assert verifier.verify(job.out).verdict is Verdict.UNVERIFIED


def test_where_the_directory_does_not_list_the_key_nothing_is_left(
    desk: Desk, tmp_path: Path
) -> None:
    job = desk.job(tmp_path, "jpeg")
    stranger = house()
    signer = desk.signer(claim=stranger.signer("Stranger"))
    with pytest.raises(SelfCheckError, match="expected official, got signed-unrecognised"):
        signer.sign(job)
    assert _names(tmp_path) == ["release.yaml", job.source.name]
    desk.signer().sign(job)


def test_an_identity_of_somebody_else_is_refused(desk: Desk, tmp_path: Path) -> None:
    job = desk.job(tmp_path, "jpeg", with_identity=True)
    with pytest.raises(SelfCheckError, match="expected a verified statement of identity"):
        desk.signer(identity=house().signer("Stranger")).sign(job)
    assert not job.out.exists()
    desk.signer(identity=desk.agency.signer()).sign(job)


def test_a_source_that_changed_since_the_plan_is_not_signed(desk: Desk, tmp_path: Path) -> None:
    job = desk.job(tmp_path, "jpeg", source_sha256="0" * 64)
    with pytest.raises(PlanError, match="it changed since the plan"):
        desk.signer().sign(job)
    assert _names(tmp_path) == ["release.yaml", job.source.name]


def test_nothing_is_overwritten_unless_told(desk: Desk, tmp_path: Path) -> None:
    job = desk.job(tmp_path, "jpeg")
    job.out.write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match="exists already"):
        desk.signer().sign(job)
    assert job.out.read_bytes() == b"mine"
    assert desk.signer().sign(job, replace=True).report.verdict is Verdict.OFFICIAL


def test_without_a_time_stamp_nothing_is_signed(desk: Desk, tmp_path: Path) -> None:
    job = desk.job(tmp_path, "jpeg")
    desk.tsa.http_status = 500
    with pytest.raises(TimeStampError, match="expected HTTP status 200, got 500"):
        desk.signer().sign(job)
    assert _names(tmp_path) == ["release.yaml", job.source.name]
    with pytest.raises(TimeStampError, match="expected an authority to ask, got none"):
        Signer(
            agency=desk.agency.agency_id,
            claim=desk.agency.signer(),
            verifier=desk.verifier(),
            time_stamper=None,
        )


def test_what_a_key_raises_comes_out_and_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    class Broken:
        algorithm = "ES256"
        certificate_chain_pem = desk.agency.chain_pem

        def sign(self, data: bytes) -> bytes:
            assert data
            raise ZeroDivisionError

    job = desk.job(tmp_path, "mp4", with_identity=True)
    with pytest.raises(ZeroDivisionError):
        desk.signer(identity=Broken()).sign(job)
    with pytest.raises(ZeroDivisionError):
        desk.signer(claim=Broken()).sign(job)
    assert not job.out.exists()
    assert len(_names(tmp_path)) == 2


def _engine_state(path: Path, kind: str, desk: Desk) -> str:
    anchors = [
        {"trust_anchors": pem.decode(), "trust_kind": purpose}
        for pem, purpose in (
            (desk.agency.root_pem, "manifest"),
            (desk.agency.root_pem, "cawg"),
            (desk.tsa.root.pem, "tsa"),
        )
    ]
    settings = {**OFFLINE, "trust": {"anchors": anchors, "trust_config": _PURPOSES}}
    media_type = FORMATS[kind].engine_type
    data = io.BytesIO(path.read_bytes())
    with Context.from_dict(settings) as context, Reader(media_type, data, context=context) as read:
        assert "signature_info" in json.loads(read.json())["manifests"][_active(read)]
        return str(read.get_validation_state())


def _active(reader: Reader) -> str:
    return str(json.loads(reader.json())["active_manifest"])
