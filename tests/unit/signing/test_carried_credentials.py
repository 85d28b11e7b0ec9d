"""What earlier credentials say goes on into what is signed, so it is looked at like a file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cbor2
import pytest

from provenance.credentials.engine_signing import Intent
from provenance.errors import PrivateDataError
from provenance.limits import Limits
from provenance.media.formats import FORMATS
from provenance.media.privacy import Category, PrivateReading
from provenance.signing.carried_credentials import find_in_credentials
from provenance.signing.claim_content import ClaimContent, PlannedIngredient
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.signer import Signer, SignJob
from tests.factory import media
from tests.factory.judging import directory_of, verifier_of
from tests.factory.metadata import exif_block, ratios, text
from tests.factory.sign import ingredient, manifest, sign, store_of
from tests.factory.stores import Box, parse_store

_POSITION = {"exif:GPSLatitude": "37,33.99N", "exif:GPSLongitude": "126,58.68E"}
_CONTEXT = {"@context": {"exif": "http://ns.adobe.com/exif/1.0/"}}


def _metadata(said: Mapping[str, Any], label: str = "c2pa.metadata") -> dict[str, Any]:
    return {"label": label, "kind": "Json", "data": {**_CONTEXT, **said}}


def _found(data: bytes) -> PrivateReading:
    return find_in_credentials(io.BytesIO(data), FORMATS["jpeg"])


def _names(data: bytes) -> set[str]:
    reading = _found(data)
    assert reading.unreadable == ()
    assert not any(field.removable for field in reading.fields)
    return {field.name for field in reading.fields}


@pytest.mark.parametrize(
    ("assertion", "names"),
    [
        (_metadata(_POSITION), {"exif:GPSLatitude", "exif:GPSLongitude"}),
        (_metadata({"exifEX:BodySerialNumber": "SERIALQ7731"}), {"exifEX:BodySerialNumber"}),
        (_metadata({"dc:source": "file:///home/somebody/a.nef"}), {"dc:source"}),
        (
            {"label": "com.maker.place", "data": {"where": [{"latitude": 37.5}]}},
            {"latitude"},
        ),
        (_metadata({"dc:creator": ["NOVA9"], "exif:GPSVersionID": "2.3.0.0"}), set()),
        (_metadata({"exif:GPSLatitude": ""}), set()),
    ],
)
def test_what_an_assertion_says_is_judged(
    agency_signer: MemorySigner, assertion: dict[str, Any], names: set[str]
) -> None:
    data = sign(media.jpeg(1), "image/jpeg", signer=agency_signer, assertions=[assertion])
    assert _names(data) == {f"credentials:{name}" for name in names}


def test_what_a_manifest_behind_the_active_one_says_is_judged(agency_signer: MemorySigner) -> None:
    for said, names in ((_POSITION, {"credentials:exif:GPSLatitude"}), ({"dc:source": "x"}, set())):
        before = sign(
            media.jpeg(1), "image/jpeg", signer=agency_signer, assertions=[_metadata(said)]
        )
        part = ingredient(before, "image/jpeg")
        data = sign(media.jpeg(2), "image/jpeg", signer=agency_signer, ingredients=[part])
        assert _names(data) >= names
        assert bool(_names(data)) is bool(names)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("c2pa.thumbnail.claim.jpeg", "credentials:c2pa.thumbnail.claim"),
        ("c2pa.thumbnail.ingredient__1.jpeg", "credentials:c2pa.thumbnail.ingredient"),
        ("com.maker.thumbnail", None),
    ],
)
def test_a_thumbnail_that_nobody_reviewed_is_found(
    agency_signer: MemorySigner, label: str, name: str | None
) -> None:
    assertion = {"label": label, "data": {"pixels": [1, 2, 3]}}
    data = sign(media.jpeg(1), "image/jpeg", signer=agency_signer, assertions=[assertion])
    assert _names(data) == ({name} if name else set())
    assert all(field.category is Category.PREVIEW for field in _found(data).fields)


def _box(label: str, *children: Box) -> Box:
    told = b"cbor" + bytes.fromhex("00110010800000aa00389b71") + b"\x03" + label.encode() + b"\0"
    return Box(b"jumb", children=[Box(b"jumd", told), *children])


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (
            {"data_types": [{"type": "c2pa.types.generator.prompt"}], "data": b"NOVA9 as a fox"},
            {"credentials:type"},
        ),
        ({"dc:format": "text/plain", "data": b"see /home/somebody/notes"}, {"credentials:data"}),
        ({"credentialSubject": {"email": "q@aurora.example"}}, {"credentials:email"}),
        ({"dc:format": "text/plain", "data": b"NOVA9 on stage"}, set()),
    ],
)
def test_what_stands_beside_claims_and_assertions_is_judged(
    agency_signer: MemorySigner, said: dict[str, Any], names: set[str]
) -> None:
    signed = sign(media.jpeg(1), "image/jpeg", signer=agency_signer)
    store = parse_store(store_of(signed, "image/jpeg"))
    inner = _box("c2pa.data", Box(b"cbor", cbor2.dumps(said)))
    store.manifest.children.append(_box("c2pa.databoxes", inner))
    data = store.root.to_bytes()
    reading = find_in_credentials(io.BytesIO(data), FORMATS["c2pa"])
    assert reading.unreadable == ()
    assert {field.name for field in reading.fields} == names


@pytest.mark.parametrize(("payload", "names"), [(b"\xff", True), (b"\xa1\x61a\x01", False)])
def test_an_assertion_that_cannot_be_read_is_named(
    agency_signer: MemorySigner, payload: bytes, *, names: bool
) -> None:
    assertion = {"label": "com.maker.note", "data": {"a": 1}}
    signed = sign(media.jpeg(1), "image/jpeg", signer=agency_signer, assertions=[assertion])
    store = parse_store(store_of(signed, "image/jpeg"))
    store.assertions.child("com.maker.note").children[1].payload = payload
    reading = find_in_credentials(io.BytesIO(store.root.to_bytes()), FORMATS["c2pa"])
    assert reading.unreadable == ()
    found = {field.name for field in reading.fields}
    assert found == ({"credentials:com.maker.note"} if names else set())


def _with_file(signer: MemorySigner, file: bytes) -> bytes:
    """Credentials with this file as an assertion."""
    told = bytes.fromhex("40cb0c32bb8a489da70b2ad6f47f4369") + b"\x03com.maker.copy\0"
    store = parse_store(store_of(sign(media.jpeg(1), "image/jpeg", signer=signer), "image/jpeg"))
    content = [Box(b"jumd", told), Box(b"bfdb", b"\0image/jpeg\0"), Box(b"bidb", file)]
    store.assertions.children.append(Box(b"jumb", children=content))
    return store.root.to_bytes()


def test_a_file_that_is_an_assertion_is_searched(agency_signer: MemorySigner) -> None:
    gps = {1: text("N"), 2: ratios((37, 1)), 3: text("E"), 4: ratios((126, 1))}
    for exif, names in (
        (exif_block({}, gps=gps), {"credentials:com.maker.copy:exif:GPSPosition"}),
        (exif_block({0x8298: text("Aurora Entertainment")}), set()),
    ):
        data = _with_file(agency_signer, media.jpeg(1, exif=exif))
        reading = find_in_credentials(io.BytesIO(data), FORMATS["c2pa"])
        assert {field.name for field in reading.fields} == names
        assert reading.unreadable == ()


@pytest.mark.parametrize(("most", "enough"), [(1, False), (2, True)])
def test_files_inside_one_have_one_budget_with_it(
    agency_signer: MemorySigner, most: int, *, enough: bool
) -> None:
    """The archive and the picture in it are two."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("a.jpg", media.jpeg(1))
    data = _with_file(agency_signer, archive.getvalue())
    limits = Limits(max_inside_files=most)
    reading = find_in_credentials(io.BytesIO(data), FORMATS["c2pa"], limits)
    assert (reading.unreadable == ()) is enough
    assert all("more than 1 files" in sentence for sentence in reading.unreadable)


def test_a_file_without_credentials_says_nothing() -> None:
    assert _found(media.jpeg(1)) == PrivateReading()


def test_credentials_that_cannot_be_read_are_not_passed_over(agency_signer: MemorySigner) -> None:
    data = sign(media.jpeg(1), "image/jpeg", signer=agency_signer)
    assert _found(data) == PrivateReading()
    broken = data.replace(b"c2pa.claim", b"c2pa.xlaim", 1).replace(b"c2cl", b"c2xx")
    (sentence,) = _found(broken).unreadable
    assert sentence.startswith("credentials:")


def _photo(signer: MemorySigner, said: Mapping[str, Any]) -> bytes:
    return sign(media.jpeg(1), "image/jpeg", signer=signer, assertions=[_metadata(said)])


@pytest.mark.parametrize("intent", [None, Intent.EDIT])
def test_no_signer_carries_on_what_is_private(
    agency: DevAgency,
    agency_signer: MemorySigner,
    tmp_path: Path,
    intent: Intent | None,
) -> None:
    signer = Signer(
        agency="aurora-entertainment",
        claim=agency_signer,
        verifier=verifier_of(directory_of(agency)),
        time_stamper=None,
        unsafe_no_timestamp=True,
    )

    def job(said: Mapping[str, Any], name: str, *keep: str) -> SignJob:
        source = tmp_path / f"{name}.jpg"
        source.write_bytes(_photo(agency_signer, said))
        parent = {"title": "a.jpg", "relationship": "parentOf", "label": "parent"}
        action = {"action": "c2pa.opened", "parameters": {"ingredientIds": ["parent"]}}
        content = ClaimContent(
            manifest=manifest(actions=() if intent else (action,)),
            ingredients=() if intent else (PlannedIngredient(path=source, definition=parent),),
            referenced=(),
            intent=intent,
        )
        return SignJob(source=source, out=tmp_path / f"{name}-out.jpg", content=content, keep=keep)

    with pytest.raises(PrivateDataError, match="credentials:exif:GPSLatitude"):
        signer.sign(job(_POSITION, "private"))
    assert not (tmp_path / "private-out.jpg").exists()
    signer.sign(job(_POSITION, "kept", "credentials:exif:GPS*"))
    signer.sign(job({"dc:source": "x"}, "plain"))
