"""The pages on stage: the real service, with a file and a stored answer for every verdict."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from provenance.fingerprints.media import fingerprint_media
from provenance.media.decoding.encoding import encode_picture, scaled_down
from provenance.media.source import open_source
from provenance.records.judged_with import release_stamp
from provenance.records.reports import ReportStore, stored
from provenance.records.tokens import new_id
from provenance.registry.register.intake import read_signed_file
from provenance.registry.register.register import Register
from provenance.report import Region, Report
from provenance.runtime.clock import system_clock
from provenance.runtime.list_store import ListStore
from provenance.signing.dev_agency import DevAgency
from provenance.signing.memory_signer import MemorySigner
from provenance.signing.private_keys import generate_key, write_new_key
from provenance.trust.directory import parse_directory
from provenance.trust.lists import ListPurpose
from provenance.verdict import ReleaseState, Verdict
from provenance.verification.register import ResemblanceAnswer
from provenance.verification.verifier import Verifier
from tests.factory import judging, media, pki
from tests.factory.register import MemoryRegister, file_of, match_of, release_of
from tests.factory.registers import Desk
from tests.factory.scenes import photo
from tests.factory.service import RunningService, running_service
from tests.factory.sign import ingredient, sign

__all__ = ["CHROMIUM", "FLAGS", "XSS", "Stage", "stage_of", "take_release"]

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""Where Chromium is, if it is installed; preferably without what only its windows need."""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""How Chromium starts where it must ask nobody anything."""

JPEG = "image/jpeg"
_DATABASE = "stage.sqlite"
XSS = "\"'><script>window.hacked=1</script><img src=x onerror=window.hacked=2>{{7*7}}</title>"
"""A stranger's name that wants to be markup, a script, and a template at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running service.

    Attributes:
        service: It.
        files: A file for every verdict.
        answers: The id of a stored answer for every verdict, and for `xss`.
    """

    service: RunningService
    files: Mapping[Verdict, Path]
    answers: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.service.url

    @property
    def register(self) -> Path:
        """Its register, for whoever keeps it."""
        return self.files[Verdict.OFFICIAL].parent / "home" / _DATABASE


def _bytes_for(agency_signer: MemorySigner, product: MemorySigner) -> dict[Verdict, bytes]:
    plain = media.jpeg(1)
    parts = [ingredient(media.jpeg(2), JPEG, title="backdrop"), ingredient(media.jpeg(3), JPEG)]
    official = sign(plain, JPEG, signer=agency_signer, title="NOVA9 on stage", ingredients=parts)
    stranger = pki.signer_of(pki.three_tier("Stranger", organization="Aurora Entertainment")[2])
    altered = bytearray(official)
    altered[-200] ^= 1
    return {
        Verdict.OFFICIAL: official,
        Verdict.ALTERED: bytes(altered),
        Verdict.SIGNED: sign(
            plain, JPEG, signer=product, ingredients=[ingredient(official, JPEG, title="poster")]
        ),
        Verdict.SIGNED_UNRECOGNISED: sign(plain, JPEG, signer=stranger),
        Verdict.UNDETERMINED: b"A text, and no kind of file whose credentials can be read.\n",
        Verdict.UNVERIFIED: media.jpeg(9),
    }


def take_release(register: Register, desk: Desk, name: str, signed: bytes) -> None:
    """Register a picture as the agency does."""
    with open_source(signed) as opened:
        stated = read_signed_file(
            opened,
            fingerprint=lambda stream, kind, limits, _: fingerprint_media(
                stream, kind, limits=limits
            ),
        )
    register.take(desk.release(name, stated), at=system_clock())


def _registered(home: Path, signer: MemorySigner) -> tuple[dict[Verdict, bytes], bytes]:
    """What the register knows better than the file: a copy of a release, and one taken back.

    And the release that is copied, as it was signed.
    """
    desk, files, released = Desk(signer), {}, b""
    with Register(home / _DATABASE) as register:
        for verdict, seed in ((Verdict.LOOKALIKE, 601), (Verdict.OFFICIAL_WITHDRAWN, 602)):
            picture, name = photo(seed), f"NOVA9-2026-{seed}"
            signed = sign(encode_picture(picture, "jpeg"), JPEG, signer=signer)
            take_release(register, desk, name, signed)
            files[verdict] = signed
            if verdict is Verdict.OFFICIAL_WITHDRAWN:
                register.take([desk.withdraw(name)], at=system_clock())
            else:
                released = signed
                files[verdict] = encode_picture(scaled_down(picture, 700), "jpeg", quality=70)
    return files, released


def _directory(agency: DevAgency) -> dict[str, Any]:
    document = agency.directory_entry()
    document["agencies"][0]["channels"] = [
        {"kind": "website", "url": "https://aurora.example/nova9"}
    ]
    return document


def _copy_of(release: bytes) -> bytes:
    picture = Image.open(io.BytesIO(release)).convert("RGB")
    ImageDraw.Draw(picture).rectangle((60, 40, 120, 90), fill=(250, 40, 60))
    saved = io.BytesIO()
    picture.save(saved, "JPEG", quality=70)
    return saved.getvalue()


def _judged(
    agency: DevAgency, files: Mapping[Verdict, bytes], released: bytes, product_root: pki.Holder
) -> Iterator[tuple[str, Report]]:
    """Reports by the real verifier, those with a register among them."""
    directory = parse_directory(
        json.dumps(_directory(agency)).encode(), where="directory", source="made by a test"
    )
    lists = [judging.trust_list("products", product_root)]
    official = files[Verdict.OFFICIAL]
    release = release_of(agency.agency_id)
    entry = file_of(release, released, JPEG)
    differs = (
        Region(left=0.3125, top=0.3125, width=0.3125, height=0.4),
        Region(left=0.6, top=0.1, width=0.1, height=0.1),
    )
    alike = MemoryRegister(answer=ResemblanceAnswer(matches=(match_of(entry, differs=differs),)))
    withdrawn = release_of(
        agency.agency_id, state=ReleaseState.WITHDRAWN, reason=f"wrong take {XSS}"
    )
    taken_back = MemoryRegister(entries=[file_of(withdrawn, official, JPEG)])

    def verify(data: bytes, name: str, register: MemoryRegister | None = None) -> Report:
        verifier: Verifier = judging.verifier_of(directory, trust_lists=lists, register=register)
        return verifier.verify(data, name=name)

    for verdict, data in files.items():
        yield verdict.value, verify(data, "NOVA9 stage.jpg")
    yield Verdict.LOOKALIKE.value, verify(_copy_of(official), "copy.jpg", alike)
    yield Verdict.OFFICIAL_WITHDRAWN.value, verify(official, "stage.jpg", taken_back)
    hostile = pki.signer_of(pki.three_tier("x", organization=XSS[:60])[2])
    action = {"action": "c2pa.created", "description": XSS, "softwareAgent": {"name": XSS}}
    yield "xss", verify(
        sign(
            media.jpeg(1), JPEG, signer=hostile, title=XSS, actions=[action],
            claim_generator_info=[{"name": XSS, "version": XSS}],
            ingredients=[ingredient(media.jpeg(2), JPEG, title=XSS)],
        ),
        f"{XSS}.jpg",
        alike,
    )  # fmt: skip


@contextmanager
def stage_of(
    folder: Path, agency: DevAgency, agency_signer: MemorySigner, **settings: Any
) -> Iterator[Stage]:
    """The service over files that are made here, until the block ends; `settings`: more of them."""
    root, _, leaf = pki.three_tier("Acme Cameras", organization="Acme Cameras")
    files = _bytes_for(agency_signer, pki.signer_of(leaf))
    paths = {}
    for verdict, data in files.items():
        paths[verdict] = folder / f"{verdict.value}.jpg"
        paths[verdict].write_bytes(data)
    (folder / "copy.jpg").write_bytes(_copy_of(files[Verdict.OFFICIAL]))
    directory, home = folder / "directory.json", folder / "home"
    directory.write_text(json.dumps(_directory(agency)), "utf-8")
    home.mkdir()
    anchors = folder / "products.pem"
    anchors.write_bytes(root.pem)
    ListStore(home).add("products", anchors, purpose=ListPurpose.CLAIM, at=system_clock())
    key = folder / "service.pem"
    write_new_key(key, generate_key("EdDSA"), passphrase=None, unsafe_plain=True)
    with running_service(
        home,
        directory=directory,
        register=str(home / _DATABASE),
        service_signing_key=str(key),
        **settings,
    ) as service:
        known, released = _registered(home, agency_signer)
        for verdict, data in known.items():
            paths[verdict] = folder / f"{verdict.value}.jpg"
            paths[verdict].write_bytes(data)
        answers = dict(_store(home, _judged(agency, files, released, root)))
        yield Stage(service=service, files=paths, answers=answers)


def _store(home: Path, judged: Iterator[tuple[str, Report]]) -> Iterator[tuple[str, str]]:
    with Register(home / _DATABASE) as register:
        store, now = ReportStore(register.database.engine), system_clock()
        view = register.view(None, clock=system_clock)
        for name, report in judged:
            entry = stored(
                report, report.model_dump_json(), id=new_id(os.urandom), owner=None, reader=None,
                policy="default", release_stamp=release_stamp(report, view, at=now) or "",
                now=now, ends_at=now + timedelta(days=1),
            )  # fmt: skip
            store.keep(entry, report)
            yield name, entry.id
