"""The compact form of a report for upload pipelines: what to show beside an upload."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from provenance.findings import FindingCode
from provenance.records.policies import PolicyProfile
from provenance.report import Report, Sha256, UntrustedText
from provenance.verdict import AiState, IntegrityState, SignerKind, Verdict

__all__ = ["Disclosure", "make_disclosure"]

# A camera writes its name into these; only a signature makes it more than a claim.
_DEVICE = ("exif:Make", "exif:Model")
_CREATED = "c2pa.created"
_NOT_LOOKED = frozenset(
    {FindingCode.UNSUPPORTED_TYPE, FindingCode.EMPTY_FILE, FindingCode.ENGINE_FAILED}
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReportLink(_Part):
    """Where the whole report is, for people to look into."""

    id: str
    url: str


class AppliedPolicy(_Part):
    """The platform's own policy, and what it comes to. No word about the file."""

    name: str
    version: str
    passes: bool


class SystemOrDevice(_Part):
    """The system or device that the credentials name as what made the content."""

    name: UntrustedText
    source: Literal["device", "created-with", "claim-generator"]


class DisclosedSigner(_Part):
    """Who signed. A name is given only where a directory vouches for the key."""

    kind: SignerKind
    agency: str | None = None


class Disclosure(_Part):
    """What an upload pipeline has to know, and to show, about one file.

    Three facts are those that Californian law asks large platforms to show from 2027
    (Business and Professions Code § 22757.3.1(a)): `provenance_data_available`,
    `system_or_device` and `digital_signature_available`; `report.url` is where people
    inspect the rest. `null` says that it could not be found out.
    """

    schema_version: Literal["1.0"] = "1.0"
    test: bool = Field(description="A trial: nothing of it may be shown as an answer.")
    verdict: Verdict
    text: str = Field(description="One sentence to show.")
    language: str = Field(description="Of the sentence (BCP 47).")
    policy: AppliedPolicy
    sha256: Sha256 | None
    media_type: str | None
    provenance_data_available: bool | None = Field(
        description="Whether the file carries provenance data of a recognised standard."
    )
    system_or_device: SystemOrDevice | None = Field(
        description="What the provenance data name as the system or device; its own word."
    )
    digital_signature_available: bool | None = Field(
        description="Whether the provenance data are signed, whoever signed and whether it holds."
    )
    ai: AiState = Field(description="How far valid credentials declare that a model made it.")
    signer: DisclosedSigner
    resembles_release: bool = Field(
        description="Whether it looks or sounds like a registered release; never proof."
    )
    judged_at: AwareDatetime
    report: ReportLink


def make_disclosure(
    report: Report,
    profile: PolicyProfile,
    *,
    id: str,  # noqa: A002 - the field's name
    url: str,
    languages: Annotated[Sequence[str], "the most wanted first"] = (),
) -> Disclosure:
    """What is to be shown of this report, under this policy?"""
    language, text = profile.words(report, languages)
    available = _available(report)
    agency = report.signer.agency
    return Disclosure(
        test=report.test,
        verdict=report.verdict,
        text=text,
        language=language,
        policy=AppliedPolicy(
            name=profile.name, version=profile.version, passes=profile.passed(report)
        ),
        sha256=report.asset.sha256,
        media_type=report.asset.media_type,
        provenance_data_available=available,
        system_or_device=_system_or_device(report),
        digital_signature_available=report.signer.certificate is not None if available
        else available,
        ai=report.ai.state,
        signer=DisclosedSigner(
            kind=report.signer.kind, agency=None if agency is None else agency.name
        ),
        resembles_release=bool(report.resemblance),
        judged_at=report.context.verified_at,
        report=ReportLink(id=id, url=url),
    )  # fmt: skip


def _available(report: Report) -> bool | None:
    """Is there provenance data in the file? None where nobody could look."""
    if report.integrity.state is not IntegrityState.ABSENT:
        looked = not any(report.has(code) for code in _NOT_LOOKED)
        return True if looked or report.manifest is not None else None
    return report.integrity.remote_url is not None


def _system_or_device(report: Report) -> SystemOrDevice | None:
    signed = {field.name: field.value for field in report.metadata if field.state == "signed"}
    device = " ".join(signed[name] for name in _DEVICE if name in signed)
    if device:
        return SystemOrDevice(name=device, source="device")
    if report.manifest is None:
        return None
    for action in report.manifest.actions:
        if action.action == _CREATED and action.software:
            return SystemOrDevice(name=action.software, source="created-with")
    product = report.manifest.says_product
    return None if product is None else SystemOrDevice(name=product, source="claim-generator")
