"""What keeps a release from being signed is named in one go, file by file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provenance.errors import ReleaseError
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.plan import PlanSettings, ReleasePlan, make_plan
from tests.factory import media
from tests.factory.judging import directory_of
from tests.factory.metadata import pdf_with_objects, xmp_packet
from tests.factory.releases import AI, SIGNED_AT, folder_with, minimal
from tests.factory.sign import sign

# Bytes after the picture, which a GIF is not rid of without being made anew.
BEHIND = b"made on DESKTOP-7731"
CAPTURED = {"digital_source_type": "digitalCapture"}


def plan(agency: DevAgency, folder: Path, files: dict[str, bytes], **fields: Any) -> ReleasePlan:
    entries = fields.pop("entries", [{"path": name, **CAPTURED} for name in files])
    loaded = folder_with(folder, minimal(*entries, **fields), files)
    return make_plan(
        loaded,
        directory=directory_of(agency),
        claim_chain_pem=agency.chain_pem,
        identity_chain_pem=None,
        settings=PlanSettings(),
        at=SIGNED_AT,
    )


def faults_of(agency: DevAgency, folder: Path, files: dict[str, bytes], **fields: Any) -> list[str]:
    with pytest.raises(ReleaseError) as raised:
        plan(agency, folder, files, **fields)
    assert str(raised.value).splitlines() == list(raised.value.faults)
    return [fault.replace(f"{folder}/release.yaml: ", "") for fault in raised.value.faults]


def test_every_file_with_private_metadata_is_named(agency: DevAgency, tmp_path: Path) -> None:
    gifs = {f"{number}.gif": media.make("gif", number) for number in range(1, 4)}
    with_more = {name: data + BEHIND for name, data in gifs.items()}
    assert faults_of(agency, tmp_path, {**with_more, "4.jpg": media.jpeg(4)}) == [
        f"{name} (image/gif): private metadata that cannot be taken out: trailer; take it out, "
        "or name it in keep_metadata"
        for name in gifs
    ]
    made = plan(agency, tmp_path, {**gifs, "4.jpg": media.jpeg(4)})
    assert [file.path for file in made.files] == ["1.gif", "2.gif", "3.gif", "4.jpg"]
    kept = plan(agency, tmp_path, with_more, keep_metadata=["trailer"])
    assert [file.kept[0].name for file in kept.files] == ["trailer"] * 3


def test_what_is_wrong_with_the_release_hides_nothing_that_is_wrong_with_its_files(
    agency: DevAgency, tmp_path: Path
) -> None:
    files = {"a.gif": media.make("gif") + BEHIND, "b.jpg": b"no picture", "c.jpg": media.jpeg(3)}
    entries = [
        *({"path": name, **CAPTURED} for name in ("a.gif", "gone.jpg", "b.jpg", "gone.png")),
        {"path": "c.jpg", "digital_source_type": "trainedAlgorithmicMedia", "ai": [AI]},
    ]
    found = faults_of(agency, tmp_path, files, entries=entries)
    assert [fault.split(": ")[:2] for fault in found[1:]] == [
        ["files[1]", "'gone.jpg'"],
        ["files[3]", "'gone.png'"],
        ["a.gif (image/gif)", "private metadata that cannot be taken out"],
        ["b.jpg", "expected a type that can be signed, got a file of no known type"],
    ]
    # Nobody consented: said once, although it is so of the release and of the file.
    assert found[0].startswith("files[4].ai[0]")
    right = {"a.gif": media.make("gif"), "b.jpg": media.jpeg(2), "c.jpg": media.jpeg(3)}
    assert len(plan(agency, tmp_path, right).files) == 3


@pytest.mark.parametrize("said", ["exif:GPSLatitude", "tiff:Make"])
def test_a_position_in_the_xmp_of_a_pdf_refuses_it(
    agency: DevAgency, tmp_path: Path, said: str
) -> None:
    packet = xmp_packet(attributes={said: "37,30.0N"})
    head = b"<</Type/Metadata/Subtype/XML/Length %d>>" % len(packet)
    data = pdf_with_objects({2: head + b"stream\n" + packet + b"\nendstream"})
    if said == "exif:GPSLatitude":
        # Nothing is taken out of a PDF, so no plan may say that it will be.
        (fault,) = faults_of(agency, tmp_path, {"a.pdf": data})
        assert "private metadata that cannot be taken out: xmp:exif:GPSPosition;" in fault
    else:
        (file,) = plan(agency, tmp_path, {"a.pdf": data}).files
        assert file.removed == ()


def test_what_is_taken_out_with_all_its_parts_is_not_said_to_stay(
    agency: DevAgency, tmp_path: Path
) -> None:
    history = (
        '<xmpMM:History><rdf:Seq><rdf:li rdf:parseType="Resource">'
        "<xmp:Label>saved</xmp:Label></rdf:li></rdf:Seq></xmpMM:History>"
    )
    packet = xmp_packet(history, attributes={"exif:GPSLatitude": "37,30.0N", "tiff:Make": "M"})
    files = {"a.jpg": media.jpeg(1, xmp=packet)}
    (file,) = plan(agency, tmp_path, files).files
    assert {field.name for field in file.removed} == {
        "xmp:exif:GPSPosition",
        "xmp:xmpMM:History",
    }
    assert [field.name for field in file.metadata] == ["xmp:tiff:Make"]
    # Of what stays, every value is told.
    keep = ["xmp:exif:*", "xmp:xmpMM:*"]
    (file,) = plan(agency, tmp_path, files, keep_metadata=keep).files
    assert file.removed == ()
    assert "xmp:exif:GPSLatitude" in {field.name for field in file.metadata}


def test_several_things_that_are_wrong_with_one_file(agency: DevAgency, tmp_path: Path) -> None:
    wrong = {"path": "a.gif"}
    behind = media.make("gif") + BEHIND
    first, second = faults_of(agency, tmp_path, {"a.gif": behind}, entries=[wrong])
    assert "private metadata that cannot be taken out: trailer" in first
    assert "digital_source_type is missing" in second
    assert plan(agency, tmp_path, {"a.gif": media.make("gif")}).files[0].path == "a.gif"


def _with_credentials(signer: MemorySigner, said: dict[str, str]) -> bytes:
    about = {"@context": {"exif": "http://ns.adobe.com/exif/1.0/"}, **said}
    assertion = {"label": "c2pa.metadata", "kind": "Json", "data": about}
    return sign(media.jpeg(1), "image/jpeg", signer=signer, assertions=[assertion])


_POSITION = {"exif:GPSLatitude": "37,33.99N", "exif:GPSLongitude": "126,58.68E"}
_PLAIN = {"exif:Copyright": "Aurora Entertainment"}


def test_what_credentials_of_a_file_would_make_public_is_named(
    agency: DevAgency, agency_signer: MemorySigner, tmp_path: Path
) -> None:
    opened = [{"path": "a.jpg"}]
    private, plain = ({"a.jpg": _with_credentials(agency_signer, s)} for s in (_POSITION, _PLAIN))
    (fault,) = faults_of(agency, tmp_path, private, entries=opened)
    start = "a.jpg (image/jpeg): private metadata that cannot be taken out: credentials:exif:GPSL"
    assert fault.startswith(start)
    assert "credentials:exif:GPSLatitude" in fault
    assert "credentials:exif:GPSLongitude" in fault
    kept = plan(agency, tmp_path, private, entries=opened, keep_metadata=["credentials:exif:*"])
    assert [field.category for field in kept.files[0].kept] == ["position"] * 2
    assert plan(agency, tmp_path, plain, entries=opened).files[0].kept == ()


def test_what_credentials_of_an_ingredient_would_make_public_is_named(
    agency: DevAgency, agency_signer: MemorySigner, tmp_path: Path
) -> None:
    part = {"path": "b.jpg", "relationship": "componentOf"}
    entries = [{"path": "a.jpg", **CAPTURED, "ingredients": [part]}]
    private, plain = (
        {"a.jpg": media.jpeg(2), "b.jpg": _with_credentials(agency_signer, said)}
        for said in (_POSITION, _PLAIN)
    )
    (fault,) = faults_of(agency, tmp_path, private, entries=entries)
    assert "credentials:exif:GPSLatitude" in fault
    assert len(plan(agency, tmp_path, plain, entries=entries).files) == 1
