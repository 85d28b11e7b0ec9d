"""The agency directory: which keys speak for which agency, when and about what.

A directory is a JSON document (`schemas/directory.schema.json`). Here it is
read from a plain file, which the report names as what it is: local, unsigned.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from provenance.errors import DirectoryError, TrustListError
from provenance.trust.certificates import Certificate, parse_pem_bundle

__all__ = [
    "About",
    "Agency",
    "Anchor",
    "Directory",
    "Key",
    "LoadedDirectory",
    "Product",
    "ProductAnchor",
    "RevokedCertificate",
    "Scope",
    "load_directory",
    "parse_directory",
]

_MAX_DIRECTORY_BYTES = 32 * 1024 * 1024

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Territory = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class MediaScope(StrEnum):
    """Kinds of media that an agency may limit a key to."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LocalizedName(_Entry):
    """One name of an agency, in one language."""

    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a release is about, as far as anybody says.

    Attributes:
        media_kind: `image`, `video`, `audio` or `document`.
        artists: Whom its signed statements name as the artists.
        territory: The country for which the operator asks (ISO 3166-1 alpha-2).
    """

    media_kind: str
    artists: tuple[str, ...] = ()
    territory: str | None = None


def _folded(name: str) -> str:
    """A name without the differences that writers of one name make."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


class Scope(_Entry):
    """What a key or an agency may speak about. An empty list permits nothing."""

    artists: tuple[str, ...] | None = Field(
        default=None, description="Artists it may release for; null: not limited."
    )
    media_kinds: tuple[MediaScope, ...] | None = Field(
        default=None, description="Kinds of media it may release; null: not limited."
    )
    territories: tuple[Territory, ...] | None = Field(
        default=None,
        description="Countries it may release for (ISO 3166-1 alpha-2); null: not limited.",
    )

    def why_outside(self, about: About) -> str | None:
        """Which limit does a release exceed? None where it keeps to all that can be told."""
        if self.media_kinds is not None and about.media_kind not in {
            entry.value for entry in self.media_kinds
        }:
            return "media kind"
        if self.artists is not None:
            known = set(map(_folded, self.artists))
            if not all(_folded(artist) in known for artist in about.artists):
                return "artist"
        if self.territories is not None and about.territory not in {None, *self.territories}:
            return "territory"
        return None

    def untold(self, about: About) -> tuple[str, ...]:
        """Which limits could not be held against the release, for want of a statement?"""
        limits = (
            ("artist scope", self.artists is not None and not about.artists),
            ("territory scope", self.territories is not None and about.territory is None),
        )
        return tuple(name for name, unknown in limits if unknown)


class _Period(_Entry):
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.not_before and self.not_after and self.not_before > self.not_after:
            raise ValueError("not_before is later than not_after")
        return self

    def contains(self, moment: datetime) -> bool:
        """Does the moment lie inside the window?"""
        after_start = self.not_before is None or self.not_before <= moment
        before_end = self.not_after is None or moment <= self.not_after
        return after_start and before_end


class _Window(_Period):
    compromised_since: AwareDatetime | None = Field(
        default=None,
        description="From then on the key counts only with an earlier trusted time-stamp.",
    )
    scope: Scope | None = None


class Key(_Window):
    """One signing key, known by the digest of its public key."""

    id: Identifier
    spki_sha256: Sha256 = Field(description="SHA-256 of the DER SubjectPublicKeyInfo.")


class SubjectConstraint(_Entry):
    """What the subject of a leaf under an anchor must say, letter by letter.

    At least one must be given: an anchor without a constraint would make every
    certificate that its CA ever issues the agency's own.
    """

    organization: Annotated[str, Field(min_length=1)] | None = None
    common_name: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _constrains(self) -> Self:
        if self.organization is None and self.common_name is None:
            raise ValueError("expected organization or common_name")
        return self

    def matches(self, leaf: Certificate) -> bool:
        """Does the leaf's subject say what is asked?"""
        return (self.organization is None or self.organization == leaf.says_organization) and (
            self.common_name is None or self.common_name == leaf.says_common_name
        )


def _load_authority(pem: str, *, where: str) -> Certificate:
    try:
        certificates = parse_pem_bundle(pem, where=where)
    except TrustListError as error:
        raise ValueError(str(error)) from error
    if len(certificates) != 1:
        raise ValueError(f"{where}: expected one certificate, got {len(certificates)}")
    if not certificates[0].is_ca:
        raise ValueError(f"{where}: its certificate is not that of a CA; list a key")
    return certificates[0]


class Anchor(_Window):
    """A CA whose leaves speak for the agency, as far as their subject matches."""

    id: Identifier
    certificate_pem: str
    subject: SubjectConstraint
    _certificate: Certificate = PrivateAttr()

    @model_validator(mode="after")
    def _load(self) -> Self:
        self._certificate = _load_authority(self.certificate_pem, where=f"anchor {self.id}")
        return self

    @property
    def certificate(self) -> Certificate:
        """The anchor's certificate."""
        return self._certificate


class RevokedCertificate(_Entry):
    """A certificate or key that the agency has disowned.

    Name it by its public key, by serial number and issuer, or both. Without
    `since` it was never good.
    """

    spki_sha256: Sha256 | None = None
    serial_number: Annotated[str, Field(pattern="^[0-9a-f]{1,40}$")] | None = Field(
        default=None, description="Hexadecimal, without leading zeros."
    )
    issuer_common_name: str | None = None
    since: AwareDatetime | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        by_serial = self.serial_number is not None and self.issuer_common_name is not None
        if self.spki_sha256 is None and not by_serial:
            raise ValueError("expected spki_sha256, or serial_number with issuer_common_name")
        return self

    def matches(self, certificate: Certificate) -> bool:
        """Is this the certificate meant?"""
        if self.spki_sha256 is not None:
            return self.spki_sha256 == certificate.spki_sha256
        # As numbers: a leading zero in the document must not bring a certificate back.
        return (
            self.serial_number is not None
            and int(self.serial_number, 16) == certificate.x509.serial_number
            and self.issuer_common_name == certificate.says_issuer
        )


class Channel(_Entry):
    """An official place where the agency publishes."""

    kind: Annotated[str, Field(max_length=50)]
    url: Annotated[str, Field(pattern=r"^https://[^\s\"'<>]+$", max_length=500)]


class ProductAnchor(_Entry):
    """A CA that issues a product's signing certificates, as far as their subject matches."""

    certificate_pem: str
    subject: SubjectConstraint
    _certificate: Certificate = PrivateAttr()

    @model_validator(mode="after")
    def _load(self) -> Self:
        self._certificate = _load_authority(self.certificate_pem, where="product anchor")
        return self

    @property
    def certificate(self) -> Certificate:
        """The anchor's certificate."""
        return self._certificate


class Product(_Period):
    """A product under whose claims the agency's statements of identity count.

    It is known by what signs its claims, since anybody can write its name into a
    claim: by its keys, or by the CA that issues its certificates together with
    what their subject says. The operator has to trust it as well: its certificate
    must be one that a trust list of claim signers vouches for.
    """

    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        description="What reports call it; it identifies nothing."
    )
    spki_sha256: tuple[Sha256, ...] = Field(
        default=(), description="SHA-256 of the DER SubjectPublicKeyInfo of each of its keys."
    )
    anchors: tuple[ProductAnchor, ...] = ()

    @model_validator(mode="after")
    def _is_identified(self) -> Self:
        if not self.spki_sha256 and not self.anchors:
            raise ValueError("expected spki_sha256 or anchors")
        return self


class Agency(_Entry):
    """One agency."""

    id: Identifier
    names: Annotated[tuple[LocalizedName, ...], Field(min_length=1)]
    transliterations: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        default=(),
        description="Its names as written in other scripts; compared with the names that others "
        "use, never shown as its own.",
    )
    test: bool = False
    keys: tuple[Key, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    revoked: tuple[RevokedCertificate, ...] = ()
    scope: Scope = Scope()
    products: tuple[Product | str, ...] = Field(
        default=(),
        description="Products that may carry the agency's identity. A bare name identifies "
        "no product, and no identity counts through it.",
    )
    channels: tuple[Channel, ...] = ()
    contact: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _entries_once(self) -> Self:
        # A report names what matched by these ids.
        seen: set[str] = set()
        names = [f"key {key.id}" for key in self.keys]
        names += [f"anchor {anchor.id}" for anchor in self.anchors]
        names += [f"product {entry.id}" for entry in self.products if isinstance(entry, Product)]
        for name in names:
            if name in seen:
                raise ValueError(f"{name} is listed twice")
            seen.add(name)
        return self

    @property
    def name(self) -> str:
        """Its English name, else its first."""
        english = (n.name for n in self.names if n.language.lower().split("-")[0] == "en")
        return next(english, self.names[0].name)


class Directory(_Entry):
    """The document."""

    schema_version: Literal["1"]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    version: Annotated[int, Field(ge=1)]
    issued_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    test: bool = Field(
        default=False, description="Made for trials: every report judged with it says TEST."
    )
    agencies: tuple[Agency, ...]

    @field_validator("agencies")
    @classmethod
    def _ids_once(cls, agencies: tuple[Agency, ...]) -> tuple[Agency, ...]:
        seen: set[str] = set()
        for agency in agencies:
            if agency.id in seen:
                raise ValueError(f"agency {agency.id} is listed twice")
            seen.add(agency.id)
        return agencies

    @model_validator(mode="after")
    def _keys_once(self) -> Self:
        owners: dict[str, str] = {}
        for agency in self.agencies:
            for key in agency.keys:
                # Twice for one agency too: only one of the entries could be compromised.
                if key.spki_sha256 in owners:
                    owner = owners[key.spki_sha256]
                    raise ValueError(
                        f"one key is listed twice for {owner}"
                        if owner == agency.id
                        else f"one key is listed for both {owner} and {agency.id}"
                    )
                owners[key.spki_sha256] = agency.id
        return self

    @model_validator(mode="after")
    def _no_test_entry(self) -> Self:
        tests = [agency.id for agency in self.agencies if agency.test]
        if tests and not self.test:
            raise ValueError(
                f"agency {tests[0]} is marked as a test, and this directory is not a test directory"
            )
        if not self.test:
            for agency in self.agencies:
                for anchor in agency.anchors:
                    if anchor.certificate.is_test:
                        raise ValueError(
                            f"anchor {anchor.id} of {agency.id} was made for trials, and this "
                            "directory is not a test directory"
                        )
        return self


class LoadedDirectory:
    """A directory together with where it came from.

    Attributes:
        document: The directory.
        sha256: Digest of the bytes it was read from.
        source: In words, for the report.
        fresh_until: When the signatures over a distributed copy stop vouching for
            it; None for a plain file, for which nobody vouches.
    """

    __slots__ = ("document", "fresh_until", "sha256", "source")

    def __init__(
        self,
        document: Directory,
        sha256: str,
        source: str,
        *,
        fresh_until: datetime | None = None,
    ) -> None:
        self.document = document
        self.sha256 = sha256
        self.source = source
        self.fresh_until = fresh_until

    @property
    def expires_at(self) -> datetime | None:
        """The earliest moment after which nothing may be called official by it."""
        ends = [end for end in (self.document.expires_at, self.fresh_until) if end is not None]
        return min(ends, default=None)

    def age(self, now: datetime) -> timedelta:
        """How long ago was it issued? Never negative: clocks differ."""
        return max(now - self.document.issued_at, timedelta())


class _TwiceError(ValueError):
    """A name that stands twice in one JSON object."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(repr(name) for name in names if names.count(name) > 1))
    return found


def parse_directory(data: bytes, *, where: str, source: str) -> LoadedDirectory:
    """Which directory do these bytes hold?

    Raises:
        DirectoryError: Too large, not JSON, or against the schema; names the place.
    """
    if len(data) > _MAX_DIRECTORY_BYTES:
        raise DirectoryError(f"{where}: {len(data)} bytes, expected {_MAX_DIRECTORY_BYTES} at most")
    try:
        # A member that stands twice would be whatever each reader makes of it.
        with suppress(json.JSONDecodeError):  # the model says it better
            json.loads(data, object_pairs_hook=_once)
        document = Directory.model_validate_json(data, strict=True)
    except _TwiceError as error:
        raise DirectoryError(f"{where}: {error} stands twice in one object") from error
    except (RecursionError, UnicodeDecodeError) as error:
        raise DirectoryError(f"{where}: expected JSON: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise DirectoryError(
            f"{where}: {place}: {first['msg'].removeprefix('Value error, ')}{more}"
        ) from error
    return LoadedDirectory(document, hashlib.sha256(data).hexdigest(), source)


def load_directory(path: str | os.PathLike[str]) -> LoadedDirectory:
    """Which directory does this file hold?

    Nothing but the operator's own care protects a plain file, so the report
    calls it "local, unsigned".

    Raises:
        DirectoryError: Not readable, or not a usable directory.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DirectoryError(f"{path}: cannot be read: {reason}") from error
    return parse_directory(data, where=str(path), source="local, unsigned")
