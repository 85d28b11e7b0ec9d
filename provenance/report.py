"""The report: what is known about one file, on separate axes, as one frozen document.

A report is data, made by `provenance.verification`. Its JSON form is described
by `schemas/report.schema.json`; fields are only ever added to it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NoReturn

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from provenance.errors import RequirementNotMetError
from provenance.findings import MEANINGS, FindingCode, Severity
from provenance.verdict import (
    AiState,
    Axis,
    ConsentState,
    IntegrityState,
    ReleaseState,
    RevocationState,
    SignerKind,
    TimeState,
    Verdict,
)

__all__ = [
    "Action",
    "AgencyRef",
    "AiFacts",
    "AiUse",
    "Asset",
    "CertificateFacts",
    "CheckNotRun",
    "Consent",
    "ConsentSigner",
    "Context",
    "Coverage",
    "DirectoryRef",
    "EngineRef",
    "Finding",
    "Identity",
    "Ingredient",
    "Integrity",
    "LogEntryRef",
    "ManifestFacts",
    "MetadataField",
    "Part",
    "PolicyRef",
    "RecoveryStep",
    "Region",
    "RegisterRef",
    "Release",
    "Report",
    "Resemblance",
    "Revocation",
    "Signer",
    "SigningTime",
    "Span",
    "TrustListRef",
    "finding",
]

SCHEMA_VERSION: Literal["1.0"] = "1.0"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
UntrustedText = Annotated[
    str,
    Field(description="Text that a stranger wrote; cleaned of control characters, not believed."),
]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asset(_Facts):
    """Which bytes the report is about."""

    name: UntrustedText | None = Field(
        description="What the caller calls the file: by default its name without its folder; on "
        "the command line the path as given."
    )
    sha256: Sha256 | None = Field(
        description="Digest of exactly the bytes judged; null where they could not be read to "
        "their end."
    )
    size_bytes: int = Field(ge=0)
    media_type: str | None = Field(description="IANA media type sniffed from the bytes.")
    format: str | None = Field(description="Short name of the format sniffed from the bytes.")
    fragments: tuple[Sha256, ...] = Field(
        default=(), description="Digests of the fragments judged with an initialisation segment."
    )


class Integrity(_Facts):
    """Is the file what its credentials were made for?"""

    state: IntegrityState
    binding: str | None = Field(
        default=None, description="Label of the hard-binding assertion, `c2pa.hash.data`."
    )
    manifest: str | None = Field(default=None, description="Label of the manifest judged.")
    manifests: tuple[str, ...] = Field(
        default=(),
        description="Labels of the active manifest and of those beneath it, down to the one that "
        "binds the bytes.",
    )
    credentials_from: Literal["embedded", "sidecar", "register"] | None = None
    remote_url: UntrustedText | None = Field(
        default=None, description="Where the file says its credentials are; never fetched."
    )

    @property
    def registered_as(self) -> tuple[str, ...]:
        """By which labels may a register know the file? Reports of earlier versions tell one."""
        return self.manifests or ((self.manifest,) if self.manifest is not None else ())


class Part(_Facts):
    """A range of bytes of the file."""

    offset: int = Field(ge=0)
    size_bytes: int = Field(ge=0)
    label: UntrustedText
    why: str


class Coverage(_Facts):
    """Which bytes of the file does the hard binding cover?"""

    binding: str | None = None
    covered_bytes: int = Field(default=0, ge=0)
    manifest_bytes: int = Field(default=0, ge=0)
    exempt: tuple[Part, ...] = Field(
        default=(), description="Parts the container's rules exempt, looked at and harmless."
    )
    uncovered: tuple[Part, ...] = Field(
        default=(), description="Parts that nobody signed and nothing exempts."
    )


class AgencyRef(_Facts):
    """An agency of the directory."""

    id: str
    name: str
    names: dict[str, str] = Field(description="Names by BCP 47 language tag.")
    contact: dict[str, str] = Field(default_factory=dict)
    channels: tuple[str, ...] = ()


class CertificateFacts(_Facts):
    """What the signing certificate says of itself. Names in it prove nothing."""

    says_common_name: UntrustedText | None
    says_organization: UntrustedText | None
    says_issuer: UntrustedText | None
    serial_number: str
    sha256: Sha256
    spki_sha256: Sha256
    not_before: AwareDatetime
    not_after: AwareDatetime
    algorithm: str


class Signer(_Facts):
    """Who signed, and who vouches for that?"""

    kind: SignerKind
    agency: AgencyRef | None = Field(
        default=None, description="Set where the key counts as this agency's."
    )
    disowned_by: AgencyRef | None = Field(
        default=None,
        description="Set where the key is this agency's by the directory, and does not count.",
    )
    recognised_by: str | None = Field(
        default=None, description="What matched: `key:ID`, `anchor:ID` or `list:NAME`."
    )
    says_product: UntrustedText | None = Field(
        default=None, description="The product that the claim names as its maker."
    )
    certificate: CertificateFacts | None = None


class SigningTime(_Facts):
    """When was it signed, and who says so?"""

    state: TimeState
    trusted_at: AwareDatetime | None = Field(
        default=None, description="Set only by a time-stamp of a recognised authority."
    )
    claimed_at: AwareDatetime | None = Field(
        default=None, description="A time that nobody recognised vouches for."
    )
    authority: UntrustedText | None = None
    recognised_by: str | None = None


class Revocation(_Facts):
    """Has the signing certificate been revoked?"""

    state: RevocationState
    why: str
    source: Literal["stapled", "manifest", "fetched"] | None = Field(
        default=None, description="How the issuer's answer came here."
    )
    produced_at: AwareDatetime | None = Field(
        default=None, description="When the responder signed the answer."
    )
    revoked_at: AwareDatetime | None = None
    reason: str | None = None


class Identity(_Facts):
    """Who else put a name to the asset (CAWG identity assertion)?"""

    assertion: str
    kind: str = Field(description="Signature type, `cawg.x509.cose`.")
    state: Literal["verified", "unverified", "invalid"]
    why: str
    agency: AgencyRef | None = Field(
        default=None, description="Set where the key counts as this agency's."
    )
    recognised_by: str | None = None
    says_name: UntrustedText | None = None
    roles: tuple[UntrustedText, ...] = ()
    covers: tuple[UntrustedText, ...] = Field(
        default=(), description="Assertions it refers to; anything else is not attributed to it."
    )


class LogEntryRef(_Facts):
    """An entry of a release log: what the agency stated, and when the log took it."""

    origin: str = Field(description="The log's name.")
    entry: int = Field(ge=0)
    logged_at: AwareDatetime


class Release(_Facts):
    """What does the register say about the release?"""

    state: ReleaseState
    why: str
    id: str | None = Field(default=None, description="The agency's own id of the release.")
    agency: AgencyRef | None = None
    title: dict[str, str] = Field(
        default_factory=dict, description="By BCP 47 language tag, from signed credentials."
    )
    reason: str | None = Field(default=None, description="Of a withdrawal.")
    changed_at: AwareDatetime | None = None
    replaced_by: str | None = Field(
        default=None, description="Of a superseded one: the id of the newer release."
    )
    rendition_of: Sha256 | None = Field(
        default=None, description="Digest of the file of which this is the agency's own transcode."
    )
    first_stated_at: AwareDatetime | None = Field(
        default=None, description="When the agency first stated the release, by its own word."
    )
    log: LogEntryRef | None = Field(
        default=None, description="Where a release log has that statement."
    )
    channels: tuple[str, ...] = ()


class Region(_Facts):
    """A rectangle of the copy, as fractions of its width and height."""

    left: float = Field(ge=0, le=1)
    top: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)


class Span(_Facts):
    """A stretch of the copy that matches a stretch of the release, in seconds."""

    start_s: float = Field(ge=0)
    end_s: float = Field(ge=0)
    release_start_s: float = Field(ge=0)


class Resemblance(_Facts):
    """A registered release that the file looks or sounds like. A lead, never proof."""

    release: str = Field(description="The agency's own id of the release.")
    distance: int | None = Field(
        ge=0,
        le=256,
        description="Bits of 256 that differ, at the nearest; null where no code led to it, "
        "only local features.",
    )
    agency: AgencyRef | None = None
    title: dict[str, str] = Field(default_factory=dict)
    state: ReleaseState | None = Field(
        default=None, description="What the agency says of the release now."
    )
    channels: tuple[str, ...] = ()
    file_sha256: Sha256 | None = Field(
        default=None,
        description="The registered file it is like; null where several of the release are "
        "nearly the same.",
    )
    algorithm: str | None = Field(default=None, description="What found it: `pdq`, `chroma`, ...")
    confirmed_by: str | None = Field(
        default=None, description="What confirmed it: `local features`, `aligned frames`, ..."
    )
    inliers: int | None = Field(
        default=None, ge=0, description="Local features that agree on one geometry."
    )
    edits: tuple[str, ...] = Field(
        default=(),
        description="What happened to the copy, as far as it can be shown: `cropped`, "
        "`mirrored`, `bordered`, `overlaid`, `recompressed`, ...",
    )
    differs: tuple[Region, ...] = Field(
        default=(), description="Where the copy differs from the release."
    )
    spans: tuple[Span, ...] = Field(
        default=(), description="Which stretches of a video or track match."
    )


class RecoveryStep(_Facts):
    """One place that was looked at for the release a file belongs to."""

    place: Literal["embedded", "sidecar", "register-bytes", "register-binding", "resemblance"] = (
        Field(description="From the strongest to the weakest; the last two are never proof.")
    )
    outcome: Literal["answered", "nothing", "failed", "not-tried"]
    why: str
    manifest: str | None = Field(
        default=None, description="Label of the registered manifest that it led to."
    )
    release: str | None = Field(default=None, description="The release that it led to.")
    distance: int | None = Field(
        default=None, ge=0, le=256, description="Of a soft binding: bits of 256 that differ."
    )


class Action(_Facts):
    """One action of a manifest's actions assertion."""

    action: UntrustedText
    when: UntrustedText | None = None
    software: UntrustedText | None = None
    digital_source_type: UntrustedText | None = None
    description: UntrustedText | None = None
    created: bool = Field(
        description="Whether the signing product vouches for it itself (created assertion)."
    )


class AiUse(_Facts):
    """What a trained model was used for, and whose voice or likeness it was, as declared."""

    use: UntrustedText
    artist: UntrustedText


class ConsentSigner(_Facts):
    """Who has signed for a statement of consent."""

    kind: Literal["agency", "listed"]
    agency: AgencyRef | None = None
    recognised_by: str = Field(
        description="What matched: `key:ID`, `anchor:ID`, or `list:NAME` of an identity list."
    )
    says_name: UntrustedText | None = Field(
        default=None, description="What the certificate says of its holder."
    )


class Consent(_Facts):
    """One statement, in the credentials, that an artist consented.

    It is the word of whoever signed for it. The paper that the artist signed is
    not here: its digest says which one is meant.
    """

    artist: UntrustedText
    uses: tuple[UntrustedText, ...]
    valid_from: AwareDatetime
    valid_until: AwareDatetime
    territories: tuple[str, ...] | None = Field(
        description="Countries (ISO 3166-1 alpha-2); null: worldwide."
    )
    revocation_contact: UntrustedText = Field(
        description="Where the consent can be withdrawn; never asked."
    )
    paper_sha256: Sha256
    identifier: UntrustedText | None = None
    assertion: str
    state: Literal[
        "counts",
        "ended",
        "expired",
        "not-begun",
        "other-artist",
        "other-use",
        "other-territory",
        "out-of-scope",
        "not-attributed",
        "signature-mismatch",
    ] = Field(
        description="Whether it counts; `out-of-scope`: the directory does not list the artist "
        "for the agency; `signature-mismatch`: the artist's signature in it is of another."
    )
    why: str
    signed_by: tuple[ConsentSigner, ...] = ()


class AiFacts(_Facts):
    """What do valid credentials say about the use of trained models?"""

    state: AiState
    source_types: tuple[str, ...] = ()
    models: tuple[UntrustedText, ...] = ()
    unsigned_claims: tuple[UntrustedText, ...] = ()
    consent: ConsentState = ConsentState.NOT_CHECKED
    uses: tuple[AiUse, ...] = Field(
        default=(), description="Declared by an agency; whom a use concerns is told by nobody else."
    )
    consents: tuple[Consent, ...] = ()


class MetadataField(_Facts):
    """One descriptive field, and whether anybody vouches for it."""

    name: str = Field(description="`exif:DateTimeOriginal`, `xmp:dc:creator`, ...")
    value: UntrustedText
    source: str = Field(description="exif, xmp, iptc, container, pdf or assertion.")
    state: Literal["signed", "unsigned", "contradicts"]
    against: UntrustedText | None = Field(
        default=None, description="The signed value it contradicts."
    )
    assertion: str | None = None


class ManifestFacts(_Facts):
    """What one manifest says of itself."""

    label: str
    title: UntrustedText | None = None
    claim_version: int
    kind: Literal["standard", "update"]
    says_product: UntrustedText | None = None
    says_signer: UntrustedText | None = None
    signed_at: AwareDatetime | None = None
    time_state: TimeState = TimeState.NONE
    actions: tuple[Action, ...] = ()


class Ingredient(_Facts):
    """One thing that a manifest says its asset was made from.

    `id` and `parent` describe the graph: the parent of an ingredient is the
    `id` of the ingredient whose manifest names it, or null for the active manifest.
    """

    id: int
    parent: int | None
    depth: int = Field(ge=1)
    relationship: UntrustedText
    title: UntrustedText | None = None
    media_type: UntrustedText | None = None
    manifest: ManifestFacts | None = None
    state: Literal["holds", "failed", "missing", "none", "unreadable"] = Field(
        description="Whether its own credentials hold; `none`: it never had any."
    )
    agency: AgencyRef | None = None
    failures: tuple[str, ...] = ()
    recorded_failures: tuple[str, ...] = Field(
        default=(), description="Failures that the signer wrote down when using it."
    )


class Finding(_Facts):
    """One thing that was found, with its stable code."""

    code: FindingCode
    axis: Axis
    severity: Severity
    text: str
    evidence: dict[str, Any] = Field(default_factory=dict)


def finding(code: FindingCode, **evidence: Any) -> Finding:
    """Make a finding with the meaning that the table gives its code.

    Args:
        code: What was found.
        evidence: What it rests on, JSON-able. A stranger's text must have been
            cleaned by `provenance.untrusted.clean_text`.
    """
    meaning = MEANINGS[code]
    return Finding(
        code=code,
        axis=meaning.axis,
        severity=meaning.severity,
        text=meaning.says,
        evidence=evidence,
    )


class CheckNotRun(_Facts):
    """A check that was not made, and why. Never counted as agreement."""

    check: str
    why: str


class EngineRef(_Facts):
    """The C2PA engine that compared the bytes."""

    name: str
    version: str
    native_version: str


class DirectoryRef(_Facts):
    """The agency directory that was judged with."""

    name: str
    version: int
    sha256: Sha256
    source: str
    test: bool
    issued_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    age_days: int | None = None


class TrustListRef(_Facts):
    """A trust list that was judged with; each is kept apart from the others."""

    name: str
    purpose: Literal["claim", "time-stamp", "identity"]
    sha256: Sha256
    certificates: int
    source: str
    dated: AwareDatetime | None = Field(
        default=None, description="When it was fetched or issued; null: unknown."
    )
    note: str | None = Field(default=None, description="`frozen 2026-01-01`, ...")


class RegisterRef(_Facts):
    """The register of releases that was asked."""

    name: str


class PolicyRef(_Facts):
    """The policy that was judged under."""

    name: str
    version: str


class Context(_Facts):
    """With what, and as of when, was this judged?"""

    verified_at: AwareDatetime
    verifier: str
    engine: EngineRef
    directory: DirectoryRef | None
    trust_lists: tuple[TrustListRef, ...]
    policy: PolicyRef
    register_of_releases: RegisterRef | None = Field(
        default=None, description="Null: no register was asked."
    )
    second_engine: EngineRef | None = None
    network_allow: tuple[str, ...] = Field(
        default=(), description="Exceptions to the rule that only public addresses are asked."
    )


class Report(_Facts):
    """What is known about one file.

    `verdict` follows from the axes by `provenance.verdict.derive_verdict`. A
    report has no truth value: `if report:` would read as "is it good?", which
    is a question with eight answers. Use `verdict`, or `require`.
    """

    schema_version: Literal["1.0"] = SCHEMA_VERSION
    verdict: Verdict
    test: bool = Field(
        description="A trial: judged with a test directory, or signed with a key made for trials."
    )
    summary: str = Field(description="One plain English sentence.")
    reason: FindingCode | None = Field(
        description="The finding that decided, where the verdict is altered or undetermined."
    )
    asset: Asset
    integrity: Integrity
    signer: Signer
    time: SigningTime
    revocation: Revocation
    identity: tuple[Identity, ...] = ()
    release: Release
    resemblance: tuple[Resemblance, ...] = ()
    recovery: tuple[RecoveryStep, ...] = Field(
        default=(), description="Where the release was looked for, in order, and what came of it."
    )
    ai: AiFacts
    metadata: tuple[MetadataField, ...] = ()
    manifest: ManifestFacts | None = None
    ingredients: tuple[Ingredient, ...] = ()
    coverage: Coverage
    findings: tuple[Finding, ...] = ()
    checks_not_run: tuple[CheckNotRun, ...] = ()
    context: Context

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a report is neither true nor false: look at its verdict, or call require()"
        )

    def meets(self, requirement: Literal["official", "signed"]) -> bool:
        """Does the verdict meet this requirement?

        `official` asks for an official release that is not withdrawn. `signed`
        asks for the signature of somebody known: an agency, whatever became of
        its release, or somebody on a trust list.
        """
        if requirement not in {"official", "signed"}:
            raise ValueError(f"requirement: expected official or signed, got {requirement!r}")
        if requirement == "official":
            return self.verdict is Verdict.OFFICIAL
        return self.verdict in {Verdict.OFFICIAL, Verdict.OFFICIAL_WITHDRAWN, Verdict.SIGNED}

    def require(self, requirement: Literal["official", "signed"]) -> Report:
        """Return this report if it meets the requirement.

        Raises:
            RequirementNotMetError: With the report's summary as its message.
        """
        if not self.meets(requirement):
            raise RequirementNotMetError(
                f"{self.asset.name or 'asset'}: expected {requirement}, got {self.verdict.value}: "
                f"{self.summary}"
            )
        return self

    def has(self, code: FindingCode) -> bool:
        """Is this finding among the report's findings?"""
        return any(finding.code is code for finding in self.findings)
