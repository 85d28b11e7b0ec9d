"""Judging what is said about the use of trained models, and by whom.

Spec: C2PA 2.4 "Actions" (`digitalSourceType`), "AI disclosure" (`c2pa.ai-disclosure`);
IPTC Photo Metadata Standard 2025.1 (`DigitalSourceType`, `AISystemUsed`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from provenance.credentials.manifest_store import Manifest, base_label
from provenance.findings import FindingCode
from provenance.limits import DEFAULT_LIMITS, Limits
from provenance.media.metadata.model import RawField
from provenance.report import AiFacts, Finding, finding
from provenance.untrusted import clean_text
from provenance.verdict import AiState
from provenance.verification.actions import labelled_actions
from provenance.verification.signed_metadata import metadata_statements
from provenance.verification.source_types import WHOLLY_TRAINED, is_trained, source_type_term

__all__ = ["judge_ai"]

_DISCLOSURE = "c2pa.ai-disclosure"
_INGREDIENTS = ("c2pa.ingredient", "c2pa.ingredient.v2", "c2pa.ingredient.v3")
_SOURCE_TYPE = "Iptc4xmpExt:DigitalSourceType"
_SYSTEM = "Iptc4xmpExt:AISystemUsed"
_MAX_LISTED = 20


class _Declaration(NamedTuple):
    """One signed statement that a trained model was used."""

    state: AiState
    evidence: dict[str, Any]


def judge_ai(
    manifest: Manifest | None,
    raw_fields: Sequence[RawField],
    limits: Limits = DEFAULT_LIMITS,
    *,
    covered_fields: Sequence[RawField] = (),
    ingredients: Sequence[Manifest] = (),
) -> tuple[AiFacts, tuple[Finding, ...]]:
    """How far is it said that a trained model made the content, and who says so?

    `fully` is said only by an action `c2pa.created` whose source type is a trained
    model's. Any other signed statement of its use says `partly`: a composite, a later
    step, a disclosure, signed metadata, an ingredient. Gathered assertions count too:
    the signer lists what somebody else entered, and their evidence says so. Silence is
    `not-declared`, which does not say that no model was used.

    Args:
        manifest: The judged manifest, only where its signature and hashes hold.
        raw_fields: Metadata that nobody has signed.
        limits: Bounds on text and on nesting.
        covered_fields: Metadata inside the manifest's hash.
        ingredients: Manifests of ingredients, only those whose credentials hold.
    """
    found: list[_Declaration] = []
    source_types: dict[str, None] = {}
    models: dict[str, None] = {}
    if manifest is not None:
        found += _of_actions(manifest, source_types, limits)
        found += _of_disclosures(manifest, models, limits)
        found += _of_metadata(manifest, source_types, models, limits)
        found += _of_covered(covered_fields, source_types, models)
        found += _of_bare_ingredients(manifest, source_types, limits)
        for ingredient in ingredients:
            found += _of_ingredient(ingredient, limits)
    state = AiState.NOT_DECLARED
    for declaration in found:
        if declaration.state is AiState.FULLY or state is AiState.NOT_DECLARED:
            state = declaration.state
    claims = _claims(raw_fields)
    facts = AiFacts(
        state=state,
        source_types=tuple(source_types)[:_MAX_LISTED],
        models=tuple(models)[:_MAX_LISTED],
        unsigned_claims=tuple(claims)[:_MAX_LISTED],
    )
    findings: list[Finding] = []
    if found:
        declared = [declaration.evidence for declaration in found[:_MAX_LISTED]]
        findings.append(
            finding(
                FindingCode.AI_DECLARED,
                state=state.value,
                declared=declared,
                models=list(facts.models),
            )
        )
    if claims:
        findings.append(
            finding(FindingCode.AI_CLAIMED_UNSIGNED, claims=list(facts.unsigned_claims))
        )
    return facts, tuple(findings)


def _listed(*, created: bool) -> str:
    return "created" if created else "gathered"


def _of_actions(
    manifest: Manifest, source_types: dict[str, None], limits: Limits
) -> Iterable[_Declaration]:
    for label, action in labelled_actions(manifest, limits):
        term = source_type_term(action.digital_source_type or "")
        if term is None:
            continue
        source_types[term] = None
        if not is_trained(term):
            continue
        is_whole = action.action == "c2pa.created" and term in WHOLLY_TRAINED
        evidence = {
            "source_type": term,
            "action": action.action,
            "assertion": label,
            "listed": _listed(created=action.created),
        }
        yield _Declaration(AiState.FULLY if is_whole else AiState.PARTLY, evidence)


def _of_disclosures(
    manifest: Manifest, models: dict[str, None], limits: Limits
) -> Iterable[_Declaration]:
    for assertion in manifest.of_type(_DISCLOSURE):
        body = assertion.decode_map(limits)
        for key in ("modelName", "modelIdentifier", "modelType"):
            text = body.get(key)
            if isinstance(text, str) and clean_text(text):
                models[clean_text(text, max_chars=limits.max_text_chars)] = None
                break
        evidence = {
            "assertion": clean_text(assertion.label),
            "listed": _listed(created=assertion.created),
        }
        yield _Declaration(AiState.PARTLY, evidence)


def _of_metadata(
    manifest: Manifest, source_types: dict[str, None], models: dict[str, None], limits: Limits
) -> Iterable[_Declaration]:
    for statement in metadata_statements(manifest, limits):
        says = _declares(statement.name, statement.value, source_types, models)
        if says:
            evidence = says | {
                "assertion": statement.assertion,
                "listed": _listed(created=statement.created),
            }
            yield _Declaration(AiState.PARTLY, evidence)


def _of_covered(
    fields: Sequence[RawField], source_types: dict[str, None], models: dict[str, None]
) -> Iterable[_Declaration]:
    for field in fields:
        says = _declares(field.name.removeprefix("xmp:"), field.value, source_types, models)
        if says:
            yield _Declaration(AiState.PARTLY, says | {"field": field.name})


def _declares(
    name: str, value: str, source_types: dict[str, None], models: dict[str, None]
) -> dict[str, str]:
    """What does this metadata property say about a trained model? Empty if nothing."""
    if name == _SYSTEM and clean_text(value):
        models[clean_text(value)] = None
        return {"model": clean_text(value)}
    term = source_type_term(value) if name == _SOURCE_TYPE else None
    if term is None:
        return {}
    source_types[term] = None
    return {"source_type": term} if is_trained(term) else {}


def _of_bare_ingredients(
    manifest: Manifest, source_types: dict[str, None], limits: Limits
) -> Iterable[_Declaration]:
    """Ingredients without credentials, of which the signer says how they were made."""
    for assertion in manifest.of_type(*_INGREDIENTS):
        value = assertion.decode_map(limits).get("digitalSourceType")
        term = source_type_term(value) if isinstance(value, str) else None
        if term is not None and is_trained(term):
            source_types[term] = None
            evidence = {
                "source_type": term,
                "assertion": clean_text(assertion.label),
                "listed": _listed(created=assertion.created),
            }
            yield _Declaration(AiState.PARTLY, evidence)


def _of_ingredient(manifest: Manifest, limits: Limits) -> Iterable[_Declaration]:
    for label, action in labelled_actions(manifest, limits):
        term = source_type_term(action.digital_source_type or "")
        if is_trained(term):
            evidence = {
                "source_type": term,
                "action": action.action,
                "assertion": label,
                "ingredient": clean_text(manifest.label, max_chars=limits.max_text_chars),
            }
            yield _Declaration(AiState.PARTLY, evidence)
    for assertion in manifest.of_type(_DISCLOSURE):
        evidence = {
            "assertion": base_label(assertion.label),
            "ingredient": clean_text(manifest.label, max_chars=limits.max_text_chars),
        }
        yield _Declaration(AiState.PARTLY, evidence)


def _claims(fields: Sequence[RawField]) -> dict[str, None]:
    claims: dict[str, None] = {}
    for field in fields:
        if _declares(field.name.removeprefix("xmp:"), field.value, {}, {}):
            claims[clean_text(f"{field.name}: {field.value}")] = None
    return claims
