"""A plan of a release as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.cli.terminal import printable
from provenance.signing.plan import CertificateInPlan, PlannedFile, ReleasePlan
from provenance.signing.preflight import EXPIRY_WARNING_DAYS

__all__ = ["render_plan"]


def render_plan(plan: ReleasePlan) -> str:
    """What becomes public, in lines."""
    lines = (part for line in _lines(plan) for part in line.split("\n"))
    # File names and what files carry are strangers' text.
    return "\n".join(map(printable, lines))


def _lines(plan: ReleasePlan) -> Iterator[str]:
    if plan.test:
        yield "TEST: a directory or key for trials. Nothing signed with it is a release."
    yield f"Release {plan.release_id} of {plan.agency}, {len(plan.files)} files"
    yield f"  directory    {plan.directory}, version {plan.directory_version}"
    yield from _certificate("claims", plan.claim_certificate, plan)
    if plan.identity_certificate is not None:
        yield from _certificate("identity", plan.identity_certificate, plan)
    authorities = plan.settings.time_stamp_authorities
    yield f"  time-stamps  {', then '.join(authorities) or 'NONE: only for trials'}"
    if plan.embargo_until is not None:
        yield f"  embargo      until {plan.embargo_until.isoformat()}"
    for file in plan.files:
        yield ""
        yield from _file(file)


def _certificate(purpose: str, certificate: CertificateInPlan, plan: ReleasePlan) -> Iterator[str]:
    days = (certificate.not_after - plan.made_at).days
    yield f"  {purpose:<12} {certificate.subject}"
    warning = next((limit for limit in EXPIRY_WARNING_DAYS if days <= limit), None)
    mark = "" if warning is None else f"  WARNING: within {warning} days"
    yield f"  {'':<12} until {certificate.not_after.date()} ({days} days){mark}"


def _file(file: PlannedFile) -> Iterator[str]:
    where = f"{file.out}.c2pa beside it" if file.sidecar else "embedded"
    yield f"{file.path}  ({file.media_type}, {file.size_bytes:,} bytes, credentials {where})"
    yield f"  title        {file.content.manifest.get('title', '')}"
    for assertion in file.content.manifest["assertions"]:
        yield from _assertion(assertion["label"], assertion["data"])
    for ingredient in file.content.ingredients:
        definition = ingredient.definition
        yield f"  ingredient   {definition['title']} ({definition['relationship']})"
    yield "  thumbnail    none"
    for field in file.removed:
        yield f"  taken out    {field.name} ({field.category}): {field.preview}"
    for carried in file.metadata:
        yield f"  carries      {carried.name} = {carried.value}"
    for field in file.kept:
        yield f"  STAYS        {field.name} ({field.category}): {field.preview}"


def _assertion(label: str, data: object) -> Iterator[str]:
    """Every value that an assertion makes public, with its name."""
    yield f"  claims       {label}"
    for name, value in _values(data, ""):
        if name != "@context" and not name.startswith("@context."):
            yield f"    {name} = {value}"


def _values(data: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _values(value, f"{name}.{key}" if name else str(key))
    elif isinstance(data, (list, tuple)):
        for number, value in enumerate(data):
            yield from _values(value, f"{name}[{number}]")
    else:
        yield name, data
