"""What `clean_copy` took out is not found by ExifTool, nor anywhere in the bytes."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from provenance.media.formats import FORMATS
from provenance.media.privacy import clean_copy, find_private
from tests.factory import media
from tests.factory.metadata import id3_tag, riff_chunk, xmp_packet

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
    "-IFD0:PageName=/Users/somebodyQ6604/a.psd",
    "-ExifIFD:ImageHistory=cropped by Q2205",
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
_SECRETS = (
    *(b"Q7731", b"Q8842", b"Q1199", b"Q5520", b"Q3301", b"Q4402", b"Q9903", b"Q6604", b"Q2205"),
    b"37.123456",
)
# ExifTool writes no MP3, WAV and FLAC: the files are made here, and it judges what is left.
_FRAMES = (
    (b"TIT2", b"\3" + _TITLE.encode()),
    (b"OWNE", b"\0USD1\0" + b"20260131OWNERQ1199"),
    (b"POPM", b"MAILQ9903@aurora.example\0\x80"),
    (b"TXXX", b"\0GPSPosition\x0037.123456, 126.654321"),
    (b"PRIV", b"vendor.example\0SERIALQ7731"),
    (b"GEOB", b"\0text/plain\0\0\0HOSTQ5520"),
)
_COMMENTS = (
    "GEO_LOCATION=37.123456,126.654321",
    "LOCATION=HOSTQ5520",
    "CONTACT=MAILQ9903@x.example",
)
_PRIVATE_SOUND_TAGS = (
    *("Ownership", "Popularimeter", "UserDefinedText", "PrivateFrame", "GeneralEncapsulated"),
    *("Private", "GeoLocation", "Geo_location", "Location", "Contact", "OriginatorReference"),
    *("GPS", "BodySerialNumber"),
)
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
    if kind in {"mp4", "mov", "m4a"}:
        arguments += [*_VIDEO, *_USER_DATA]
    if kind == "jpeg":
        small = folder / "small.jpg"
        small.write_bytes(media.jpeg(2, size=(64, 48)))
        arguments += [f"-ThumbnailImage<={small}", "-IPTC:Contact=MAILQ9903"]
        arguments += ["-IPTC:City=Seoul"]
    _tool(path, "-overwrite_original", *arguments)
    return path


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "mp4", "mov", "m4a"])
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


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "mp4", "mov", "m4a"])
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


def _sound(kind: str) -> bytes:
    tag = id3_tag([*_FRAMES, (b"PRIV", b"XMP\0" + xmp_packet(attributes=_IN_XMP))])
    if kind == "mp3":
        audio = media.mp3()
        return tag + audio[10 + int.from_bytes(audio[8:10], "big") :]
    if kind == "wav":
        recorder = b"Take 1".ljust(256, b"\0") + b"Aurora".ljust(32, b"\0")
        recorder += b"KRAURSERIALQ7731".ljust(32, b"\0") + b"2026-01-3112:00:00"
        body = media.wav()[8:] + riff_chunk(b"bext", recorder.ljust(602, b"\0"))
        body += riff_chunk(b"id3 ", tag)
        return b"RIFF" + struct.pack("<I", len(body)) + body
    texts = [text.encode() for text in (*_COMMENTS, f"TITLE={_TITLE}")]
    comment = struct.pack("<II", 0, len(texts))
    comment += b"".join(struct.pack("<I", len(text)) + text for text in texts)
    data = media.flac()
    at = 42
    while data[at] & 0x7F != 4:
        at += 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    end = at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
    return data[: at + 1] + len(comment).to_bytes(3, "big") + comment + data[end:]


_IN_XMP = {"exif:GPSLatitude": "37,7.4N", "exif:GPSLongitude": "126,39E", "dc:source": "kept"}


@pytest.mark.parametrize("kind", ["mp3", "wav", "flac"])
def test_nothing_private_is_left_in_a_sound_and_the_rest_is_as_it_was(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"rich.{kind}"
    path.write_bytes(_sound(kind))
    before = {k: v for k, v in _tags(path).items() if v != ""}
    private = [k for k in before if k.partition(":")[2].startswith(_PRIVATE_SOUND_TAGS)]
    assert len(private) >= 3

    out = io.BytesIO()
    cleaning = clean_copy(io.BytesIO(path.read_bytes()), out, FORMATS[kind])
    clean = tmp_path / f"clean.{kind}"
    clean.write_bytes(out.getvalue())
    # A field of a fixed place is blank when it is gone.
    after = {k: v for k, v in _tags(clean).items() if v != ""}

    assert cleaning.changed
    assert not [k for k in after if k.partition(":")[2].startswith(_PRIVATE_SOUND_TAGS)]
    assert not [secret for secret in _SECRETS if secret in out.getvalue()]
    assert "Warning" not in " ".join(after)
    assert "Error" not in " ".join(after)
    assert _TITLE in after.values()
    changing = ("SourceFile", "System:", "ExifTool:", "ID3:ID3Size", "File:ID3Size")
    assert {k: v for k, v in after.items() if not k.startswith(changing)} == {
        k: v
        for k, v in before.items()
        if k not in private and not k.startswith((*changing, "Composite:GPS"))
    }
