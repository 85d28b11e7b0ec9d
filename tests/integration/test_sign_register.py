"""Signing a release and registering it in the same go; what that leads back to later."""

from __future__ import annotations

import io
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from provenance.credentials.manifest_store import parse_manifest_store
from provenance.fingerprints.frame_signatures import parse_frame_signatures
from provenance.fingerprints.iscc import parse_iscc, spell_iscc
from provenance.fingerprints.iscc_video import iscc_video_bits
from provenance.fingerprints.model import Algorithm
from provenance.media.formats import FORMATS
from provenance.media.source import hold_file
from provenance.registry.register.register import Register
from provenance.registry.register.stated_lines import read_stated
from provenance.runtime.frame_signatures import make_frame_signatures
from provenance.runtime.register_search import SearchedRegister
from provenance.runtime.workers.reading import read_held
from provenance.signing.dev_agency import DevAgency
from provenance.signing.dev_agency_folder import write_dev_agency
from tests.factory.clips import clip, encode_clip
from tests.factory.command_line import Cli, Done
from tests.factory.desk import write_release
from tests.factory.official import jpeg_of, scene_of
from tests.factory.registers import store_in
from tests.factory.release_log import ORIGIN
from tests.factory.tracks import encode_track, track
from tests.factory.tsa import TimeStampAuthority

PASSPHRASE = "starlight over the river"
NAME = "aurora-entertainment/NOVA9-2026-11"


@dataclass(frozen=True, kw_only=True)
class Office:
    """A release desk that signs and registers."""

    cli: Cli
    home: Path
    tsa: TimeStampAuthority

    @property
    def place(self) -> Path:
        return self.home / "register.db"

    @property
    def directory(self) -> tuple[str, str]:
        return "--directory", str(self.home / "agency" / "directory.json")

    def release(self, **fields: Any) -> None:
        source = self.home / "source"
        source.mkdir(exist_ok=True)
        (source / "photo.jpg").write_bytes(jpeg_of(scene_of(3)))
        (source / "song.flac").write_bytes(encode_track(track(1)))
        files = [
            {"path": name, "digital_source_type": "digitalCapture"}
            for name in ("photo.jpg", "song.flac")
        ]
        write_release(source, files, channels=["https://aurora.example/nova9"], **fields)

    def sign(self, *options: str) -> Done:
        agency = self.home / "agency"
        return self.cli(
            "sign",
            *("--release", str(self.home / "source" / "release.yaml")),
            *("--out", str(self.home / "out"), "--jobs", "1"),
            *("--key", str(agency / "leaf.key.pem"), "--certificate", str(agency / "chain.pem")),
            *self.directory,
            *("--tsa", self.tsa.url, "--network-allow", self.tsa.url.split("/")[2]),
            *("--time-stamp-list", str(self.home / "tsa.pem")),
            *options,
        )

    def register(self, *options: str) -> Done:
        return self.sign("--register", str(self.place), *options)

    def report(self, path: Path) -> dict[str, Any]:
        done = self.cli(
            "verify", "--json", str(path), *self.directory, "--register", str(self.place),
            "--time-stamp-list", str(self.home / "tsa.pem"),
        )  # fmt: skip
        (report,) = done.reports
        return report


@pytest.fixture
def office(
    cli: Cli,
    agency: DevAgency,
    tsa_server: TimeStampAuthority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    monkeypatch.setenv("PROVENANCE_KEY_PASSPHRASE", PASSPHRASE)
    write_dev_agency(agency, tmp_path / "agency", passphrase=PASSPHRASE.encode())
    (tmp_path / "tsa.pem").write_bytes(tsa_server.root.pem)
    return Office(cli=cli, home=tmp_path, tsa=tsa_server)


def test_what_was_signed_is_registered_once_whenever_it_is_asked_for(office: Office) -> None:
    office.release()
    signed = office.sign()
    assert (signed.code, "2 signed" in signed.out) == (0, True), signed.err
    # One is in it already when the rest is asked for, as after a run that was stopped.
    agency = office.home / "agency"
    added = office.cli(
        "register", "add", str(office.home / "out" / "photo.jpg"), "--release", "NOVA9-2026-11",
        "--key", str(agency / "leaf.key.pem"), "--certificate", str(agency / "chain.pem"),
        *office.directory, "--time-stamp-list", str(office.home / "tsa.pem"),
        "--register", str(office.place),
    )  # fmt: skip
    assert added.code == 0, added.err
    rest = office.register()
    assert (rest.code, f"{NAME}: 1 files registered, 1 were there already" in rest.out) == (0, True)
    assert "2 kept" in rest.out
    again = office.register()
    assert f"{NAME}: 0 files registered, 2 were there already" in again.out
    report = office.report(office.home / "out" / "song.flac")
    assert (report["verdict"], report["release"]["state"]) == ("official", "current")
    assert report["release"]["channels"] == ["https://aurora.example/nova9"]
    assert (
        office.cli("register", "fsck", "--register", str(office.place), *office.directory).code == 0
    )


def test_a_soft_binding_is_signed_registered_and_leads_back(office: Office) -> None:
    office.release()
    done = office.register()
    assert done.code == 0, done.err
    now = datetime.now(UTC)
    for name in ("photo.jpg", "song.flac"):
        data = (office.home / "out" / name).read_bytes()
        iscc = soft_binding_in(data)
        with Register(office.place, read_only=True) as register:
            view = SearchedRegister(register).view
            (match,) = view.manifests_for_binding("io.iscc.v0", iscc, at=now)
        assert match.distance == 0
        assert match.manifest.label == store_in(data)[0]
    # A copy without credentials, saved again and smaller, has a binding of nearly the same bits.
    copy = office.home / "copy.jpg"
    with Image.open(office.home / "out" / "photo.jpg") as picture:
        picture.resize((400, 266)).save(copy, quality=70)
    report = office.report(copy)
    assert report["verdict"] == "lookalike"
    (step,) = [step for step in report["recovery"] if step["place"] == "register-binding"]
    assert (step["outcome"], step["release"]) == ("answered", "NOVA9-2026-11")
    # The second engine has nothing against the assertion.
    second = office.cli(
        "verify", "--json", "--second-engine", str(office.home / "out" / "photo.jpg"),
        *office.directory, "--time-stamp-list", str(office.home / "tsa.pem"),
    )  # fmt: skip
    assert second.verdicts == ["official"]
    assert "second-engine-agrees" in second.out


def test_the_plan_shows_the_soft_binding_and_is_the_same_each_time(office: Office) -> None:
    office.release()
    agency = office.home / "agency"
    plans = []
    for name in ("one.json", "two.json"):
        done = office.cli(
            "release", "plan", str(office.home / "source" / "release.yaml"),
            "--out", str(office.home / name), "--certificate", str(agency / "chain.pem"),
            *office.directory, "--tsa", office.tsa.url,
        )  # fmt: skip
        assert done.code == 0, done.err
        assert done.out.count("blocks[0].value = ISCC:") == 2
        plans.append(json.loads((office.home / name).read_text()) | {"made_at": None})
    assert plans[0] == plans[1]
    for file in plans[0]["files"]:
        assert "c2pa.soft-binding" in file["content"]["referenced"]
    signed = office.sign()
    assert signed.code == 0, signed.err


def test_an_embargo_of_the_release_manifest_is_one_of_register_and_log(office: Office) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=7)
    office.release(embargo_until=until.isoformat())
    log = office.home / "log"
    plain = "--unsafe-plain-key"
    assert office.cli("log", "init", str(log), "--origin", ORIGIN, plain).code == 0
    done = office.register("--log", str(log), plain)
    assert done.code == 0, done.err
    assert f"2 files registered, under embargo until {until.isoformat()}" in done.out
    assert office.cli("register", "list", "--register", str(office.place)).out == ""
    report = office.report(office.home / "out" / "photo.jpg")
    assert (report["verdict"], report["release"]["state"]) == ("official", "unknown")
    logged = b"".join(path.read_bytes() for path in (log / "public").rglob("*") if path.is_file())
    assert b"NOVA9-2026-11" not in logged


def test_a_register_that_cannot_be_used_stops_before_anything_is_signed(office: Office) -> None:
    office.release()
    office.place.write_bytes(b"no register at all")
    done = office.register()
    assert (done.code, "expected a register" in done.err) == (2, True)
    assert not list((office.home / "out").glob("*.jpg"))
    done = office.sign("--log", str(office.home / "log"))
    assert (done.code, "--log: expected --register" in done.err) == (2, True)


def film_of(office: Office) -> Path:
    """A release of one video."""
    source = office.home / "source"
    source.mkdir()
    (source / "film.mp4").write_bytes(encode_clip(clip(3, seconds=4.0)))
    write_release(source, [{"path": "film.mp4", "digital_source_type": "digitalCapture"}])
    return office.home / "out" / "film.mp4"


def near(iscc: str, bits: int) -> str:
    """The code of a copy of which so many bits differ."""
    kind, code = parse_iscc(iscc)
    changed = int.from_bytes(code) ^ ((1 << bits) - 1)
    return spell_iscc(changed.to_bytes(len(code)), kind)


def test_a_video_has_a_soft_binding_where_ffmpeg_makes_it(office: Office) -> None:
    film = film_of(office)
    done = office.register()
    assert (done.code, "iscc-video" in done.err) == (0, False), done.err
    data = film.read_bytes()
    iscc = soft_binding_in(data)
    # Signing has not changed what the video shows.
    shown = make_frame_signatures(io.BytesIO(data), FORMATS["mp4"])
    assert iscc == spell_iscc(iscc_video_bits(parse_frame_signatures(shown)), "video")
    export, second = str(office.home / "all.jsonl"), office.home / "second.db"
    agency, here = office.directory, ("--register", str(office.place))
    assert office.cli("register", "fsck", *here, *agency).code == 0
    assert office.cli("register", "export", "--out", export, *here).code == 0
    done = office.cli("register", "import", export, "--register", str(second), *agency)
    assert done.code == 0, done.err
    now = datetime.now(UTC)
    for place in (office.place, second):
        with Register(place, read_only=True) as register:
            view = SearchedRegister(register).view
            for bits in (0, 64):
                (match,) = view.manifests_for_binding("io.iscc.v0", near(iscc, bits), at=now)
                assert match.manifest.label == store_in(data)[0]
            assert view.manifests_for_binding("io.iscc.v0", near(iscc, 65), at=now) == ()
            image = spell_iscc(parse_iscc(iscc)[1], "image")
            assert view.manifests_for_binding("io.iscc.v0", image, at=now) == ()
    withdrawn = office.cli(
        "register", "withdraw", NAME, "--reason", "rights", "--register", str(office.place),
        "--key", str(office.home / "agency" / "leaf.key.pem"),
        "--certificate", str(office.home / "agency" / "chain.pem"), *agency,
    )  # fmt: skip
    assert withdrawn.code == 0, withdrawn.err
    with Register(office.place, read_only=True) as register:
        view = SearchedRegister(register).view
        (match,) = view.manifests_for_binding("io.iscc.v0", iscc, at=datetime.now(UTC))
        assert match.manifest.file.release.state.value == "withdrawn"


def test_a_video_has_none_where_there_is_no_ffmpeg(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = film_of(office)
    monkeypatch.setenv("PATH", str(office.home))
    done = office.register()
    assert done.code == 0, done.err
    assert "film.mp4: iscc-video: not made: no program `ffmpeg`" in done.err
    active = parse_manifest_store(store_in(film.read_bytes())[1]).active
    assert active.of_type("c2pa.soft-binding") == ()
    with Register(office.place, read_only=True) as register:
        view = SearchedRegister(register).view
        (file,) = view.files(sha256(film.read_bytes()).hexdigest(), at=datetime.now(UTC))
    assert file.release.release == "NOVA9-2026-11"


def test_a_video_that_is_signed_again_where_ffmpeg_is_not_at_hand(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine makes another plan of the same release: it says in what."""
    film = film_of(office)
    assert office.sign().code == 0
    data, iscc, path = film.read_bytes(), soft_binding_in(film.read_bytes()), os.environ["PATH"]
    monkeypatch.setenv("PATH", str(office.home))
    done = office.sign()
    there = f"{film}: exists already, and is not what this plan makes"
    assert (done.code, film.read_bytes()) == (1, data)
    assert (
        f"{there}: it has the soft binding {iscc}, and this plan has none, which is made of "
        "videos where ffmpeg is at hand"
    ) in done.err
    # The other way round; and where something else differs, nothing is said of it.
    shutil.rmtree(office.home / "out")
    assert office.sign().code == 0
    monkeypatch.setenv("PATH", path)
    done = office.sign()
    assert f"{there}: it has no soft binding, and this plan has one, made with the" in done.err
    shutil.rmtree(office.home / "out")
    assert office.sign().code == 0
    (office.home / "out" / ".provenance-results.jsonl").write_bytes(b"")
    assert f"{there}\n" in office.sign().err


def test_a_video_that_is_signed_with_its_code_is_not_decoded_for_it_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = film_of(office)
    assert office.sign().code == 0
    iscc = soft_binding_in(film.read_bytes())
    monkeypatch.setenv("PATH", str(office.home))
    agency = office.home / "agency"
    done = office.cli(
        "register", "add", str(film), "--release", "NOVA9-2026-11",
        "--key", str(agency / "leaf.key.pem"), "--certificate", str(agency / "chain.pem"),
        *office.directory, "--time-stamp-list", str(office.home / "tsa.pem"),
        "--register", str(office.place),
    )  # fmt: skip
    assert (done.code, "iscc-video" in done.err) == (0, False), done.err
    with Register(office.place, read_only=True) as register:
        view = SearchedRegister(register).view
        (match,) = view.manifests_for_binding("io.iscc.v0", iscc, at=datetime.now(UTC))
    assert match.distance == 0
    # Nor by a worker, which could start no program.
    read = read_stated(read_held(hold_file(film), None, name="film.mp4"), where="film.mp4")
    assert read.stated.file.iscc == iscc
    assert not any("iscc" in why for why in read.why_not)
    assert read.stated.facts.fingerprint is not None
    codes = read.stated.facts.fingerprint.codes
    assert [c.algorithm for c in codes if c.at_ms is None] == [Algorithm.ISCC_VIDEO]


def soft_binding_in(data: bytes) -> str:
    """The one value that the active manifest binds the content by."""
    active = parse_manifest_store(store_in(data)[1]).active
    (found,) = active.of_type("c2pa.soft-binding")
    body = found.decode_map()
    assert body["alg"] == "io.iscc.v0"
    (block,) = body["blocks"]
    assert block["scope"] == {}
    return str(block["value"])
