"""What an agency states about its releases, for the log: the statements and their one form.

No media, no title, no name of a person: identifiers and digests alone.

Spec: RFC 8785 (canonical JSON).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

import rfc8785
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from provenance.errors import MalformedError

__all__ = [
    "MAX_FILES",
    "SALT_BYTES",
    "AuditRoot",
    "Embargo",
    "EmbargoedStatement",
    "KeyChange",
    "KeyEvent",
    "Moment",
    "Register",
    "ReleaseFile",
    "ReleaseId",
    "Reveal",
    "Sha256",
    "Statement",
    "Supersede",
    "Withdraw",
    "WithdrawalReason",
    "canonical_json",
    "commitment_to",
    "files_of",
    "opens",
    "parse_canonical_json",
    "parse_statement",
    "validation_text",
]

MAX_FILES = 16
SALT_BYTES = 32
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def _read_time(value: object) -> object:
    if isinstance(value, datetime):
        if value.tzinfo is None or value.microsecond:
            raise ValueError("expected whole seconds with a time zone")
        return value.astimezone(UTC)
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("expected a time like 2026-05-01T12:00:00Z")
    return datetime.fromisoformat(value)


def _write_time(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


Moment = Annotated[
    datetime, BeforeValidator(_read_time), PlainSerializer(_write_time, return_type=str)
]
"""A UTC time in whole seconds, with one spelling."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Agency = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
ReleaseId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Stated(_Model):
    agency: Agency
    claimed_at: Moment


class ReleaseFile(_Model):
    """One file of a release, known by its digest.

    Attributes:
        sha256: Of the file as published.
        media_type: Its media type.
        manifest_sha256: Of its C2PA manifest store, as bytes.
        active_manifest: Label of the active manifest.
        iscc: Its ISCC code.
        rendition_of: Digest of the file of which this is the agency's own transcode.
    """

    sha256: Sha256
    media_type: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$")
    ]
    manifest_sha256: Sha256 | None = None
    active_manifest: Annotated[str, Field(pattern=r"^[!-~]{1,200}$")] | None = None
    iscc: Annotated[str, Field(pattern="^ISCC:[A-Z2-7]{10,80}$")] | None = None
    rendition_of: Sha256 | None = None

    @model_validator(mode="after")
    def _of_another(self) -> Self:
        if self.rendition_of == self.sha256:
            raise ValueError("a file is a rendition of itself")
        return self


class Register(_Stated):
    """These files are a release of ours. A release may be stated in several parts.

    Attributes:
        release: The release's id.
        files: Its files, or some of them.
        embargo_until: Until then nobody but the agency is to hear of these files.
    """

    type: Literal["register"] = "register"
    release: ReleaseId
    files: Annotated[
        tuple[ReleaseFile, ...], Field(min_length=1, max_length=MAX_FILES, strict=False)
    ]
    embargo_until: Moment | None = None

    @model_validator(mode="after")
    def _embargo_is_ahead(self) -> Self:
        if self.embargo_until is not None and self.embargo_until <= self.claimed_at:
            raise ValueError("the embargo ends before the statement is made")
        return self

    @model_validator(mode="after")
    def _files_once(self) -> Self:
        if len({file.sha256 for file in self.files}) < len(self.files):
            raise ValueError("a file is listed twice")
        return self


class WithdrawalReason(StrEnum):
    """Why a release was withdrawn; a code, since free text could name a person."""

    ERROR = "error"
    RIGHTS = "rights"
    LEGAL = "legal"
    SAFETY = "safety"
    OTHER = "other"


class Withdraw(_Stated):
    """We no longer stand by this release."""

    type: Literal["withdraw"] = "withdraw"
    release: ReleaseId
    reason: Annotated[WithdrawalReason, Field(strict=False)]


class Supersede(_Stated):
    """There is a newer version of this release."""

    type: Literal["supersede"] = "supersede"
    release: ReleaseId
    replaced_by: ReleaseId


class KeyEvent(StrEnum):
    """What became of a key."""

    INTRODUCE = "introduce"
    RETIRE = "retire"
    COMPROMISE = "compromise"


class KeyChange(_Stated):
    """One of our signing keys came into use, went out of it, or is in wrong hands.

    For the record: which keys count, and when, is what the agency directory says.

    Attributes:
        spki_sha256: SHA-256 of the key's SubjectPublicKeyInfo.
        since: From when on; a key in wrong hands has to say.
    """

    type: Literal["key"] = "key"
    event: Annotated[KeyEvent, Field(strict=False)]
    spki_sha256: Sha256
    since: Moment | None = None

    @model_validator(mode="after")
    def _says_since_when(self) -> Self:
        if self.event is KeyEvent.COMPROMISE and self.since is None:
            raise ValueError("expected since when the key is compromised")
        return self


class AuditRoot(_Stated):
    """The root over somebody's audit records of a period, so that none can be changed later.

    Attributes:
        subject: Whose records.
        root: Their root.
        count: How many they are.
        since: Beginning of the period.
        until: Its end.
    """

    type: Literal["audit-root"] = "audit-root"
    subject: Agency
    root: Sha256
    count: Annotated[int, Field(ge=0, lt=2**53)]
    since: Moment
    until: Moment


class Embargo(_Stated):
    """We state something that we shall reveal later: its digest, salted, is this.

    It shows that the agency stated something at this time, and nothing of what.
    """

    type: Literal["embargo"] = "embargo"
    commitment: Sha256


EmbargoedStatement = Annotated[Register | Withdraw | Supersede, Field(discriminator="type")]


class Reveal(_Stated):
    """What we stated under embargo was this.

    Attributes:
        commitment: The one in the earlier entry.
        entry: Number of that entry in the log.
        salt: The salt of it, 32 bytes in hexadecimal.
        statement: What was stated.
    """

    type: Literal["reveal"] = "reveal"
    commitment: Sha256
    entry: Annotated[int, Field(ge=0, lt=2**53)]
    salt: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    statement: EmbargoedStatement

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if self.statement.agency != self.agency:
            raise ValueError("the statement revealed is of another agency")
        if commitment_to(self.statement, bytes.fromhex(self.salt)) != self.commitment:
            raise ValueError("salt and statement do not open the commitment")
        return self


Statement = Annotated[
    Register | Withdraw | Supersede | KeyChange | AuditRoot | Embargo | Reveal,
    Field(discriminator="type"),
]
_STATEMENTS: TypeAdapter[Any] = TypeAdapter(Statement)


def canonical_json(value: BaseModel | dict[str, Any]) -> bytes:
    """Which bytes are this document, in the one form that is hashed and signed?

    Members that are absent are left out, never null.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_none=True)
    return rfc8785.dumps(value)


def commitment_to(statement: Register | Withdraw | Supersede, salt: bytes) -> str:
    """Which commitment hides this statement? SHA-256(salt || canonical bytes), hexadecimal.

    Raises:
        ValueError: The salt is not of 32 bytes; a shorter one could be guessed.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt: expected {SALT_BYTES} bytes, got {len(salt)}")
    return sha256(salt + canonical_json(statement)).hexdigest()


def opens(reveal: Reveal, embargo: Embargo) -> bool:
    """Is this what was put under that embargo, by the same agency?

    That salt and statement open the commitment, every `Reveal` has shown by being one.
    """
    return reveal.commitment == embargo.commitment and reveal.agency == embargo.agency


def files_of(statement: Statement) -> tuple[ReleaseFile, ...]:
    """Which files does this state, now or as what it reveals?"""
    about = statement.statement if isinstance(statement, Reveal) else statement
    return about.files if isinstance(about, Register) else ()


def parse_statement(value: object, *, where: str) -> Statement:
    """Which statement is this decoded JSON?

    Raises:
        MalformedError: None.
    """
    try:
        statement: Statement = _STATEMENTS.validate_python(value)
    except ValidationError as error:
        raise MalformedError(f"{where}: {validation_text(error)}") from error
    return statement


def parse_canonical_json(data: bytes, *, where: str) -> Any:
    """Which value is this canonical JSON?

    Raises:
        MalformedError: It is none, or not in canonical form: then the same content would
            have several digests.
    """
    try:
        value = json.loads(data)
        same = rfc8785.dumps(value) == data
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"{where}: expected canonical JSON: {error!s:.100}") from error
    if not same:
        raise MalformedError(f"{where}: expected canonical JSON (RFC 8785), got another form")
    return value


def validation_text(error: ValidationError) -> str:
    """What is wrong first, and where?"""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "document"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"
