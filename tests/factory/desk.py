"""A release desk: an agency with its keys, a time-stamp authority, and a folder to sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from provenance.credentials.engine_signing import ClaimSigner
from provenance.media.formats import FORMATS
from provenance.runtime.time_stamp_client import HttpTimeStampAuthority
from provenance.signing.dev_agency import DevAgency
from provenance.signing.release import load_release
from provenance.signing.release_content import claim_content
from provenance.signing.release_files import expand_files
from provenance.signing.signer import Signer, SignJob
from provenance.signing.time_stamping import TimeStamper
from provenance.trust.directory import LoadedDirectory
from provenance.trust.lists import ListPurpose, TrustList, parse_trust_list
from provenance.verification.policy import Policy
from provenance.verification.verifier import Verifier
from tests.factory import media
from tests.factory.judging import directory_of
from tests.factory.pki import Holder
from tests.factory.tsa import TimeStampAuthority

__all__ = ["Desk", "authority_of", "now", "time_stamp_list", "write_release"]


def now() -> datetime:
    return datetime.now(UTC)


def time_stamp_list(*roots: Holder) -> TrustList:
    pem = b"".join(root.pem for root in roots)
    return parse_trust_list(pem, name="tsa", purpose=ListPurpose.TIME_STAMP, source="test")


def authority_of(url: str, *, timeout_s: float = 10.0) -> HttpTimeStampAuthority:
    """A client of an authority on loopback, which the operator has to allow by name."""
    place = url.removeprefix("http://").rstrip("/")
    return HttpTimeStampAuthority(url=url, network_allow=(place,), timeout_s=timeout_s)


def write_release(folder: Path, files: Sequence[dict[str, Any]], **fields: Any) -> Path:
    """A release manifest of the sample agency over these files."""
    path = folder / "release.yaml"
    document = {
        "schema_version": "1",
        "agency": "aurora-entertainment",
        "release_id": "NOVA9-2026-11",
        "title": {"en": "Starlight", "ko": "별빛"},
        "artists": [{"name": "NOVA9"}],
        "files": list(files),
        **fields,
    }
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Whoever signs, with what judges the result."""

    agency: DevAgency
    tsa: TimeStampAuthority

    @property
    def directory(self) -> LoadedDirectory:
        return directory_of(self.agency)

    def verifier(self, *, directory: LoadedDirectory | None = None) -> Verifier:
        return Verifier(
            directory=directory or self.directory,
            time_stamp_lists=[time_stamp_list(self.tsa.root)],
            clock=now,
            policy=Policy(second_engine=True),
        )

    def stamper(self, *authorities: HttpTimeStampAuthority) -> TimeStamper:
        return TimeStamper(
            authorities or (authority_of(self.tsa.url),),
            [time_stamp_list(self.tsa.root)],
            clock=now,
        )

    def signer(
        self,
        *,
        claim: ClaimSigner | None = None,
        identity: ClaimSigner | None = None,
        verifier: Verifier | None = None,
        stamper: TimeStamper | None = None,
    ) -> Signer:
        return Signer(
            agency=self.agency.agency_id,
            claim=claim or self.agency.signer(),
            identity=identity,
            verifier=verifier or self.verifier(),
            time_stamper=stamper or self.stamper(),
        )

    def job(
        self, folder: Path, kind: str, *, with_identity: bool = False, **fields: Any
    ) -> SignJob:
        """A job for a sample of this kind, made in the folder."""
        extension = FORMATS[kind].extensions[0]
        source = folder / f"sample.{extension}"
        source.write_bytes(media.make(kind))
        entry = {"path": source.name, "digital_source_type": "digitalCapture"}
        loaded = load_release(write_release(folder, [entry]))
        (file,) = expand_files(loaded)
        content = claim_content(
            loaded,
            file,
            media_format=FORMATS[kind],
            at=now(),
            agency=self.directory.document.agencies[0],
            with_identity=with_identity,
        )
        return SignJob(source=source, out=folder / f"signed.{extension}", content=content, **fields)
