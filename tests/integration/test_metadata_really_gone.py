"""What `clean_copy` took out is not found by ExifTool, nor anywhere in the bytes."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provenance.media.formats import FORMATS
from provenance.media.privacy import clean_copy, find_private
from tests.factory import media

pytestmark = pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")

_TITLE = "오로라 ノヴァ九 🎤"
_PICTURE = (
    "-EXIF:GPSLatitude=37.123456",
    "-EXIF:GPSLatitudeRef=N",
    "-EXIF:GPSLongitude=126.654321",
    "-EXIF:GPSLongitudeRef=E",
    "-EXIF:SerialNumber=SERIALQ7731",
    "-EXIF:LensSerialNumber=LENSQ8842",
    "-EXIF:OwnerName=OWNERQ1199",
    "-EXIF:HostComputer=HOSTQ5520",
    "-EXIF:Copyright=Aurora Entertainment",
    "-EXIF:Make=Kamera",
)
_XMP = (
    "-XMP-dc:Title=" + _TITLE,
    "-XMP-exif:GPSLatitude=37.123456",
    "-XMP-exif:GPSLongitude=126.654321",
    "-XMP-aux:SerialNumber=SERIALQ7731",
    "-XMP-aux:OwnerName=OWNERQ1199",
    "-XMP-xmpMM:HistoryAction=HISTQ3301",
    "-XMP-xmpMM:DerivedFromFilePath=/x/DERIVEDQ4402",
    "-XMP-iptcCore:CreatorWorkEmail=MAILQ9903@aurora.example",
)
_VIDEO = ("-Keys:GPSCoordinates=37.123456, 126.654321", "-Keys:Title=" + _TITLE)
_USER_DATA = ("-UserData:GPSCoordinates=37.123456, 126.654321",)
_SECRETS = (b"Q7731", b"Q8842", b"Q1199", b"Q5520", b"Q3301", b"Q4402", b"Q9903", b"37.123456")
_PRIVATE_TAGS = ("GPS", "Serial", "Owner", "HostComputer", "History", "DerivedFrom", "Thumbnail")


def _tool(path: Path, *arguments: str) -> str:
    command = ["exiftool", "-q", *arguments, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _tags(path: Path) -> dict[str, Any]:
    tags: dict[str, Any] = json.loads(_tool(path, "-a", "-G1", "-j", "-ee"))[0]
    return tags


def _rich(kind: str, folder: Path) -> Path:
    path = folder / f"rich.{kind}"
    path.write_bytes(media.make(kind))
    arguments = [*_XMP]
    if kind in {"jpeg", "png", "webp"}:
        arguments += _PICTURE
    if kind in {"mp4", "mov"}:
        arguments += [*_VIDEO, *_USER_DATA]
    if kind == "jpeg":
        small = folder / "small.jpg"
        small.write_bytes(media.jpeg(2, size=(64, 48)))
        arguments += [f"-ThumbnailImage<={small}", "-IPTC:Contact=MAILQ9903"]
        arguments += ["-IPTC:City=Seoul"]
    _tool(path, "-overwrite_original", *arguments)
    return path


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "mp4", "mov"])
def test_nothing_private_is_left_and_the_rest_is_as_it_was(kind: str, tmp_path: Path) -> None:
    path = _rich(kind, tmp_path)
    data = path.read_bytes()
    assert find_private(io.BytesIO(data), FORMATS[kind]).fields
    before = _tags(path)
    assert any(key.partition(":")[2].startswith(_PRIVATE_TAGS) for key in before)

    out = io.BytesIO()
    cleaning = clean_copy(io.BytesIO(data), out, FORMATS[kind])
    clean = tmp_path / f"clean.{kind}"
    clean.write_bytes(out.getvalue())
    after = _tags(clean)

    assert cleaning.changed
    assert not [k for k in after if any(tag in k.partition(":")[2] for tag in _PRIVATE_TAGS)]
    assert not [secret for secret in _SECRETS if secret in out.getvalue()]
    assert "Warning" not in " ".join(after)
    assert "Error" not in " ".join(after)
    assert after["XMP-dc:Title"] == _TITLE
    # The properties that stay are those that were there.
    assert {k: v for k, v in after.items() if k.startswith("XMP") and k != "XMP-x:XMPToolkit"} == {
        k: before[k] for k in after if k.startswith("XMP") and k != "XMP-x:XMPToolkit"
    }


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "mp4", "mov"])
def test_what_the_release_keeps_stays(kind: str, tmp_path: Path) -> None:
    path = _rich(kind, tmp_path)
    out = io.BytesIO()
    cleaning = clean_copy(
        io.BytesIO(path.read_bytes()), out, FORMATS[kind], keep=["xmp:xmpMM:*", "xmp:aux:*"]
    )
    assert b"HISTQ3301" in out.getvalue()
    assert b"SERIALQ7731" in out.getvalue()
    assert b"LENSQ8842" not in out.getvalue()
    assert "xmp:xmpMM:History" in {field.name for field in cleaning.kept}
