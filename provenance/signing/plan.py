"""The plan of a release: exactly what will become public, file by file, before it does.

Somebody reads it and says yes. Signing makes the plan again and refuses where the two
differ, so nothing is signed that nobody has seen.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal
from urllib.parse import quote

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from provenance.credentials.engine import Engine, EngineState
from provenance.errors import LimitError, MalformedError, ProvenanceError, ReleaseError
from provenance.fingerprints.frame_signatures import FrameSignatures
from provenance.fingerprints.media import content_code
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.metadata import RawField, extract_metadata
from provenance.media.privacy import PrivateField, PrivateReading, find_private, is_kept, is_part_of
from provenance.media.sniff import sniff_stream
from provenance.media.source import open_source
from provenance.signing.carried_credentials import find_in_credentials
from provenance.signing.claim_content import ClaimContent
from provenance.signing.preflight import CheckState, check_chain
from provenance.signing.release import LoadedRelease
from provenance.signing.release_content import claim_content
from provenance.signing.release_files import ReleaseFile, look_for_files
from provenance.signing.release_rules import release_faults
from provenance.signing.signer import SignJob
from provenance.trust.certificates import load_der
from provenance.trust.directory import Agency, LoadedDirectory
from provenance.untrusted import clean_text

__all__ = [
    "CertificateInPlan",
    "PlanSettings",
    "PlannedField",
    "PlannedFile",
    "PlannedMetadata",
    "ReleasePlan",
    "make_plan",
    "plan_differences",
]

_MAX_LISTED = 1_000
_MAX_IDS = 50

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PlannedField(_Part):
    """A private metadata field that was found in a file."""

    name: str
    category: str
    preview: str
    """The beginning of its value."""


class PlannedMetadata(_Part):
    """A metadata field that the file carries already, and that stays."""

    name: str
    value: str


class PlannedFile(_Part):
    """What will become of one file."""

    path: str
    """From the release manifest's folder."""
    sha256: Sha256
    size_bytes: int
    media_type: str
    out: str
    """From the output folder."""
    sidecar: bool
    remote_url: str | None = None
    content: ClaimContent
    """Every claim that is signed."""
    ingredients: tuple[Sha256, ...] = ()
    """Digests of the originals, in the order of the content's ingredients."""
    removed: tuple[PlannedField, ...] = ()
    kept: tuple[PlannedField, ...] = ()
    metadata: tuple[PlannedMetadata, ...] = ()
    """All other descriptive metadata in the file: it becomes public, and is not signed."""
    thumbnail: Literal["none"] = "none"

    def job(self, source_folder: Path, out_folder: Path, *, keep: tuple[str, ...]) -> SignJob:
        """The job that carries this out."""
        return SignJob(
            source=source_folder / self.path,
            out=out_folder / self.out,
            content=self.content,
            keep=keep,
            sidecar=self.sidecar,
            remote_url=self.remote_url,
            source_sha256=self.sha256,
            ingredient_sha256=self.ingredients,
        )

    def key(self, plan: ReleasePlan) -> str:
        """What names this job: the same for the same file, claims and keys."""
        body = self.model_dump(mode="json")
        body |= {
            "claim_spki": plan.claim_certificate.spki_sha256,
            "identity_spki": plan.identity_certificate and plan.identity_certificate.spki_sha256,
        }
        return hashlib.sha256(rfc8785.dumps(body)).hexdigest()


class CertificateInPlan(_Part):
    """A certificate that becomes public with every signature."""

    subject: str
    issuer: str
    serial_number: str
    spki_sha256: Sha256
    not_after: AwareDatetime
    test: bool

    @classmethod
    def of(cls, chain_pem: bytes) -> CertificateInPlan:
        """The leaf of this chain."""
        leaf = x509.load_pem_x509_certificates(chain_pem)[0]
        certificate = load_der(leaf.public_bytes(Encoding.DER), where="signing certificate")
        return cls(
            subject=clean_text(leaf.subject.rfc4514_string()),
            issuer=clean_text(leaf.issuer.rfc4514_string()),
            serial_number=f"{leaf.serial_number:x}",
            spki_sha256=certificate.spki_sha256,
            not_after=leaf.not_valid_after_utc,
            test=certificate.is_test,
        )


class PlanSettings(_Part):
    """How everything in the plan is signed."""

    sidecar: bool = False
    remote_url: str | None = None
    """Where the credentials will also be; `{name}` stands for the file's path."""
    time_stamp_authorities: tuple[str, ...] = ()


class ReleasePlan(_Part):
    """What will become public."""

    schema_version: Literal["1"] = "1"
    made_at: AwareDatetime
    test: bool
    """Made with a test directory or a test key: not for releases."""
    agency: str
    release_id: str
    manifest: str
    manifest_sha256: Sha256
    directory: str
    directory_version: int
    directory_sha256: Sha256
    claim_certificate: CertificateInPlan
    identity_certificate: CertificateInPlan | None = None
    embargo_until: AwareDatetime | None = None
    keep_metadata: tuple[str, ...] = ()
    settings: PlanSettings
    files: tuple[PlannedFile, ...]


def make_plan(
    loaded: LoadedRelease,
    *,
    directory: LoadedDirectory,
    claim_chain_pem: bytes,
    identity_chain_pem: bytes | None,
    settings: PlanSettings,
    at: datetime,
    frame_signatures: FrameSignatures | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> ReleasePlan:
    """What will become public by this release manifest?

    Every file is read and digested; nothing is written. Where something is in the way, all
    files are still looked at for more of it, so that whoever puts it right does so once.
    What makes `frame_signatures` makes those of videos, which have no soft binding without.

    Raises:
        ReleaseError: It cannot be released as it is; one line for each thing in the way.
    """
    release = loaded.document
    agency = next((a for a in directory.document.agencies if a.id == release.agency), None)
    problems: list[str] = []
    if agency is None:
        problems.append(
            f"{loaded.path}: agency: {release.agency} is not in the directory "
            f"{clean_text(directory.document.name)!r}, which lists {_some_ids(directory)}"
        )
    chains = [("claim", claim_chain_pem), ("identity", identity_chain_pem)]
    problems += [
        f"certificate of the {purpose} key: {check.name}: {check.says}"
        for purpose, chain in chains
        if chain is not None
        for check in check_chain(x509.load_pem_x509_certificates(chain), at=at)
        if check.state is CheckState.FAULT
    ]
    problems += [
        f"{loaded.path}: {fault}" for fault in release_faults(release, at=at, agency=agency)
    ]
    found, not_found = look_for_files(loaded)
    problems += not_found
    problems += _name_clashes(found, sidecar=settings.sidecar)
    files: list[PlannedFile] = []
    engine = Engine()
    for file in found:
        try:
            planned = _planned(
                loaded,
                file,
                engine=engine,
                settings=settings,
                at=at,
                agency=agency,
                with_identity=identity_chain_pem is not None,
                limits=limits,
                frame_signatures=frame_signatures,
                only_look=bool(problems),
            )
        except ProvenanceError as error:
            problems += _faults_in(error, file)
        else:
            files += () if planned is None else (planned,)
    if problems:
        # What is wrong with the release is also wrong with each of its files.
        problems = list(dict.fromkeys(problems))
        more = len(problems) - _MAX_LISTED
        raise ReleaseError(*problems[:_MAX_LISTED], *([f"and {more} more"] if more > 0 else []))
    claim = CertificateInPlan.of(claim_chain_pem)
    identity = CertificateInPlan.of(identity_chain_pem) if identity_chain_pem else None
    return ReleasePlan(
        made_at=at,
        test=directory.document.test or claim.test,
        agency=release.agency,
        release_id=release.release_id,
        manifest=str(loaded.path),
        manifest_sha256=loaded.sha256,
        directory=clean_text(directory.document.name),
        directory_version=directory.document.version,
        directory_sha256=directory.sha256,
        claim_certificate=claim,
        identity_certificate=identity,
        embargo_until=release.embargo_until,
        keep_metadata=release.keep_metadata,
        settings=settings,
        files=tuple(files),
    )


def _some_ids(directory: LoadedDirectory) -> str:
    ids = [agency.id for agency in directory.document.agencies]
    return ", ".join(ids[:_MAX_IDS]) + (" and others" if len(ids) > _MAX_IDS else "")


def plan_differences(planned: ReleasePlan, now: ReleasePlan) -> tuple[str, ...]:
    """What is no longer as it was planned, in words? Empty where nothing is."""
    found = [
        f"{name.replace('_', ' ')}: planned {_short(before)}, is {_short(after)}"
        for name in ReleasePlan.model_fields
        if name not in {"made_at", "files"}
        and (before := getattr(planned, name)) != (after := getattr(now, name))
    ]
    before_files = {file.path: file for file in planned.files}
    after_files = {file.path: file for file in now.files}
    found += [f"{path}: is no longer there" for path in before_files if path not in after_files]
    found += [f"{path}: was not in the plan" for path in after_files if path not in before_files]
    for path, before_file in before_files.items():
        after_file = after_files.get(path)
        if after_file is None or after_file == before_file:
            continue
        changed = [
            name.replace("_", " ")
            for name in PlannedFile.model_fields
            if getattr(before_file, name) != getattr(after_file, name)
        ]
        found.append(f"{path}: another {', '.join(changed)} than planned")
    return tuple(found)


def _planned(  # noqa: PLR0913 - what is planned, and with what
    loaded: LoadedRelease,
    file: ReleaseFile,
    *,
    engine: Engine,
    settings: PlanSettings,
    at: datetime,
    agency: Agency | None,
    with_identity: bool,
    limits: Limits,
    frame_signatures: FrameSignatures | None,
    only_look: bool,
) -> PlannedFile | None:
    """What becomes of this file; None where it is only looked at for what is in the way.

    Raises:
        ReleaseError: It cannot be released as it is; one fault for each thing.
    """
    release = loaded.document
    with open_source(file.source, limits=limits) as opened:
        media_format = sniff_stream(opened.stream, opened.size_bytes)
        if media_format is None or media_format.engine_type is None:
            kind = "a file of no known type" if media_format is None else media_format.media_type
            raise ReleaseError(f"{file.path}: expected a type that can be signed, got {kind}")
        private = [
            find_private(opened.stream, media_format, limits=limits),
            find_in_credentials(opened.stream, media_format, limits),
            *_carried(loaded, file, limits),
        ]
        fields = list(
            {field.name: field for reading in private for field in reading.fields}.values()
        )
        unreadable = [sentence for reading in private for sentence in reading.unreadable]
        keep = release.keep_metadata
        goes = [f for f in fields if not is_kept(f.name, keep)]
        faults = [
            f"{file.path} ({media_format.media_type}): {fault}"
            for fault in _private_faults(goes, unreadable)
        ]
        only_look = only_look or bool(faults)
        try:
            opened.stream.seek(0)
            state = engine.read(opened.stream, media_format.engine_type).state
            carried: Sequence[RawField] = ()
            sha256, iscc = "", None
            if not only_look:
                carried = extract_metadata(opened.stream, media_format, None, limits).fields
                sha256 = opened.sha256()
                iscc = content_code(
                    opened.stream, media_format, limits=limits, frame_signatures=frame_signatures
                )
            content = claim_content(
                loaded,
                file,
                media_format=media_format,
                at=at,
                agency=agency,
                has_credentials=state is not EngineState.NONE,
                credentialed=_credentialed(loaded, file, engine, limits),
                metadata_removed=bool(goes),
                with_identity=with_identity,
                iscc=iscc,
            )
        except ProvenanceError as error:
            raise ReleaseError(*faults, *_faults_in(error, file)) from error
    if faults:
        raise ReleaseError(*faults)
    if only_look:
        return None
    return PlannedFile(
        path=file.path,
        sha256=sha256,
        size_bytes=opened.size_bytes,
        media_type=media_format.media_type,
        out=file.path,
        sidecar=settings.sidecar,
        remote_url=settings.remote_url and settings.remote_url.replace("{name}", quote(file.path)),
        content=content,
        ingredients=tuple(_digest(i.path, limits) for i in content.ingredients),
        removed=tuple(_field(f) for f in goes),
        kept=tuple(_field(f) for f in fields if is_kept(f.name, keep)),
        metadata=tuple(
            PlannedMetadata(name=field.name, value=clean_text(field.value))
            for field in carried
            if field.name not in {f.name for f in fields}
            and not is_part_of(field, {f.name for f in goes})
        ),
    )


def _faults_in(error: ProvenanceError, file: ReleaseFile) -> tuple[str, ...]:
    """What does this error say is in the way, of which file?"""
    if isinstance(error, ReleaseError):
        return error.faults
    # Those who read what is in a file do not know what it is called.
    named = isinstance(error, MalformedError | LimitError)
    return (f"{file.path}: {error}" if named else str(error),)


def _private_faults(goes: Sequence[PrivateField], unreadable: Sequence[str]) -> Iterator[str]:
    """What keeps a file from being signed without what is private in it?"""
    stuck = [clean_text(f.name) for f in goes if not f.removable]
    if stuck:
        yield (
            f"private metadata that cannot be taken out: {', '.join(stuck)}; take it out, or "
            "name it in keep_metadata"
        )
    for what in unreadable:
        yield f"metadata that cannot be read: {clean_text(what)}"


def _carried(loaded: LoadedRelease, file: ReleaseFile, limits: Limits) -> Iterator[PrivateReading]:
    """What is private in the credentials of ingredients?"""
    for entry in file.entry.ingredients:
        path = loaded.folder / entry.path
        # One that is not there is named by whoever needs it.
        if not path.is_file():
            continue
        with open_source(path, limits=limits) as opened:
            media_format = sniff_stream(opened.stream, opened.size_bytes)
            if media_format is not None and media_format.engine_type is not None:
                yield find_in_credentials(opened.stream, media_format, limits)


def _credentialed(
    loaded: LoadedRelease, file: ReleaseFile, engine: Engine, limits: Limits
) -> Collection[str]:
    """Paths of ingredients that carry credentials."""
    found = []
    for entry in file.entry.ingredients:
        with open_source(loaded.folder / entry.path, limits=limits) as opened:
            media_format = sniff_stream(opened.stream, opened.size_bytes)
            if media_format is None or media_format.engine_type is None:
                continue
            opened.stream.seek(0, io.SEEK_SET)
            if engine.read(opened.stream, media_format.engine_type).state is not EngineState.NONE:
                found.append(entry.path)
    return found


def _digest(path: Path, limits: Limits) -> str:
    with open_source(path, limits=limits) as opened:
        return opened.sha256()


def _field(found: PrivateField) -> PlannedField:
    return PlannedField(
        name=found.name, category=found.category.value, preview=clean_text(found.preview)
    )


def _name_clashes(files: Sequence[ReleaseFile], *, sidecar: bool) -> Iterator[str]:
    """Outputs that would take each other's names on some file system."""
    seen: dict[str, str] = {}
    for file in files:
        names = [file.path, f"{file.path}.c2pa"] if sidecar else [file.path]
        for name in names:
            key = PurePosixPath(name).as_posix().casefold()
            if key in seen:
                yield f"{file.path}: its output would be called as that of {seen[key]}: {name}"
            seen[key] = file.path


def _short(value: object) -> str:
    text = value.model_dump_json() if isinstance(value, BaseModel) else str(value)
    return text if len(text) <= 120 else text[:119] + "\u2026"
