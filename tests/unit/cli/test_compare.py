"""`provenance compare`: where a copy differs from a release, and which stretches are its own."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from provenance.fingerprints.media import fingerprint_media
from provenance.media.formats import FORMATS
from provenance.registry.register.register import Register
from provenance.signing.memory_signer import MemorySigner
from tests.factory.command_line import Cli, command_line
from tests.factory.official import jpeg_of, scene_of, with_a_replaced_face
from tests.factory.registers import AGENCY, Desk, alike
from tests.factory.tracks import encode_track, track

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, agency_signer: MemorySigner) -> Path:
    """A register with a photo, a track, and a photo under embargo."""
    made = tmp_path_factory.mktemp("compare") / "register.db"
    desk = Desk(agency_signer, at=NOW - timedelta(hours=1))
    photo, secret, song = jpeg_of(scene_of(3)), jpeg_of(scene_of(5)), encode_track(track(1))
    with Register(made) as register:
        for name, data, kind, until in (
            ("PHOTO", photo, "jpeg", None),
            ("SECRET", secret, "jpeg", NOW + timedelta(days=7)),
            ("SONG", song, "flac", None),
        ):
            found = fingerprint_media(io.BytesIO(data), FORMATS[kind])
            changes = desk.release(name, alike(name, found), embargo_until=until)
            register.take(changes, at=NOW)
    return made


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return command_line(monkeypatch, capsys)


def test_a_replaced_face_is_shown_with_a_box(compare: Cli, place: Path, tmp_path: Path) -> None:
    changed = with_a_replaced_face(scene_of(3))
    copy, out = tmp_path / "copy.jpg", tmp_path / "diff.png"
    copy.write_bytes(changed.data)
    options = ("--release", f"{AGENCY}/PHOTO", "--register", str(place))
    done = compare("compare", str(copy), *options, "--out", str(out))
    assert done.code == 0, done.err
    (box,) = re.findall(r"differs here: (\d+) x (\d+) pixels at (\d+), (\d+)", done.out)
    width, height = Image.open(io.BytesIO(changed.data)).size
    wide, high, left, top = map(int, box)
    assert abs(left - changed.region.left * width) < 0.1 * width
    assert abs(top - changed.region.top * height) < 0.1 * height
    assert wide * high > 0
    assert re.search(r"distance  \d+ of 256 bits", done.out)
    assert re.search(r"inliers   \d+ local features", done.out)
    assert "a lead, not proof" in done.out
    assert "fake" not in done.out.lower()
    # Side by side, with a gap; the mark is in warm colours and only on the right.
    shown = np.asarray(Image.open(out).convert("RGB"))
    assert shown.shape == (height, 2 * width + 8, 3)
    again = compare("compare", str(copy), *options, "--out", str(out))
    assert (again.code, "exists" in again.err) == (2, True)


def test_a_copy_that_was_only_saved_again_differs_nowhere(
    compare: Cli, place: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(jpeg_of(scene_of(3), quality=60))
    done = compare("compare", str(copy), "--release", f"{AGENCY}/PHOTO", "--register", str(place))
    assert done.code == 0, done.err
    assert "no place was found in which it differs" in done.out


def test_what_is_not_made_from_the_release_is_said_to_be_so(
    compare: Cli, place: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(jpeg_of(scene_of(8)))
    out = tmp_path / "diff.png"
    options = ("--release", f"{AGENCY}/PHOTO", "--register", str(place), "--out", str(out))
    done = compare("compare", str(copy), *options)
    assert (done.code, done.out) == (1, f"{copy}: not shown to be made from {AGENCY}/PHOTO\n")
    assert not out.exists()


def test_an_excerpt_of_a_track_is_found_in_its_place(
    compare: Cli, place: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.flac"
    whole = track(1)
    copy.write_bytes(encode_track(whole[len(whole) // 3 :]))
    options = ("--release", f"{AGENCY}/SONG", "--register", str(place))
    done = compare("compare", str(copy), *options)
    assert done.code == 0, done.err
    assert "sound in step" in done.out
    assert re.search(r"0:0\d-0:\d\d is the release from 0:0[567]-", done.out), done.out
    done = compare("compare", str(copy), *options, "--out", str(tmp_path / "x.png"))
    assert (done.code, "only a picture" in done.err) == (2, True)


def test_what_is_under_embargo_is_as_if_it_were_not_there(
    compare: Cli, place: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(jpeg_of(scene_of(5)))

    def said(name: str) -> tuple[int, str]:
        done = compare(
            "compare", str(copy), "--release", f"{AGENCY}/{name}", "--register", str(place)
        )
        return done.code, done.err.replace(name, "...")

    assert said("SECRET") == said("NOTHING")
    assert said("SECRET")[0] == 2


@pytest.mark.parametrize("data", [b"no media at all", b"\xff\xd8\xff\xe0 cut off"])
def test_what_cannot_be_decoded_is_an_error(
    compare: Cli, place: Path, tmp_path: Path, data: bytes
) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(data)
    done = compare("compare", str(copy), "--release", f"{AGENCY}/PHOTO", "--register", str(place))
    assert done.code == 2
    assert "copy.jpg: " in done.err
    assert "internal" not in done.err


@pytest.mark.parametrize("number", [3, 8])
def test_a_copys_name_is_only_shown(compare: Cli, place: Path, tmp_path: Path, number: int) -> None:
    """It is a stranger's, and could write over the answer."""
    copy = tmp_path / "\x1b[1Acopy\u202e.jpg"
    copy.write_bytes(jpeg_of(scene_of(number)))
    done = compare("compare", str(copy), "--release", f"{AGENCY}/PHOTO", "--register", str(place))
    assert done.code == (0 if number == 3 else 1), done.err
    assert "\ufffd[1Acopy\ufffd.jpg: " in done.out
    assert "\x1b" not in done.out
